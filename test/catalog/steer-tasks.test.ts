// A task that is tried again goes on from what it has: only what its parts did in vain is done anew.
import { expect, test } from 'vitest';
import { inTransaction } from '../../services/catalog/database.ts';
import { cancelTask, retryTask, taskState } from '../../services/catalog/steer-tasks.ts';
import { leaveTask } from '../../services/catalog/tasks.ts';
import { databaseForFile } from '../support/postgres.ts';

const { db } = await databaseForFile();

test('a retry leaves the parts that were in vain once more, with whoever waits for them, and no others', async () => {
  const leave = (kind: string, parent: bigint | null): Promise<bigint> =>
    leaveTask(db.pool, { host: parent === null ? null : 'h', kind, reference: {}, parent, nowMs: 1 });
  const lead = await leave('assess-hosts', null);
  const [scan, judge] = [await leave('scan', lead), await leave('judge', lead)];
  const [read, look] = [await leave('read-copies', judge), await leave('second-look', judge)];
  await db.pool.query(`update task set state = 'waiting' where id = any ($1)`, [[lead, judge]]);
  await db.pool.query(`update task set state = 'done', result = '{"exit": 0}' where id = any ($1)`, [[scan, look]]);
  expect(await inTransaction(db, (client) => cancelTask(client, lead, 5))).toBe(3);

  expect(await inTransaction(db, (client) => retryTask(client, judge, 9))).toEqual([]);
  expect(await inTransaction(db, (client) => retryTask(client, lead, 9))).toEqual([
    { id: read, kind: 'read-copies', host: 'h' },
  ]);
  const states = [lead, scan, judge, read, look].map(async (id) => (await taskState(db.pool, id))?.state);
  expect(await Promise.all(states)).toEqual(['waiting', 'done', 'waiting', 'open', 'done']);
  expect(await inTransaction(db, (client) => retryTask(client, lead, 9))).toEqual([]);
});
