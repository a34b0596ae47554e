// Real servers on loopback that hooks speak to, and what they were told. All are gone after the tests of the file.
import { spawnSync } from 'node:child_process';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll } from 'vitest';
import type { Hook } from '../../../domain/watch/configuration.ts';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A webhook that the receiver is told by, at /NAME. */
export function webhookAt({ port }: Pick<Receiver, 'port'>, name: string): Hook {
  return {
    type: 'webhook',
    name,
    url: `http://127.0.0.1:${port}/${name}`,
    template: 'json',
    secret: null,
    token: null,
    allowInternal: true,
  };
}

export interface Receiver {
  readonly port: number;
  readonly received: Received[];
  /** 200 and `ok` unless set; null: never answers. */
  answer: ((response: ServerResponse) => void) | null;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export const OPENSSL_MISSING =
  spawnSync('openssl', ['version']).status === 0 ? null : 'no openssl here: apt-get install openssl';

/** For localhost and 127.0.0.1, for two days; signed by itself. */
export function certificate(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-tls-'));
  try {
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
    const made = spawnSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        cert,
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,DNS:hooks.example.org,IP:127.0.0.1',
      ],
      { encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(made.stderr);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function startReceiver(tls: Certificate | null = null): Promise<Receiver> {
  const receiver: Receiver & { port: number } = {
    port: 0,
    received: [],
    answer: (response) => void response.end('ok'),
  };
  const server = (tls === null ? createServer() : createTlsServer({ ...tls })).on('request', (request, response) => {
    let body = '';
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      receiver.received.push({ method, url, headers, body });
      receiver.answer?.(response);
    });
  });
  receiver.port = await listening(server);
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}

export interface MailReceiver {
  readonly port: number;
  readonly mails: { readonly mail: ParsedMail; readonly raw: string; readonly to: readonly string[] }[];
}

export async function startMailReceiver(options: SMTPServerOptions = {}): Promise<MailReceiver> {
  const mails: MailReceiver['mails'] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    ...options,
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      const keep = async (): Promise<void> => {
        const raw = Buffer.concat(chunks);
        const to = envelope.rcptTo.map(({ address }) => address);
        mails.push({ mail: await simpleParser(raw), raw: raw.toString('latin1'), to });
        done();
      };
      stream.on('end', () => void keep());
    },
  });
  server.on('error', () => undefined);
  const port = await new Promise<number>((resolve) => {
    const listener = server.listen(0, '127.0.0.1', () => resolve((listener.address() as AddressInfo).port));
  });
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port, mails };
}

export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
