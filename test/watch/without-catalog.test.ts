// A catalog that is away, told from memory to a real receiver. The clock is the test's.
import { expect, test } from 'vitest';
import type { Configuration, Hook } from '../../domain/watch/configuration.ts';
import { hookTools } from '../../services/watch/hooks/deliver.ts';
import { AWAY_MS, withoutCatalog } from '../../services/watch/without-catalog.ts';
import { AT_MS } from './hooks/messages.ts';
import { startReceiver, webhookAt } from './hooks/receivers.ts';

const receiver = await startReceiver();
const MINUTE = 60_000;

const hookOf = (name: string): Hook => webhookAt(receiver, name);
const ping: Hook = {
  type: 'ping',
  name: 'dead-man',
  url: `http://127.0.0.1:${receiver.port}/ping`,
  allowInternal: true,
};

function configurationOf(hooks: readonly Hook[], alarms: Configuration['alarms'] = []): Configuration {
  return { hooks, alarms } as unknown as Configuration;
}

function world() {
  let elapsed = 0;
  receiver.received.length = 0;
  receiver.answer = (response) => void response.end('ok');
  const nowMs = (): number => AT_MS + elapsed;
  const memory = withoutCatalog({
    host: 'files',
    hooks: hookTools({}, nowMs),
    nowMs,
    elapsedMs: () => elapsed,
    log: () => undefined,
    signal: new AbortController().signal,
  });
  return { memory, pass: (ms: number) => void (elapsed += ms) };
}

const told = (): string[] => receiver.received.map(({ url, body }) => `${url} ${JSON.parse(body).event}`).toSorted();

test('a catalog that is away for minutes is told once, and once that it is back', async () => {
  const { memory, pass } = world();
  memory.reached(
    configurationOf([hookOf('mail'), hookOf('chat'), ping], [{ kinds: [], subjects: [], hooks: ['mail'] }]),
  );
  pass(AWAY_MS - 1);
  await memory.look();
  expect(told()).toEqual([]);
  for (let n = 0; n < 5; n += 1) {
    pass(MINUTE);
    await memory.look();
  }
  expect(told()).toEqual(['/mail opened']);
  const [opened] = receiver.received.map(({ body }) => JSON.parse(body));
  expect(opened).toMatchObject({ severity: 'critical', subject: 'files', incident: { kind: 'trouble' } });
  expect(opened.lines[0]).toContain('since 2026-11-30 03:00 UTC');
  memory.reached(configurationOf([hookOf('mail')]));
  await memory.look();
  await memory.look();
  expect(told()).toEqual(['/mail closed', '/mail opened']);
  const closed = JSON.parse(receiver.received.at(-1)!.body);
  expect([closed.severity, closed.about, closed.incident]).toEqual(['ok', opened.about, opened.incident]);
  // The next time is another one.
  pass(AWAY_MS);
  await memory.look();
  expect(told()).toHaveLength(3);
  expect(JSON.parse(receiver.received.at(-1)!.body).id).not.toBe(opened.id);
});

test('a catalog that answers, and in which no incident can be reviewed, is told as well, also by a serve that begins so', async () => {
  const { memory, pass } = world();
  const configuration = configurationOf([hookOf('mail')]);
  for (let n = 0; n < 8; n += 1) {
    memory.untold(configuration);
    await memory.look();
    pass(MINUTE);
  }
  expect(told()).toEqual(['/mail opened']);
  const opened = JSON.parse(receiver.received[0]?.body ?? '{}');
  expect(opened.title).toBe('incidents cannot be reviewed on files: no loss is noticed');
  expect(opened.next).toBe('the log of rollcall serve on files');
  memory.reached(configuration);
  await memory.look();
  expect(told()).toEqual(['/mail closed', '/mail opened']);
});

test('where nobody is told of trouble, all that can be told are; pings stay away', async () => {
  const { memory, pass } = world();
  memory.reached(
    configurationOf([hookOf('mail'), hookOf('chat'), ping], [{ kinds: ['burst'], subjects: [], hooks: ['mail'] }]),
  );
  pass(AWAY_MS);
  await memory.look();
  expect(told()).toEqual(['/chat opened', '/mail opened']);
});

test('a hook that is away as well is tried again', async () => {
  const { memory, pass } = world();
  memory.reached(configurationOf([hookOf('mail')]));
  receiver.answer = (response) => void response.writeHead(503).end();
  pass(AWAY_MS);
  await memory.look();
  await memory.look();
  expect(told()).toHaveLength(1);
  receiver.answer = (response) => void response.end('ok');
  pass(MINUTE);
  await memory.look();
  pass(MINUTE);
  await memory.look();
  expect(told()).toHaveLength(2);
  expect(new Set(receiver.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
});

test('a serve that never saw a configuration has nobody to tell', async () => {
  const { memory, pass } = world();
  pass(10 * AWAY_MS);
  await memory.look();
  memory.reached(null);
  pass(10 * AWAY_MS);
  await memory.look();
  expect(told()).toEqual([]);
});
