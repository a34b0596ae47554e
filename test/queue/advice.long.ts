// What a Redis that is away, closed or full makes Rollcall say: what it is and what to do, and never the password.
import { createServer, type Server } from 'node:net';
import { createServer as createHttp } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { redisAdvice, redisTrouble } from '../../services/queue/advice.ts';
import { openQueue } from '../../services/queue/queue.ts';
import { openWorker } from '../../services/queue/worker.ts';
import { until } from '../support/poll.ts';
import { REDIS_MISSING, startRedis, type TestRedis } from '../support/redis.ts';
import { refusal } from '../support/refusal.ts';

const SECRET = 's3cret';
const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

async function redis(...options: string[]): Promise<TestRedis> {
  const own = await startRedis(options);
  closes.push(() => own.close());
  return own;
}

function listening(server: Server): Promise<number> {
  closes.push(() => server.close());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

/** What a command that leaves work says, and what a worker writes into its log. */
async function told(redisUrl: string): Promise<{ said: string; logged: string }> {
  const lines: string[] = [];
  const queue = openQueue({ redisUrl, limitMs: 1_500, onError: () => undefined });
  closes.push(() => queue.close());
  const { message, next, exit } = await refusal(queue.wake('h', { kind: 'drain-scan', id: 1n }, 1));
  expect(exit).toBe(2);
  const worker = openWorker({
    redisUrl,
    host: 'h',
    slots: 1,
    onJob: () => Promise.resolve(),
    onError: (error) => lines.push(error.message),
  });
  closes.push(() => worker.close(1_000));
  await until('the worker has told something', () => lines.length > 0, 20_000);
  const logged = lines.join('\n');
  const said = `${message} ${next}`;
  for (const text of [said, logged]) {
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/undefined|\[object/);
  }
  return { said, logged };
}

async function expectTold(redisUrl: string, says: string, next: string): Promise<void> {
  const { said, logged } = await told(redisUrl);
  for (const text of [said, logged]) {
    expect(text).toContain(says);
    expect(text).toContain(next);
  }
}

describe('an address that no Redis answers at', () => {
  test('a port that nothing listens on', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    await expectTold(`redis://u:${SECRET}@127.0.0.1:${port}`, 'nothing answers at the address of Redis', 'REDIS_URL');
  });
  test('a host that is not known', () =>
    expectTold(`redis://u:${SECRET}@redis.invalid`, 'the host of Redis', 'check the '));
  test('a socket that is not there', () =>
    expectTold('/nonexistent/redis.sock', 'the socket of Redis does not exist', 'REDIS_URL'));
  test('a web server', async () => {
    const port = await listening(createHttp((_request, response) => response.end('hello')));
    await expectTold(`redis://:${SECRET}@127.0.0.1:${port}`, 'no Redis that Rollcall can use', 'REDIS_URL');
  });
});

const missing = REDIS_MISSING === null ? '' : ` (skipped: ${REDIS_MISSING})`;
describe.skipIf(missing !== '')(`a Redis that does not take the job${missing}`, () => {
  // A password goes with an address; on a socket there is no place for one, so these listen on one more door.
  const atPort = async (...options: string[]): Promise<number> => {
    const free = createServer();
    const port = await listening(free);
    await new Promise((resolve) => free.close(resolve));
    await redis('--bind', '127.0.0.1', '--port', String(port), ...options);
    return port;
  };

  test('it wants a password', async () => {
    const port = await atPort('--requirepass', SECRET);
    await expectTold(`redis://127.0.0.1:${port}`, 'Redis wants a password', 'REDIS_URL_FILE');
  });
  test('it refuses the password', async () => {
    const port = await atPort('--requirepass', 'other');
    await expectTold(`redis://:${SECRET}@127.0.0.1:${port}`, 'refuses the user or the password', '% codes');
  });
  test('it is full', async () => {
    const { redisUrl } = await redis('--maxmemory', '1');
    await expectTold(redisUrl, 'Redis is full', 'raise maxmemory');
  });
  test('it is a replica', async () => {
    const own = await redis('--replica-serve-stale-data', 'yes');
    await own.command('REPLICAOF 127.0.0.1 1');
    await expectTold(own.redisUrl, 'is a replica and cannot be written', 'primary');
  });
});

test('what a server repeats of the command that it does not know is left out: it may be the password', () => {
  const error = new Error(`ERR unknown command 'AUTH', with args beginning with: '${SECRET}' `);
  for (const text of [redisAdvice(error)?.message, redisTrouble(error).message]) {
    expect(text).toContain('no Redis that Rollcall can use');
    expect(text).not.toContain(SECRET);
  }
});

test('what nobody has met yet is told as it is, without what was typed', () => {
  expect(redisAdvice(new Error('ERR something new'))).toBeNull();
  expect(redisTrouble(new Error('ERR something new')).message).toBe('ERR something new');
  expect(
    redisAdvice(new Error('x', { cause: Object.assign(new Error('y'), { code: 'ECONNREFUSED' }) })),
  ).not.toBeNull();
});
