// Webhooks, pings and ntfy against real servers on loopback: what arrives, and all that must not.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createServer } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import type { Hook } from '../../../domain/watch/configuration.ts';
import type { Resolve } from '../../../services/watch/hooks/connect.ts';
import { deliver, hookTools } from '../../../services/watch/hooks/deliver.ts';
import { NotDelivered } from '../../../services/watch/hooks/request.ts';
import { hostileMessage, messageOf } from './messages.ts';
import { certificate, listening, OPENSSL_MISSING, startReceiver } from './receivers.ts';

type Webhook = Extract<Hook, { type: 'webhook' }>;

const webhook = (url: string, changes: Partial<Webhook> = {}): Webhook => ({
  type: 'webhook',
  name: 'admins',
  url,
  template: 'json',
  secret: null,
  token: null,
  allowInternal: true,
  ...changes,
});

const ENVIRONMENT = {
  ROLLCALL_HOOK_TOKEN: 't0ken',
  ROLLCALL_HOOK_SECRET: 'signs',
  ROLLCALL_HOOK_URL: '',
  DATABASE_URL: 'postgres://rollcall:topsecret@db/',
};

interface Changes {
  readonly resolve?: Resolve;
  readonly ca?: readonly string[];
  readonly timeLimitMs?: number;
  readonly environment?: Record<string, string>;
}

function tell(
  hook: Hook,
  { resolve, ca = [], timeLimitMs = 5_000, environment = {} }: Changes = {},
  message = messageOf(),
) {
  const tools = hookTools({ ...ENVIRONMENT, ...environment }, () => 1_764_460_800_000);
  const outside = { ...tools.outside, ca, timeLimitMs, ...(resolve === undefined ? {} : { resolve }) };
  return deliver(message, hook, { ...tools, outside, signal: new AbortController().signal });
}

/** Why it was not delivered. */
async function refused(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof NotDelivered)) throw new Error('it was delivered, or failed otherwise', { cause: error });
  return error.message;
}

const receiver = await startReceiver();
const at = (path = '/hook'): string => `http://127.0.0.1:${receiver.port}${path}`;

