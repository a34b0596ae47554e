// A rebalance is killed in the middle of a migration, at each step of it: the file is whole on one brick or the other,
// and some names do not open. That is not a loss, and the audit leaves everything as it is.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assess, open, pathsOf } from './audit.ts';
import { copiesOf, type Copy, namesThatDoNotOpen } from './copies.ts';
import { killedRebalance } from './killed.ts';
import { type Truth, usersWork } from './users.ts';
import { type Brick, describeLab, World } from './world.ts';

interface Killed {
  readonly step: string;
  /** The bricks that are traced: where the file comes from, or where it goes. */
  readonly at: 'source' | 'destination';
  readonly calls: string;
  readonly passes: number;
  readonly killsBrick: boolean;
  /** What is left of the file that was in the middle of it. */
  readonly leaves: (source: Copy, destination: Copy) => boolean;
}

const isMigrating = ({ mode }: Copy): boolean => mode.length === 4 && mode.startsWith('3');
const isPointer = ({ mode }: Copy): boolean => mode === '1000';
const isData = (copy: Copy): boolean => !isMigrating(copy) && !isPointer(copy);

/** In the order of a migration. */
const STEPS: readonly Killed[] = [
  {
    step: 'after the source has the mode of a migration',
    at: 'source',
    calls: 'chmod,fchmodat',
    passes: 2,
    killsBrick: false,
    leaves: (source, destination) => isMigrating(source) && isPointer(destination) && destination.size > 0,
  },
  {
    step: 'while the content is written',
    at: 'destination',
    calls: 'pwrite64',
    passes: 2,
    killsBrick: true,
    leaves: (source, destination) => isMigrating(source) && isPointer(destination) && destination.size > 0,
  },
  {
    step: 'after the copy has the mode of the file',
    at: 'destination',
    calls: 'fchmod',
    passes: 2,
    killsBrick: false,
    leaves: (source, destination) => isMigrating(source) && isData(destination) && destination.isMarked,
  },
  {
    step: 'after the source has the mode of a pointer',
    at: 'source',
    calls: 'fchmod',
    passes: 2,
    killsBrick: false,
    leaves: (source, destination) => isPointer(source) && source.size > 0 && isData(destination),
  },
  {
    step: 'before the mark of a pointer is off the copy',
    at: 'destination',
    calls: 'fremovexattr',
    passes: 2,
    killsBrick: true,
    leaves: (source, destination) => isPointer(source) && isData(destination) && destination.isMarked,
  },
  {
    step: 'before the name is off the source',
    at: 'source',
    calls: 'unlink',
    passes: 0,
    killsBrick: true,
    leaves: (source, destination) => isPointer(source) && isData(destination) && !destination.isMarked,
  },
];

/** Paths of which two bricks have what the step leaves. */
function leftBy({ leaves }: Killed, copies: ReadonlyMap<string, readonly Copy[]>): string[] {
  return [...copies].flatMap(([path, all]) =>
    all.some((one) => all.some((other) => other !== one && leaves(one, other))) ? [path] : [],
  );
}

describeLab('a rebalance that is killed', () => {
  let world: World;
  let truth: Truth;
  const ends: (() => Promise<void>)[] = [];
  const bricks: Brick[] = [
    { name: 'b1', type: 'ext4' },
    { name: 'b2', type: 'ext4' },
  ];

  beforeAll(async () => {
    world = await World.open((close) => ends.push(close));
    world.addBricks(bricks);
    truth = usersWork(world);
  }, 120_000);

  afterAll(async () => {
    for (const close of ends) await close();
  });

  const cases = STEPS.map((killed, at) => ({ killed, nth: at + 1, title: killed.step }));
  /** Another brick is added, and the rebalance onto it is killed; again where chance held another call. */
  async function kill(killed: Killed, type: Brick['type'], tries = 6): Promise<ReadonlyMap<string, readonly Copy[]>> {
    const fresh: Brick = { name: `b${bricks.length + 1}`, type };
    const traced = killed.at === 'source' ? [...bricks] : [fresh];
    bricks.push(fresh);
    world.addBricks([fresh]);
    await killedRebalance(world, traced, killed);
    const copies = copiesOf(world);
    if (leftBy(killed, copies).length > 0) return copies;
    if (tries === 1) throw new Error(`no file was left as it is ${killed.step}`);
    await world.startBricks();
    await world.rebalance();
    return kill(killed, type, tries - 1);
  }

  test.each(cases)('$title: no loss, and unreachable is exactly what does not open', async ({ killed, nth }) => {
    const copies = await kill(killed, nth % 2 === 0 ? 'btrfs' : 'ext4');

    const before = world.bricksAsTheyAre();
    const hidden = world.hidden();
    const told = assess(world, join(world.base, `bundle-${nth}`));
    expect(world.hidden()).toEqual(hidden);
    expect(world.bricksAsTheyAre()).toBe(before);
    // Content that is marked as a pointer, beside the file: if it is not the file's, that is told.
    const hasRemains = (path: string): boolean =>
      copies.get(path)?.some((copy) => isPointer(copy) && copy.size > 0) === true && copies.get(path)?.length !== 1;
    const isTold = ({ path, verdict }: { readonly path: string; readonly verdict: string }): boolean =>
      verdict === 'unreachable' || (verdict === 'misplaced' && hasRemains(path));
    expect(open(told).filter((one) => !isTold(one))).toEqual([]);

    await world.startBricks();
    const closed = namesThatDoNotOpen(world, [...copies.keys()]);
    expect([...new Set(closed.values())].filter((errno) => errno !== 'ENOENT')).toEqual([]);
    expect(pathsOf(told, 'unreachable')).toEqual([...closed.keys()].sort());
    expect(told.status).toBe(open(told).length === 0 ? 0 : 1);
    console.log(`${killed.step}: ${closed.size} of ${copies.size} names do not open, ${hidden.length} hidden copies`);
    await world.rebalance();
  });

  test('nothing is left of it when a rebalance has ended', () => {
    const told = assess(world, join(world.base, 'bundle-last'));
    expect(open(told)).toEqual([]);
    expect(told.status).toBe(0);
    world.mountVolume();
    expect(world.digests()).toEqual(truth);
    world.unmountVolume();
  });
});
