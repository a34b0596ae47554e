// How many connections a worker needs, and what becomes of work when Postgres has none left.
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { until } from '../support/poll.ts';
import { connectionsOf } from '../../services/fleet/budget.ts';
import { isUp, openFleet, startWorker, tree } from './fleet.ts';

vi.setConfig({ testTimeout: 300_000 });

test('forty tasks over three workers that want more connections than there are: all are answered, none is lost', async () => {
  const fleet = await openFleet({ max_connections: '40' });
  const workers = Array.from({ length: 3 }, () => startWorker({ address: fleet.address, slots: 6 }));
  await Promise.any(workers.map(isUp));
  const ids: bigint[] = [];
  for (let index = 0; index < 40; index += 1) {
    const root = tree(join(fleet.directory, `tree${index}`), { files: 0, bytes: 0 });
    const leave = async (): Promise<boolean> => {
      try {
        ids.push(await fleet.leave({ scan: root }));
        return true;
      } catch {
        return false;
      }
    };
    await until('a task is left', leave, 60_000);
  }
  const said = (): string => workers.map((worker) => worker.said()).join('\n---\n');
  for (const id of ids) {
    const { state, result } = await fleet.answer(id, 120_000).catch((cause: unknown) => {
      throw new Error(said(), { cause });
    });
    expect([state, result?.['exit']], said()).toEqual(['done', 0]);
  }
  expect(said()).toContain('connections at once, and the database allows 37');
  expect(workers.map((worker) => worker.hasEnded())).toEqual([false, false, false]);
});

test.each([1, 4])('a worker of %i slots at work opens no more connections than docs/queue.md says', async (slots) => {
  const fleet = await openFleet();
  const worker = startWorker({ address: fleet.address, slots, bytesPerSecond: 20_000_000 });
  await isUp(worker);
  for (let index = 0; index <= slots; index += 1)
    await fleet.leave({ scan: tree(join(fleet.directory, `tree${index}`), { files: 4, bytes: 20_000_000 }) });
  const open = async (): Promise<Map<string, number>> => {
    const found = await fleet.rows(
      `select application_name as name, count(*)::int as n from pg_stat_activity
        where datname = current_database() and application_name <> 'rollcall test' and backend_type = 'client backend' group by 1`,
    );
    return new Map(found.map(({ name, n }) => [String(name), Number(n)]));
  };
  let most = new Map<string, number>();
  const total = (of: Map<string, number>): number => [...of.values()].reduce((sum, n) => sum + n, 0);
  await until(
    'all is done',
    async () => {
      const now = await open();
      if (total(now) > total(most)) most = now;
      return (await fleet.rows(`select from task where state = 'done'`)).length === slots + 1;
    },
    120_000,
  );
  expect(total(most), JSON.stringify([...most])).toBeLessThanOrEqual(connectionsOf(slots, true));
  expect(worker.said()).not.toContain('connections at once');
  // Threads that have nothing to do keep none.
  await until('they are given back', async () => !(await open()).has('rollcall thread'), 30_000);
});
