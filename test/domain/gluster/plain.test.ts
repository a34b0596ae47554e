// What is called plain without a closer look is what a closer look calls plain, and nothing more to be said of it.
import { expect, test } from 'vitest';
import type { DirectorySight } from '../../../domain/gluster/brick.ts';
import { isOrdinary, plainRule } from '../../../domain/gluster/plain.ts';
import { unionOf } from '../../../domain/gluster/union-of.ts';
import { cases, fc } from '../../support/random.ts';
import * as w from './world.ts';

const others = fc.constantFrom(w.rangeOf(0, 3), w.rangeOf(2, 3), w.rangeOf(0, 3, 0), w.rangeOf(0, 1), null);
/** Mostly the range that is its own. */
const sightOf = (nth: number): fc.Arbitrary<DirectorySight> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<DirectorySight>(w.listed({}, { layout: w.rangeOf(nth, 3) })) },
    {
      weight: 3,
      arbitrary: fc
        .record({ layout: others, gap: fc.constantFrom(null, null, w.EIO) })
        .map((over): DirectorySight => w.listed({}, over)),
    },
    { weight: 1, arbitrary: fc.constant<DirectorySight>({ state: 'absent' }) },
    { weight: 1, arbitrary: fc.constant<DirectorySight>({ state: 'unknown', gap: w.OFFLINE }) },
  );

test('what is plain at once is plain, and has no evidence', () => {
  let asked = 0;
  fc.assert(
    fc.property(
      fc.record({
        sights: fc.tuple(sightOf(0), sightOf(1), sightOf(2)),
        over: fc.record({
          lookupOptimize: fc.boolean(),
          commitHash: fc.constantFrom(null, w.COMMIT, 1),
        }),
        nth: fc.nat(2),
        mode: fc.constantFrom(0o644, 0o755, 0o2755, 0o1000, 0o3644),
        holder: fc.nat(2),
      }),
      ({ sights, over, nth, mode, holder }) => {
        const of = w.volume([1, 1, 1], over);
        const name = w.nameFor(nth, 3);
        const rule = plainRule(of, sights);
        const own = sights[holder];
        if (rule === null || own?.state !== 'listed' || !isOrdinary(mode)) return;
        if (!rule(new TextEncoder().encode(name), holder)) return;
        asked++;
        const entry = w.file({ mode });
        const all = sights.map((one, brick) =>
          brick === holder && one.state === 'listed' ? w.listed({ [name]: entry }, { layout: one.layout }) : one,
        );
        const [found] = unionOf(of, all, false).names;
        expect(found).toMatchObject({ name, class: 'plain', holder, isClear: true, evidence: [], gaps: [] });
      },
    ),
    { numRuns: cases(1_000) },
  );
  expect(asked).toBeGreaterThan(50);
});
