// The power of one server goes while a rebalance is fresh: files that it has whole are marked as pointers there, and
// their sources are gone. A look by name through a mount destroys them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { until } from '../support/poll.ts';
import { bytes } from '../support/tree.ts';
import { Administrator, commandsOfReadme } from './administrator.ts';
import { assess, open } from './audit.ts';
import { digest, type Truth, usersWork } from './users.ts';
import { type Brick, describeLab, World } from './world.ts';

const FRESH: Brick = { name: 'b3', type: 'btrfs' };

interface Crash {
  readonly world: World;
  readonly truth: Truth;
  /** Files on the brick, by their bytes. */
  readonly hidden: readonly Buffer[];
}

/**
 * Tried again where nothing is hidden: whoever calls `sync` on this machine at the wrong moment puts all on disk, here
 * as well.
 */
async function powerLoss(tries = 4): Promise<Crash> {
  const world = await World.open();
  world.addBricks([
    { name: 'b1', type: 'ext4' },
    { name: 'b2', type: 'ext4' },
  ]);
  const truth = usersWork(world);
  world.addBricks([FRESH, { name: 'b4', type: 'ext4' }]);
  await world.rebalance();
  world.cutPower(FRESH);
  const hidden = world.hidden();
  if (hidden.length > 0) return { world, truth, hidden };
  await world.close();
  if (tries === 1) throw new Error('nothing is hidden: all was on disk when the power went');
  return powerLoss(tries - 1);
}

describeLab('a power loss in a rebalance', () => {
  test('what a power loss in a rebalance hides is found, rescued bit for bit and put back, and none is destroyed', async () => {
    const { world, truth, hidden } = await powerLoss();
    const pathOf = (path: Buffer): string => encodePath(path.subarray(world.root(FRESH).length + 1));
    const before = world.bricksAsTheyAre();

    const bundle = join(world.base, 'bundle');
    const first = assess(world, bundle);
    expect(world.bricksAsTheyAre()).toBe(before);
    const found = first.findings.filter(({ verdict }) => verdict === 'hidden').map(({ path }) => path);
    expect(found.sort()).toEqual(hidden.map(pathOf).sort());
    expect(first.status).toBe(1);

    // README.txt, command by command.
    const staging = join(world.base, 'staging');
    const admin = new Administrator(world, { STAGING: staging, MOUNT: world.mount });
    const [rescue = '', ...putBack] = commandsOfReadme(bundle);
    admin.does(rescue, bundle);
    const wrong = hidden.filter((path) => {
      const copy = bytes(`${staging}/files/`, path.subarray(world.root(FRESH).length + 1));
      return !existsSync(copy) || digest(readFileSync(copy)) !== truth.get(pathOf(path));
    });
    expect(wrong.map(pathOf)).toEqual([]);
    expect(world.hidden()).toEqual(hidden);
    expect(world.bricksAsTheyAre()).toBe(before);

    for (const command of putBack) {
      const done = (): string => admin.does(command, bundle);
      // What was really lost, such as a link that the server had not put on disk, comes from the last night.
      if (command.endsWith(' rebalance gv status')) await until('completed', () => / completed /.test(done()), 150_000);
      else done();
    }
    expect(world.digests()).toEqual(truth);
    expect(world.hidden()).toEqual([]);
    world.unmountVolume();
    const last = assess(world, join(world.base, 'bundle-after'));
    expect(open(last)).toEqual([]);
    expect(last.status).toBe(0);
  });
});
