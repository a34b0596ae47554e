// A task that is tried again goes on from what it has: only what its parts did in vain is done anew.
import { expect, test } from 'vitest';
import { inTransaction } from '../../services/catalog/database.ts';
import { cancelTask, endSilent, forgetOldTasks, retryTask, taskState } from '../../services/catalog/steer-tasks.ts';
import { endTask, leaveTask } from '../../services/catalog/tasks.ts';
import { until } from '../support/poll.ts';
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

test('what a host had taken when it died is ended like what it never took, by the clock of Postgres alone', async () => {
  const hoursOff = 5 * 3_600_000;
  const lead = await leaveTask(db.pool, { host: null, kind: 'assess-hosts', reference: {}, parent: null, nowMs: 1 });
  const part = (host: string, nowMs: number): Promise<bigint> =>
    leaveTask(db.pool, { host, kind: 'scan', reference: {}, parent: lead, nowMs });
  const taken = await part('dead', Date.now() + hoursOff);
  const [fresh, open] = [await part('dead', Date.now() - hoursOff), await part('dead', Date.now() + hoursOff)];
  // No session holds this number.
  await db.pool.query(
    `update task set state = 'taken', holder = 2000000001, fence = 1, lease_until = now() + interval '1 minute' where id = $1`,
    [taken],
  );
  await db.pool.query(`update task set not_before = now() - interval '10 minutes' where id = any ($1)`, [
    [taken, open],
  ]);
  await db.pool.query(`update task set state = 'waiting' where id = $1`, [lead]);
  await until('the server has run for long enough', async () => {
    const found = await db.pool.query<{ back: boolean }>('select holders_are_back() as back');
    return found.rows[0]?.back === true;
  });
  const ended = await inTransaction(db, (client) => endSilent(client, 300_000, Date.now()));
  expect(new Set(ended)).toEqual(new Set([taken, open]));
  const states = [lead, taken, fresh, open].map(async (id) => (await taskState(db.pool, id))?.state);
  expect(await Promise.all(states)).toEqual(['waiting', 'failed', 'open', 'failed']);
  // Whoever comes back late with its answer has lost it.
  const late = { id: taken, fence: 1, holder: 2_000_000_001 };
  const end = { state: 'done', result: { exit: 0 }, nowMs: Date.now() } as const;
  expect(await inTransaction(db, (client) => endTask(client, late, end))).toBe('lost');
});
