// Workers and the servers that wake them: which are away when a worker starts, go away and come back, or hold what
// nobody of ours has written. What is due is found all the same, by the right host, and the log stays short and clean.
import { join } from 'node:path';
import { createPostgresBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { queueName } from '../../services/queue/catalogue.ts';
import { wakeFor } from '../../services/detach.ts';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';
import { REDIS_MISSING, startRedis, type TestRedis } from '../support/redis.ts';
import { hears, isUp, openFleet, startWorker, temporary, tree, withTest, type WorkerProcess } from './fleet.ts';

vi.setConfig({ testTimeout: 200_000 });

const NONE = { files: 0, bytes: 0 };
/** So long that only a wake can have told of the work. */
const NEVER_MS = 3_600_000;

async function mortalRedis(): Promise<TestRedis> {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  return redis;
}

/** The command itself. */
function command(environment: Readonly<Record<string, string>>, ...args: readonly string[]): WorkerProcess {
  const { PATH = '' } = process.env;
  const env = { PATH, ROLLCALL_STATE_DIR: temporary(), ...environment };
  return withTest(startProcess([process.execPath, CLI, 'worker', ...args], { env }));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a worker that is started while Postgres is away begins as soon as it comes', async () => {
  const fleet = await openFleet();
  const id = await fleet.leave({ scan: tree(join(fleet.directory, 'tree'), NONE) });
  await fleet.server.stop();
  const worker = command({ DATABASE_URL: fleet.server.connectionString }, '--host', 'here', '--threads', '1');
  await hears(worker, /the socket of the database does not exist/);
  expect(worker.hasEnded()).toBe(false);
  await fleet.server.start();
  expect((await fleet.answer(id)).result, worker.said()).toMatchObject({ exit: 0 });
  worker.child.kill('SIGTERM');
  expect(await worker.ended, worker.said()).toBe(0);
});

test.each([
  ['a wrong password', 'postgresql://rollcall:wrong@', /password/],
  [
    'a certificate that is not there',
    'postgresql://rollcall@db.invalid/rollcall?sslrootcert=/nowhere/ca.pem',
    /sslrootcert/,
  ],
])('%s is told with what to do, without a stack trace, and ends with 2', async (what, url, advice) => {
  let databaseUrl = url;
  if (what === 'a wrong password') {
    const { connectionString } = (await openFleet({}, undefined, 'scram-sha-256')).server;
    databaseUrl = connectionString.replace('rollcall@', 'rollcall:wrong@');
  }
  const worker = command({ DATABASE_URL: databaseUrl }, '--host', 'here');
  expect(await worker.ended, worker.said()).toBe(2);
  expect(worker.said()).toMatch(advice);
  expect(worker.said()).toContain('next:');
  expect(worker.said()).not.toMatch(/^\s+at /m);
  expect(worker.said()).not.toContain('wrong@');
});

describe.each(['Postgres', 'Redis'] as const)('with the queue on %s', (kind) => {
  const isRedis = kind === 'Redis';
  const skipped = isRedis && REDIS_MISSING !== null;

  test.skipIf(skipped)('a worker is woken again after its queue was away', async () => {
    const fleet = await openFleet();
    const redis = isRedis ? await mortalRedis() : null;
    const where = redis === null ? { address: fleet.address } : { redisUrl: redis.redisUrl };
    const worker = startWorker({ address: fleet.address, redisUrl: redis?.redisUrl ?? null, lookEveryMs: NEVER_MS });
    await isUp(worker);
    const asked = async (name: string): Promise<void> => {
      const id = await fleet.leave({ scan: tree(join(fleet.directory, name), NONE) });
      expect(await wakeFor({ id, kind: 'scan', host: 'here' }, where)).toBeNull();
      expect((await fleet.answer(id, 30_000)).result, worker.said()).toMatchObject({ exit: 0 });
    };
    await asked('before');
    if (redis === null) {
      await fleet.server.stop();
      await pause(3_000);
      await fleet.server.start();
    } else {
      await redis.kill();
      await pause(3_000);
      await redis.start();
    }
    await asked('after');
    worker.child.kill('SIGTERM');
    expect(await worker.ended, worker.said()).toBe(0);
  });

  test.skipIf(skipped)(
    'odd jobs in the queue of a host, and jobs of another host, harm nothing and are not shown',
    async () => {
      const fleet = await openFleet();
      const redis = isRedis ? await mortalRedis() : null;
      const where = redis === null ? { address: fleet.address } : { redisUrl: redis.redisUrl };
      const worker = startWorker({ address: fleet.address, redisUrl: redis?.redisUrl ?? null, lookEveryMs: NEVER_MS });
      await isUp(worker);
      const others = await fleet.leave({ scan: tree(join(fleet.directory, 'others'), NONE), host: 'elsewhere' });
      const queue = isRedis
        ? new Queue(queueName('here'), { connection: { path: redis?.redisUrl ?? '' }, prefix: 'rollcall' })
        : new Queue(
            queueName('here'),
            { connection: { ...fleet.address, schema: 'rollcall_queue', migrate: true } },
            createPostgresBackend,
          );
      queue.on('error', () => undefined);
      const secret = '\u001b]0;sEcReT\u0007';
      for (const [name, data] of [
        ['scan', { id: String(others) }],
        ['drain-scan', { id: secret }],
        [secret, { id: '1' }],
        ['__proto__', { id: '1' }],
        ['scan', { id: ['1'], password: secret }],
        ['assess', null],
      ] as const)
        await queue.add(name, data);
      if (redis !== null) {
        // Neither its data nor its options are JSON.
        const client = new Redis(redis.redisUrl);
        await client.hset(`rollcall:${queueName('here')}:odd`, { name: 'scan', data: `{${secret}`, opts: secret });
        await client.lpush(`rollcall:${queueName('here')}:wait`, 'odd');
        client.disconnect();
      }
      await queue.close();
      const id = await fleet.leave({ scan: tree(join(fleet.directory, 'ours'), NONE) });
      expect(await wakeFor({ id, kind: 'scan', host: 'here' }, where)).toBeNull();
      expect((await fleet.answer(id, 30_000)).result, worker.said()).toMatchObject({ exit: 0 });
      await hears(worker, /a job that Rollcall has not written/);
      expect(worker.said()).not.toContain('sEcReT');
      expect(worker.said()).not.toContain('\u001b');
      expect(await fleet.rows('select state, attempts from task where id = $1', others)).toEqual([
        { state: 'open', attempts: 0 },
      ]);
    },
  );
});

