// Serves as processes that are killed while they tell, and a Postgres that goes away: nothing is left untold.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Configuration, Hook } from '../../domain/watch/configuration.ts';
import type { MessageEvent, NewMessage } from '../../domain/watch/message.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { openPool } from '../../services/catalog/database.ts';
import { countMessages, keepMessages } from '../../services/catalog/messages.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { ownServer } from '../support/own-server.ts';
import { startServeProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { messageOf } from './hooks/messages.ts';
import { startReceiver, webhookAt } from './hooks/receivers.ts';

const base = mkdtempSync(join(tmpdir(), 'rollcall-telling-'));
chmodSync(base, 0o755);
afterAll(() => rmSync(base, { recursive: true, force: true }));
const serves: WorkerProcess[] = [];
afterEach(async () => {
  await stopWorkers(serves.splice(0));
});

const { database, db } = await databaseForFile();
const receiver = await startReceiver();

const hookOf = (name: string): Hook => webhookAt(receiver, name);
const configuration = {
  timeZone: 'UTC',
  bundles: null,
  volumes: [],
  backups: [],
  maintenance: [],
  digest: null,
  alarms: [{ kinds: [], subjects: [], hooks: ['mail'] }],
  hooks: [hookOf('mail'), hookOf('chat')],
  keepMessagesDays: 365,
} satisfies Configuration;

const RUNS = 20;
/** Longer than a claim. */
const CLAIM_OVER_MS = 4 * 60_000;

test('serves that are killed at random moments tell everything, in order, and twice only with the same id', async () => {
  const clockFile = join(base, 'clock');
  let aheadMs = 0;
  const forward = (ms: number): void => writeFileSync(clockFile, String((aheadMs += ms)));
  forward(0);
  await keepConfiguration(db.pool, { document: configuration, actor: 'test', appliedMs: Date.now() });
  const about = Array.from({ length: RUNS }, (_, n) => `run:school/quick/${n}`);
  const message = (one: string, event: MessageEvent, hook: string): NewMessage => {
    return { about: one, event, hook, incident: null, body: messageOf({ incident: null }).body };
  };
  await keepMessages(
    db.pool,
    about.flatMap((one) =>
      ['mail', 'chat'].flatMap((hook) => [message(one, 'opened', hook), message(one, 'closed', hook)]),
    ),
  );
  receiver.answer = (response) => void setTimeout(() => response.end('ok'), 5);
  let kills = 0;
  const start = (): void => void serves.push(startServeProcess({ address: database.address, clockFile }));
  start();
  const isAllTold = async (): Promise<boolean> => (await countMessages(db.pool)).waiting === 0;
  while (!(await isAllTold())) {
    const before = receiver.received.length;
    const more = 3 + (kills % 9);
    await until('it tells', async () => receiver.received.length >= before + more || (await isAllTold()), 60_000);
    // Wherever it is by then: between a message and its record as well.
    await stopWorkers(serves.splice(0));
    kills += 1;
    forward(CLAIM_OVER_MS);
    start();
  }
  const told = receiver.received.map(({ url, headers, body }) => {
    const { about: one, event } = JSON.parse(body) as { about: string; event: string };
    return { what: `${url} ${one}`, event, id: headers['idempotency-key'] };
  });
  const expected = ['/mail', '/chat'].flatMap((url) => about.map((one) => `${url} ${one}`));
  for (const what of expected) {
    const events = told.filter((one) => one.what === what);
    expect([what, new Set(events.map(({ id }) => id)).size]).toEqual([what, 2]);
    const first = (event: string): number => events.findIndex((one) => one.event === event);
    expect([what, first('opened')]).toEqual([what, 0]);
    expect([what, first('closed') > 0]).toEqual([what, true]);
  }
  expect(kills).toBeGreaterThan(5);
  process.stderr.write(`${kills} kills, ${told.length - RUNS * 4} messages twice\n`);
});

test('a Postgres that goes away is told from memory, once, and that it is back', async () => {
  const data = mkdtempSync(join(tmpdir(), 'rollcall-own-'));
  chmodSync(data, 0o755);
  const server = await ownServer({ data });
  try {
    const address = { connectionString: server.connectionString };
    const pool = openPool(address);
    await migrate(pool);
    await keepConfiguration(pool.pool, { document: configuration, actor: 'test', appliedMs: Date.now() });
    await pool.close();
    receiver.received.length = 0;
    receiver.answer = (response) => void response.end('ok');
    serves.push(startServeProcess({ address, awayMs: 2_000 }));
    const said = (): string => serves.map((serve) => serve.said()).join('');
    await until('it watches', () => said().includes('watching 0 volumes'));
    await server.stop();
    await until('it is told', () => receiver.received.length > 0, 30_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${said()}`);
    });
    // Some of its looks later it is still told once.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await server.start();
    await until('that it is back is told', () => receiver.received.length > 1, 30_000);
    const events = receiver.received.map(({ url, body }) => [url, (JSON.parse(body) as { event: string }).event]);
    expect(events).toEqual([
      ['/mail', 'opened'],
      ['/mail', 'closed'],
    ]);
  } finally {
    await stopWorkers(serves.splice(0));
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
});
