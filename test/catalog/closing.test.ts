// A scan whose shards are all done, and that a session is about to close, is running.
import { expect, test } from 'vitest';
import { runningActivity } from '../../services/catalog/activity.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { scanToBegin } from '../support/begin.ts';
import { databaseForFile } from '../support/postgres.ts';

const { database, db } = await databaseForFile();

test('a scan that is being closed is told as running, by whoever closes it', async () => {
  const place = {
    role: 'live',
    layout: 'tree',
    key: 'tree:here:/srv',
    name: '/srv',
    host: 'here',
    path: '/srv',
  } as const;
  const { id: volumeId, rootId } = await ensureVolume(db.pool, { ...place, nowMs: 1 });
  const scanId = await beginScan(db.pool, scanToBegin({ volumeId, rootId, seq: 1n, path: '/srv', mode: 'read' }));
  await db.pool.query(`update shard set state = 'done' where scan = $1`, [scanId]);
  await db.pool.query('update scan set open_shards = 0 where id = $1', [scanId]);
  const heldBy = async (): Promise<readonly number[]> =>
    (await runningActivity(db.pool)).flatMap((one) => one.heldBy.map(({ shards }) => shards));
  expect(await heldBy()).toEqual([]);
  const closing = await database.connect();
  try {
    await closing.query('begin');
    await closing.query('select from scan where id = $1 for update', [scanId]);
    expect(await heldBy()).toEqual([0]);
    await closing.query('rollback');
    expect(await heldBy()).toEqual([]);
  } finally {
    await closing.end();
  }
});
