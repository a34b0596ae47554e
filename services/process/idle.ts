// Taking only what others leave: the idle class for the disks, the lowest priority for the processors. Both are a
// thread's own, and are inherited by the threads that it starts; so this must come before there are any.
import { spawnSync } from 'node:child_process';
import { setPriority } from 'node:os';

const IONICE_MS = 5_000;
const LOWEST = 19;

/** @returns for the operator: what could not be had; null where all was */
export function giveWay(): string | null {
  const lacks: string[] = [];
  const disks = spawnSync('ionice', ['-c3', '-p', String(process.pid)], { stdio: 'ignore', timeout: IONICE_MS });
  if (disks.status !== 0)
    lacks.push('--idle has no effect on the disks: ionice is missing or refused (Debian: apt-get install util-linux)');
  try {
    setPriority(LOWEST);
  } catch (error) {
    lacks.push(`--idle has no effect on the processors: ${(error as Error).message}`);
  }
  return lacks.length === 0 ? null : lacks.join('; ');
}
