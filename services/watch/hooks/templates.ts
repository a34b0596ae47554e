// A message in the forms of others: our own JSON, Slack, Matrix, Alertmanager, ntfy and Healthchecks. Each says how its
// receiver is kept from taking a name for a command: texts come inert (told.ts), and markup is escaped here.
import { createHash } from 'node:crypto';
import { isLossKind } from '../../../domain/watch/conditions.ts';
import type { Severity } from '../../../domain/watch/message.ts';
import { iso } from '../../../domain/window/timeline.ts';
import { inertJson } from '../../report/wording.ts';
import { type HookRequest, NotDelivered } from './request.ts';
import { cut, plainText, type Told } from './told.ts';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' } as const;

function posted(url: URL, body: unknown): HookRequest {
  return { method: 'POST', url, headers: JSON_TYPE, body: inertJson(JSON.stringify(body)) };
}

/** Our own form (docs/json.md): every field of the message. */
export function ownJson(told: Told, url: URL): HookRequest {
  const { incident, atMs, ...rest } = told;
  return posted(url, {
    rollcall: 1,
    ...rest,
    incident:
      incident === null
        ? null
        : { id: incident.id, kind: incident.kind, opened: iso(incident.openedMs), size: incident.size },
    at: iso(atMs),
  });
}

const COLORS: Readonly<Record<Severity, string>> = {
  critical: '#b3261e',
  warning: '#b26a00',
  info: '#3b6ea5',
  ok: '#2e7d32',
};
const SLACK_MAX = 3_000;

/**
 * An incoming webhook of Slack. Without markup (mrkdwn), and with the three characters escaped that would begin a
 * mention or a link: `<!channel>` calls nobody. A word like `@channel` is broken by a joiner that nobody sees.
 */
export function slack(told: Told, url: URL): HookRequest {
  const text = (plain: string): string =>
    plain
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll(/@(?=channel|here|everyone|all)/gi, '@\u2060');
  return posted(url, {
    text: text(told.title),
    mrkdwn: false,
    parse: 'none',
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    attachments: [
      {
        color: COLORS[told.severity],
        fallback: text(told.title),
        text: text(plainText(told, SLACK_MAX)),
        mrkdwn_in: [],
      },
    ],
  });
}

/** An event of Matrix has room for 64 KiB, and holds the text twice. */
const MATRIX_MAX = 8_000;
const MATRIX_PATH = /\/_matrix\/client\/(v3|r0)\/rooms\/[^/]+\/send\/m\.room\.message\/?$/;

/**
 * A message into a room of Matrix. The id of the message is the transaction: the server itself drops it the second
 * time. No mention (m.mentions) is what `@room` in a name comes to.
 */
export function matrix(told: Told, url: URL): HookRequest {
  if (!MATRIX_PATH.test(url.pathname))
    throw new NotDelivered(
      'the URL of a Matrix hook ends with /_matrix/client/v3/rooms/ROOM/send/m.room.message; ROOM begins with ! and is percent-encoded',
    );
  const text = plainText(told, MATRIX_MAX);
  const html = (plain: string): string =>
    plain
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll('\n', '<br>');
  const at = new URL(url);
  at.pathname = `${url.pathname.replace(/\/$/, '')}/${told.id}`;
  return {
    ...posted(at, {
      msgtype: 'm.text',
      body: `${told.title}\n\n${text}`,
      format: 'org.matrix.custom.html',
      formatted_body: `<strong>${html(told.title)}</strong><br><br>${html(text)}`,
      'm.mentions': {},
    }),
    method: 'PUT',
  };
}

/** An alert that nobody closes stays for so long; Alertmanager itself would end it after five minutes. */
const OPEN_MS = 365 * 86_400_000;
/** What is no incident is shown for so long. */
const SHOWN_MS = 3_600_000;
const LABEL_MAX = 120;
const ANNOTATION_MAX = 4_000;

/**
 * POST /api/v2/alerts. The labels are the alert's identity: they are the same when it opens, grows and closes, and none
 * of them holds a path. So the severity is that of its kind, not of the message.
 */
export function alertmanager(told: Told, url: URL): HookRequest {
  const { incident, event, atMs } = told;
  const labels =
    incident === null
      ? { alertname: `Rollcall${event.charAt(0).toUpperCase()}${event.slice(1)}`, severity: 'info' }
      : {
          alertname: 'RollcallIncident',
          kind: incident.kind,
          incident: incident.id,
          severity: isLossKind(incident.kind) ? 'critical' : 'warning',
        };
  const endsMs = incident === null ? atMs + SHOWN_MS : event === 'closed' ? atMs : atMs + OPEN_MS;
  return posted(url, [
    {
      labels: { ...labels, subject: cut(told.subject, LABEL_MAX) },
      annotations: {
        summary: told.title,
        description: plainText(told, ANNOTATION_MAX),
        message: told.id,
      },
      startsAt: iso(incident === null ? atMs : Math.min(incident.openedMs, endsMs)),
      endsAt: iso(endsMs),
    },
  ]);
}

const NTFY_BYTES_MAX = 3_500;
const NTFY: Readonly<Record<Severity, { readonly priority: number; readonly tag: string }>> = {
  critical: { priority: 5, tag: 'rotating_light' },
  warning: { priority: 4, tag: 'warning' },
  info: { priority: 3, tag: 'information_source' },
  ok: { priority: 3, tag: 'white_check_mark' },
};

/** As JSON, not as headers: a title is a text there, whatever it holds. The last part of the URL is the topic. */
export function ntfy(told: Told, url: URL): HookRequest {
  const topic = url.pathname.split('/').at(-1) ?? '';
  if (topic === '') throw new NotDelivered('the URL of an ntfy hook ends with the topic, as in https://ntfy.sh/TOPIC');
  const at = new URL(url);
  at.pathname = url.pathname.slice(0, url.pathname.length - topic.length);
  const { priority, tag } = NTFY[told.severity];
  return posted(at, {
    topic: decodeURIComponent(topic),
    title: told.title,
    message: withinBytes(plainText(told, NTFY_BYTES_MAX), NTFY_BYTES_MAX),
    priority,
    tags: [tag],
    markdown: false,
  });
}

/** Longer ones ntfy makes an attachment of. */
function withinBytes(text: string, bytesMax: number): string {
  let fits = text;
  for (let room = bytesMax; Buffer.byteLength(fits) > bytesMax; room = Math.floor(room * 0.8)) fits = cut(text, room);
  return fits;
}

/** What a ping is told of each event; a test is an entry of its log, and changes no state. */
const PING = {
  start: '/start',
  success: '',
  fail: '/fail',
  opened: '/fail',
  tenfold: '/fail',
  closed: '',
  digest: '',
  test: '/log',
} as const satisfies Readonly<Record<Told['event'], string>>;

/**
 * In the form of Healthchecks: start, success or fail, and which run they are of (rid). Its body is the id of the
 * message: no name of a file or a volume leaves this way.
 */
export function ping(told: Told, url: URL): HookRequest {
  const at = new URL(url);
  at.pathname = `${url.pathname.replace(/\/$/, '')}${PING[told.event]}`;
  at.searchParams.set('rid', uuidOf(told.about));
  return { method: 'POST', url: at, headers: { 'content-type': 'text/plain' }, body: told.id };
}

/** A UUID of version 8: the same for all events of one run. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
