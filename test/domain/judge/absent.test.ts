// Row 3 (docs/design.md#row-3) and cause (docs/design.md#cause): what the way in which a name went, its interval and
// what a person decided make of its absence.
import { describe, expect, test } from 'vitest';
import type { RecordedLoss } from '../../../domain/judge/context.ts';
import type { LossRule } from '../../../domain/window/intervals.ts';
import { NO_MOVES } from '../../../domain/window/moves.ts';
import { DAY_MS } from '../../../domain/lengths.ts';
import { type Answer, file, gone, judged, type Line, type Scene, T0_MS } from './scene.ts';

const good = file('good content', -3);

/** Gone between n/1 and n/2; the directory's time tells how. */
const LINES: readonly Line[] = [
  ['n/1', good],
  ['n/2', gone],
  ['live', gone],
];
const HOW = { silent: [-5, -5, -5], touched: [-5, 0.5, 0.5], untold: [null, null, null] } as const;
type How = keyof typeof HOW;
const THAT_NIGHT = [['n/1', 'n/2']] as const;
const NO_SINCE = { window: [] } as const;

function lost(how: How, more: Partial<Scene> = {}): Answer {
  return judged({ ...NO_SINCE, lines: LINES, parentMtimes: HOW[how], ...more });
}

/** Short: 'missing', 'missing?' where nothing but docs/design.md#interval-1 says so, 'deleted'. */
function verdict(how: How, more: Partial<Scene> = {}): string {
  const { verdict: is, flags } = lost(how, more);
  return is + (flags.includes('uncertain') ? '?' : '');
}

function recorded(cause: RecordedLoss['cause'], isUncertain = false, goneDay = 1): Partial<Scene>['input'] {
  return { openFindings: new Map([['d/f', { cause, goneMs: T0_MS + goneDay * DAY_MS, isUncertain }]]) };
}

describe('row 3: how it went, and when', () => {
  test.each<[string, Partial<Scene>, string, string, string]>([
    // The situation, and what it makes of what went silently, touched, untold.
    ['outside of the loss intervals', {}, 'missing', 'deleted', 'deleted'],
    ['where fewer than three intervals are known', { known: 2 }, 'missing', 'deleted', 'missing'],
    ['where three are known', { known: 3 }, 'missing', 'deleted', 'deleted'],
    ['in a burst of touched vanishings', { bursts: THAT_NIGHT }, 'missing', 'missing', 'missing'],
    ['beyond the sensitive line', { window: THAT_NIGHT }, 'missing', 'missing', 'missing'],
    ['in a burst of damage', { damageNights: THAT_NIGHT }, 'missing', 'missing', 'missing'],
    ['beside a burst', { beside: THAT_NIGHT }, 'missing', 'deleted', 'missing'],
    ['beside a burst, and beyond its own line', { besideLine: THAT_NIGHT }, 'missing', 'missing', 'missing'],
    ['in a burst of another night', { bursts: [['n/2', 'live']] }, 'missing', 'deleted', 'deleted'],
    ['in a night of silent losses', { silentNights: THAT_NIGHT }, 'missing', 'missing?', 'missing?'],
    [
      'in such a night that is a burst, too',
      { silentNights: THAT_NIGHT, bursts: THAT_NIGHT },
      'missing',
      'missing',
      'missing',
    ],
    [
      'in such a night beside a burst',
      { silentNights: THAT_NIGHT, beside: THAT_NIGHT },
      'missing',
      'missing?',
      'missing',
    ],
    ['in such a night of a young backup', { silentNights: THAT_NIGHT, known: 2 }, 'missing', 'missing?', 'missing'],
    ['where --since covers it', { input: { since: { from: -1, to: 2 } } }, 'missing', 'missing', 'missing'],
    ['where --since begins after it', { input: { since: { from: 1, to: 2 } } }, 'missing', 'deleted', 'deleted'],
    [
      'where --since covers a night of silent losses',
      { silentNights: THAT_NIGHT, input: { since: { from: -1, to: 2 } } },
      'missing',
      'missing',
      'missing',
    ],
    ['in an open finding', { input: recorded(null) ?? {} }, 'missing', 'missing', 'missing'],
    ['in an open finding that was uncertain', { input: recorded(null, true) ?? {} }, 'missing', 'missing?', 'missing?'],
    [
      'in one that was uncertain, and now in a burst',
      { bursts: THAT_NIGHT, input: recorded(null, true) ?? {} },
      'missing',
      'missing',
      'missing',
    ],
    [
      'in one that was certain, and now only in a night of silent losses',
      { silentNights: THAT_NIGHT, input: recorded(null) ?? {} },
      'missing',
      'missing',
      'missing',
    ],
  ])('%s', (_, more, silent, touched, untold) => {
    expect([verdict('silent', more), verdict('touched', more), verdict('untold', more)]).toEqual([
      silent,
      touched,
      untold,
    ]);
  });

  test('a backup that keeps no directory times: what went there is untold', () => {
    expect(verdict('touched', { keeps: 'no', known: 2 })).toBe('missing');
    expect(verdict('silent', { keeps: 'no' })).toBe('deleted');
  });
  test('a restore between the two looks explains a touched directory, and leaves it untold', () => {
    const restoredInto = new Map([['d', [T0_MS + 0.4 * DAY_MS]]]);
    const lines: readonly Line[] = [
      ['n/1', good],
      ['live', gone],
    ];
    const scene = { lines, parentMtimes: [-5, 0.5], known: 2 };
    expect(judged({ ...NO_SINCE, ...scene }).verdict).toBe('deleted');
    expect(judged({ ...NO_SINCE, ...scene, restoredInto }).verdict).toBe('missing');
  });
  test('what only a list names has no date, and is missing', () => {
    const lines: readonly Line[] = [
      ['list:sums/1', good],
      ['n/1', gone],
      ['live', gone],
    ];
    expect(judged({ ...NO_SINCE, lines })).toMatchObject({ verdict: 'missing', cause: { cause: 'unknown' } });
  });
  test('what nobody ever saw is not lost, in no interval', () => {
    const lines: readonly Line[] = [
      ['n/1', gone],
      ['live', gone],
    ];
    expect(judged({ lines, bursts: [['n/1', 'live']], known: 1 }).verdict).toBe('deleted');
  });
});

