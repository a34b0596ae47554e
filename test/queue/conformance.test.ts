// What Rollcall needs of its queue, asked of both backends alike: each half runs on a server of its own.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Client } from 'pg';
import { openJobQueue, type QueueAddress } from '../../services/queue/backend.ts';
import { type Job, queueName } from '../../services/queue/catalogue.ts';
import { openQueue } from '../../services/queue/queue.ts';
import { openWorker, type QueueWorker } from '../../services/queue/worker.ts';
import { until } from '../support/poll.ts';
import { testDatabase } from '../support/postgres.ts';
import { REDIS_MISSING, startRedis } from '../support/redis.ts';

interface Backend {
  readonly where: QueueAddress;
  /** Every job is lost, as after a FLUSHALL. */
  empty(): Promise<void>;
  /** Every connection of queues and workers is cut by the server. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

async function postgresBackend(): Promise<Backend> {
  const database = await testDatabase();
  const query = async (sql: string): Promise<void> => {
    const client = new Client(database.address);
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  return {
    where: { address: database.address },
    empty: () => query('truncate rollcall_queue.job, rollcall_queue.scheduler cascade'),
    cut: () =>
      query(
        // Not the server's own: autovacuum may be at work.
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = current_user and pid <> pg_backend_pid()',
      ),
    close: () => database.close(),
  };
}

async function redisBackend(): Promise<Backend> {
  const redis = await startRedis();
  return {
    where: { redisUrl: redis.redisUrl },
    empty: () => redis.command('FLUSHALL'),
    cut: () => redis.command('CLIENT KILL TYPE normal SKIPME yes'),
    close: () => redis.close(),
  };
}

const BACKENDS = [
  { name: 'Postgres', open: postgresBackend, missing: null },
  { name: 'Redis', open: redisBackend, missing: REDIS_MISSING },
];

for (const { name, open, missing } of BACKENDS) {
  const title = missing === null ? `the queue on ${name}` : `the queue on ${name} (skipped: ${missing})`;
  describe.skipIf(missing !== null)(title, () => {
    let backend: Backend;
    let opened: (() => Promise<unknown>)[] = [];
    let errors: Error[] = [];
    let hosts = 0;
    const onError = (error: Error): unknown => errors.push(error);

    beforeAll(async () => {
      backend = await open();
    });
    afterEach(async () => {
      for (const close of opened.reverse()) await close();
      opened = [];
      errors = [];
    });
    afterAll(() => backend?.close());

    /** A host that no other test has, spelled as no queue name may be. */
    const newHost = (): string => `store:${(hosts += 1)}.example_ü`;
    const queueOf = (host: string) => {
      const queue = openQueue({ ...backend.where, onError });
      opened.push(() => queue.close());
      return { wake: (id: bigint, jobs: number) => queue.wake(host, { kind: 'drain-scan', id }, jobs) };
    };
    const workerOf = (host: string, slots: number, onScan: (id: bigint) => Promise<void>): QueueWorker => {
      const worker = openWorker({ ...backend.where, host, slots, onJob: ({ id }) => onScan(id), onError });
      opened.push(() => worker.close(5_000));
      return worker;
    };

    test('a woken host drains the scan, once for each slot, and other hosts are left alone', async () => {
      const [here, there] = [newHost(), newHost()];
      const seen: bigint[] = [];
      const elsewhere: bigint[] = [];
      workerOf(here, 2, async (scanId) => void seen.push(scanId));
      workerOf(there, 2, async (scanId) => void elsewhere.push(scanId));
      const scanId = 9_007_199_254_740_993n;
      expect(await queueOf(here).wake(scanId, 3)).toBe(3);
      await until('three drains', () => seen.length === 3);
      expect(seen).toEqual([scanId, scanId, scanId]);
      expect(elsewhere).toEqual([]);
      expect(errors).toEqual([]);
    });

    test('what any worker may do wakes one of them, once, however often it is asked for', async () => {
      const queue = openQueue({ ...backend.where, onError });
      opened.push(() => queue.close());
      const job = { kind: 'judge', id: 5n } as const;
      expect([await queue.wake(null, job, 1), await queue.wake(null, job, 1)]).toEqual([1, 0]);
      await expect(queue.wake('here', job, 1)).rejects.toThrow('for here');
      const seen: string[] = [];
      for (const host of [newHost(), newHost()]) {
        const worker = openWorker({
          ...backend.where,
          host,
          slots: 1,
          onError,
          onJob: async ({ kind, id }) => void seen.push(`${kind} ${id}`),
        });
        opened.push(() => worker.close(5_000));
      }
      await until('the job', () => seen.length > 0);
      expect(seen).toEqual(['judge 5']);
    });