describe.skipIf(REDIS_MISSING !== null)(`with the queue on Redis${REDIS_MISSING ?? ''}`, () => {
  test('a worker that is started while Redis is away works, is woken when it comes, and says little meanwhile', async () => {
    const fleet = await openFleet();
    const redis = await mortalRedis();
    await redis.kill();
    const worker = startWorker({ address: fleet.address, redisUrl: redis.redisUrl, lookEveryMs: NEVER_MS });
    await isUp(worker);
    await pause(30_000);
    expect(worker.said().split('\n').length, worker.said()).toBeLessThan(8);
    expect(worker.hasEnded()).toBe(false);
    await redis.start();
    const id = await fleet.leave({ scan: tree(join(fleet.directory, 'tree'), NONE) });
    expect(await wakeFor({ id, kind: 'scan', host: 'here' }, { redisUrl: redis.redisUrl })).toBeNull();
    expect((await fleet.answer(id, 30_000)).result, worker.said()).toMatchObject({ exit: 0 });
    // Idle, and without the queue: the end waits for nobody.
    await redis.kill();
    await hears(worker, /ECONNREFUSED|ENOENT|closed/i);
    const beganMs = Date.now();
    worker.child.kill('SIGTERM');
    expect(await worker.ended, worker.said()).toBe(0);
    console.log(`ended ${Date.now() - beganMs} ms after SIGTERM`);
  });
});

test('a task that kills its worker is taken three times and then kept as failed, with what is known of the deaths', async () => {
  const fleet = await openFleet();
  const root = tree(join(fleet.directory, 'tree'), { files: 2, bytes: 200_000_000 });
  const id = await fleet.leave({ scan: root });
  const pids: (number | undefined)[] = [];
  for (let death = 1; death <= 3; death += 1) {
    const doomed = startWorker({ address: fleet.address, bytesPerSecond: 10_000_000 });
    pids.push(doomed.child.pid);
    await until(
      `it has taken the task for the ${death}. time`,
      async () =>
        (await fleet.rows(`select from task where state = 'taken' and attempts = $1 and holder_lives(holder)`, death))
          .length === 1,
      60_000,
    );
    doomed.child.kill('SIGKILL');
    await doomed.ended;
  }
  const other = await fleet.leave({ scan: tree(join(fleet.directory, 'other'), NONE) });
  const last = startWorker({ address: fleet.address });
  expect((await fleet.answer(other)).result, last.said()).toMatchObject({ exit: 0 });
  expect(await fleet.answer(id)).toMatchObject({
    state: 'failed',
    result: { exit: 2, message: expect.stringContaining('3 times') },
  });
  const [row] = await fleet.rows('select troubles from task where id = $1', id);
  const troubles = row?.['troubles'] as readonly { readonly why: string; readonly host: string }[];
  expect(troubles.map(({ host }) => host)).toEqual(['here', 'here', 'here']);
  for (const [index, { why }] of troubles.entries()) expect(why).toContain(`pid ${pids[index]}`);
  expect(last.hasEnded()).toBe(false);
});

test('a worker ends when another version has migrated the catalog, and says so; one that starts waits for the older to end', async () => {
  const fleet = await openFleet();
  const worker = startWorker({ address: fleet.address });
  await isUp(worker);
  await fleet.rows(`insert into migration (id, name, checksum) values (9999, '9999_newer.sql', 'x')`);
  expect(await worker.ended, worker.said()).toBe(2);
  expect(worker.said()).toContain('9999_newer.sql');
  const late = command({ DATABASE_URL: fleet.server.connectionString }, '--host', 'here');
  expect(await late.ended, late.said()).toBe(2);
  expect(late.said()).toContain('the database is newer than this Rollcall');
  expect(late.said()).toContain('next: update Rollcall');
  // As an older version left it: the newest migration is still to come, and one of its workers is at work.
  await fleet.rows(`delete from migration where id = 9999 or id = (select max(id) from migration where id < 9999)`);
  const [holder] = await fleet.rows('select 4242 as holder, pg_advisory_lock(7461, 4242)');
  expect(holder).toBeDefined();
  await fleet.rows(
    `insert into worker (holder, host, version, pid, slots, doing, started_ms, clock_offset_ms, seen)
       values (4242, 'old', '0.0.1', 1, 1, '[]', 0, 0, now() + interval '1 hour')`,
  );
  const newer = command({ DATABASE_URL: fleet.server.connectionString }, '--host', 'here');
  await hears(newer, /waits to be migrated until these workers have ended or are updated: old \(0\.0\.1\)/);
  expect(await fleet.rows('select max(id) < 9999 as kept from migration')).toEqual([{ kept: true }]);
  expect(newer.hasEnded()).toBe(false);
});
