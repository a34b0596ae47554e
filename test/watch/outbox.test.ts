// The outbox on a real database, with real receivers: what is told, in which order, how often, and what is not.
import { beforeEach, expect, test } from 'vitest';
import type { Configuration, Hook } from '../../domain/watch/configuration.ts';
import type { MessageEvent, NewMessage } from '../../domain/watch/message.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { countMessages, keepMessages, messagesAbout, toldHooks } from '../../services/catalog/messages.ts';
import type { TakenTask } from '../../services/catalog/tasks.ts';
import { hookTools } from '../../services/watch/hooks/deliver.ts';
import { deliverTask, leaveDeliveries, retryDelayMs } from '../../services/watch/outbox.ts';
import { databaseForFile } from '../support/postgres.ts';
import { AT_MS, messageOf } from './hooks/messages.ts';
import { startReceiver } from './hooks/receivers.ts';

const { db } = await databaseForFile();
const receiver = await startReceiver();
const MINUTE = 60_000;

const hookOf = (name: string, path = name): Hook => ({
  type: 'webhook',
  name,
  url: `http://127.0.0.1:${receiver.port}/${path}`,
  template: 'json',
  secret: null,
  token: null,
  allowInternal: true,
});

let nowMs = AT_MS;
const lines: string[] = [];

async function configure(...hooks: Hook[]): Promise<void> {
  const document = { hooks, keepMessagesDays: 30 } as unknown as Configuration;
  await keepConfiguration(db.pool, { document, actor: 'test', appliedMs: nowMs });
}

const message = (about: string, event: MessageEvent, hook: string): NewMessage => {
  const incident = /^incident:(\d+)$/.exec(about)?.[1];
  return {
    about,
    event,
    hook,
    incident: incident === undefined ? null : BigInt(incident),
    body: messageOf({ atMs: nowMs }).body,
  };
};

/** What a tick leaves, and what becomes of it: the tasks that a serve takes one after another. */
async function tickAndTell(signal = new AbortController().signal): Promise<string[]> {
  const left = await inTransaction(db, (client) => leaveDeliveries(client, { nowMs }));
  const said: string[] = [];
  for (const { id } of left) {
    const [task] = (await db.pool.query<TakenTask>('select * from task where id = $1', [id])).rows;
    const tools = {
      db,
      hooks: hookTools({}, () => nowMs),
      nowMs: () => nowMs,
      log: (line: string) => void lines.push(line),
    };
    const outcome = await deliverTask(tools, { task: task!, signal, say: () => undefined });
    if ('done' in outcome) said.push(outcome.done.message);
    await db.pool.query("update task set state = 'done', result = '{}', ended_ms = 1 where id = $1", [id]);
  }
  return said;
}

const events = (): string[] =>
  receiver.received.map(({ url, body }) => `${url} ${JSON.parse(body).about} ${JSON.parse(body).event}`);
const states = async (about: string) =>
  (await messagesAbout(db.pool, about)).map(
    ({ hook, event, state, attempts }) => `${hook} ${event} ${state} ${attempts}`,
  );

beforeEach(async () => {
  await db.pool.query('truncate message, incident, configuration, task restart identity cascade');
  receiver.received.length = 0;
  receiver.answer = (response) => void response.end('ok');
  lines.length = 0;
  nowMs = AT_MS;
  await db.pool.query(
    `insert into incident (kind, subject, opened_ms, seen_ms, size, peak, told, detail)
       select 'burst', 'v' || n, 1, 1, 1, 1, 1, '{}' from generate_series(1, 9) n`,
  );
});

test('each hook is told each message once, in order, and the outbox says so', async () => {
  await configure(hookOf('mail'), hookOf('chat'));
  await keepMessages(db.pool, [
    message('incident:1', 'opened', 'mail'),
    message('incident:1', 'opened', 'chat'),
    message('incident:1', 'closed', 'mail'),
    message('incident:2', 'opened', 'mail'),
  ]);
  expect(await tickAndTell()).toEqual(['chat: 1 sent', 'mail: 3 sent']);
  expect(events()).toEqual([
    '/chat incident:1 opened',
    '/mail incident:1 opened',
    '/mail incident:1 closed',
    '/mail incident:2 opened',
  ]);
  expect(await tickAndTell()).toEqual([]);
  expect(await countMessages(db.pool)).toEqual({ waiting: 0, failed: 0 });
  const [first] = await messagesAbout(db.pool, 'incident:1');
  expect(first).toMatchObject({ state: 'sent', sentMs: AT_MS, trouble: null });
});

