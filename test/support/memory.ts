// A directory in memory for databases of tests: making one takes 0.1 s there, and up to a second on a busy disk
// (2026-11-30, 2 cores). Trees that are looked at stay on the disk, whose file system is what a user has.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    memory: string;
  }
}

const SHARED = '/dev/shm';
/** Of f_type in statfs(2). */
const TMPFS = 0x01021994;
const BYTES_MIN = 2 * 1024 ** 3;

/** A new directory of the caller's own, to be removed by it. */
export function memoryDirectory(prefix: string): string {
  return mkdtempSync(join(inject('memory'), prefix));
}

/**
 * Where such directories are made: the usual place for temporary files where there is not enough memory (a container
 * has 64 MB), or none to run programs from.
 */
export function memoryPlace(): string {
  try {
    const { type, bavail, bsize } = statfsSync(SHARED);
    if (type === TMPFS && bavail * bsize >= BYTES_MIN && runsPrograms(SHARED)) return SHARED;
  } catch {
    // There is none.
  }
  return tmpdir();
}

function runsPrograms(place: string): boolean {
  const directory = mkdtempSync(join(place, 'rollcall-runs-'));
  try {
    const program = join(directory, 'program');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o700);
    return spawnSync(program).status === 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
