// Where /metrics, /healthz and /readyz are read: on loopback, or on a unix socket of mode 0600. Nothing that is asked
// here changes anything, touches the catalog or opens a file.
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { RollcallError } from '../../domain/exit.ts';
import type { Metrics } from './metrics.ts';

export type Address =
  | { readonly kind: 'tcp'; readonly host: '127.0.0.1' | '::1'; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface Listener {
  /** As a client types it: http://127.0.0.1:9642, unix:/run/rollcall/metrics.sock. */
  readonly at: string;
  close(): Promise<void>;
}

export interface ListenOptions {
  /** 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:/PATH. */
  readonly address: string;
  readonly metrics: Pick<Metrics, 'contentType' | 'text' | 'readyMs'>;
  readonly nowMs: () => number;
}

/** A tick is each minute: after so long without one, this process watches nothing. */
const READY_MAX_MS = 180_000;
/** sun_path of a unix socket, less its NUL. */
const SOCKET_PATH_MAX = 107;
const REQUEST_MS = 5_000;
const CONNECTIONS_MAX = 32;
/** Whoever rebinds a name of theirs to loopback sends that name. */
const HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** @throws RollcallError for an address that others could reach, or none */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path.startsWith('/') && Buffer.byteLength(path) <= SOCKET_PATH_MAX) return { kind: 'unix', path };
    throw new RollcallError(
      `${text} is no place for a socket: its path must begin with / and have ${SOCKET_PATH_MAX} bytes at most.`,
      {
        next: 'Write it as unix:/run/rollcall/metrics.sock.',
      },
    );
  }
  const [, host = '', digits = ''] = /^(127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(digits) <= 65_535)
    return { kind: 'tcp', host: host === '[::1]' ? '::1' : '127.0.0.1', port: Number(digits) };
  throw new RollcallError(
    `${text} is not an address of loopback. What is served says which volumes there are, and has no password.`,
    {
      next: 'Use 127.0.0.1:9642, [::1]:9642 or unix:/PATH; a proxy with a password may pass it on.',
    },
  );
}

/** Listens until close(). @throws RollcallError where the address is refused or taken */
export async function openListener({ address: text, metrics, nowMs }: ListenOptions): Promise<Listener> {
  const address = parseAddress(text);
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS, maxHeaderSize: 8_192 },
    (request, response) => answer(request, response, { metrics, nowMs }),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', (_, socket) => void socket.destroy());
  if (address.kind === 'unix') await removeDeadSocket(address.path);
  await listen(server, address);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    at: address.kind === 'unix' ? text : `http://${address.host === '::1' ? '[::1]' : address.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, nowMs }: Pick<ListenOptions, 'metrics' | 'nowMs'>,
): void {
  const say = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
      // A body that nobody wants is not waited for.
      ...(status >= 400 ? { connection: 'close' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
  if (!HOSTS.has(host)) return say(421, 'This is served to loopback only.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'Only GET and HEAD are answered.\n');
  const [path = ''] = (request.url ?? '').split('?');
  switch (path) {
    case '/metrics':
      return say(200, metrics.text(), metrics.contentType);
    case '/healthz':
      return say(200, 'ok\n');
    case '/readyz': {
      const readyMs = metrics.readyMs();
      if (readyMs === null) return say(503, 'not ready: the catalog does not answer, or nothing was looked at yet\n');
      if (nowMs() - readyMs > READY_MAX_MS)
        return say(503, `not ready: the last tick was ${Math.round((nowMs() - readyMs) / 1_000)} s ago\n`);
      return say(200, 'ready\n');
    }
    default:
      return say(404, 'There are /metrics, /healthz and /readyz.\n');
  }
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const where = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
      reject(
        new RollcallError(`Cannot listen on ${where}: ${cause.message}.`, {
          next: 'Choose another address with --listen, or stop what holds this one.',
          cause,
        }),
      );
    });
    if (address.kind === 'tcp') {
      server.listen({ host: address.host, port: address.port, exclusive: true }, resolve);
      return;
    }
    // The socket is made within this call: nobody else ever sees it with another mode.
    const before = process.umask(0o177);
    try {
      server.listen({ path: address.path }, () => {
        chmodSync(address.path, 0o600);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** What a process left that was killed. One that answers is another serve's. */
async function removeDeadSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(path, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  if (!found.isSocket() || (await answers())) {
    throw new RollcallError(
      `${path} ${found.isSocket() ? 'is the socket of a process that runs' : 'is there, and is no socket'}.`,
      {
        next: 'Choose another path with --listen unix:/PATH.',
      },
    );
  }
  unlinkSync(path);
}
