// Mounting the FUSE file system of fuse-server.ts for a test, and taking it away however the test ends.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FuseState } from './fuse-server.ts';
import { until } from './poll.ts';
import { program } from './programs.ts';
import { canMount } from './machine.ts';

/** Tests that need it say so in their names when they are skipped. */
export const canFuse = canMount && existsSync('/dev/fuse');

export interface Fuse {
  readonly at: string;
  set(state: FuseState): void;
  /** What it printed since it was asked last. */
  said(): string[];
  /** Names that were looked up since it was asked last. */
  lookups(): string[];
  /** Nobody answers any more: what was waiting is told so, and every later request. */
  kill(): Promise<void>;
  /** Killed and unmounted; at the end of the test at the latest. */
  close(): Promise<void>;
}

/**
 * @param place a directory of the test's own; `at` is the mount point if it is not to be one in there; `kind` what the
 *   mount table calls it, behind `fuse.`, and after a space its source
 */
export async function openFuse(
  place: string,
  state: FuseState,
  access: 'ro' | 'rw',
  at = join(place, 'mnt'),
  kind = 'rollcalltest',
): Promise<Fuse> {
  const statePath = join(place, 'state.json');
  const output = join(place, 'said');
  mkdirSync(at, { recursive: true });
  const set = (next: FuseState): void => {
    writeFileSync(`${statePath}.new`, JSON.stringify({ '': { content: null }, ...next }));
    renameSync(`${statePath}.new`, statePath);
  };
  set(state);
  const fd = openSync(output, 'a');
  const server = spawn(process.execPath, [program('support/fuse-server'), at, statePath, access, kind], {
    stdio: ['ignore', fd, 'inherit'],
  });
  closeSync(fd);
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL');
    await ended;
  };
  let isMounted = true;
  const close = async (): Promise<void> => {
    // Killed first: a request that hangs ends with its server.
    await kill();
    if (isMounted) spawnSync('umount', ['-l', at]);
    isMounted = false;
  };
  onTestFinished(close);
  await until('the file system is mounted', () => readFileSync(output, 'utf8').startsWith('ready'), 60_000);
  let read = 0;
  const said = (): string[] => {
    const lines = readFileSync(output, 'utf8').split('\n').slice(0, -1);
    const fresh = lines.slice(read);
    read = lines.length;
    return fresh;
  };
  const lookups = (): string[] =>
    said().flatMap((one) => (one.startsWith('lookup ') ? [one.slice('lookup '.length)] : []));
  return { at, set, said, lookups, kill, close };
}

/** A small tree in which nothing is wrong. */
export const PLAIN: FuseState = {
  a: { content: null },
  'a/f': { content: 'f' },
  'a/g': { content: 'content of g' },
  b: { content: null },
  'b/sub': { content: null },
  'b/sub/h': { content: 'h' },
};
