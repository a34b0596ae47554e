// Real directories for the tests of snapshots: made as backup programs make them, and taken away however a test ends.
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a program without a shell; throws with its messages when it fails. */
export function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

export function hasProgram(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
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
  canMount &&
  hasProgram('mkfs.btrfs') &&
  hasProgram('btrfs') &&
  readFileSync('/proc/filesystems', 'utf8').includes('btrfs');

export class Place implements Disposable {
  readonly path: string;
  readonly #mounted: string[] = [];

  constructor() {
    this.path = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-snapshots-')));
  }

  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes files (name below the place → content), making their directories. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(this.path, name, '..'), { recursive: true });
      writeFileSync(this.join(name), content);
    }
  }

  directory(...names: readonly string[]): void {
    for (const name of names) mkdirSync(this.join(name), { recursive: true });
  }

  /** Sets atime and mtime, in ms since 1970. */
  touch(name: string, atMs: number): void {
    utimesSync(this.join(name), atMs / 1000, atMs / 1000);
  }

  mount(type: string, source: string, name: string, ...options: readonly string[]): string {
    this.directory(name);
    run('mount', '-t', type, ...options, source, this.join(name));
    this.#mounted.push(this.join(name));
    return this.join(name);
  }

  unmount(path: string): void {
    run('umount', path);
    this.#mounted.splice(this.#mounted.indexOf(path), 1);
  }

  [Symbol.dispose](): void {
    for (const path of this.#mounted.toReversed()) run('umount', path);
    rmSync(this.path, { recursive: true, force: true });
  }
}
