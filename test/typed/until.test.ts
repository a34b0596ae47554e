// Until when, as people type it: always a time to come, and never for ever.
import { expect, test } from 'vitest';
import { parseUntil } from '../../services/typed/until.ts';

const NOW = Date.parse('2026-10-24T10:00:00Z');
const until = (text: string, nowMs = NOW): string =>
  new Date(parseUntil(text, { nowMs, tz: 'Europe/Berlin' })).toISOString().slice(0, 16);

test.each([
  ['2h', '2026-10-24T12:00'],
  ['3 days', '2026-10-27T10:00'],
  ['90m', '2026-10-24T11:30'],
  ['13:00', '2026-10-24T11:00'],
  // Tomorrow, after clocks were set back in the night.
  ['06:00', '2026-10-25T05:00'],
  // Of the two, the later one: it is over then by all clocks.
  ['2026-10-25T02:30', '2026-10-25T01:30'],
  ['2026-10-26T08:00', '2026-10-26T07:00'],
  ['2026-10-26T08:00Z', '2026-10-26T08:00'],
])('%s', (text, iso) => {
  expect(until(text)).toBe(iso);
});

test('a date is all of that day', () => {
  const ms = parseUntil('2026-10-26', { nowMs: NOW, tz: 'Europe/Berlin' });
  expect(ms).toBeGreaterThanOrEqual(Date.parse('2026-10-26T22:59:59Z'));
  expect(ms).toBeLessThanOrEqual(Date.parse('2026-10-26T23:00:00Z'));
});

test.each([
  ['2026-10-24', '2026-10-25T00:00:00Z', 'has passed'],
  ['2026-10-24T11:59', '2026-10-24T10:00:00Z', 'has passed'],
  ['0h', '2026-10-24T10:00:00Z', 'not understood'],
  ['for ever', '2026-10-24T10:00:00Z', 'not understood'],
  ['', '2026-10-24T10:00:00Z', 'not understood'],
  ['400d', '2026-10-24T10:00:00Z', 'more than a year'],
  ['2028-01-01', '2026-10-24T10:00:00Z', 'more than a year'],
])('%s is refused', (text, now, why) => {
  expect(() => until(text, Date.parse(now))).toThrow(why);
});
