// Mail against real servers on loopback, read again by a parser of mail.
import { createServer } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import type { Hook } from '../../../domain/watch/configuration.ts';
import { deliver, hookTools } from '../../../services/watch/hooks/deliver.ts';
import { mailServer } from '../../../services/watch/hooks/mail.ts';
import { toldOf } from '../../../services/watch/hooks/told.ts';
import type { Message } from '../../../services/watch/hooks/told.ts';
import { hostileMessage, messageOf } from './messages.ts';
import { certificate, listening, OPENSSL_MISSING, startMailReceiver } from './receivers.ts';

type Mail = Extract<Hook, { type: 'mail' }>;

const receiver = await startMailReceiver({
  disabledCommands: ['AUTH', 'STARTTLS'],
  onRcptTo: ({ address }, _session, done) =>
    done(
      address.startsWith('unknown') ? Object.assign(new Error('no such \u001b[2J user'), { responseCode: 550 }) : null,
    ),
});

const mail = (changes: Partial<Mail> = {}): Mail => ({
  type: 'mail',
  name: 'admins',
  from: 'Rollcall <rollcall@example.org>',
  to: ['admins@example.org'],
  server: `smtp://127.0.0.1:${receiver.port}`,
  user: null,
  password: null,
  ...changes,
});

interface Changes {
  readonly ca?: readonly string[];
  readonly timeLimitMs?: number;
  readonly addresses?: readonly string[];
}

function tell(hook: Mail, message: Message = messageOf(), { ca = [], timeLimitMs = 5_000, addresses }: Changes = {}) {
  const tools = hookTools({ ROLLCALL_HOOK_MAIL: 'pass-w0rd' }, Date.now);
  const resolve = addresses === undefined ? tools.outside.resolve : async () => addresses;
  const outside = { ...tools.outside, ca, timeLimitMs, resolve };
  return deliver(message, hook, { ...tools, outside, signal: new AbortController().signal });
}

