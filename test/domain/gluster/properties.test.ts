// Any bricks, also such as no crash leaves: what must hold for all of them.
import { describe, expect, test } from 'vitest';
import type { BrickEntry, DirectorySight, NameSight, Pending } from '../../../domain/gluster/brick.ts';
import { entryKindOf } from '../../../domain/gluster/entry-kind.ts';
import type { Topology } from '../../../domain/gluster/topology.ts';
import type { UnionName, UnionVolume } from '../../../domain/gluster/union.ts';
import { unionOf } from '../../../domain/gluster/union-of.ts';
import { compareBytes } from '../../../domain/path.ts';
import { cases, fc } from '../../support/random.ts';
import * as w from './world.ts';

const RUNS = { numRuns: cases(300) };
const NAMES = ['a', 'b', '.glusterfs', w.nameFor(0, 3), w.nameFor(2, 3)];

const marks = fc.array(
  fc.record<Pending>({
    client: fc.constantFrom(0, 1, 2, 7, null),
    data: fc.nat(1),
    metadata: fc.nat(1),
    entry: fc.nat(1),
  }),
  { maxLength: 2 },
);
const entry: fc.Arbitrary<BrickEntry> = fc
  .record({
    make: fc.constantFrom(
      w.file,
      w.empty,
      w.directory,
      () => w.symlink('x'),
      (over: Partial<BrickEntry>) => w.link(0, over),
      (over: Partial<BrickEntry>) => w.hidden(1, over),
      (over: Partial<BrickEntry>) => w.source(2, over),
      (over: Partial<BrickEntry>) => w.shadow(0, over),
    ),
    over: fc.record(
      {
        linkto: fc.constantFrom('gv-client-0', 'gv-client-2', 'gv-replicate-1', 'x', null),
        gfid: fc.constantFrom(w.GFID, w.OTHER_GFID, null),
        digest: fc.constantFrom(7n, 8n, null),
        mode: fc.constantFrom(0o644, 0o1000, 0o3644),
        isCondemned: fc.boolean(),
        pending: marks,
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ make, over }) => make(over));
const said: fc.Arbitrary<NameSight> = fc.oneof(
  { weight: 9, arbitrary: entry.map((one) => ({ state: 'seen', entry: one }) as const) },
  { weight: 1, arbitrary: fc.constant({ state: 'gap', gap: w.EIO } as const) },
);
const sightOf = (nth: number, of: number): fc.Arbitrary<DirectorySight> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .record({
          names: fc.dictionary(fc.constantFrom(...NAMES), said),
          gap: fc.constantFrom(null, null, null, w.EIO),
          layout: fc.constantFrom(w.rangeOf(nth, of), w.rangeOf(nth, of), w.rangeOf(0, 1), null),
          pending: marks,
        })
        .map(({ names, ...over }) => w.listed({}, { ...over, names: new Map(Object.entries(names)) })),
    },
    { weight: 1, arbitrary: fc.constant<DirectorySight>({ state: 'absent' }) },
    { weight: 1, arbitrary: fc.constant<DirectorySight>({ state: 'unknown', gap: w.OFFLINE }) },
  );

interface World {
  readonly volume: UnionVolume;
  readonly sights: readonly DirectorySight[];
}

const worldOf = (sets: fc.Arbitrary<readonly number[]>): fc.Arbitrary<World> =>
  sets.chain((sizes) =>
    fc.record({
      volume: fc
        .record({ lookupOptimize: fc.boolean(), commitHash: fc.constantFrom(w.COMMIT, 1, null) })
        .map((over) => w.volume(sizes, over)),
      sights: fc
        .tuple(...sizes.map((size, nth) => fc.array(sightOf(nth, sizes.length), { minLength: size, maxLength: size })))
        .map((sight) => sight.flat()),
    }),
  );
const anyVolume = worldOf(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }));
const distributed = worldOf(fc.constant([1, 1, 1]));

const judged = ({ volume, sights }: World, isRoot = false): readonly UnionName[] =>
  unionOf(volume, sights, isRoot).names;
const byName = (world: World): Map<string, UnionName> => new Map(judged(world).map((one) => [one.name, one]));
const hasBytes = ({ size }: BrickEntry): boolean => size !== 0;