describe('row 3: what comes before how and when', () => {
  const places = (more: Partial<typeof NO_MOVES>): Partial<Scene> => ({ input: { moves: { ...NO_MOVES, ...more } } });
  test('accepted is deleted, also what went silently', () => {
    const { expectedKey, observedKey } = lost('silent');
    const accepted = new Map([['d/f', [{ expectedKey, observedKey, reason: 'obsolete', atMs: 1 }]]]);
    expect(lost('silent', { input: { accepted } })).toMatchObject({
      verdict: 'deleted',
      accepted: { reason: 'obsolete' },
    });
  });
  test('moved is moved, also out of a trash', () => {
    expect(lost('touched', places({ moved: new Map([['d/f', 'e/f']]) }))).toMatchObject({
      verdict: 'moved',
      movedTo: 'e/f',
    });
    const moved = new Map([['.Trash-1000/f', 'd/f']]);
    expect(lost('touched', { path: '.Trash-1000/f', ...places({ moved }) }).verdict).toBe('moved');
  });
  test('put into a trash, or gone from one, is deleted, in a burst too', () => {
    const trashed = new Map([['d/f', '.Trash-1000/files/f']]);
    expect(lost('touched', { bursts: THAT_NIGHT, ...places({ trashed }) })).toMatchObject({
      verdict: 'deleted',
      movedTo: '.Trash-1000/files/f',
    });
    expect(verdict('touched', { bursts: THAT_NIGHT, path: '#recycle/d/f' })).toBe('deleted');
  });
  test('displaced and rewritten are missing, in the quietest of nights, and say where they are', () => {
    expect(lost('touched', places({ displaced: new Map([['d/f', 'lost+found/#12']]) }))).toMatchObject({
      verdict: 'missing',
      movedTo: 'lost+found/#12',
    });
    expect(verdict('touched', places({ rewritten: new Map([['d/f', 'd/f.locked']]) }))).toBe('missing');
  });
  test('a candidate is named, and changes nothing', () => {
    const candidates = new Map([['d/f', 'e/f']]);
    expect(lost('silent', places({ candidates }))).toMatchObject({ verdict: 'missing', movedTo: 'e/f' });
    expect(verdict('touched', places({ candidates }))).toBe('deleted');
  });
});

describe('the cause', () => {
  const cause = (how: How, more: Partial<Scene> = {}): string | undefined => lost(how, more).cause?.cause;
  test('silent says which directory did not change', () => {
    expect(lost('silent').cause).toMatchObject({
      cause: 'silent',
      signals: [expect.stringContaining('did not change')],
    });
    expect(cause('silent', { bursts: THAT_NIGHT })).toBe('silent');
  });
  test('touched without a signal of loss is a person, also where --since or a neighbour makes it missing', () => {
    const since: Partial<Scene> = { input: { since: { from: -1, to: 2 } } };
    expect(lost('touched', since)).toMatchObject({ verdict: 'missing', cause: { cause: 'person' } });
    expect(lost('touched', { besideLine: THAT_NIGHT })).toMatchObject({
      verdict: 'missing',
      cause: { cause: 'person' },
    });
  });
  test.each<[LossRule, Partial<Scene>]>([
    ['burst', { bursts: THAT_NIGHT }],
    ['sensitive', { window: THAT_NIGHT }],
    ['damage', { damageNights: THAT_NIGHT }],
    ['silent', { silentNights: THAT_NIGHT }],
  ])('touched in an interval of the rule %s is unknown', (_, more) => {
    expect(cause('touched', more)).toBe('unknown');
  });
  test('untold is unknown', () => {
    expect(cause('untold', { known: 1 })).toBe('unknown');
  });
  test('scattered siblings of several owners speak against a person: ten or more, and a tenth', () => {
    const siblings = (count: number, left: number, owners: number): string | undefined =>
      cause('touched', { surroundings: { siblings: { gone: count, left, owners } }, input: recorded(null) ?? {} });
    expect(siblings(10, 90, 2)).toBe('unknown');
    expect(siblings(9, 1, 2)).toBe('person');
    expect(siblings(10, 91, 2)).toBe('person');
    expect(siblings(10, 90, 1)).toBe('person');
    expect(siblings(10, 0, 2)).toBe('person');
  });
  test('a repair that took siblings of it speaks against a person', () => {
    const displaced = (path: string): string | undefined =>
      cause('touched', {
        input: { moves: { ...NO_MOVES, displaced: new Map([[path, 'lost+found/#12']]) }, ...recorded(null) },
      });
    expect([displaced('d/other'), displaced('e/other')]).toEqual(['unknown', 'person']);
  });
  test('what an open finding recorded stays, until the name was seen again after it', () => {
    const before = (goneDay: number): string | undefined =>
      cause('touched', { input: recorded({ cause: 'unknown', signals: ['a burst'] }, false, goneDay) ?? {} });
    expect([before(1), before(-1)]).toEqual(['unknown', 'person']);
    expect(cause('touched', { input: recorded({ cause: 'person', signals: [] }) ?? {} })).toBe('person');
  });
});
