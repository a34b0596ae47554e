// A server that DATABASE_URL names, and that has no room left for its data, or none in a quota. It is told at once,
// with the cause, and the same scan goes on after room is made.
import { chmodSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { databaseAdvice } from '../../services/catalog/advice.ts';
import { openPool, type Database } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { openThreads } from '../../services/scan/pool.ts';
import { scanTree } from '../../services/scan/scan-tree.ts';
import { type Disk, disk } from '../support/disk.ts';
import { ownServer } from '../support/own-server.ts';
import { refusal } from '../support/refusal.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { canMount } from '../support/machine.ts';

const SMALL = { name: 'small', size: '96M', options: ['-b', '4096', '-m', '0'] };

/** A scan of this many files writes more than is left. */
function filled(): FaultyVolume {
  const house = FaultyVolume.open(null, 1);
  // The server's own user passes through here.
  chmodSync(house.base, 0o755);
  house.fill(60, 100);
  return house;
}

function scanning(db: Database, house: FaultyVolume): () => Promise<unknown> {
  const threads = openThreads(db.address, 2);
  onTestFinished(() => threads.close());
  const tools = {
    db,
    threads,
    host: 'here',
    nowMs: Date.now,
    signal: new AbortController().signal,
    onProgress: () => {},
    onNotice: () => {},
  };
  const scope = { excludes: [], crossMounts: false };
  return () => scanTree(tools, { path: house.live, scope, mode: 'read', newState: false });
}

function leave({ at }: Disk, bytes: number): () => void {
  const { bavail, bsize } = statfsSync(at);
  const ballast = join(at, 'ballast');
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
  return () => rmSync(ballast);
}

describe.skipIf(!canMount)('a server without room (skipped where this process may not mount)', () => {
  test('is told at once, and the same scan goes on when there is room', async () => {
    const house = filled();
    const medium = disk(house.base, SMALL);
    const roomy = join(house.base, 'roomy');
    mkdirSync(roomy);
    const { connectionString } = await ownServer({ data: medium.at, wal: roomy });
    const db = openPool({ connectionString });
    onTestFinished(() => db.close());
    await migrate(db);
    const scan = scanning(db, house);
    const free = leave(medium, 200_000);
    expect(await refusal(scan())).toMatchObject({
      exit: 2,
      message: expect.stringContaining('the disk of the database is full'),
      next: expect.stringContaining('free space'),
    });
    const complete = async () => (await db.pool.query(`select from scan where state = 'complete'`)).rowCount;
    expect(await complete()).toBe(0);
    free();
    await scan();
    expect(await complete()).toBe(1);
  });
});

test.each([
  ['could not extend file "base/5/16384": Disk quota exceeded', 'XX000'],
  ['could not write to file "base/pgsql_tmp/pgsql_tmp1.0": No space left on device', 'XX000'],
  ['temporary file size exceeds "temp_file_limit" (1024kB)', '53400'],
  ['out of something new', '53999'],
])('what the server says of it is told with what to do: %s', (message, code) => {
  const advice = databaseAdvice(Object.assign(new Error(message), { code }));
  expect(advice?.message).toContain(message);
  expect(advice?.next).not.toBeNull();
});
