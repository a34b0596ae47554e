import { describe, expect, test } from 'vitest';
import { alertmanager, matrix, ntfy, ownJson, ping, slack } from '../../../services/watch/hooks/templates.ts';
import { plainText, toldOf } from '../../../services/watch/hooks/told.ts';
import { signed } from '../../../services/watch/hooks/signature.ts';
import { fc } from '../../support/random.ts';
import { AT_MS, HOSTILE, hostileMessage, messageOf } from './messages.ts';

const told = toldOf(messageOf());
const hostile = toldOf(hostileMessage());
const url = new URL('https://chat.example.org/hooks/T0/B0');
const room = new URL('https://matrix.example.org/_matrix/client/v3/rooms/!abc%3Aexample.org/send/m.room.message');
const parsed = (body: string) => JSON.parse(body);

/** What moves a cursor, ends a line or turns the direction of writing. */
const ACTS = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

describe('a message in every form', () => {
  test('says what happened, an example, what to do next, and who it is', () => {
    expect(plainText(told, 10_000)).toBe(
      [
        '7 files are gone, and nobody deleted them.',
        'All of them can be restored.',
        'For example:\n  class/5a/essay.odt',
        'Next: rollcall incidents 7',
        `incident 7 (silent-loss), opened 2026-11-30 03:00 UTC · 2026-11-30 03:00 UTC · message ${told.id}`,
      ].join('\n\n'),
    );
  });

  test('one that is too long keeps the command and says that something is left out', () => {
    const long = toldOf(messageOf({ lines: Array.from({ length: 500 }, () => 'x'.repeat(5_000)) }));
    for (const max of [400, 3_000, 100_000]) {
      const text = plainText(long, max);
      expect(text.length).toBeLessThanOrEqual(max);
      expect(text).toContain('left out here');
      expect(text).toContain('Next: rollcall incidents 7');
    }
  });

  test('the largest one is a message all the same, and fits', () => {
    const line = '\u20ac\\'.repeat(5_000);
    const largest = toldOf(
      messageOf({
        lines: Array.from({ length: 5_000 }, () => line),
        examples: Array.from({ length: 500 }, () => line),
        title: line,
        next: line,
      }),
    );
    expect(largest.lines.at(-1)).toBe('(The rest is left out here.)');
    expect(Buffer.byteLength(ownJson(largest, url).body)).toBeLessThan(1024 * 1024);
  });

  test('its id is the same for each attempt, and another for another event, hook or time', () => {
    const ids = [
      messageOf(),
      messageOf(),
      messageOf({}, { event: 'closed' }),
      messageOf({}, { hook: 'other' }),
      messageOf({ atMs: 5 }),
    ].map((message) => toldOf(message).id);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(4);
  });

  test('a name of a stranger acts in none', () => {
    const bodies = [ownJson, slack, alertmanager, ntfy].map((template) => template(hostile, url).body);
    for (const body of [...bodies, matrix(hostile, room).body]) {
      expect(body).not.toMatch(ACTS);
      const walk = (value: unknown): void => {
        if (typeof value === 'string') expect(value.replaceAll('\n', '')).not.toMatch(ACTS);
        else if (value !== null && typeof value === 'object') Object.values(value).forEach(walk);
      };
      walk(parsed(body));
    }
  });

  test('whatever a name is, each form is whole, bounded and without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (name) => {
        const one = toldOf(
          messageOf({ title: name, lines: [name], examples: [name, name], subject: name, next: name }),
        );
        for (const body of [
          ...[ownJson, slack, alertmanager, ntfy].map((template) => template(one, url).body),
          matrix(one, room).body,
        ]) {
          expect(body).not.toMatch(ACTS);
          expect(parsed(body)).toBeTypeOf('object');
          expect(Buffer.byteLength(body)).toBeLessThan(60_000);
        }
        expect(Buffer.byteLength(parsed(ntfy(one, url).body).message)).toBeLessThanOrEqual(3_500);
      }),
    );
  });
});

test('a message that the catalog holds in another shape is made into nothing', () => {
  const bad = (incident: unknown) => () => toldOf(messageOf({ incident } as never));
  expect(bad({ id: '7', kind: 'burst', openedMs: '5>\r\nBcc: x', size: 1 })).toThrow('a number is none');
  expect(bad({ id: '7', kind: 'burst', openedMs: 5, size: null })).toThrow('a number is none');
});