test('a hook has one task at a time, however often and by whomever it is looked for', async () => {
  await configure(hookOf('mail'));
  await keepMessages(db.pool, [message('incident:1', 'opened', 'mail')]);
  const leave = () => inTransaction(db, (client) => leaveDeliveries(client, { nowMs }));
  expect(await leave()).toMatchObject([{ kind: 'deliver', host: null }]);
  expect(await leave()).toEqual([]);
});

test('what a hook does not take is tried again later and later, and given up after a day', async () => {
  await configure(hookOf('mail'));
  receiver.answer = (response) => void response.writeHead(503).end();
  await keepMessages(db.pool, [message('incident:1', 'opened', 'mail'), message('incident:1', 'closed', 'mail')]);
  const triedMs: number[] = [];
  for (;;) {
    await tickAndTell();
    triedMs.push(nowMs - AT_MS);
    const [first] = await messagesAbout(db.pool, 'incident:1');
    if (first!.state === 'failed') break;
    nowMs = first!.notBeforeMs - 1;
    // No task either, which would find nothing to tell, minute after minute.
    expect(await tickAndTell()).toEqual([]);
    expect(receiver.received).toHaveLength(triedMs.length);
    nowMs += 1;
  }
  // That it is over waits until it was told that it began, or that was given up.
  expect(events().filter((event) => event.endsWith('opened'))).toHaveLength(30);
  expect(events().slice(0, 30)).toEqual(events().filter((event) => event.endsWith('opened')));
  expect(triedMs.slice(0, 8).map((ms) => ms / MINUTE)).toEqual([0, 1, 3, 7, 15, 31, 63, 123]);
  expect(triedMs.at(-1)! / 60 / MINUTE).toBeGreaterThan(23);
  expect(triedMs.at(-1)! / 60 / MINUTE).toBeLessThan(26);
  expect((await states('incident:1'))[0]).toBe('mail opened failed 30');
  expect(await countMessages(db.pool)).toEqual({ waiting: 1, failed: 1 });
  expect(await toldHooks(db.pool)).toMatchObject([
    { hook: 'mail', waiting: 1, failed: 1, sentMs: null, trouble: { why: 'the receiver answered with status 503' } },
  ]);
  // It is there again: what waits is told, and nothing needs a person any more.
  nowMs += 60 * MINUTE;
  receiver.answer = (response) => void response.end('ok');
  expect(await tickAndTell()).toEqual(['mail: 1 sent']);
  expect(await countMessages(db.pool)).toEqual({ waiting: 0, failed: 0 });
});

test('delays grow to an hour', () => {
  expect([1, 2, 7, 8, 29, 30].map(retryDelayMs)).toEqual([1, 2, 60, 60, 60, null].map((min) => min && min * MINUTE));
});

test('a serve that dies while it sends leaves the message to be sent once more, with the same id', async () => {
  await configure(hookOf('mail'));
  await keepMessages(db.pool, [message('incident:1', 'opened', 'mail')]);
  // It dies after the receiver has all of it, and before it is recorded: here its signal fires.
  const died = new AbortController();
  receiver.answer = () => died.abort();
  expect(await tickAndTell(died.signal)).toEqual(['mail: 0 sent']);
  expect(await states('incident:1')).toEqual(['mail opened waiting 0']);
  receiver.answer = (response) => void response.end('ok');
  expect(await tickAndTell()).toEqual([]);
  nowMs += 3 * MINUTE;
  expect(await tickAndTell()).toEqual(['mail: 1 sent']);
  const ids = receiver.received.map(({ headers }) => headers['idempotency-key']);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
});

