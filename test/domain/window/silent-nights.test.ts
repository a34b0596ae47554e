// docs/design.md#interval-1: a night that took files in silence makes what else went in it doubtful, until that night
// was judged.
import { expect, test } from 'vitest';
import { decideIntervals, type Vanishing } from '../../../domain/window/intervals.ts';
import { pointsOf, spansOf } from '../../../domain/window/timeline.ts';
import { file, type Line, observersOf } from '../judge/scene.ts';

const LINES: readonly Line[] = [
  ...[0, 1, 2, 3].map((night): Line => [`nightly/${night}`, file('a', 0)]),
  ['live', file('a', 0)],
];

function rulesOfLast(vanishings: readonly Vanishing[]): string[] {
  const observers = observersOf(LINES);
  const points = pointsOf(observers);
  const spans = spansOf(observers, points);
  const quiet = { added: 0, changed: 0, moved: 0, shapes: 0, touchedShare: 0.1, vanishings: [] };
  const { intervals } = decideIntervals({
    spans,
    happened: spans.map((span) => (span.last ? { ...quiet, vanishings } : quiet)),
    files: 1_000,
    sinceMs: null,
    isFirst: false,
    points,
  });
  return [...(intervals.at(-1)?.rules ?? [])];
}

const silent = (isJudged: boolean): Vanishing => ({ how: 'silent', directory: 'd', isJudged, standsElsewhere: false });
const touched: Vanishing = { how: 'touched', directory: 'e', isJudged: false, standsElsewhere: false };

test.each([
  [
    'three silent losses that nobody has seen before',
    [silent(false), silent(false), silent(false), touched],
    ['silent'],
  ],
  ['two are none', [silent(false), silent(false), touched], []],
  ['one more silent loss beside judged ones', [silent(true), silent(true), silent(false), touched], ['silent']],
  [
    'what people delete after a loss was judged is not doubtful',
    [silent(true), silent(true), silent(true), touched],
    [],
  ],
])('%s', (_, vanishings, rules) => {
  expect(rulesOfLast(vanishings)).toEqual(rules);
});
