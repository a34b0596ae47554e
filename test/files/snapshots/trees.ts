// Real directories for the tests of snapshots: made as backup programs make them, and taken away however a test ends.
import { mkdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../support/machine.ts';
import { makeDirectory, write } from '../../support/tree.ts';

export class Place implements Disposable {
  readonly path: string;
  readonly #mounted: string[] = [];

  constructor() {
    this.path = makeDirectory('rollcall-snapshots-');
  }

  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes files (name below the place → content), making their directories. */
  write(files: Readonly<Record<string, string>>): void {
    write(this.path, files);
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
