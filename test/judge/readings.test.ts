import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { classes, findingAt, verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let world: Volume;

beforeEach(() => {
  world = Volume.open(catalog, 20, 'by day');
});

interface Row {
  first: number;
  end: number | null;
  digest: bigint | null;
  suspect: boolean;
}

/** Versions of one name in the backup, in order, with their ends as the number of the snapshot. */
async function versionsOf(volumeId: number, name: string): Promise<Row[]> {
  const found = await catalog.db.pool.query<Row>(
    `with s as (select root, seq, row_number() over (order by seq)::int as n from scan join scan_root on scan = id where volume = $1 and state = 'complete')
     select f.n as first, e.n as end, v.digest, v.suspect from version v join s f on f.root = v.root and f.seq = v.first_seq
       left join s e on e.root = v.root and e.seq = v.end_seq where v.name = $2 order by v.first_seq`,
    [volumeId, name],
  );
  return found.rows;
}

describe('what judging reads', () => {
  test('is written where the catalog had no digest, so that it is read once', async () => {
    for (let i = 0; i < 10; i++) world.write(`d/f${i}`, `content of file ${i}`);
    world.snapshot(1);
    world.snapshot(2);
    world.lose('d/f1');
    world.snapshot(3);
    const scanned = await world.scan();
    expect(await versionsOf(scanned.series[0]!.id, 'f1')).toEqual([{ first: 1, end: 3, digest: null, suspect: false }]);
    const everything = { sinceMs: world.startMs };
    const first = await world.judge(scanned, everything);
    expect(findingAt(first, 'd/f1')).toMatchObject({ verdict: 'missing', recovery: 'exact' });
    expect(first.bytesRead).toBeGreaterThan(0);
    const [row] = await versionsOf(scanned.series[0]!.id, 'f1');
    expect(row!.digest).not.toBeNull();
    const again = await world.judge(scanned, everything);
    expect(findingAt(again, 'd/f1')).toMatchObject({ verdict: 'missing', recovery: 'exact' });
    // But for the second copy of what is lost: whether it still bears the first one out is asked each time.
    expect(again.bytesRead).toBe('content of file 1'.length);
  });

  test('cuts a version in two where an older copy has other bytes under the same size and mtime', async () => {
    world.write('d/rotten', 'the right words');
    world.write('d/other', 'something else');
    const first = world.snapshot(1);
    const second = world.snapshot(2);
    // The copy of the first night is right; from the second night on the backup, and live, hold other bytes.
    const { mtimeMs } = statSync(world.path('d/rotten'));
    const flip = (path: string): void => {
      writeFileSync(path, readFileSync(path, 'utf8').replace('words', 'w0rds'));
      utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
    };
    flip(join(second, 'd/rotten'));
    const scanned = await world.scan();
    expect(await versionsOf(scanned.series[0]!.id, 'rotten')).toHaveLength(1);
    const assessment = await world.judge(scanned);
    expect(verdicts(assessment)).toEqual({ 'd/rotten': 'backup-corrupt' });
    expect(readFileSync(join(first, 'd/rotten'), 'utf8')).toBe('the right words');
    const rows = await versionsOf(scanned.series[0]!.id, 'rotten');
    expect(rows.map(({ first: begin, end }) => [begin, end])).toEqual([
      [1, 2],
      [2, null],
    ]);
    expect(new Set(rows.map((row) => row.digest)).size).toBe(2);
    const again = await world.judge(scanned);
    expect(verdicts(again)).toEqual({ 'd/rotten': 'backup-corrupt' });
  });

  test('is not read from another snapshot that a rotation has put at the path meanwhile', async () => {
    world.write('d/lost', 'the right words');
    const first = world.snapshot(1);
    const second = world.snapshot(2);
    world.lose('d/lost');
    world.snapshot(3);
    const scanned = await world.scan();
    rmSync(second, { recursive: true });
    renameSync(first, second);
    const everything = { sinceMs: world.startMs };
    const judged = await world.judge(scanned, everything);
    expect(judged.bytesRead).toBe(0);
    expect(findingAt(judged, 'd/lost')).toMatchObject({ verdict: 'missing', recovery: 'none' });
    expect((await versionsOf(scanned.series[0]!.id, 'lost')).map(({ digest }) => digest)).toEqual([null]);
    // The next scan learns what lies where.
    expect(findingAt(await world.judged(everything), 'd/lost')).toMatchObject({ recovery: 'exact' });
  });

  test('stays within what is asked: an unchanged volume with history reads nothing again', async () => {
    mkdirSync(world.path('d'), { recursive: true });
    for (let night = 1; night <= 6; night++) {
      world.write('d/edited', `edited in night ${night}`, night);
      world.write(`d/made${night}`, `made in night ${night}`, night);
      world.snapshot(night);
    }
    const first = await world.judged();
    expect(classes(first)).toEqual({ intact: 7 });
    const again = await world.judge(await world.scan());
    expect(classes(again)).toEqual({ intact: 7 });
    expect(again.bytesRead).toBe(0);
  });
});
