// A task that is tried again goes on from what it has: only what its parts did in vain is done anew.
import { expect, test } from 'vitest';
import { inTransaction } from '../../services/catalog/database.ts';
import { cancelTask, forgetOldTasks, retryTask, taskState } from '../../services/catalog/steer-tasks.ts';
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

test('what ended long ago is let go: answers first, then tasks with their parts; what has not ended stays', async () => {
  const day = 86_400_000;
  const nowMs = 1_000 * day;
  const ended = async (daysAgo: number): Promise<bigint> => {
    const lead = await leaveTask(db.pool, { host: null, kind: 'assess-hosts', reference: {}, parent: null, nowMs: 1 });
    const asks = [{ key: 'k', question: '{}' }];
    const part = { host: 'h', kind: 'read-copies', reference: {}, parent: lead, nowMs: 1, asks };
    await leaveTask(db.pool, part);
    await db.pool.query(`update task set state = 'done', ended_ms = $2 where id = $1 or parent = $1`, [
      lead,
      nowMs - daysAgo * day,
    ]);
    return lead;
  };
  const [old, middle, young] = [await ended(91), await ended(31), await ended(29)];
  const open = await leaveTask(db.pool, { host: 'h', kind: 'scan', reference: {}, parent: null, nowMs: 1 });
  expect(await forgetOldTasks(db.pool, nowMs)).toBe(1);
  const left = await db.pool.query<{ id: bigint; asks: number }>(
    `select t.id, (select count(*)::int from ask a join task c on c.id = a.task where c.parent = t.id) as asks
       from task t where t.id = any ($1) order by t.id`,
    [[old, middle, young, open]],
  );
  expect(left.rows).toEqual([
    { id: middle, asks: 0 },
    { id: young, asks: 1 },
    { id: open, asks: 0 },
  ]);
});