describe('our own JSON', () => {
  test('has every field', () => {
    expect(parsed(ownJson(told, url).body)).toEqual({
      rollcall: 1,
      id: told.id,
      about: 'incident:7',
      event: 'opened',
      title: 'school: 7 files lost silently',
      lines: ['7 files are gone, and nobody deleted them.', 'All of them can be restored.'],
      severity: 'critical',
      subject: 'school',
      incident: { id: '7', kind: 'silent-loss', opened: '2026-11-30T03:00:00.000Z', size: 7 },
      examples: ['class/5a/essay.odt'],
      next: 'rollcall incidents 7',
      at: '2026-11-30T03:00:00.000Z',
    });
  });

  test('is signed in the form of Standard Webhooks, as its specification computes it', () => {
    // The example of the specification's libraries.
    expect(
      signed({
        id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        body: '{"test": 2432232314}',
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        nowMs: 1_614_265_330_000,
      }),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });
});

describe('Slack', () => {
  test('a message in plain text, of the color of its severity', () => {
    const { text, mrkdwn, attachments } = parsed(slack(told, url).body);
    expect([text, mrkdwn]).toEqual(['school: 7 files lost silently', false]);
    expect(attachments).toHaveLength(1);
    expect(attachments[0]).toMatchObject({ color: '#b3261e', mrkdwn_in: [] });
  });

  test('a name calls nobody and links nowhere', () => {
    const { body } = slack(hostile, url);
    expect(body).not.toMatch(/[<>]/);
    expect(body).not.toMatch(/@(channel|here|everyone|all)/i);
    expect(body).toContain('&lt;!channel&gt;');
  });
});

describe('Matrix', () => {
  test('the id of the message is the transaction, so that the server drops it the second time', () => {
    const { method, url: at } = matrix(told, room);
    expect([method, at.pathname]).toEqual(['PUT', `${room.pathname}/${told.id}`]);
  });

  test('names are no HTML, and mention nobody', () => {
    const made = parsed(matrix(hostile, room).body);
    expect(made['m.mentions']).toEqual({});
    expect(made.formatted_body.replaceAll(/<\/?strong>|<br>/g, '')).not.toMatch(/[<>"]/);
    expect(made.formatted_body).toContain('&lt;script&gt;');
  });

  test('another URL than that of a room is refused with what it should be', () => {
    expect(() => matrix(told, url)).toThrow('/_matrix/client/v3/rooms/ROOM/send/m.room.message');
  });
});

describe('Alertmanager', () => {
  const alertOf = (message = messageOf()) => parsed(alertmanager(toldOf(message), url).body)[0];

  test('an alert keeps its labels from open to closed, whatever the severity of the message', () => {
    const opened = alertOf();
    const closed = alertOf(
      messageOf({ severity: 'ok', title: 'school: all is back', atMs: AT_MS + 1_000 }, { event: 'closed' }),
    );
    expect(opened.labels).toEqual({
      alertname: 'RollcallIncident',
      kind: 'silent-loss',
      incident: '7',
      severity: 'critical',
      subject: 'school',
    });
    expect(closed.labels).toEqual(opened.labels);
    expect(closed.startsAt).toBe(opened.startsAt);
    expect(closed.endsAt).toBe('2026-11-30T03:00:01.000Z');
    expect(Date.parse(opened.endsAt) - AT_MS).toBeGreaterThan(30 * 86_400_000);
  });

  test('labels are bounded and hold no path', () => {
    const { labels } = alertOf(
      messageOf({ subject: 'x'.repeat(10_000), examples: ['secret/path'], lines: ['secret/path'] }),
    );
    expect(JSON.stringify(labels).length).toBeLessThan(300);
    expect(JSON.stringify(labels)).not.toContain('secret');
  });
});

describe('ntfy', () => {
  test('a title is a field of JSON, never a header; the topic is the end of the URL', () => {
    const made = ntfy(hostile, new URL('https://ntfy.example.org/school'));
    expect(made.url.href).toBe('https://ntfy.example.org/');
    expect(Object.keys(made.headers)).toEqual(['content-type']);
    expect(parsed(made.body)).toMatchObject({ topic: 'school', priority: 5, markdown: false });
  });
});

describe('pings', () => {
  const base = new URL('https://hc.example.org/ping/5bf66975');
  const made = (event: Parameters<typeof messageOf>[1]) => ping(toldOf(messageOf({}, event)), base);

  test('start, success and fail of one run share its id; an alarm is a fail, a test changes nothing', () => {
    const run = { about: 'run:school/quick/1764460800000' } as const;
    const [start, success, fail] = (['start', 'success', 'fail'] as const).map((event) => made({ ...run, event }));
    expect(start?.url.pathname).toBe('/ping/5bf66975/start');
    expect(success?.url.pathname).toBe('/ping/5bf66975');
    expect(fail?.url.pathname).toBe('/ping/5bf66975/fail');
    expect(made({ event: 'opened' }).url.pathname).toBe('/ping/5bf66975/fail');
    expect(made({ event: 'closed' }).url.pathname).toBe('/ping/5bf66975');
    expect(made({ event: 'test' }).url.pathname).toBe('/ping/5bf66975/log');
    const rid = start?.url.searchParams.get('rid') ?? '';
    expect(rid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(success?.url.searchParams.get('rid')).toBe(rid);
    expect(made({ event: 'success', about: 'run:school/quick/5' }).url.searchParams.get('rid')).not.toBe(rid);
  });

  test('no name leaves: ids only', () => {
    const { url: at, body, headers } = ping(hostile, base);
    const all = `${at.href} ${body} ${JSON.stringify(headers)}`;
    for (const word of ['school', 'channel', 'reboot', 'script', HOSTILE[3]]) expect(all).not.toContain(word);
    expect(body).toBe(hostile.id);
  });
});
