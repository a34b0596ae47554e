// The outbox on a real database.
import { expect, test } from 'vitest';
import {
  claimMessage,
  countMessages,
  forgetMessages,
  keepMessages,
  markFailed,
  markSent,
  messagesAbout,
  nextMessage,
} from '../../services/catalog/messages.ts';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import type { NewMessage } from '../../domain/watch/message.ts';
import { clientForFile } from '../support/postgres.ts';

const client = await clientForFile();

function message(about: string, hook: string, atMs: number): NewMessage {
  const body = {
    title: 'school: 7 files lost silently',
    lines: ['a\u202eb'],
    severity: 'critical' as const,
    subject: 'school',
    incident: null,
    examples: [],
    next: 'rollcall incidents 7',
    atMs,
  };
  return { about, event: 'opened', hook, incident: null, body };
}

test('a message is kept once, whoever makes it and however often, and is sent or given up once', async () => {
  expect(await keepMessages(client, [message('incident:7', 'mail', 5), message('incident:7', 'chat', 5)])).toBe(2);
  // A second serve that comes to the same conclusion a minute later.
  expect(await keepMessages(client, [message('incident:7', 'mail', 65), message('incident:8', 'mail', 65)])).toBe(1);
  const next = (hook: string, nowMs: number) => nextMessage(client, { hook, nowMs, tried: [] });
  const [mail, chat] = [await next('mail', 10), await next('chat', 10)];
  if (mail === null || chat === null) throw new Error('two are due');
  expect([mail.about, mail.madeMs, mail.body.lines]).toEqual(['incident:7', 5, ['a\u202eb']]);

  expect(await claimMessage(client, mail, 60)).toBe(true);
  expect(await claimMessage(client, mail, 60)).toBe(false);
  expect(await next('mail', 59)).toBeNull();
  // Whoever claimed it died: after its time another one has it.
  const again = await next('mail', 60);
  expect(again?.id).toBe(mail.id);
  expect(await claimMessage(client, again!, 120)).toBe(true);
  await markFailed(client, mail.id, { trouble: 'connection refused', againMs: 200 });
  expect(await next('mail', 199)).toMatchObject({ about: 'incident:8' });
  await markSent(client, mail.id, { nowMs: 210, trouble: null });
  // What was sent does not fail any more.
  await markFailed(client, mail.id, { trouble: 'late', againMs: null });
  await markFailed(client, chat.id, { trouble: 'no such host', againMs: null });
  expect(await messagesAbout(client, 'incident:7')).toMatchObject([
    { state: 'sent', attempts: 1, sentMs: 210, trouble: null },
    { state: 'failed', attempts: 1, sentMs: null, trouble: 'no such host' },
  ]);
  // What is for a hook that the configuration does not have needs nobody.
  expect(await countMessages(client)).toEqual({ waiting: 1, failed: 0 });
  const document = { hooks: [{ name: 'mail' }, { name: 'chat' }] } as unknown as Configuration;
  await keepConfiguration(client, { document, actor: 'test', appliedMs: 1 });
  expect(await countMessages(client)).toEqual({ waiting: 1, failed: 1 });
  expect(await forgetMessages(client, 1_000)).toBe(2);
  expect(await countMessages(client)).toEqual({ waiting: 1, failed: 0 });
});
