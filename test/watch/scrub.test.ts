// The scrub on real trees under a passed-in clock: what a slice reads, what it marks, and what becomes of it otherwise.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WatchedVolume } from '../../domain/watch/configuration.ts';
import { giveUpScan } from '../../services/catalog/abort-scan.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { forgetVolume, lockVolumes } from '../../services/catalog/forget.ts';
import { runningScan } from '../../services/catalog/scans.ts';
import { leaveTask } from '../../services/catalog/tasks.ts';
import type { ThreadPool } from '../../services/scan/pool.ts';
import { scrubReference } from '../../services/watch/scrub.ts';
import { Catalog } from '../support/catalog.ts';
import { settled, write } from '../support/tree.ts';
import { DAY_MS } from '../../domain/lengths.ts';
import { ScrubbedHouse } from './scrubbed-house.ts';

const catalog = await Catalog.forFile();
/** What a slice reads in a quarter of an hour, as bytes a second. */
const bytesASlice = (bytes: number): number => bytes / 900;

const rooms = new ScrubbedHouse(catalog, { withinDays: 4, bytesPerSecond: bytesASlice(2_000) });
const hall = new ScrubbedHouse(catalog, { withinDays: 4, bytesPerSecond: bytesASlice(2_000) });
const interrupted = new ScrubbedHouse(catalog, { withinDays: 1 });
for (const room of ['attic', 'cellar', 'garden'])
  write(rooms.path, { [`${room}/chair`]: 'a chair '.repeat(100), [`${room}/table`]: 'a table '.repeat(100) });
for (const book of [1, 2, 3, 4]) write(hall.path, { [`shelf/book${book}`]: `book ${book} `.repeat(128) });
write(interrupted.path, { 'attic/chair': 'a chair', 'cellar/chair': 'another' });
writeFileSync(join(interrupted.path, 'attic/film'), Buffer.alloc(17 * 1024 * 1024, 'film'));
await settled(rooms.path, hall.path, interrupted.path);
interrupted.day = -10;
for (const house of [rooms, hall, interrupted]) await house.quick();
interrupted.day = 0;

async function versionsOf(house: ScrubbedHouse): Promise<unknown> {
  return catalog.rows(
    'select directory, name, first_seq, end_seq, read_seq, digest from packed_version where root = $1 order by 1, 2, 3',
    (await house.volume()).rootId,
  );
}

async function readBy(house: ScrubbedHouse): Promise<unknown> {
  const [row] = await catalog.rows(
    `select (totals ->> 'filesRead')::int as files, (scrub ->> 'bytes')::int as bytes from scan where volume = $1 order by id desc limit 1`,
    (await house.volume()).id,
  );
  return row;
}

test('a slice reads the directory that was read longest ago, marks it, and writes no row', async () => {
  const before = await versionsOf(rooms);
  const went: unknown[] = [];
  for (rooms.day = 1.5; rooms.day < 6; rooms.day++) {
    const { directories, bytes, suspects, isIncomplete } = await rooms.slice();
    went.push([directories, bytes, suspects, isIncomplete]);
    expect(await readBy(rooms)).toEqual({ files: 2, bytes: 1_600 });
  }
  expect(went).toEqual([1, 2, 3, 4, 5].map(() => [1, 1_600, 0, false]));
  expect(await rooms.marks()).toEqual([
    'attic read 4.50 tried 4.50',
    'cellar read 5.50 tried 5.50',
    'garden read 3.50 tried 3.50',
  ]);
  expect(await versionsOf(rooms)).toEqual(before);
  rooms.day = 5.6;
  expect(await rooms.standing()).toMatchObject({ files: 6, bytes: 4_800, overdue: 0, neverRead: 0, missMs: null });
  // Read a moment ago: nothing is due.
  rooms.day = 5.7;
  expect(await rooms.slice()).toMatchObject({ directories: 0, bytes: 0 });
});

