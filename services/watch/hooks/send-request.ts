// One request of a hook, and the beginning of its answer: nothing of it is kept or followed.
import { Agent as PlainAgent, type ClientRequest, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { timeLimit } from '../../process/within.ts';
import { type Destination, destinationOf, isChecked, LATE, lookupOf, type Resolve } from './connect.ts';
import { type HookRequest, NotDelivered } from './request.ts';

export interface Outside {
  readonly resolve: Resolve;
  /** Certificates that are trusted besides those of Node (NODE_EXTRA_CA_CERTS), in PEM; for tests. */
  readonly ca: readonly string[];
  /** From the first word to the last: a receiver that answers slowly is one that does not. */
  readonly timeLimitMs: number;
}

const HEADER_BYTES_MAX = 16 * 1024;
/** More of an answer is not read; its connection ends. */
const ANSWER_BYTES_MAX = 4 * 1024;
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * @returns how the answer begins
 * @throws NotDelivered for whatever is no 2xx
 */
export async function sendRequest(
  asked: HookRequest,
  {
    allowInternal,
    outside,
    signal,
  }: { readonly allowInternal: boolean; readonly outside: Outside; readonly signal: AbortSignal },
): Promise<string> {
  const { url } = asked;
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new NotDelivered('the URL begins with neither https:// nor http://');
  if (Buffer.byteLength(asked.body) > BODY_BYTES_MAX) throw new Error('a template made more than it may');
  const { limit, end } = timeLimit(signal, outside.timeLimitMs);
  try {
    return await sendWithin(asked, { allowInternal, outside, limit });
  } finally {
    end();
  }
}

async function sendWithin(
  asked: HookRequest,
  {
    allowInternal,
    outside,
    limit,
  }: { readonly allowInternal: boolean; readonly outside: Outside; readonly limit: AbortSignal },
): Promise<string> {
  const { url } = asked;
  const destination = await destinationOf(url.hostname, { allowInternal, resolve: outside.resolve, limit });
  // Plain text is for wires that nobody else is on.
  if (url.protocol === 'http:' && !destination.isInternal)
    throw new NotDelivered('the URL begins with http://, and leads out of this network; https:// only');
  const { status, beginning } = await answerTo(asked, { destination, outside, limit });
  if (status >= 300 && status < 400)
    throw new NotDelivered(
      `the receiver answered with a redirect (${status}), which is not followed; set the URL that it leads to`,
    );
  if (status < 200 || status >= 400) throw new NotDelivered(`the receiver answered with status ${status}`);
  return beginning;
}

interface Way {
  readonly destination: Destination;
  readonly outside: Outside;
  readonly limit: AbortSignal;
}

function answerTo(asked: HookRequest, way: Way): Promise<{ readonly status: number; readonly beginning: string }> {
  const { destination, limit } = way;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(limit.aborted ? new NotDelivered(LATE, { cause }) : notDelivered(cause));
    let sent: ClientRequest;
    try {
      sent = requestOf(asked, way);
    } catch (cause) {
      return fail(cause);
    }
    sent.once('error', fail);
    sent.once('socket', (socket) => {
      socket.once('connect', () => {
        if (!isChecked(destination, socket.remoteAddress))
          sent.destroy(new Error('the connection leads elsewhere than was checked'));
      });
    });
    sent.once('response', (answer) => {
      let beginning = Buffer.alloc(0);
      const settle = (): void => {
        resolve({ status: answer.statusCode ?? 0, beginning: beginning.toString('latin1') });
        sent.destroy();
      };
      answer.on('error', fail);
      answer.on('data', (chunk: Buffer) => {
        beginning = Buffer.concat([beginning, chunk]).subarray(0, ANSWER_BYTES_MAX);
        if (beginning.length === ANSWER_BYTES_MAX) settle();
      });
      answer.once('end', settle);
    });
    sent.end(asked.body);
  });
}

/** Not sent yet. An agent of its own: no connection of another hook is used again. */
function requestOf({ url, method, headers, body }: HookRequest, { destination, outside, limit }: Way): ClientRequest {
  const isTls = url.protocol === 'https:';
  const options: RequestOptions = {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    method,
    headers: {
      'user-agent': 'rollcall',
      ...(url.username === '' ? {} : { authorization: `Basic ${basicOf(url)}` }),
      ...headers,
      'content-length': Buffer.byteLength(body),
    },
    lookup: lookupOf(destination),
    maxHeaderSize: HEADER_BYTES_MAX,
    signal: limit,
  };
  if (!isTls) return plainRequest({ ...options, agent: new PlainAgent({ keepAlive: false }) });
  return tlsRequest({
    ...options,
    agent: new TlsAgent({ keepAlive: false, maxCachedSessions: 0 }),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(outside.ca.length === 0 ? {} : { ca: [...rootCertificates, ...outside.ca] }),
  });
}

function basicOf({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
}

/** Codes only: what Node says in words names hosts and addresses that may be part of a secret URL. */
export function notDelivered(cause: unknown): NotDelivered {
  if (cause instanceof NotDelivered) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === undefined) return new NotDelivered('the receiver could not be spoken to', { cause });
  const why = CODES[code] ?? (/CERT|SELF_SIGNED|UNABLE_TO/.test(code) ? 'its certificate is not accepted' : null);
  return new NotDelivered(`the receiver could not be spoken to${why === null ? '' : `: ${why}`} (${code})`, { cause });
}

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it ended the connection',
  EHOSTUNREACH: 'no route leads there',
  ENETUNREACH: 'no route leads there',
  ETIMEDOUT: 'it does not answer',
  HPE_HEADER_OVERFLOW: 'the head of its answer is too long',
};