const refused = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'it was delivered',
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('what arrives', () => {
  test('a mail of its incident’s thread, with an id to drop it by, that no robot answers', async () => {
    expect(await tell(mail({ to: ['admins@example.org', 'Head <head@example.org>'] }))).toBeNull();
    const { mail: got, to } = receiver.mails.at(-1)!;
    expect(to).toEqual(['admins@example.org', 'head@example.org']);
    expect(got.subject).toBe('[Rollcall] school: 7 files lost silently');
    expect(got.text).toContain('Next: rollcall incidents 7');
    expect(got.text).toContain('class/5a/essay.odt');
    expect(got.messageId).toBe(`<${toldOf(messageOf()).id}@rollcall.invalid>`);
    expect(got.headers.get('auto-submitted')).toBe('auto-generated');
    await tell(mail(), messageOf({ severity: 'ok' }, { event: 'closed' }));
    expect(receiver.mails.at(-1)!.mail.inReplyTo).toBe(got.inReplyTo);
    expect(receiver.mails.at(-1)!.mail.messageId).not.toBe(got.messageId);
  });

  test('a name of a stranger adds no header, no recipient, no part, and acts on no terminal', async () => {
    const before = receiver.mails.length;
    await tell(mail(), hostileMessage());
    expect(receiver.mails).toHaveLength(before + 1);
    const { mail: got, raw, to } = receiver.mails.at(-1)!;
    expect(to).toEqual(['admins@example.org']);
    expect([...got.headers.keys()].sort()).toEqual(
      [
        'auto-submitted',
        'content-transfer-encoding',
        'content-type',
        'date',
        'from',
        'in-reply-to',
        'message-id',
        'mime-version',
        'references',
        'subject',
        'to',
        'x-auto-response-suppress',
        'x-rollcall-event',
      ].sort(),
    );
    expect(got.attachments).toEqual([]);
    expect(got.html).toBe(false);
    // What a reader's program makes of it, too.
    for (const text of [got.subject!, got.text!.replaceAll('\n', '')])
      expect(text).not.toMatch(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
    expect(got.subject).toContain('\\x0d\\x0aBcc: victim@example.org');
    // Lines of a mail have 998 octets at most.
    for (const line of raw.split('\r\n')) expect(line.length).toBeLessThan(999);
  });

  test('addresses of the configuration are one each, and end no header', async () => {
    const before = receiver.mails.length;
    for (const hook of [
      mail({ from: 'a <a@example.org>\r\nX-Injected: 1' }),
      ...[
        'b@example.org\r\nBcc: victim@example.org',
        'b@example.org, victim@example.org',
        'b@example.org>\r\nDATA',
        '',
      ].map((to) => mail({ to: [to] })),
      mail({ to: ['a\r\nBcc: victim@example.org <b@example.org>'] }),
      mail({ to: ['a <b@example.org'] }),
    ])
      expect(await refused(tell(hook))).toContain('an address of the hook is neither');
    expect(receiver.mails).toHaveLength(before);
    await tell(mail({ from: 'Übung "x", <a@example.org>', to: ['Ärger @home <b@example.org>'] }));
    expect(receiver.mails.at(-1)!.mail.from!.value).toEqual([{ name: 'Übung x,', address: 'a@example.org' }]);
    expect(receiver.mails.at(-1)!.to).toEqual(['b@example.org']);
  });

  test('recipients that the server refuses: the others get it, and it is said', async () => {
    expect(await tell(mail({ to: ['unknown@example.org', 'admins@example.org'] }))).toContain('refused 1 of 2');
    const why = await refused(tell(mail({ to: ['unknown@example.org'] })));
    expect(why).toContain('NotDelivered: the mail server did not take the message');
    expect(why).toContain('550 no such');
    expect(why).not.toMatch(/\p{Cc}/u);
  });
});

describe('servers', () => {
  const far = { isLoopback: false, isInternal: false };
  const near = { isLoopback: false, isInternal: true };
  const here = { isLoopback: true, isInternal: true };

  test('plain text stays on this machine, or in this network where that was said and no password is sent', () => {
    expect(mailServer('smtp://localhost', here, true)).toEqual({ host: 'localhost', port: 25, security: 'none' });
    expect(mailServer('smtp://mx.example.org', far, true)).toMatchObject({ port: 587, security: 'starttls' });
    expect(mailServer('smtp://mx.example.org:25', near, false)).toMatchObject({ port: 25, security: 'starttls' });
    expect(mailServer('smtps://mx.example.org', far, true)).toMatchObject({ port: 465, security: 'tls' });
    expect(mailServer('smtp://relay.lan?tls=no', near, false)).toMatchObject({ port: 25, security: 'none' });
    for (const [place, hasPassword] of [
      [far, false],
      [near, true],
    ] as const)
      expect(() => mailServer('smtp://relay.lan?tls=no', place, hasPassword)).toThrow('tls=no');
    expect(() => mailServer('smtps://relay.lan?tls=no', near, false)).toThrow('tls=no');
  });

  test('what is no address of a mail server', async () => {
    for (const server of [
      'mx.example.org',
      'http://mx.example.org',
      'smtp://',
      'smtp://me:pw@mx.example.org',
      'smtp://a%00b',
    ])
      expect(await refused(tell(mail({ server })))).toMatch(/^NotDelivered: (the mail server|the user|the name)/);
    for (const host of ['169.254.169.254', '0xa9fea9fe', '[fe80::1]', '0.0.0.0'])
      expect(await refused(tell(mail({ server: `smtp://${host}:25` })))).toContain('no hook may speak to');
  });

  test('one that offers no TLS gets no password, but on this machine', async () => {
    const open = await startMailReceiver({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        tried.push(`${username} ${password}`);
        done(null, { user: username });
      },
    });
    const tried: string[] = [];
    const login = mail({ user: 'me', password: 'env:ROLLCALL_HOOK_MAIL', server: `smtp://relay.lan:${open.port}` });
    // Listens on 127.0.0.1, which is reached by this address as well, as if it was another machine's.
    const mapped = { addresses: ['::ffff:127.0.0.1'] };
    expect(await refused(tell(login, messageOf(), mapped))).toMatch(/STARTTLS|ETLS/);
    expect([tried, open.mails]).toEqual([[], []]);
    await tell(login, messageOf(), { addresses: ['127.0.0.1'] });
    expect([tried, open.mails.length]).toEqual([['me pass-w0rd'], 1]);
  });

  test.skipIf(OPENSSL_MISSING !== null)('a certificate is checked before anything is said', async () => {
    const tls = certificate();
    const accounts: string[] = [];
    const secure = await startMailReceiver({
      ...tls,
      secure: true,
      onAuth: ({ username, password }, _session, done) => {
        accounts.push(`${username} ${password}`);
        done(password === 'pass-w0rd' ? null : new Error(`not ${password}`), { user: username });
      },
    });
    const login = mail({ user: 'me', password: 'env:ROLLCALL_HOOK_MAIL', server: `smtps://localhost:${secure.port}` });
    expect(await refused(tell(login))).toContain('self-signed certificate');
    expect([accounts, secure.mails]).toEqual([[], []]);
    await tell(login, messageOf(), { ca: [tls.cert] });
    expect([accounts, secure.mails.length]).toEqual([['me pass-w0rd'], 1]);
    // A server that repeats a password.
    const wrong = await refused(tell({ ...login, password: 'wr0ng' }, messageOf(), { ca: [tls.cert] }));
    expect(wrong).toContain('EAUTH');
    expect(wrong).not.toContain('wr0ng');
  });

  test('one that says nothing, and one that says something else', async () => {
    const sockets = new Set<{ destroy(): void }>();
    const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    const web = createServer(
      (socket) => void socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const [one, two] = [await listening(silent), await listening(web)];
    afterAll(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
      web.close();
    });
    const limit = { timeLimitMs: 150 };
    expect(await refused(tell(mail({ server: `smtp://127.0.0.1:${one}` }), messageOf(), limit))).toContain('in time');
    expect(await refused(tell(mail({ server: `smtp://127.0.0.1:${two}` })))).toContain('did not take the message');
    expect(await refused(tell(mail({ server: 'smtp://127.0.0.1:1' })))).toContain('ECONNREFUSED');
  });
});