describe('what arrives', () => {
  test('a webhook: the message, its id to drop it by, a token, and a signature', async () => {
    await tell(webhook(at('/hook?room=1'), { token: 'env:ROLLCALL_HOOK_TOKEN', secret: 'env:ROLLCALL_HOOK_SECRET' }));
    const got = receiver.received.at(-1)!;
    expect([got.method, got.url]).toEqual(['POST', '/hook?room=1']);
    const { id, title } = JSON.parse(got.body);
    expect(title).toBe('school: 7 files lost silently');
    expect(got.headers).toMatchObject({
      'idempotency-key': id,
      authorization: 'Bearer t0ken',
      'content-type': 'application/json; charset=utf-8',
      'webhook-id': id,
      'webhook-timestamp': '1764460800',
    });
    expect(got.headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });

  test('the whole URL may be a secret, and user and password stand in it', async () => {
    const secret = `http://me:p%20w@127.0.0.1:${receiver.port}/T0/B0`;
    await tell(webhook('env:ROLLCALL_HOOK_URL', { template: 'slack' }), { environment: { ROLLCALL_HOOK_URL: secret } });
    const got = receiver.received.at(-1)!;
    expect(got.url).toBe('/T0/B0');
    expect(got.headers.authorization).toBe(`Basic ${Buffer.from('me:p w').toString('base64')}`);
  });

  test('pings and ntfy', async () => {
    await tell(
      { type: 'ping', name: 'nightly', url: at('/ping/1'), allowInternal: true },
      {},
      messageOf({}, { event: 'start' }),
    );
    expect(receiver.received.at(-1)!.url).toMatch(/^\/ping\/1\/start\?rid=/);
    await tell({
      type: 'ntfy',
      name: 'phone',
      url: at('/school'),
      token: 'env:ROLLCALL_HOOK_TOKEN',
      allowInternal: true,
    });
    expect(receiver.received.at(-1)).toMatchObject({ method: 'POST', url: '/' });
    expect(receiver.received.at(-1)!.headers.authorization).toBe('Bearer t0ken');
  });

  test('a name of a stranger adds no header and ends no request', async () => {
    const before = receiver.received.length;
    for (const template of ['json', 'slack', 'alertmanager'] as const)
      await tell(webhook(at(), { template }), {}, hostileMessage());
    expect(receiver.received).toHaveLength(before + 3);
    for (const { headers } of receiver.received.slice(before))
      expect(Object.keys(headers).sort()).toEqual(
        ['connection', 'content-length', 'content-type', 'host', 'idempotency-key', 'user-agent'].sort(),
      );
  });
});

describe('where no hook goes', () => {
  test('this machine and private networks, however they are written, unless the hook allows it', async () => {
    const before = receiver.received.length;
    for (const host of [
      '127.0.0.1',
      '0x7f.1',
      '2130706433',
      '017700000001',
      '127.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      'localhost',
      'LOCALHOST',
      '[64:ff9b::7f00:1]',
      '10.0.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '[fd00::1]',
    ]) {
      for (const scheme of ['http', 'https']) {
        const why = await refused(tell(webhook(`${scheme}://${host}:${receiver.port}/`, { allowInternal: false })));
        expect([host, why]).toEqual([host, expect.stringContaining('allow_internal')]);
      }
    }
    expect(receiver.received).toHaveLength(before);
  });

  test('metadata, link-local and multicast: also where internal addresses are allowed', async () => {
    for (const host of [
      '169.254.169.254',
      '0xa9fea9fe',
      '[::ffff:169.254.169.254]',
      '[fe80::1]',
      '[fd00:ec2::254]',
      '100.100.100.200',
      '0.0.0.0',
      '0',
      '[::]',
      '224.0.0.1',
      '255.255.255.255',
      '[ff02::1]',
      '168.63.129.16',
    ]) {
      const why = await refused(tell(webhook(`http://${host}:${receiver.port}/`)));
      expect([host, why]).toEqual([host, expect.stringContaining('no hook may speak to')]);
    }
  });

  test('a name of which one address is internal', async () => {
    const resolve = async () => ['9.9.9.9', '127.0.0.1'];
    const hook = webhook(`https://hooks.example.org:${receiver.port}/`, { allowInternal: false });
    expect(await refused(tell(hook, { resolve }))).toContain('allow_internal');
    const metadata = async () => ['127.0.0.1', '169.254.169.254'];
    expect(await refused(tell(webhook(`http://x.example.org:${receiver.port}/`), { resolve: metadata }))).toContain(
      'no hook may speak to',
    );
  });

  test('a name that is another address when it is asked again is not asked again', async () => {
    const before = receiver.received.length;
    let asked = 0;
    // Where nothing listens, as the first answer; our receiver ever after.
    const resolve: Resolve = async () => (++asked === 1 ? ['127.99.99.99'] : ['127.0.0.1']);
    expect(await refused(tell(webhook(`http://rebind.example.org:${receiver.port}/`), { resolve }))).toContain(
      'ECONNREFUSED',
    );
    expect([asked, receiver.received.length]).toEqual([1, before]);
    await tell(webhook(`http://rebind.example.org:${receiver.port}/`), { resolve });
    expect([asked, receiver.received.length]).toEqual([2, before + 1]);
  });

  test('out of the network in plain text, or with another scheme', async () => {
    const resolve = async () => ['9.9.9.9'];
    expect(await refused(tell(webhook('http://hooks.example.org/'), { resolve }))).toContain('https:// only');
    for (const url of ['file:///etc/passwd', 'ftp://example.org/', 'unix:/run/docker.sock', 'gopher://127.0.0.1/', 'x'])
      expect(await refused(tell(webhook(url)))).toMatch(/neither https|cannot be read|refused/);
  });

  test('where a redirect leads: it says that it is not followed', async () => {
    const elsewhere = await startReceiver();
    receiver.answer = (response) =>
      void response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/` }).end();
    const why = await refused(tell(webhook(at())));
    receiver.answer = (response) => void response.end('ok');
    expect(why).toContain('a redirect (307), which is not followed');
    expect(elsewhere.received).toEqual([]);
  });
});

describe('receivers that do not behave', () => {
  test.each([
    ['status 500', 500],
    ['status 404', 404],
  ])('%s is not delivered', async (why, status) => {
    receiver.answer = (response) => void response.writeHead(status).end();
    expect(await refused(tell(webhook(at())))).toContain(why);
  });

  test('a check that Healthchecks does not know is not delivered, although its status is 200', async () => {
    receiver.answer = (response) => void response.end('OK (not found)');
    const ping: Hook = { type: 'ping', name: 'nightly', url: at('/ping/1'), allowInternal: true };
    expect(await refused(tell(ping))).toContain('knows no check');
  });

  test('an answer without end is not read to its end', async () => {
    receiver.answer = (response) => {
      const more = (): void => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    };
    await tell(webhook(at()));
  });

  test('no answer, and a head without end', async () => {
    receiver.answer = null;
    expect(await refused(tell(webhook(at()), { timeLimitMs: 150 }))).toContain('did not answer in time');
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`);
    });
    const port = await listening(server);
    afterAll(() => server.close());
    expect(await refused(tell(webhook(`http://127.0.0.1:${port}/`)))).toContain('HPE_HEADER_OVERFLOW');
    receiver.answer = (response) => void response.end('ok');
  });

  test('no answer, while garbage is collected', async () => {
    receiver.answer = null;
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const often = setInterval(collect, 10);
    expect(await refused(tell(webhook(at()), { timeLimitMs: 200 }))).toContain('did not answer in time');
    clearInterval(often);
    receiver.answer = (response) => void response.end('ok');
  });

  test('a name server that does not answer is waited for no longer than the receiver', async () => {
    const resolve: Resolve = () => new Promise(() => undefined);
    expect(await refused(tell(webhook('https://x.example.org/'), { resolve, timeLimitMs: 100 }))).toContain('in time');
  });
});

