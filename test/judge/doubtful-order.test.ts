// The line of the report that says that an order was estimated.
import { expect, test } from 'vitest';
import { doubtfulOrder } from '../../services/judge/doubtful-order.ts';
import { DAY_MS } from '../../domain/lengths.ts';

const scan = (snapshot: string, source: string, day: number): Parameters<typeof doubtfulOrder>[0][number] => ({
  snapshot,
  path: `/b/${snapshot}`,
  asOf: { fromMs: day * DAY_MS, toMs: (day + 1) * DAY_MS - 1, source },
});

test('an order that rests on days of the week or on times is said to be an estimate, with the snapshot to check', () => {
  expect(doubtfulOrder([scan('monday', 'weekday', 1), scan('tuesday', 'weekday', 2)])).toMatch(
    /^the order of 2 of 2 snapshots is estimated, from the days in their names .* Check that tuesday is the newest\./,
  );
  expect(doubtfulOrder([scan('2026-11-20', 'name', 1), scan('old', 'mtime', 2)])).toMatch(
    /^the order of 1 of 2 snapshots is estimated, from the times of their files/,
  );
});

test('two that may be of the same time are named', () => {
  expect(doubtfulOrder([scan('2026-11-20-a', 'name', 1), scan('2026-11-20-b', 'name', 1)])).toMatch(
    /^the order of 2026-11-20-a and 2026-11-20-b is estimated/,
  );
});

test('nothing is said where names, notes or numbers tell, or where there is no order', () => {
  expect(doubtfulOrder([scan('2026-11-20', 'name', 1), scan('2026-11-21', 'name', 2)])).toBeNull();
  expect(doubtfulOrder([scan('daily.1', 'order', 1), scan('daily.0', 'order', 1)])).toBeNull();
  expect(doubtfulOrder([scan('mirror', 'mtime', 1)])).toBeNull();
});
