// The state of a volume follows from facts; what no fact speaks for is never ok.
import { describe, expect, test } from 'vitest';
import { blindConditions, overdueConditions } from '../../../domain/watch/conditions.ts';
import { lasting, stateOf } from '../../../domain/watch/states.ts';
import { blindAfter, type VolumeFacts } from '../../../domain/watch/volume-facts.ts';
import { fc } from '../../support/random.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * 24 * HOUR;

const GOOD: VolumeFacts = {
  name: 'school',
  role: 'live',
  host: 'files1',
  path: '/srv/school',
  watchedMs: NOW - 100 * HOUR,
  auditedMs: NOW - 5 * HOUR,
  triedMs: NOW - 5 * HOUR,
  trouble: null,
  incomplete: 0,
  incompleteTexts: [],
  blindAfterMs: blindAfter(24 * HOUR),
  workerlessMs: null,
  open: {},
  late: [],
  scrub: null,
  inMaintenance: false,
  pausedUntilMs: null,
};
const SCRUB = {
  withinDays: 30,
  files: 100,
  bytes: 1,
  overdue: 0,
  neverRead: 0,
  oldestMs: NOW - HOUR,
  missMs: null,
  histogram: [],
};
const trouble = { atMs: NOW, message: '/srv/school is empty', next: 'mount it' };

function of(changes: Partial<VolumeFacts>): VolumeFacts {
  return { ...GOOD, ...changes };
}

test.each<[string, Partial<VolumeFacts>, string, readonly string[]]>([
  ['was audited lately', {}, 'ok', []],
  ['was never audited', { auditedMs: null, triedMs: null }, 'blind', ['it was never audited completely']],
  [
    'was not audited for twice its schedule and 6 h',
    { auditedMs: NOW - 55 * HOUR },
    'blind',
    ['the last complete audit was 55 hours ago'],
  ],
  ['was audited just before that', { auditedMs: NOW - 53 * HOUR }, 'ok', []],
  [
    'was audited in the future, by a clock that is wrong',
    { auditedMs: NOW + 99 * HOUR },
    'blind',
    ['the last complete audit was 4 days in the future (a clock is wrong)'],
  ],
  ['was stopped by a guard', { trouble }, 'blind', ['the last audit was stopped: /srv/school is empty']],
  [
    'could not be read everywhere',
    { incomplete: 1, incompleteTexts: ['live: a could not be read', 'b'] },
    'blind',
    ['the last audit is incomplete: live: a could not be read (and 1 more)'],
  ],
  ['has a host without a worker for 4 minutes', { workerlessMs: NOW - 4 * 60_000 }, 'ok', []],
  [
    'has a host without a worker for 5 minutes',
    { workerlessMs: NOW - 5 * 60_000 },
    'blind',
    ['no worker has run on files1 for 5 minutes'],
  ],
  ['has a host that never had one', { workerlessMs: 0 }, 'blind', ['no worker has ever run on files1']],
  ['missed its schedule', { late: ['the run did not begin'] }, 'overdue', ['the run did not begin']],
  [
    'broke the promise of its scrub',
    { scrub: { ...SCRUB, overdue: 3 } },
    'overdue',
    ['3 files were not read again within 30 days'],
  ],
  [
    'will break it within the week',
    { scrub: { ...SCRUB, missMs: NOW + 6 * 24 * HOUR } },
    'overdue',
    ['at the present rate the first file misses its 30 days in 6 days'],
  ],
  ['will break it some day', { scrub: { ...SCRUB, missMs: NOW + 9 * 24 * HOUR } }, 'ok', []],
  ['has open findings', { open: { missing: 7 } }, 'attention', ['open findings: missing 7']],
  [
    'has open findings, and is blind and overdue',
    { open: { missing: 7 }, trouble, late: ['late'] },
    'attention',
    ['open findings: missing 7', 'the last audit was stopped: /srv/school is empty', 'late'],
  ],
])('a volume that %s', (_, changes, state, reasons) => {
  const found = stateOf(of(changes), NOW);
  expect([found.state, found.reasons.map(({ text }) => text)]).toEqual([state, reasons]);
});

test('nothing that was not looked at is ok, whatever else is known of it', () => {
  const ms = fc.option(fc.integer({ min: 0, max: 2 * NOW }));
  const facts = fc.record({
    auditedMs: ms,
    incomplete: fc.nat({ max: 2 }),
    trouble: fc.option(fc.constant(trouble)),
    workerlessMs: ms,
    open: fc.dictionary(fc.constantFrom('missing', 'unprotected', 'unreadable'), fc.nat({ max: 2 })),
    late: fc.array(fc.constant('late'), { maxLength: 1 }),
    pausedUntilMs: ms,
    inMaintenance: fc.boolean(),
  });
  fc.assert(
    fc.property(facts, (changes) => {
      const one = of(changes);
      const { state, reasons } = stateOf(one, NOW);
      if (state !== 'ok') return reasons.some((reason) => reason.state === state);
      return (
        one.auditedMs !== null &&
        Math.abs(NOW - one.auditedMs) <= one.blindAfterMs &&
        one.trouble === null &&
        one.incomplete === 0 &&
        Object.values(one.open).every((n) => n === 0)
      );
    }),
  );
});

describe('who is called', () => {
  const called = (...changes: Partial<VolumeFacts>[]): string[][] =>
    blindConditions(changes.map(of), NOW).map(({ subject, size, reasons }) => [subject, `${size}`, ...reasons]);

  test('a first audit has its time; after that nobody has ever looked', () => {
    expect(called({ auditedMs: null, watchedMs: NOW - HOUR })).toEqual([]);
    expect(called({ auditedMs: null, watchedMs: NOW - 55 * HOUR })).toEqual([
      ['school', '1', 'it was never audited completely'],
    ]);
  });

  test('one audit that met files being written is followed by another; one that could not read is told', () => {
    const met = { incomplete: 1, incompleteTexts: ['live: 1 path changed'] };
    expect(called(met)).toEqual([]);
    expect(called({ ...met, incomplete: 2 })).toHaveLength(1);
    expect(called({ ...met, open: { unreadable: 1 } })).toHaveLength(1);
  });

  test('a guard calls at once', () => {
    expect(called({ trouble })).toEqual([['school', '1', 'the last audit was stopped: /srv/school is empty']]);
  });

  test('a host without a worker is told once, not with each of its volumes', () => {
    const gone = { workerlessMs: NOW - 10 * 60_000 };
    expect(called(gone, { ...gone, name: 'mail', auditedMs: NOW - 99 * HOUR })).toEqual([
      ['files1', '2', 'no worker has run on files1 for 10 minutes', 'it cannot audit: school, mail'],
    ]);
    // What a guard stopped is another matter than the worker.
    expect(called({ ...gone, trouble }).map(([subject]) => subject)).toEqual(['school', 'files1']);
  });

  test('a pause calls nobody, for as long as it holds', () => {
    expect(called({ trouble, pausedUntilMs: NOW + 1 })).toEqual([]);
    expect(called({ trouble, pausedUntilMs: NOW })).toHaveLength(1);
    expect(overdueConditions([of({ late: ['late'], pausedUntilMs: NOW + 1 })], NOW)).toEqual([]);
  });
});

test('a time is counted as a person counts it', () => {
  expect([0, 60_000, 119 * 60_000, 2 * HOUR, 71 * HOUR, 72 * HOUR, -5].map(lasting)).toEqual([
    '0 minutes',
    '1 minute',
    '119 minutes',
    '2 hours',
    '71 hours',
    '3 days',
    '0 minutes',
  ]);
});
