// What the machine of the tests has and allows: its programs, and whether file systems may be mounted.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a program without a shell; throws with its messages when it fails. */
export function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Where a command really is. */
export function programPath(command: string): string {
  return run('sh', '-c', `command -v ${command}`).trim();
}

export function have(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/**
 * Whether this process may mount: root alone does not say, in a container. Tests that need it say so in their names
 * when they are skipped.
 */
export const canMount = ((): boolean => {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-can-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', 'probe', directory], { stdio: 'ignore' }).status !== 0) return false;
    run('umount', directory);
    return true;
  } finally {
    rmdirSync(directory);
  }
})();

/** Whether the kernel and the tools here can make and mount a btrfs. */
export const hasBtrfs =
  canMount && have('mkfs.btrfs') && have('btrfs') && readFileSync('/proc/filesystems', 'utf8').includes('btrfs');
