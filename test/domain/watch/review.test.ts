// What becomes of incidents, and what of it is told: table by table, and over random histories.
import { describe, expect, test } from 'vitest';
import { type Condition, merged, troubleConditions } from '../../../domain/watch/conditions.ts';
import type { IncidentKind } from '../../../domain/watch/incident.ts';
import {
  type LossEnding,
  type Mute,
  type OpenIncident,
  review,
  type Tellable,
  tellingOf,
} from '../../../domain/watch/review.ts';
import { fc } from '../../support/random.ts';

function condition(kind: IncidentKind, subject: string, size = 1): Condition {
  return { kind, subject, size, newestMs: null, bytes: 0, reasons: [], next: '' };
}

const WATCHED = { subjects: new Set(['school', 'mail', 'files1']), endings: new Map<bigint, LossEnding>() };
const OPEN: OpenIncident = { id: 7n, kind: 'silent-loss', subject: 'school', size: 7, peak: 7 };

describe('incidents', () => {
  test('one opens with its condition, grows to its peak, and is the same one for as long', () => {
    expect(review([condition('burst', 'school', 3)], [OPEN], WATCHED).opened).toMatchObject([{ kind: 'burst' }]);
    const { opened, lasting, closed } = review([condition('silent-loss', 'school', 3)], [OPEN], WATCHED);
    expect([opened, closed, lasting.map(({ id, peak }) => [id, peak])]).toEqual([[], [], [[7n, 7]]]);
  });

  test.each<[string, LossEnding | null, string | null]>([
    ['nobody knows how its files came back', null, null],
    ['no file is open any more, and nobody has looked since', { byAudit: 0, settled: 0, cleanAudits: 0 }, null],
    ['one complete audit found nothing', { byAudit: 7, settled: 0, cleanAudits: 1 }, null],
    ['two complete audits found nothing', { byAudit: 7, settled: 0, cleanAudits: 2 }, 'clean'],
    ['all were proven to be restored, or accepted', { byAudit: 0, settled: 7, cleanAudits: 0 }, 'settled'],
    ['most were, and an audit alone says so of one', { byAudit: 1, settled: 6, cleanAudits: 1 }, null],
  ])('a loss: %s', (_, ending, because) => {
    const endings = new Map(ending === null ? [] : [[7n, ending] as const]);
    const { closed, clean } = review([], [OPEN], { ...WATCHED, endings });
    expect([closed, clean.length]).toEqual(because === null ? [[], 1] : [[{ id: 7n, because }], 0]);
  });

  test('what is no loss is over with its cause; what is not watched any more is not left open for ever', () => {
    const blind: OpenIncident = { ...OPEN, id: 8n, kind: 'blind' };
    const gone: OpenIncident = { ...OPEN, id: 9n, subject: 'old' };
    expect(review([], [blind, gone], WATCHED).closed).toEqual([
      { id: 8n, because: 'over' },
      { id: 9n, because: 'unwatched' },
    ]);
  });

  test('a volume with the name of its host has one incident of a kind', () => {
    const both = [
      { ...condition('blind', 'x', 1), reasons: ['a'] },
      { ...condition('blind', 'x', 2), reasons: ['b'] },
    ];
    expect(merged(both)).toMatchObject([{ size: 3, reasons: ['a', 'b'] }]);
  });
});

describe('what is told', () => {
  const NEW: Tellable = {
    id: 7n,
    kind: 'silent-loss',
    size: 7,
    told: 0,
    isHeard: false,
    newestMs: 50,
    mute: null,
    isSilent: false,
  };
  const mute: Mute = { id: 3n, untilMs: 1_000, atSize: 7, atMs: 100 };
  const toldOf = (changes: Partial<Tellable>, nowMs = 200): string | null => {
    const telling = tellingOf({ ...NEW, ...changes }, nowMs);
    return telling === null ? null : `${telling.event} ${telling.about}`;
  };

  test.each<[string, Partial<Tellable>, string | null]>([
    ['it has opened', {}, 'opened incident:7'],
    ['it was told', { told: 7 }, null],
    ['it is nine times as large', { told: 7, size: 69 }, null],
    ['it is ten times as large', { told: 7, size: 70 }, 'tenfold incident:7/7-70'],
    ['all of it had ended, and more is lost', { isHeard: true }, 'tenfold incident:7/again-50'],
    ['it is in maintenance, or nobody is to be told', { isSilent: true }, null],
    ['it is muted', { mute }, null],
    ['it was muted, and is smaller', { mute, told: 7, size: 6 }, null],
    ['it was muted, and is larger', { mute, told: 7, size: 8 }, 'tenfold incident:7/mute:3'],
    ['it was muted, and other files are lost now', { mute, told: 7, newestMs: 101 }, 'tenfold incident:7/mute:3'],
    ['it was muted untold, and gets worse', { mute, size: 8 }, 'opened incident:7'],
  ])('%s', (_, changes, told) => expect(toldOf(changes)).toBe(told));

  test('a mute ends by itself; what was told before is not told again', () => {
    expect(toldOf({ mute }, 1_000)).toBe('opened incident:7');
    expect(toldOf({ mute, told: 7 }, 1_000)).toBe(null);
  });
});