    test('a tick comes to a serve and to no worker, also after the queue was emptied', async () => {
      const queue = openQueue({ ...backend.where, onError });
      opened.push(() => queue.close());
      const seen: string[] = [];
      for (const serves of [false, true]) {
        const onJob = async ({ kind }: Job): Promise<void> => void seen.push(`${kind} ${serves}`);
        const worker = openWorker({ ...backend.where, host: newHost(), slots: 1, serves, onJob, onError });
        opened.push(() => worker.close(5_000));
      }
      await queue.tickEachMinute();
      await queue.tickEachMinute();
      await until('the tick', () => seen.length > 0);
      await backend.empty();
      await until('another one', async () => {
        await queue.tickEachMinute();
        return seen.length > 1;
      });
      expect(new Set(seen)).toEqual(new Set(['tick true']));
    });

    test('a job that somebody else has written is dropped, and nothing of it is told', async () => {
      const host = newHost();
      const foreign = openJobQueue(backend.where, queueName(host), onError);
      opened.push(() => foreign.close());
      const seen: bigint[] = [];
      workerOf(host, 1, async (id) => void seen.push(id));
      await foreign.add('sudo\u001b[31m', { id: '1; drop table' }, 1);
      await foreign.add('drain-scan', { id: 'p4ssw0rd' }, 1);
      await queueOf(host).wake(3n, 1);
      await until('the job of ours', () => seen.length === 1);
      await until('both were told of', () => errors.length === 2);
      expect(new Set(errors.map(({ message }) => message))).toEqual(
        new Set(['the queue holds a job that Rollcall has not written; it was dropped']),
      );
      errors = [];
    });

    test('two workers share the slots of a scan', async () => {
      const host = newHost();
      const running = new Set<string>();
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      for (const each of ['a', 'b']) {
        workerOf(host, 1, async () => {
          running.add(each);
          await released;
        });
      }
      await queueOf(host).wake(1n, 2);
      await until('both at work', () => running.size === 2);
      release();
    });

    test('a scan is woken again while it is being drained, and after it was', async () => {
      const host = newHost();
      let started = 0;
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      workerOf(host, 4, async () => {
        started += 1;
        await released;
      });
      const queue = queueOf(host);
      await queue.wake(7n, 1);
      await until('the first drain', () => started === 1);
      expect(await queue.wake(7n, 1)).toBe(1);
      await until('the second drain, beside the first', () => started === 2);
      release();
      expect(await queue.wake(7n, 1)).toBe(1);
      await until('the third drain', () => started === 3);
    });

    test('waking again and again does not pile up jobs, and one scan does not keep another from being woken', async () => {
      const host = newHost();
      const queue = queueOf(host);
      for (let round = 0; round < 5; round += 1) await queue.wake(1n, 2);
      expect(await queue.wake(2n, 2)).toBe(2);
      const seen: bigint[] = [];
      workerOf(host, 1, async (scanId) => void seen.push(scanId));
      await until('all that waited', () => seen.length === 4);
      expect(seen.filter((scanId) => scanId === 2n).length).toBe(2);
    });

    test('a drain that fails is told of, and the worker takes the next one', async () => {
      const host = newHost();
      const seen: bigint[] = [];
      workerOf(host, 1, async (scanId) => {
        if (scanId === 1n) throw new Error('the catalog went away');
        seen.push(scanId);
      });
      const queue = queueOf(host);
      await queue.wake(1n, 1);
      await queue.wake(2n, 1);
      await until('the second scan', () => seen.length === 1);
      expect(errors.map((error) => error.message)).toEqual(['a job failed: the catalog went away']);
    });

    test('a queue that lost every job takes the next wake', async () => {
      const host = newHost();
      const queue = queueOf(host);
      await queue.wake(1n, 3);
      await backend.empty();
      const seen: bigint[] = [];
      const worker = workerOf(host, 1, async (scanId) => void seen.push(scanId));
      await worker.ready();
      await queue.wake(2n, 1);
      await until('the job after the loss', () => seen.includes(2n));
    });

    test('a worker whose connections were cut hears of the next wake', async () => {
      const host = newHost();
      const seen: bigint[] = [];
      const worker = workerOf(host, 1, async (scanId) => void seen.push(scanId));
      const queue = queueOf(host);
      await worker.ready();
      await queue.wake(1n, 1);
      await until('the wake before', () => seen.length === 1);
      await backend.cut();
      await until('a wake that is taken', () =>
        queue.wake(2n, 1).then(
          () => true,
          () => false,
        ),
      );
      await until('the wake after', () => seen.includes(2n), 30_000);
    });

    test('closing does not wait for what runs', async () => {
      const host = newHost();
      let release = (): void => undefined;
      let started = false;
      const worker = workerOf(host, 1, async () => {
        started = true;
        await new Promise<void>((resolve) => (release = resolve));
      });
      await queueOf(host).wake(1n, 1);
      await until('the drain', () => started);
      await worker.close(10_000);
      release();
    });
  });
}

test('a queue that cannot be reached says so in time, and what to do', async () => {
  const nowhere = { redisUrl: '/nonexistent/redis.sock', onError: () => undefined };
  const queue = openQueue({ ...nowhere, limitMs: 200 });
  await expect(queue.wake('h', { kind: 'drain-scan', id: 1n }, 1)).rejects.toMatchObject({
    exit: 2,
    next: expect.stringContaining('REDIS_URL'),
  });
  await queue.close();
});
