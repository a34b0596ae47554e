// The end of a process that has threads. process.exit waits for them, and one that sits in a system call on dead
// storage never comes back.

/**
 * Ends at once, whatever the threads are doing. Where one hangs in the kernel itself (state D), the process stays until
 * its storage answers.
 */
export async function endWithThreads(code: number): Promise<never> {
  // Node writes a profile in its own exit only.
  if (process.execArgv.some((option) => option.startsWith('--cpu-prof'))) process.exit(code);
  process.emit('exit', code);
  try {
    const { default: koffi } = await import('koffi');
    koffi.load(null).func('void _exit(int)')(code);
  } catch {
    // Not installed: then no thread has read a file either.
  }
  return process.exit(code);
}