test('a watch tells of clocks, versions, room, undelivered messages and tasks that were given up', () => {
  const worker = { host: 'files1', isAlive: true, version: '1', startedMs: 0, clockOffsetMs: 0 };
  const none = { workers: [worker], room: null, failedHooks: [], failedTasks: [] };
  const HOUR = 3_600_000;
  expect(troubleConditions(none, 2 * HOUR)).toEqual([]);
  // A worker that is gone has no clock, and a version that nobody runs.
  const gone = { ...worker, isAlive: false, version: '0', clockOffsetMs: 9e9 };
  expect(troubleConditions({ ...none, workers: [worker, gone] }, 2 * HOUR)).toEqual([]);
  const upgraded = { ...worker, host: 'vault', version: '2', startedMs: HOUR };
  expect(troubleConditions({ ...none, workers: [worker, upgraded] }, 2 * HOUR)).toEqual([]);
  const found = troubleConditions(
    {
      workers: [worker, { ...upgraded, clockOffsetMs: -9_000 }],
      room: { freeBytes: 1e9, totalBytes: 1e12 },
      failedHooks: [{ hook: 'admins', failed: 2, trouble: 'refused' }],
      failedTasks: [{ id: '7', host: 'vault', why: 'it died' }],
    },
    2 * HOUR + 1,
  );
  expect(found.map(({ subject, size, reasons }) => [subject, size, ...reasons])).toEqual([
    [
      'vault',
      2,
      "its clock is -9 s off that of the database, and another host's is not",
      'task 7 was given up: it died',
    ],
    [
      '',
      3,
      'workers of several versions are running: 1, 2',
      'the file system of the catalog has 1000 MB left',
      '2 messages to admins could not be delivered: refused',
    ],
  ]);
  // Hosts that agree with one another date evidence alike.
  const ahead = { ...worker, clockOffsetMs: 90_000 };
  expect(troubleConditions({ ...none, workers: [ahead, { ...ahead, host: 'vault' }] }, 0)).toEqual([]);
  // A small disk is nearly full later.
  expect(troubleConditions({ ...none, room: { freeBytes: 1e9, totalBytes: 1e10 } }, 0)).toEqual([]);
});

test('over any history an incident is open at most once, each message is unique, and no loss ends unseen', () => {
  const KINDS = ['silent-loss', 'blind'] as const;
  const step = fc.record({
    sizes: fc.dictionary(
      fc.constantFrom(...KINDS.flatMap((kind) => [`${kind} school`, `${kind} mail`])),
      fc.integer({ min: 1, max: 500 }),
    ),
    ending: fc.record({ byAudit: fc.nat({ max: 1 }), settled: fc.nat({ max: 1 }), cleanAudits: fc.nat({ max: 2 }) }),
    isSilent: fc.boolean(),
    mutes: fc.boolean(),
    // Several serves see the same facts.
    times: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let nextId = 1n;
      let open: (OpenIncident & { told: number; mute: Mute | null })[] = [];
      const messages: string[] = [];
      const openedOnce = new Set<bigint>();
      for (const [n, { sizes, ending, isSilent, mutes, times }] of steps.entries()) {
        const conditions = Object.entries(sizes).map(([key, size]) => {
          const [kind = '', subject = ''] = key.split(' ');
          return condition(kind as IncidentKind, subject, size);
        });
        for (let time = 0; time < times; time++) {
          const endings = new Map(open.map(({ id }) => [id, ending]));
          const reviewed = review(conditions, open, { ...WATCHED, endings });
          if (time > 0) expect([reviewed.opened, reviewed.closed]).toEqual([[], []]);
          for (const { id } of reviewed.closed) {
            const closed = open.find((one) => one.id === id);
            if (closed?.kind === 'silent-loss')
              expect(ending.cleanAudits === 2 || (ending.settled === 1 && ending.byAudit === 0)).toBe(true);
          }
          open = open
            .filter(({ id }) => reviewed.closed.every((one) => one.id !== id))
            .map((one) => {
              const { condition: now, peak } = reviewed.lasting.find(({ id }) => id === one.id) ?? {};
              return now === undefined ? one : { ...one, size: now.size, peak: peak ?? one.peak };
            });
          for (const { kind, subject, size } of reviewed.opened)
            open.push({ id: nextId++, kind, subject, size, peak: size, told: 0, mute: null });
          for (const one of open) {
            const telling = tellingOf({ ...one, newestMs: null, isHeard: one.told > 0, isSilent }, n);
            if (telling === null) continue;
            if (time > 0) expect(telling).toBe(null);
            messages.push(`${telling.about} ${telling.event}`);
            if (telling.event === 'opened') openedOnce.add(one.id);
            else expect(openedOnce.has(one.id)).toBe(true);
            one.told = Math.max(one.told, one.size);
            if (telling.endsMute !== null && one.mute !== null) one.mute = { ...one.mute, untilMs: n };
          }
        }
        if (mutes)
          open = open.map((one) => ({
            ...one,
            mute: { id: BigInt(n), untilMs: n + 3, atSize: one.size, atMs: n },
          }));
        const keys = open.map(({ kind, subject }) => `${kind} ${subject}`);
        expect(new Set(keys).size).toBe(keys.length);
      }
      expect(new Set(messages).size).toBe(messages.length);
    }),
  );
});