test('a file that nobody has read comes first, and is not taken for read before', async () => {
  const { rootId } = await rooms.volume();
  rooms.day = 6;
  write(rooms.path, { 'cellar/lamp': 'a lamp' });
  await rooms.quick();
  const unread = `update packed_version set digest = null, read_seq = null where root = $1 and name = 'lamp'`;
  await catalog.rows(unread, rootId);
  await catalog.rows('update root set changes = changes + 1 where id = $1', rootId);
  expect(await rooms.standing()).toMatchObject({ files: 7, neverRead: 1 });
  rooms.day = 6.5;
  expect(await rooms.slice()).toMatchObject({ directories: 1 });
  // The room that was marked last is read first.
  expect(await rooms.marks()).toEqual([
    'attic read 4.50 tried 4.50',
    'cellar read 6.50 tried 6.50',
    'garden read 3.50 tried 3.50',
  ]);
  expect(await rooms.standing()).toMatchObject({ files: 7, neverRead: 0 });
});

test('a directory that is more than a slice may read is read file by file, and the versions say so', async () => {
  const { rootId } = await hall.volume();
  const went: unknown[] = [];
  for (hall.day = 1.5; hall.day < 4; hall.day++) {
    expect(await hall.slice()).toMatchObject({ directories: 1, bytes: 1_792, suspects: 0 });
    const oldest = await catalog.rows(
      'select name from packed_version where root = $1 and digest is not null and coalesce(read_seq, first_seq) < $2 order by 1',
      rootId,
      Math.floor(hall.nowMs - DAY_MS),
    );
    went.push(oldest.map(({ name }) => name));
  }
  expect(went).toEqual([['book3', 'book4'], [], []]);
  expect(await hall.marks()).toEqual([]);
  expect(await readBy(hall)).toEqual({ files: 2, bytes: 1_792 });
  expect(await hall.standing()).toMatchObject({ files: 4, neverRead: 0, missMs: null });
});

/** Threads that stop the work as they are given a shard of this kind. */
function stoppingAt(kind: string, stop: AbortController): ThreadPool {
  const { threads } = catalog;
  return {
    lanes: 1,
    threads: 1,
    widen: () => false,
    isBroken: () => threads.isBroken(),
    close: () => threads.close(),
    run(scanId, shard) {
      if (shard.kind === kind) stop.abort();
      return threads.run(scanId, shard);
    },
  };
}

test('a slice that is given up marks nothing, and what it had chosen is forgotten', async () => {
  const stop = new AbortController();
  await expect(interrupted.slice({ signal: stop.signal, threads: stoppingAt('list', stop) })).rejects.toThrow(
    /interrupted/i,
  );
  const running = await runningScan(catalog.db.pool, (await interrupted.volume()).id);
  expect(await catalog.rows('select from scrub_choice')).toHaveLength(2);
  await giveUpScan(catalog.db, running?.scan.id ?? 0n, { reason: 'test', nowMs: interrupted.nowMs });
  expect(await catalog.rows('select from scrub_choice')).toEqual([]);
  expect(await interrupted.marks()).toEqual([]);
});

test('a slice that is interrupted marks nothing; it is continued, and the mark is of its beginning', async () => {
  const stop = new AbortController();
  // Large files are read last: all the rest is read by then.
  interrupted.day = 0.01;
  await expect(interrupted.slice({ signal: stop.signal, threads: stoppingAt('read', stop) })).rejects.toThrow(
    /interrupted/i,
  );
  expect(await interrupted.marks()).toEqual([]);
  const { id } = await interrupted.volume();
  expect(await runningScan(catalog.db.pool, id)).toMatchObject({ isSlice: true });
  interrupted.day = 0.02;
  expect((await interrupted.slice()).suspects).toBe(0);
  expect(await interrupted.marks()).toEqual(['attic read 0.01 tried 0.01', 'cellar read 0.01 tried 0.01']);
  expect(await catalog.rows('select from scrub_choice')).toEqual([]);
});