test('two serves at once send a message once', async () => {
  await configure(hookOf('mail'));
  await keepMessages(
    db.pool,
    Array.from({ length: 9 }, (_, n) => message(`incident:${n + 1}`, 'opened', 'mail')),
  );
  const tools = { db, hooks: hookTools({}, () => nowMs), nowMs: () => nowMs, log: () => undefined };
  const work = { task: { reference: { hook: 'mail' } } as unknown as TakenTask, signal: new AbortController().signal };
  await Promise.all([1, 2, 3].map(() => deliverTask(tools, { ...work, say: () => undefined })));
  expect(events().toSorted()).toEqual(Array.from({ length: 9 }, (_, n) => `/mail incident:${n + 1} opened`));
});

test('a hook that is away holds up no other, and is not asked for each of its messages', async () => {
  await configure({ ...hookOf('away'), url: 'http://127.0.0.1:1/' } as Hook, hookOf('chat'));
  await keepMessages(db.pool, [
    ...Array.from({ length: 9 }, (_, n) => message(`incident:${n + 1}`, 'opened', 'away')),
    message('incident:1', 'opened', 'chat'),
  ]);
  expect(await tickAndTell()).toEqual([
    'away: 0 sent, 3 not; they are tried again, or given up after a day',
    'chat: 1 sent',
  ]);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('ECONNREFUSED');
});

test('a run that has ended has no start to tell of', async () => {
  await configure({ type: 'ping', name: 'dead-man', url: `http://127.0.0.1:${receiver.port}/p`, allowInternal: true });
  const run = 'run:school/quick/1';
  await keepMessages(db.pool, [message(run, 'start', 'dead-man')]);
  receiver.answer = (response) => void response.writeHead(503).end();
  await tickAndTell();
  receiver.answer = (response) => void response.end('OK');
  await keepMessages(db.pool, [message(run, 'success', 'dead-man')]);
  await keepMessages(db.pool, [message('run:school/quick/2', 'start', 'dead-man')]);
  await tickAndTell();
  expect(receiver.received.map(({ url }) => url.split('?')[0])).toEqual(['/p/start', '/p', '/p/start']);
  nowMs += 60 * MINUTE;
  expect(await tickAndTell()).toEqual([]);
});

test('a hook that the configuration no longer has is told nothing, and needs nobody', async () => {
  await configure(hookOf('mail'));
  await keepMessages(db.pool, [message('incident:1', 'opened', 'mail')]);
  await configure(hookOf('chat'));
  await tickAndTell();
  expect(receiver.received).toEqual([]);
  expect(await messagesAbout(db.pool, 'incident:1')).toMatchObject([
    { state: 'failed', trouble: 'the configuration has no hook mail any more' },
  ]);
  expect(await countMessages(db.pool)).toEqual({ waiting: 0, failed: 0 });
});

test('a test of a hook is tried once', async () => {
  await configure(hookOf('mail'));
  receiver.answer = (response) => void response.writeHead(403).end();
  await keepMessages(db.pool, [message('test:1', 'test', 'mail')]);
  await tickAndTell();
  expect(await states('test:1')).toEqual(['mail test failed 1']);
  expect(await countMessages(db.pool)).toEqual({ waiting: 0, failed: 0 });
});

test('a clock that was a year ahead delays nothing', async () => {
  await configure(hookOf('mail'));
  nowMs = AT_MS + 365 * 86_400_000;
  await keepMessages(db.pool, [message('incident:1', 'opened', 'mail')]);
  nowMs = AT_MS;
  expect(await tickAndTell()).toEqual(['mail: 1 sent']);
});

test('messages are kept as long as the configuration says, and while their incident is open', async () => {
  await configure(hookOf('mail'));
  await keepMessages(db.pool, [message('incident:1', 'opened', 'mail'), message('incident:2', 'opened', 'mail')]);
  await tickAndTell();
  await db.pool.query('update incident set closed_ms = 5 where id = 2');
  nowMs += 29 * 86_400_000;
  await tickAndTell();
  expect((await states('incident:2')).length).toBe(1);
  nowMs += 2 * 86_400_000;
  await tickAndTell();
  expect([(await states('incident:1')).length, (await states('incident:2')).length]).toEqual([1, 0]);
});