/** The same volume with its bricks in another order. */
function reversed({ volume, sights }: World): World {
  const { topology } = volume;
  const last = topology.bricks.length - 1;
  const turned: Topology = {
    ...topology,
    bricks: topology.bricks.toReversed(),
    subvolumes: topology.subvolumes.map(({ bricks }) => ({ bricks: bricks.map((at) => last - at) })).toReversed(),
  };
  return { volume: { ...volume, topology: turned }, sights: sights.toReversed() };
}

describe('whatever lies on the bricks', () => {
  test('each name of any brick has one class, and stands once', () => {
    fc.assert(
      fc.property(anyVolume, fc.boolean(), (world, isRoot) => {
        const all = new Set(world.sights.flatMap((one) => (one.state === 'listed' ? [...one.names.keys()] : [])));
        if (isRoot) all.delete('.glusterfs');
        expect(judged(world, isRoot).map(({ name }) => name)).toEqual([...all].sort(compareBytes));
        for (const one of judged(world)) {
          const isShown = one.class !== 'gap' && one.class !== 'internal';
          expect(one.entry !== null).toBe(isShown);
          if (!isShown) expect(one.holder).toBeNull();
          if (one.class !== 'plain') expect(one.evidence).not.toEqual([]);
          if (one.class === 'hidden') expect(one.rescue).not.toEqual([]);
        }
      }),
      RUNS,
    );
  });

  test('content that a look can destroy is rescued, or other content has its name', () => {
    fc.assert(
      fc.property(distributed, (world) => {
        for (const { copies, rescue, class: is } of judged(world)) {
          const hidden = copies.filter((copy) => copy.is === 'hidden').map(({ brick }) => brick);
          const isShown = copies.some((copy) => ['data', 'migrating'].includes(copy.is));
          if (!isShown && hidden.length > 0) {
            expect(rescue).toEqual(expect.arrayContaining(hidden));
            expect(['hidden', 'gap', 'misplaced']).toContain(is);
          }
        }
      }),
      RUNS,
    );
  });

  test('what users can see is never taken for absent', () => {
    fc.assert(
      fc.property(distributed, (world) => {
        const names = byName(world);
        for (const sight of world.sights) {
          if (sight.state !== 'listed') continue;
          for (const [name, one] of sight.names) {
            if (one.state === 'gap') expect(names.get(name)?.class).not.toBe('internal');
            else if (['data', 'migrating', 'hidden'].includes(entryKindOf(one.entry)) && hasBytes(one.entry))
              expect(names.get(name)?.class).not.toBe('internal');
          }
        }
      }),
      RUNS,
    );
  });

  test('a brick that goes away makes gaps, and nothing that was not so before', () => {
    fc.assert(
      fc.property(distributed, fc.nat(2), (world, away) => {
        const sights = world.sights.map(
          (one, at): DirectorySight => (at === away ? { state: 'unknown', gap: w.OFFLINE } : one),
        );
        const before = byName(world);
        expect(unionOf(world.volume, sights, false).isComplete).toBe(false);
        for (const { name, class: is } of judged({ ...world, sights })) {
          const was = before.get(name)?.class;
          expect(is).not.toBe('internal');
          if (is === 'misplaced') expect(was).toBe('misplaced');
          if (is === 'unreachable') expect(['unreachable', 'misplaced', 'gap']).toContain(was);
        }
      }),
      RUNS,
    );
  });

  test('the order of the bricks decides nothing', () => {
    fc.assert(
      fc.property(worldOf(fc.constantFrom([1, 1, 1], [2, 1], [3])), (world) => {
        // A mark that names a set by its place means another one in another order.
        fc.pre(
          !JSON.stringify(judged(world).map(({ copies }) => copies.map(({ entry: { linkto } }) => linkto))).includes(
            'replicate',
          ),
        );
        const told = (one: UnionName) => [one.class, [...one.evidence].toSorted(), one.rescue.length];
        const turned = byName(reversed(world));
        for (const one of judged(world)) expect(told(turned.get(one.name) ?? one)).toEqual(told(one));
      }),
      RUNS,
    );
  });
});
