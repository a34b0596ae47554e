// What is due of a schedule, whatever the clock does.
import { describe, expect, it } from 'vitest';
import type { Schedule, Window } from '../../domain/watch/configuration.ts';
import { type Due, dueNow, nextDueMs } from '../../services/watch/due.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

const BERLIN = 'Europe/Berlin';
const at = (text: string): number => Date.parse(text);
const NIGHT: Window = { fromMinute: 22 * 60, untilMinute: 6 * 60 };
const every = (hours: number, window: Window | null = null): Schedule => ({ everyMs: hours * HOUR_MS, window });
const cron = (line: string, window: Window | null = null): Schedule => ({ cron: line, window });

function asked(lastDue: string | null, now: string, since = '2026-01-01T00:00:00Z') {
  return {
    timeZone: BERLIN,
    lastDueMs: lastDue === null ? null : at(lastDue),
    sinceMs: at(since),
    nowMs: at(now),
  };
}
const shown = (due: Due | null): string =>
  due === null ? 'nothing' : `${new Date(due.dueMs).toISOString().slice(0, 16)}Z missed ${due.missed}`;
const due = (schedule: Schedule, ...times: Parameters<typeof asked>): string =>
  shown(dueNow(schedule, asked(...times)));

describe('every so many hours', () => {
  it('begins when the schedule is made, and then counts from the last time that was due', () => {
    const since = '2026-11-30T10:07:00Z';
    expect(due(every(6), null, '2026-11-30T10:08:00Z', since)).toBe('2026-11-30T10:07Z missed 0');
    expect(due(every(6), since, '2026-11-30T16:06:59Z', since)).toBe('nothing');
    expect(due(every(6), since, '2026-11-30T16:07:00Z', since)).toBe('2026-11-30T16:07Z missed 0');
  });

  it('makes up once for what was missed', () => {
    expect(due(every(6), '2026-11-28T00:00:00Z', '2026-11-30T01:00:00Z')).toBe('2026-11-30T00:00Z missed 7');
    expect(due(every(6), '2026-11-30T00:00:00Z', '2026-11-30T01:00:00Z')).toBe('nothing');
  });

  it('is due when its window opens, and what was missed with it', () => {
    const nightly = every(24, NIGHT);
    expect(due(nightly, '2026-11-29T14:00:00Z', '2026-11-30T20:59:00Z')).toBe('nothing');
    expect(due(nightly, '2026-11-29T14:00:00Z', '2026-11-30T21:00:00Z')).toBe('2026-11-30T14:00Z missed 0');
    expect(due(nightly, '2026-11-27T14:00:00Z', '2026-11-30T23:30:00Z')).toBe('2026-11-30T14:00Z missed 2');
  });

  it('a clock that was set back below the time of the schedule does not stop it', () => {
    expect(due(every(6), null, '2020-01-01T00:00:00Z', '2026-11-30T10:00:00Z')).toBe('2020-01-01T00:00Z missed 0');
  });
});

describe('a cron line', () => {
  it('is due at its time, once, and not before it was made', () => {
    const line = cron('30 2 * * *');
    expect(due(line, null, '2026-11-30T12:00:00Z', '2026-11-30T10:00:00Z')).toBe('nothing');
    expect(due(line, null, '2026-12-01T01:30:00Z', '2026-11-30T10:00:00Z')).toBe('2026-12-01T01:30Z missed 0');
    expect(due(line, '2026-12-01T01:30:00Z', '2026-12-01T02:00:00Z')).toBe('nothing');
  });

  it('makes up once for nights, and for ten years', () => {
    expect(due(cron('30 2 * * *'), '2026-11-26T01:30:00Z', '2026-11-30T08:00:00Z')).toBe('2026-11-30T01:30Z missed 3');
    expect(due(cron('* * * * *'), '2026-11-30T08:00:00Z', '2036-11-30T08:00:30Z')).toBe('2036-11-30T08:00Z missed 200');
    expect(due(cron('0 4 1 1 *'), '2026-01-01T03:00:00Z', '2028-06-01T00:00:00Z')).toBe('2028-01-01T03:00Z missed 1');
  });

  it('in the night that has the hour twice it is due once', () => {
    const line = cron('30 2 * * *');
    expect(due(line, '2026-10-24T00:30:00Z', '2026-10-25T00:45:00Z')).toBe('2026-10-25T00:30Z missed 0');
    expect(due(line, '2026-10-25T00:30:00Z', '2026-10-25T01:45:00Z')).toBe('nothing');
    expect(due(line, '2026-10-24T00:30:00Z', '2026-10-25T09:00:00Z')).toBe('2026-10-25T00:30Z missed 0');
    // Each half hour is a real one.
    const halves = cron('*/30 * * * *');
    expect(due(halves, '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z')).toBe('2026-10-25T01:30Z missed 1');
  });

  it('in the night that lacks the hour it is due when the hour would have begun, and so in all that follow', () => {
    const line = cron('30 2 * * *');
    expect(due(line, '2026-03-28T01:30:00Z', '2026-03-29T00:59:00Z')).toBe('nothing');
    expect(due(line, '2026-03-28T01:30:00Z', '2026-03-29T09:00:00Z')).toBe('2026-03-29T01:30Z missed 0');
    expect(due(line, '2026-03-29T01:30:00Z', '2026-03-30T00:30:00Z')).toBe('2026-03-30T00:30Z missed 0');
  });

  it('waits for its window', () => {
    const line = cron('0 12 * * *', NIGHT);
    expect(due(line, '2026-11-29T11:00:00Z', '2026-11-30T12:00:00Z')).toBe('nothing');
    expect(due(line, '2026-11-29T11:00:00Z', '2026-11-30T21:00:00Z')).toBe('2026-11-30T11:00Z missed 0');
  });
});

describe('when it is next to begin', () => {
  const next = (schedule: Schedule, ...times: Parameters<typeof asked>): string =>
    new Date(nextDueMs(schedule, asked(...times)) ?? Number.NaN).toISOString();

  it('is now where something is due, else the next time, shifted to the window', () => {
    expect(next(every(6), '2026-11-30T00:00:00Z', '2026-11-30T07:00:00Z')).toBe('2026-11-30T07:00:00.000Z');
    expect(next(every(6), '2026-11-30T06:00:00Z', '2026-11-30T07:00:00Z')).toBe('2026-11-30T12:00:00.000Z');
    expect(next(every(6, NIGHT), '2026-11-30T06:00:00Z', '2026-11-30T07:00:00Z')).toBe('2026-11-30T21:00:00.000Z');
    expect(next(cron('30 2 * * *'), null, '2026-11-30T07:00:00Z', '2026-11-30T06:00:00Z')).toBe(
      '2026-12-01T01:30:00.000Z',
    );
  });
});
