// Somebody who is at work in a tree while it is looked at.
import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';

/**
 * A process that does something over and over until it is stopped. The script writes a word to standard output when it
 * has begun. It does not outlive this process: its input closes.
 */
export async function churn(script: string, ...args: readonly string[]): Promise<{ stop(): Promise<void> }> {
  const child = spawn(
    process.execPath,
    ['-e', `process.stdin.on('end', () => process.exit()).resume();${script}`, ...args],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return {
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.stdin.end();
      }),
  };
}
