// A volume of bricks and its nightly snapshots, as the tests of what bricks say begin.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assess, type AssessRequest, type AssessResult } from '../../services/assess.ts';
import { BrickVolume } from '../support/brick-volume.ts';
import type { Catalog } from '../support/catalog.ts';
import { plainRequest } from '../support/request.ts';

/** A Monday in the past, in seconds. */
export const THEN = Math.floor(Date.UTC(2026, 8, 7, 10) / 1000);
const SECOND_NS = 1_000_000_000n;
export const AT = { mtimeNs: BigInt(THEN) * SECOND_NS };
/** A day later: what a person changed. */
export const LATER = { mtimeNs: BigInt(THEN + 86_400) * SECOND_NS };

/** Their hashes lead to both of two bricks. */
export const PLAIN = { 'd/a': 'A', 'd/hard.txt': 'of hard links', 'd/f1.dat': 'one', 'd/report.odt': 'a report' };

export class Scene {
  readonly base: string;
  readonly #catalog: Catalog;
  #bundles = 0;

  constructor(catalog: Catalog, base: string) {
    this.#catalog = catalog;
    this.base = base;
  }

  /** Snapshots hold these files, with the time that users saw. */
  snapshot(dates: readonly string[], files: Readonly<Record<string, string>>): void {
    for (const date of dates) {
      const root = join(this.base, 'backup', date);
      const directories = new Set<string>();
      for (const [path, content] of Object.entries(files)) {
        const file = join(root, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
        utimesSync(file, THEN, THEN);
        for (let at = dirname(file); at.length >= root.length; at = dirname(at)) directories.add(at);
      }
      for (const directory of directories) utimesSync(directory, THEN, THEN);
    }
  }

  assess(made: BrickVolume, choice: Partial<AssessRequest> = {}): Promise<AssessResult> {
    made.settle();
    return this.look(made.live, choice);
  }

  /** The bricks as they are at this moment. @param live as `assess --live` takes it */
  look(live: string, choice: Partial<AssessRequest> = {}): Promise<AssessResult> {
    const tools = {
      ...this.#catalog.tools(),
      cwd: this.base,
      stateDir: null,
      program: 'rollcall',
      owners: new Map(),
      onPlan: () => {},
    };
    const request = plainRequest(live, [`${this.base}/backup/*`], join(this.base, `bundle-${++this.#bundles}`));
    return assess(tools, { ...request, ...choice });
  }
}
