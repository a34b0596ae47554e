// Numbers, times and shell words as people and shells read them.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { chart, fitting, niceCeiling } from '../../services/report/page/chart.ts';
import { bytes, count, percent, shellWord, since, time } from '../../services/report/wording.ts';
import { intervals } from './school.ts';
import { fc } from '../support/random.ts';

describe('numbers and times', () => {
  test('counts are grouped, sizes have three digits and never carry to 1000', () => {
    expect([0, 999, 1000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
    expect([0, 999, 1000, 9_996, 12_345, 999_499, 999_500, 1.5e12].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '10.0 kB',
      '12.3 kB',
      '999 kB',
      '1.00 MB',
      '1.50 TB',
    ]);
  });

  test('a share is never nothing for something, nor all for less than all', () => {
    expect([percent(0, 9), percent(1, 100_000), percent(1, 4), percent(99_999, 100_000), percent(4, 4)]).toEqual([
      '0 %',
      '< 0.1 %',
      '25 %',
      '> 99.9 %',
      '100 %',
    ]);
  });

  test('an instant, a whole day and an interval read differently', () => {
    expect(time('2025-11-21T03:00:00.000Z')).toBe('2025-11-21 03:00');
    expect(time('2025-11-21T00:00:00.000Z/2025-11-21T23:59:59.999Z')).toBe('2025-11-21');
    expect(time('2025-11-21T01:00:00.000Z/2025-11-21T02:00:00.000Z')).toBe('2025-11-21 01:00 to 2025-11-21 02:00');
    expect([since('2025-11-21T00:00:00.000Z'), since('2025-11-21T03:00:00.000Z/2025-11-22T03:00:00.000Z')]).toEqual([
      '2025-11-21T00:00:00Z',
      '2025-11-21T03:00:00Z',
    ]);
  });
});

test('a path printed as a shell word gives a real shell the bytes of the name', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 24 }), { minLength: 1, maxLength: 30 }),
      (names) => {
        // A command substitution drops newlines at the end; a name that ends so is not to be typed anyway.
        const kept = names.map((raw) => (raw.at(-1) === 10 ? Uint8Array.from([...raw, 65]) : raw));
        const words = kept.map((raw) => shellWord(encodePath(raw)));
        const out = execFileSync('sh', ['-c', words.map((word) => `printf '%s\\0' ${word}`).join('\n')], {
          env: { PATH: process.env['PATH'], LC_ALL: 'C' },
        });
        expect(out).toEqual(Buffer.concat(kept.flatMap((raw) => [raw, Uint8Array.from([0])])));
      },
    ),
    { numRuns: 30 },
  );
});

describe('the chart', () => {
  const labels = (svg: string): { x: number; y: number; text: string }[] =>
    [...svg.matchAll(/<text class="tx" x="([\d.]+)" y="([\d.]+)">([^<]*)</g)].map(([, x, y, text]) => ({
      x: Number(x),
      y: Number(y),
      text: text ?? '',
    }));

  test.each([1, 2, 7, 30, 90, 365])('the axis of %i intervals has labels that never touch, and ends with now', (n) => {
    for (const width of [350, 940]) {
      const found = labels(chart(intervals(n), { width }));
      expect(found.at(-1)?.text).toBe('now');
      expect(found.length).toBeGreaterThanOrEqual(2);
      found.forEach((label, i) => {
        const half = label.text.length * 3.3;
        expect(label.x - half).toBeGreaterThanOrEqual(0);
        expect(label.x + half).toBeLessThanOrEqual(width);
        const before = found[i - 1];
        if (before !== undefined) expect(before.x + before.text.length * 3.3 + 4).toBeLessThan(label.x - half);
      });
    }
  });

  test('labels fit at any density, and the more important one wins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ x: fc.nat(900), text: fc.string({ minLength: 1, maxLength: 12 }) }), { minLength: 1 }),
        (candidates) => {
          const kept = fitting(candidates, 900);
          expect(kept.some((label) => label.text === candidates[0]?.text)).toBe(true);
          kept.forEach((label, i) => {
            const before = kept[i - 1];
            if (before !== undefined)
              expect(label.x - before.x).toBeGreaterThan(((label.text.length + before.text.length) / 2) * 6);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('an axis ends on a number that holds the highest bar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (value) => {
        expect(niceCeiling(value)).toBeGreaterThanOrEqual(value);
        if (value > 5) expect(niceCeiling(value)).toBeLessThanOrEqual(2 * value);
      }),
      { numRuns: 500 },
    );
  });

  test('bursts are marked, the window is shaded, and a single lost file beside thousands is still a bar', () => {
    const svg = chart(intervals(30, 120_000), { width: 940 });
    expect(svg.match(/class="bu"/g)?.length).toBe(2);
    expect(svg.match(/class="win"/g)?.length).toBe(1);
    const heights = [...svg.matchAll(/class="va"[^>]*height="([\d.]+)"/g)].map(([, height]) => Number(height));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(2);
  });
});