describe.skipIf(OPENSSL_MISSING !== null)('TLS', () => {
  test('a certificate is checked, and its name', async () => {
    const tls = certificate();
    const secure = await startReceiver(tls);
    const resolve = async () => ['127.0.0.1'];
    const url = `https://hooks.example.org:${secure.port}/`;
    expect(await refused(tell(webhook(url), { resolve }))).toContain('its certificate is not accepted');
    expect(await refused(tell(webhook(url.replace('hooks', 'other')), { resolve, ca: [tls.cert] }))).toContain(
      'its certificate is not accepted',
    );
    expect(secure.received).toEqual([]);
    await tell(webhook(url), { resolve, ca: [tls.cert] });
    await tell(webhook(`https://127.0.0.1:${secure.port}/`), { ca: [tls.cert] });
    expect(secure.received.map(({ headers }) => headers.host)).toEqual([
      `hooks.example.org:${secure.port}`,
      `127.0.0.1:${secure.port}`,
    ]);
  });
});

test('a hook or a form that this version does not know is told nothing, and is not taken for told', async () => {
  const before = receiver.received.length;
  for (const odd of [{ type: 'pager' }, { template: 'teams' }, { template: 'constructor' }, { url: null }])
    expect(await refused(tell({ ...webhook(at()), ...odd } as unknown as Hook))).toMatch(
      /no hook of this type|not made/,
    );
  expect(receiver.received).toHaveLength(before);
});

describe('secrets', () => {
  test('a reference reaches nothing that was not put there for hooks', async () => {
    const before = receiver.received.length;
    for (const token of ['env:DATABASE_URL', 'file:/etc/passwd', 'file:../../passwd', 'env:ROLLCALL_HOOK_MISSING'])
      expect(await refused(tell(webhook(at(), { token })))).toMatch(/refused|has no ROLLCALL_HOOK_MISSING/);
    expect(receiver.received).toHaveLength(before);
  });

  test('what is kept of a failure holds no secret', async () => {
    const secret = `http://me:pw@127.0.0.1:1/T0PSECRET?key=T0PSECRET`;
    const hook = webhook('env:ROLLCALL_HOOK_URL', { token: 'env:ROLLCALL_HOOK_TOKEN' });
    for (const value of [secret, 'T0PSECRET', 'http://T0PSECRET:99999/', 'https://T0PSECRET.invalid/']) {
      const why = await refused(
        tell(hook, { environment: { ROLLCALL_HOOK_URL: value }, resolve: async () => ['127.0.0.2'] }),
      );
      expect(why).not.toMatch(/T0PSECRET|pw|t0ken/i);
    }
    const why = await refused(
      tell(hook, { environment: { ROLLCALL_HOOK_URL: at(), ROLLCALL_HOOK_TOKEN: 'a\r\nb: c' } }),
    );
    expect(why).toContain('control characters');
  });
});
