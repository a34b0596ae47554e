// Any configuration is written as a file that means the same, and any file is read or refused, never a fall.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { brickList } from '../../../domain/gluster/brick-places.ts';
import type { Configuration, Schedule, Window } from '../../../domain/watch/configuration.ts';
import { INCIDENT_KINDS } from '../../../domain/watch/incident.ts';
import { configurationText } from '../../../services/watch/config/text.ts';
import { differences } from '../../../services/watch/config/difference.ts';
import { DEFAULTS } from '../../../services/watch/config/read.ts';
import { cases, fc } from '../../support/random.ts';
import { configuration, parsed } from './school.ts';

const EXAMPLE = readFileSync(new URL('../../../rollcall.example.yaml', import.meta.url), 'utf8');

const minute = fc.integer({ min: 0, max: 24 * 60 - 1 });
const window: fc.Arbitrary<Window | null> = fc.option(
  fc
    .record({ fromMinute: minute, untilMinute: minute })
    .filter(({ fromMinute, untilMinute }) => fromMinute !== untilMinute),
);
const lengthMs = fc.integer({ min: 1, max: 5_000_000 }).map((minutes) => minutes * 60_000);
const schedule: fc.Arbitrary<Schedule | null> = fc.option(
  fc.oneof(fc.record({ everyMs: lengthMs, window }), fc.record({ cron: fc.constant('30 2 * * 1-5'), window })),
);
/** Words as people and their tools make them: with spaces, quotes, signs of YAML, and other alphabets. */
const word = fc
  .string({ unit: fc.constantFrom(...Array.from('ab1 #:-*&!%@{}[],"\'?|>~ñ漢=.')), minLength: 1, maxLength: 12 })
  .filter((text) => text.trim() !== '' && text !== '.' && text !== '..');
const path = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);

const OF_NO_MOUNT = { crossMounts: false, notGluster: false, bricksRescued: false };

const any: fc.Arbitrary<Configuration> = fc
  .record({
    volumes: fc.array(
      fc.record({
        path,
        bricks: fc.option(
          fc.uniqueArray(
            path.filter((one) => !one.includes(',')),
            { minLength: 1, maxLength: 3 },
          ),
        ),
        excludes: fc.array(fc.constantFrom('/scratch/', '*.tmp', '#x', '!keep')),
        quick: schedule,
        scrub: fc.option(
          fc.record({
            withinDays: fc.integer({ min: 1, max: 400 }),
            graceDays: fc.integer({ min: 1, max: 400 }),
            bytesPerSecond: fc.option(fc.integer({ min: 1, max: 10 ** 9 })),
            window,
          }),
        ),
        flag: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    look: schedule,
    atMs: fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-12-31') }),
    kinds: fc.uniqueArray(fc.constantFrom(...INCIDENT_KINDS)),
    reason: word,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/St_Johns'),
    digest: fc.option(minute),
    keepMessagesDays: fc.integer({ min: 1, max: 3000 }),
  })
  .map(({ volumes, look, atMs, kinds, reason, timeZone, digest, keepMessagesDays }) => ({
    timeZone,
    bundles: null,
    volumes: volumes.map(({ flag, path, bricks, ...one }, at) => ({
      ...one,
      name: `v${at}`,
      host: `h${at}`,
      ...(bricks === null
        ? { path, layout: 'tree' as const, crossMounts: flag, notGluster: !flag, bricksRescued: flag }
        : { path: brickList(bricks), layout: 'gluster' as const, ...OF_NO_MOUNT }),
      backups: flag ? ['b'] : [],
      blindAfterMs: null,
      pings: flag ? ['p'] : [],
    })),
    backups: [{ name: 'b', host: 'vault', pattern: '/b/*/data', snapshotsMax: null, tz: null, look, pings: [] }],
    maintenance: [
      // To the minute, as files have it.
      { subjects: [], reason, at: { fromMs: atMs - (atMs % 60_000), untilMs: atMs - (atMs % 60_000) + 3_600_000 } },
    ],
    digest: digest === null ? null : { atMinute: digest, hooks: ['c'] },
    alarms: [{ kinds, subjects: ['vault'], hooks: ['c'] }],
    hooks: [
      { type: 'command' as const, name: 'c', program: 'page' },
      { type: 'ping' as const, name: 'p', url: 'env:ROLLCALL_HOOK_P', allowInternal: false },
    ],
    keepMessagesDays,
  }));

test('what config prints means what holds', () => {
  fc.assert(
    fc.property(any, (one) => {
      expect(configuration(configurationText(one))).toEqual(one);
      expect(differences(one, one)).toEqual([]);
    }),
    { numRuns: cases(50) },
  );
  expect(DEFAULTS.quickMs).toBe(86_400_000);
});

test('a file that was damaged anywhere is read or refused with a place, and does not fall', () => {
  const bytes = Buffer.from(EXAMPLE);
  const harm = fc.array(
    fc.record({
      at: fc.nat(bytes.length - 1),
      by: fc.oneof(fc.constantFrom(...Buffer.from('\n\t :-[]{}"\'*&!|>%@#0\0\xff', 'latin1')), fc.nat(255)),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(harm, (list) => {
      const harmed = Buffer.from(bytes);
      for (const { at, by } of list) harmed[at] = by;
      const found = parsed(harmed);
      if ('problems' in found) expect(found.problems.every(({ message }) => message.length > 5)).toBe(true);
    }),
    { numRuns: cases(150) },
  );
});
