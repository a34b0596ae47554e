// Windows of the day in local time, over midnight, and on the days on which clocks are changed.
import { describe, expect, it } from 'vitest';
import type { Maintenance, Window } from '../../../domain/watch/configuration.ts';
import { isInMaintenance, isOpen, opensAt } from '../../../domain/watch/windows.ts';

const BERLIN = 'Europe/Berlin';
const at = (text: string): number => Date.parse(text);
const window = (from: string, until: string): Window => {
  const minute = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  return { fromMinute: minute(from), untilMinute: minute(until) };
};

describe('a window', () => {
  it.each([
    ['22:00', '06:00', '2026-11-30T20:59:00Z', false],
    ['22:00', '06:00', '2026-11-30T21:00:00Z', true],
    ['22:00', '06:00', '2026-12-01T04:59:00Z', true],
    ['22:00', '06:00', '2026-12-01T05:00:00Z', false],
    ['01:00', '05:00', '2026-11-30T00:30:00Z', true],
    ['01:00', '05:00', '2026-11-30T04:00:00Z', false],
    ['00:00', '00:00', '2026-11-30T12:00:00Z', true],
    // Summer time is an hour ahead.
    ['22:00', '06:00', '2026-07-01T20:00:00Z', true],
    ['22:00', '06:00', '2026-07-02T04:00:00Z', false],
    // The hour from two to three comes twice in autumn.
    ['02:00', '03:00', '2026-10-25T00:30:00Z', true],
    ['02:00', '03:00', '2026-10-25T01:30:00Z', true],
    // And not at all in spring.
    ['02:00', '03:00', '2026-03-29T00:59:00Z', false],
    ['02:00', '03:00', '2026-03-29T01:00:00Z', false],
  ])('%s to %s in Berlin, at %s: open is %s', (from, until, text, open) => {
    expect(isOpen(window(from, until), BERLIN, at(text))).toBe(open);
  });

  it.each([
    ['22:00', '06:00', '2026-11-30T12:00:00Z', '2026-11-30T21:00:00Z'],
    ['22:00', '06:00', '2026-11-30T23:00:00Z', '2026-11-30T23:00:00Z'],
    ['01:00', '05:00', '2026-11-30T12:00:00Z', '2026-12-01T00:00:00Z'],
    // The night without this hour is passed over.
    ['02:00', '03:00', '2026-03-28T12:00:00Z', '2026-03-30T00:00:00Z'],
    ['02:00', '03:00', '2026-10-24T12:00:00Z', '2026-10-25T00:00:00Z'],
  ])('%s to %s in Berlin, from %s on, opens at %s', (from, until, text, opens) => {
    expect(opensAt(window(from, until), BERLIN, at(text))).toBe(at(opens));
  });
});

describe('maintenance', () => {
  const holds = (maintenance: Omit<Maintenance, 'reason'>, names: readonly string[], text: string): boolean =>
    isInMaintenance({ timeZone: BERLIN, maintenance: [{ reason: 'disks', ...maintenance }] }, names, at(text));

  it('of one time holds for those that it names, or for all', () => {
    const once = { fromMs: at('2026-11-30T10:00:00Z'), untilMs: at('2026-11-30T12:00:00Z') };
    expect(holds({ subjects: ['school'], at: once }, ['school', 'files1'], '2026-11-30T11:00:00Z')).toBe(true);
    expect(holds({ subjects: ['files1'], at: once }, ['school', 'files1'], '2026-11-30T11:00:00Z')).toBe(true);
    expect(holds({ subjects: ['vault'], at: once }, ['school', 'files1'], '2026-11-30T11:00:00Z')).toBe(false);
    expect(holds({ subjects: [], at: once }, ['school'], '2026-11-30T11:59:59Z')).toBe(true);
    expect(holds({ subjects: [], at: once }, ['school'], '2026-11-30T12:00:00Z')).toBe(false);
  });

  it('of each Sunday night begins on Sunday, and goes on until Monday morning', () => {
    const weekly = { weekdays: [0], window: window('22:00', '04:00') };
    const on = (text: string): boolean => holds({ subjects: [], at: weekly }, ['school'], text);
    expect(on('2026-11-29T20:59:00Z')).toBe(false);
    expect(on('2026-11-29T21:00:00Z')).toBe(true);
    expect(on('2026-11-30T02:59:00Z')).toBe(true);
    expect(on('2026-11-30T03:00:00Z')).toBe(false);
    // The early hours of Sunday belong to Saturday's night.
    expect(on('2026-11-29T01:00:00Z')).toBe(false);
  });
});
