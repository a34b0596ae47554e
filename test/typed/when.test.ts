// Times as people type them: what is not understood whole is refused, and never taken for the whole day.
import { describe, expect, it } from 'vitest';
import { parseWhen } from '../../services/typed/when.ts';

const options = { option: '--as-of', nowMs: Date.parse('2026-11-28T12:00:00Z'), tz: 'UTC' };

function read(text: string): string {
  const { fromMs, toMs } = parseWhen(text, options);
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  return from === to ? from : `${from}/${to}`;
}

describe('a time that a person types', () => {
  it.each([
    ['2026-11-21', '2026-11-21T00:00:00.000Z/2026-11-21T23:59:59.999Z'],
    ['20261121', '2026-11-21T00:00:00.000Z/2026-11-21T23:59:59.999Z'],
    ['2026-11-21T03', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21T03:00', '2026-11-21T03:00:00.000Z'],
    [' 2026-11-21 03:00 ', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21_03-00-15', '2026-11-21T03:00:15.000Z'],
    ['2026-11-21T03:00:15.5Z', '2026-11-21T03:00:15.000Z'],
    ['2026-11-21T03:00+01:00', '2026-11-21T02:00:00.000Z'],
    ['2026-11-21T03:00-0500', '2026-11-21T08:00:00.000Z'],
    ['3 days ago', '2026-11-25T12:00:00.000Z'],
    ['yesterday', '2026-11-27T12:00:00.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(read(text)).toBe(instant);
  });

  it.each([
    '2026-11-21T3:00',
    '2026-11-21 3am',
    '2026-11-21 03',
    '2026-11-21T25:00',
    '2026-11-21T03:60',
    '2026-11-21T03:00+15:00',
    // In the name of a snapshot that would be a counter; a person means a zone.
    '2026-11-21 03:00-0500',
    '2026-11-21 03:00 +0100',
    'x2026-11-21y',
    '2026-11-20 2026-11-21',
    '2026-13-01',
    'in a week',
    '',
  ])('%j is refused', (text) => {
    expect(() => read(text)).toThrow('is not understood');
  });
});