test('a slice is left where something is to be read, in its window, and one at a time', async () => {
  const { pool } = catalog.db;
  const house = new ScrubbedHouse(catalog, { withinDays: 4 });
  write(house.path, { 'attic/chair': 'a chair', 'cellar/chair': 'another' });
  await house.quick();
  const { id } = await house.volume();
  const hour = new Date(house.nowMs).getUTCHours();
  const closed = { fromMinute: ((hour + 2) % 24) * 60, untilMinute: ((hour + 3) % 24) * 60 };
  const volume: WatchedVolume = {
    name: 'house',
    host: catalog.host,
    path: house.path,
    layout: 'tree',
    backups: [],
    excludes: ['*.tmp'],
    crossMounts: false,
    notGluster: false,
    bricksRescued: false,
    quick: null,
    scrub: house.scrub,
    blindAfterMs: null,
    pings: [],
  };
  const ask = (changes: Partial<WatchedVolume> = {}): Promise<unknown> =>
    scrubReference(pool, { ...volume, ...changes }, id, house.nowMs);
  expect(await ask({ scrub: null })).toBe(null);
  expect(await ask({ scrub: { ...house.scrub, window: closed } })).toBe(null);
  expect(await scrubReference(pool, volume, 1_000_000, house.nowMs)).toBe(null);
  // Read a moment ago.
  expect(await ask()).toBe(null);
  house.day = 1.2;
  const reference = await ask();
  expect(reference).toEqual({
    name: 'house',
    volumeId: id,
    path: house.path,
    excludes: ['*.tmp'],
    crossMounts: false,
    notGluster: false,
    bricksRescued: false,
    scrub: house.scrub,
    untilMs: null,
  });
  const task = await leaveTask(pool, {
    host: catalog.host,
    kind: 'scrub',
    reference: reference as Record<string, unknown>,
    parent: null,
    nowMs: house.nowMs,
  });
  expect(await ask()).toBe(null);
  const ends = (result: object): Promise<unknown> =>
    catalog.rows(`update task set state = 'done', ended_ms = $2, result = $3 where id = $1`, task, house.nowMs, result);
  // What could not look, or had nothing to read, is not asked again at once.
  await ends({ exit: 4, message: 'a guard' });
  expect(await ask()).toBe(null);
  await ends({ exit: 0, said: { directories: 0, suspects: 0 } });
  expect(await ask()).toBe(null);
  house.day = 1.25;
  expect(await ask()).not.toBe(null);
  await house.slice();
  await ends({ exit: 0, said: { directories: 2, suspects: 0 } });
  expect(await ask()).toBe(null);
  // Neighbours of what changed in silence do not wait for their turn.
  await ends({ exit: 1, said: { directories: 2, suspects: 1 } });
  expect(await ask()).not.toBe(null);
});

test('a volume that is forgotten leaves nothing of its scrub', async () => {
  const { id, rootId } = await rooms.volume();
  await rooms.standing();
  const left = async (): Promise<unknown[]> =>
    catalog.rows(
      'select root from scrubbed where root = $1 union all select root from scrub_missed where root = $1 union all select root from scrub_sum where root = $1',
      rootId,
    );
  expect((await left()).length).toBeGreaterThan(3);
  await inTransaction(catalog.db, async (client) => {
    await lockVolumes(client);
    await forgetVolume(client, id);
  });
  expect(await left()).toEqual([]);
});

test('what a clock that was days ahead has read is read again once, and does not come first for ever', async () => {
  const house = new ScrubbedHouse(catalog, { withinDays: 4, bytesPerSecond: bytesASlice(2_000) });
  for (const room of ['attic', 'cellar', 'garden']) write(house.path, { [`${room}/chair`]: 'a chair '.repeat(200) });
  house.day = 10;
  await house.quick();
  const { id } = await house.volume();
  house.day = 1;
  expect(await house.standing()).toMatchObject({ neverRead: 3 });
  for (house.day = 1; house.day < 2; house.day += 0.1) await house.slice();
  expect((await house.marks()).map((mark) => mark.slice(-4))).toEqual(['1.00', '1.10', '1.20']);
  house.day = 2;
  expect(await house.standing()).toMatchObject({ neverRead: 0, overdue: 0 });
  expect(await catalog.rows(`select from scan where volume = $1 and scrub is not null`, id)).toHaveLength(3);
});

test('an audit that is due while a slice runs goes on with it, and what it reads is marked', async () => {
  const house = new ScrubbedHouse(catalog, { withinDays: 1 });
  write(house.path, { 'attic/chair': 'a chair', 'cellar/chair': 'another' });
  house.day = -10;
  await house.quick();
  house.day = 0;
  const stop = new AbortController();
  const half = house.slice({ signal: stop.signal, threads: stoppingAt('list', stop) });
  await expect(half).rejects.toThrow(/interrupted/i);
  house.day = 0.01;
  expect(await house.quick()).toMatchObject({ files: 2, filesRead: 2 });
  expect(await house.marks()).toEqual(['attic read 0.00 tried 0.00', 'cellar read 0.00 tried 0.00']);
  const { id } = await house.volume();
  expect(await catalog.rows(`select from scan where volume = $1 and state = 'complete'`, id)).toHaveLength(2);
});
