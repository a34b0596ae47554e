// A tree whose directories are listed by several shards, something that happens between two of them, and what the
// catalog then has as the time of a directory.
import { statSync } from 'node:fs';
import { expect } from 'vitest';
import type { Shard } from '../../services/catalog/shards.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import type { Catalog } from '../support/catalog.ts';
import { age, write } from '../support/tree.ts';

/** More than the first shard looks at: what stands in the root is listed by other shards, after the root was. */
const BESIDE = 70;

/** Does something once, when the shard that lists this directory is given out: its parent was listed by then. */
export function before(catalog: Catalog, path: string, act: () => void): Partial<ScanTools> {
  const { threads } = catalog;
  let done = false;
  const lists = ({ work }: Shard): boolean =>
    'directories' in work && work.directories.some((directory) => directory.path === path);
  return {
    threads: {
      widen: () => false,
      isBroken: () => threads.isBroken(),
      lanes: threads.lanes,
      threads: threads.threads,
      close: () => threads.close(),
      run: (scanId, shard) => {
        if (!done && lists(shard)) {
          done = true;
          act();
        }
        return threads.run(scanId, shard);
      },
    },
  };
}

export function place(tree: string): void {
  for (let i = 0; i < BESIDE; i++) write(tree, { [`beside${i}/f`]: `${i}` });
  write(tree, { 'd/f': 'f', 'd/g': 'g', 'd/sub/h': 'h' });
  age(tree);
}

/** mtime of a directory as the newest complete scan has it. */
export async function recorded(catalog: Catalog, name: string, directory: string): Promise<unknown> {
  const found = await catalog.rows(
    `select m.mtime_ns from volume v join root r on r.volume = v.id
       join lateral (select max(seq) as seq from scan s where s.volume = v.id and s.state = 'complete') n on true
       join lateral manifest(r.id, n.seq) m on true where v.name = $1 and m.name = $2 and m.directory = 0`,
    name,
    directory,
  );
  expect(found).toHaveLength(1);
  return found[0]?.['mtime_ns'];
}

export function actual(path: string): bigint {
  return statSync(path, { bigint: true }).mtimeNs;
}
