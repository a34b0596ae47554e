// Mail. The connection is ours (checked as for every hook); what is said on it, and how a name becomes a header, is
// nodemailer's business.
import { connect, type Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Hook } from '../../../domain/watch/configuration.ts';
import { timeLimit } from '../../process/within.ts';
import { visible } from '../../report/wording.ts';
import { type Destination, destinationOf, lookupOf } from './connect.ts';
import { NotDelivered } from './request.ts';
import type { Outside } from './send-request.ts';
import { type SecretPlaces, secretValue } from './secrets.ts';
import { cut, plainText, type Told } from './told.ts';

type MailHook = Extract<Hook, { readonly type: 'mail' }>;

const TEXT_MAX = 100_000;
const ANSWERED_MAX = 300;

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** tls: from the first byte · starttls: before anything is said · none: on this machine, or where tls=no says so. */
  readonly security: 'tls' | 'starttls' | 'none';
}

/** @throws NotDelivered for what is no address of a mail server, or would carry a password in plain text */
export function mailServer(
  text: string,
  { isLoopback, isInternal }: Pick<Destination, 'isLoopback' | 'isInternal'>,
  hasPassword: boolean,
): MailServer {
  const { url, host } = serverUrl(text);
  const isTls = url.protocol === 'smtps:';
  const wantsNone = url.searchParams.get('tls') === 'no';
  if (wantsNone && (isTls || hasPassword || !isInternal))
    throw new NotDelivered('tls=no is for smtp:// without a password, to a server of this network');
  const none = !isTls && (wantsNone || isLoopback);
  return {
    host,
    port: url.port === '' ? (isTls ? 465 : isLoopback || wantsNone ? 25 : 587) : Number(url.port),
    security: isTls ? 'tls' : none ? 'none' : 'starttls',
  };
}

function serverUrl(text: string): { readonly url: URL; readonly host: string } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '')
    throw new NotDelivered('the mail server is written smtp://HOST:PORT or smtps://HOST:PORT');
  if (url.username !== '' || url.password !== '')
    throw new NotDelivered('the user and the password of a mail server have fields of their own');
  // A URL of an unknown scheme keeps its host as it was typed: 0x7f.1 is made plain as in one of http.
  const plain = `http://${url.hostname}/`;
  if (!URL.canParse(plain)) throw new NotDelivered('the name of the mail server cannot be read');
  return { url, host: new URL(plain).hostname };
}

export interface MailTools {
  readonly outside: Outside;
  readonly secrets: SecretPlaces;
  readonly signal: AbortSignal;
}

/**
 * @returns what went wrong although the server took the message: recipients that it refused; null for nothing
 * @throws NotDelivered where it took it for nobody
 */
export async function sendMail(told: Told, hook: MailHook, tools: MailTools): Promise<string | null> {
  const { limit, end } = timeLimit(tools.signal, tools.outside.timeLimitMs);
  try {
    return await sendWithin(limit, told, hook, tools);
  } finally {
    end();
  }
}

async function sendWithin(
  limit: AbortSignal,
  told: Told,
  hook: MailHook,
  { outside, secrets }: MailTools,
): Promise<string | null> {
  const password = hook.password === null ? null : secretValue(hook.password, secrets);
  const user = hook.user === null ? null : secretValue(hook.user, secrets);
  const address = secretValue(hook.server, secrets);
  const mail = composed(told, hook);
  const { host } = serverUrl(address);
  const destination = await destinationOf(host, { allowInternal: true, resolve: outside.resolve, limit });
  const server = mailServer(address, destination, password !== null);
  const socket = await connected(server, destination, limit);
  try {
    const transport = createTransport({
      connection: socket,
      host: server.host,
      secure: server.security === 'tls',
      requireTLS: server.security === 'starttls',
      ignoreTLS: server.security === 'none',
      tls: {
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        ...(outside.ca.length === 0 ? {} : { ca: [...outside.ca] }),
      },
      ...(user === null || password === null ? {} : { auth: { user, pass: password } }),
      disableFileAccess: true,
      disableUrlAccess: true,
      logger: false,
    });
    const { rejected } = await transport.sendMail(mail);
    return rejected.length === 0 ? null : `the mail server refused ${rejected.length} of ${hook.to.length} recipients`;
  } catch (error) {
    throw mailTrouble(error, { limit, secrets: [user, password] });
  } finally {
    socket.destroy();
  }
}

/** Of one incident all mails belong to one thread. */
export function composed(told: Told, { from, to }: MailHook) {
  const { incident, id, title, event } = told;
  const thread = incident === null ? null : `<rollcall-incident-${incident.id}-${incident.openedMs}@rollcall.invalid>`;
  return {
    from: addressOf(from),
    to: to.map(addressOf),
    subject: `[Rollcall] ${title}`,
    text: `${plainText(told, TEXT_MAX)}\n`,
    textEncoding: 'quoted-printable' as const,
    messageId: `<${id}@rollcall.invalid>`,
    ...(thread === null ? {} : { references: thread, inReplyTo: thread }),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Rollcall-Event': event,
    },
  };
}

const ADDRESS = /^(?:([^<>\p{Cc}]*)<)?([^\s\p{Cc}<>@,;:"()[\]\\]+@[^\s\p{Cc}<>@,;:"()[\]\\]+)>?$/u;

/** One address each, `a@example.org` or `Name <a@example.org>`: a list in one text would hide whom it names. */
function addressOf(text: string): { readonly name: string; readonly address: string } {
  const [, name = '', address] = ADDRESS.exec(text.trim()) ?? [];
  if (address === undefined || text.includes('<') !== text.includes('>'))
    throw new NotDelivered('an address of the hook is neither a@example.org nor Name <a@example.org>');
  return { name: name.trim().replaceAll('"', ''), address };
}

function connected({ host, port }: MailServer, destination: Destination, limit: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // The limit ends the connection, whatever is said on it then.
    const socket = connect({
      host: host.replace(/^\[(.*)\]$/, '$1'),
      port,
      lookup: lookupOf(destination),
      signal: limit,
    });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (cause) => reject(mailTrouble(cause, { limit, secrets: [] })));
    // Without a listener an error after the last word would end the process.
    socket.on('error', () => undefined);
  });
}

/** What nodemailer says of these is what Node says of a certificate or a connection. */
const TLS_OR_SOCKET: ReadonlySet<string> = new Set(['ETLS', 'ESOCKET']);

/** With the server's own words, which say what is wrong with an address; without any secret that it repeats. */
function mailTrouble(
  cause: unknown,
  { limit, secrets }: { readonly limit: AbortSignal; readonly secrets: readonly (string | null)[] },
): NotDelivered {
  if (cause instanceof NotDelivered) return cause;
  if (limit.aborted) return new NotDelivered('the mail server did not answer in time', { cause });
  const { code, response, message } = cause as { code?: string; response?: unknown; message?: string };
  const said =
    typeof response === 'string' && response !== '' ? response : TLS_OR_SOCKET.has(code ?? '') ? (message ?? '') : '';
  let words = cut(visible(said), ANSWERED_MAX);
  for (const secret of secrets) if (secret !== null && secret !== '') words = words.replaceAll(secret, '***');
  const why = words === '' ? '' : `: ${words}`;
  return new NotDelivered(`the mail server did not take the message (${code ?? 'no code'})${why}`, { cause });
}
