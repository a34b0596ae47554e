// The mtime of a directory is evidence of how a name went: what a scan records is never older than what its listing of
// the directory shows.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Shard } from '../../services/catalog/shards.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { HUGE_ENTRIES } from '../../services/scan/limits.ts';
import { Catalog } from '../support/catalog.ts';
import { age, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

/** More than the first shard looks at: what stands in the root is listed by other shards, after the root was. */
const BESIDE = 70;

/** Does something once, when the shard that lists this directory is given out: its parent was listed by then. */
function before(path: string, act: () => void): Partial<ScanTools> {
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

function place(tree: string): void {
  for (let i = 0; i < BESIDE; i++) write(tree, { [`beside${i}/f`]: `${i}` });
  write(tree, { 'd/f': 'f', 'd/g': 'g', 'd/sub/h': 'h' });
  age(tree);
}

/** mtime of a directory as the newest complete scan has it. */
async function recorded(name: string, directory: string): Promise<unknown> {
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

function actual(path: string): bigint {
  return statSync(path, { bigint: true }).mtimeNs;
}

describe('a name that is unlinked after the parent of its directory was listed', () => {
  test('leaves its directory with the time of that', async () => {
    const tree = catalog.directory();
    place(tree);
    await catalog.scan(tree);
    const totals = await catalog.scan(
      tree,
      {},
      before('d', () => rmSync(join(tree, 'd/f'))),
    );
    expect(totals).toMatchObject({ vanished: 1, gaps: 0 });
    expect(await recorded(tree, 'd')).toBe(actual(join(tree, 'd')));
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, changed: 0, inserted: 0 });
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });

  test('does so in a first scan, which adds the directory itself', async () => {
    const tree = catalog.directory();
    place(tree);
    await catalog.scan(
      tree,
      {},
      before('d', () => rmSync(join(tree, 'd/f'))),
    );
    expect(await recorded(tree, 'd')).toBe(actual(join(tree, 'd')));
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });

  test('does so in a directory of more names than a listing in memory', async () => {
    const tree = catalog.directory();
    place(tree);
    mkdirSync(join(tree, 'huge'));
    for (let i = 0; i <= HUGE_ENTRIES; i++) writeFileSync(join(tree, 'huge', `name-${i}`), '');
    age(tree);
    await catalog.scan(tree);
    const totals = await catalog.scan(
      tree,
      {},
      before('huge', () => rmSync(join(tree, 'huge/name-7'))),
    );
    expect(totals).toMatchObject({ vanished: 1, gaps: 0 });
    expect(await recorded(tree, 'huge')).toBe(actual(join(tree, 'huge')));
  }, 240_000);

  test('is unsettled in a snapshot: somebody is at work there', async () => {
    const base = catalog.directory();
    const pattern = join(base, '*');
    place(join(base, '2024-05-01'));
    await catalog.scanSnapshots(pattern);
    place(join(base, '2024-05-02'));
    const newest = await catalog.scanSnapshots(
      pattern,
      {},
      before('d', () => rmSync(join(base, '2024-05-02', 'd/g'))),
    );
    expect(newest.totals.at(-1)).toMatchObject({ vanished: 0, unknown: 1 });
    expect(await catalog.gaps(pattern)).toEqual(['d/g unsettled']);
  });
});

test('a late snapshot that is being filled while it is scanned is no proof of what it lacks', async () => {
  const base = catalog.directory();
  const pattern = join(base, '*');
  for (const day of ['2024-05-01', '2024-05-03']) place(join(base, day));
  await catalog.scanSnapshots(pattern);
  const late = join(base, '2024-05-02');
  execFileSync('cp', ['-a', join(base, '2024-05-01'), late]);
  rmSync(join(late, 'd/f'));
  age(late);
  const { totals } = await catalog.scanSnapshots(
    pattern,
    {},
    // It was listed when its last directory is: what comes to the first one then is met by nobody.
    before('beside69', () => writeFileSync(join(late, 'beside0', 'arrives'), 'late')),
  );
  expect(totals[0]).toMatchObject({ vanished: 0, unknown: 1 });
  const ends = (await catalog.versions(pattern)).filter((version) => version.path === 'd/f');
  expect(ends.map(({ end }) => end)).toEqual([null]);
  // The next scan of the newest state compares itself with that, and not with the late one.
  execFileSync('cp', ['-a', join(base, '2024-05-03'), join(base, '2024-05-04')]);
  expect((await catalog.scanSnapshots(pattern)).totals.at(-1)).toMatchObject({ vanished: 0, gaps: 0 });
  expect(await catalog.told(pattern)).toEqual(truthOf(join(base, '2024-05-04')));
  const left = await catalog.rows(
    `select l.seq from listing l join scan_root p on p.root = l.root and p.path = $1 join scan s on s.id = p.scan and s.seq = l.seq`,
    late,
  );
  expect(left).toEqual([]);
});

test('a directory of more names than a listing in memory is listed again where it moves, and nothing in it stays unsettled', async () => {
  const tree = catalog.directory();
  place(tree);
  mkdirSync(join(tree, 'huge'));
  for (let i = 0; i <= HUGE_ENTRIES; i++) writeFileSync(join(tree, 'huge', `name-${i}`), '');
  age(tree);
  await catalog.scan(tree);
  // A file goes from a directory that is still to be listed into the huge one, while that is being listed.
  const totals = await catalog.scan(
    tree,
    {},
    before('huge', () => {
      rmSync(join(tree, 'huge/name-8'));
      execFileSync('mv', [join(tree, 'd/f'), join(tree, 'huge/f')]);
    }),
  );
  expect(totals).toMatchObject({ vanished: 2, gaps: 0 });
  const told = await catalog.told(tree);
  expect(told['huge/f']).toMatch(/^file 1 /);
  expect(told).not.toHaveProperty('huge/name-8');
}, 240_000);
