// A volume on which nothing is lost: while it is rebalanced in peace, while a brick is away, and where the disk fails
// on single inodes. Nothing false is told, and what cannot be told is told as such.
import { openSync, closeSync, mkdirSync, readSync, rmdirSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Assessed, assess, open, pathsOf, withoutRecord } from './audit.ts';
import { copiesOf, namesThatDoNotOpen, onlyOn } from './copies.ts';
import { everyKind } from './every-kind.ts';
import { until } from '../support/poll.ts';
import { hold } from './killed.ts';
import { content, type Truth } from './users.ts';
import { type Brick, describeLab, World } from './world.ts';

const FIRST: Brick = { name: 'b1', type: 'ext4' };
const SECOND: Brick = { name: 'b2', type: 'ext4' };
const THIRD: Brick = { name: 'b3', type: 'btrfs' };
const FOURTH: Brick = { name: 'b4', type: 'ext4' };
/** Each file that is moved takes so much longer: audits fall into the rebalance. */
const SLOWLY_US = 200_000;
/** Verdicts of files that are being moved, or cannot be opened just now: none of them is a loss. */
const IN_MOTION = new Set(['unreachable', 'unreadable', 'unsettled', 'unverified']);

/** A file with one name, which nobody has changed. */
const isPlain = (path: string): boolean => /^many\/f[2-9][0-9]\.dat$/.test(path);

describeLab('a volume on which nothing is lost', () => {
  let world: World;
  let truth: Truth;
  let bundles = 0;
  const ends: (() => Promise<void>)[] = [];
  const bundle = (): string => join(world.base, `bundle-${++bundles}`);

  beforeAll(async () => {
    world = await World.open((close) => ends.push(close));
    world.addBricks([FIRST, SECOND]);
    truth = everyKind(world);
  }, 180_000);

  afterAll(async () => {
    for (const close of ends) await close();
  });

  /** It looked, and changed nothing. */
  function untouched(look: () => Assessed): Assessed {
    const before = world.bricksAsTheyAre();
    const told = look();
    expect(world.bricksAsTheyAre()).toBe(before);
    return told;
  }

  function expectNothing(told: Assessed): void {
    expect(open(told)).toEqual([]);
    expect(told.status, told.stdout).toBe(0);
  }

  test('nothing is found right after bricks were added, and right after the layout was fixed', async () => {
    expectNothing(untouched(() => assess(world, bundle())));
    world.addBricks([THIRD, FOURTH]);
    expectNothing(untouched(() => assess(world, bundle())));
    await world.fixLayout();
    expectNothing(untouched(() => assess(world, bundle())));
  });

  test('nothing is found lost while the rebalance runs, and nothing at all when it has ended', async () => {
    const slowly = await hold(world, [THIRD, FOURTH], { calls: 'fsync', delayUs: SLOWLY_US });
    world.startRebalance();
    await until('it runs', () => world.rebalanceStatus() === 'in progress');
    let during = 0;
    while (during < 3 && world.rebalanceStatus() === 'in progress') {
      const told = assess(world, bundle());
      expect(told.findings.filter(({ verdict }) => !IN_MOTION.has(verdict))).toEqual([]);
      const found = [...IN_MOTION].map((verdict) => `${pathsOf(told, verdict).length} ${verdict}`).join(', ');
      console.log(`during the rebalance: exit ${told.status}, ${found}`);
      if (world.rebalanceStatus() === 'in progress') during++;
    }
    expect(during).toBeGreaterThan(0);
    slowly.release();
    await world.rebalanced();
    expectNothing(untouched(() => assess(world, bundle())));
    expect(namesThatDoNotOpen(world, [...copiesOf(world).keys()])).toEqual(new Map());
    world.mountVolume();
    expect(world.digests()).toEqual(truth);
    world.unmountVolume();
  });

  const others = [SECOND, THIRD, FOURTH];

  /** Only what the brick has is unknown; nothing else is told, and nothing is called gone. */
  function expectAway(told: Assessed, away: readonly string[]): void {
    expect(pathsOf(told, 'unreadable')).toEqual(away.toSorted());
    expect(open(told).filter(({ verdict }) => verdict !== 'unreadable')).toEqual([]);
    expect(told.status, told.stdout).toBe(3);
  }

  test('a brick whose file system is not mounted is unknown, whether it is named or not', () => {
    const away = onlyOn(FIRST.name, copiesOf(world));
    expect(away.length).toBeGreaterThan(20);
    world.unplug(FIRST, 'an empty directory');
    onTestFinished(() => world.plug(FIRST));
    expectAway(assess(world, bundle()), away);
    expectAway(assess(world, bundle(), world.liveOf(others)), away);
    expectAway(
      withoutRecord(() => assess(world, bundle(), world.liveOf(others))),
      away,
    );
    rmdirSync(world.root(FIRST));
    expectAway(assess(world, bundle()), away);
    expectAway(
      withoutRecord(() => assess(world, bundle())),
      away,
    );

    // What the other bricks say is judged all the same.
    const [path = ''] = onlyOn(SECOND.name, copiesOf(world, others)).filter(isPlain);
    const file = join(world.root(SECOND), path);
    world.sh(`setfattr -n trusted.glusterfs.dht.linkto -v 'gv-client-3' ${file}; chmod 1000 ${file}`);
    const told = assess(world, bundle());
    expect(pathsOf(told, 'hidden')).toEqual([path]);
    expect(pathsOf(told, 'unreadable')).toEqual(away.toSorted());
    expect(told.status).toBe(1);
    world.sh(`setfattr -x trusted.glusterfs.dht.linkto ${file}; chmod 644 ${file}`);
  });

  test('a brick whose process is dead is read from its disk, and nothing is found', () => {
    world.kill(world.brickPid(FOURTH));
    expectNothing(untouched(() => assess(world, bundle())));
  });

  test('an inode that the disk fails on is a gap of its name alone', () => {
    const copies = copiesOf(world);
    const [damaged = ''] = onlyOn(FIRST.name, copies).filter(isPlain);
    const isLong = (path: string): boolean => copies.get(path)?.some(({ size }) => size > 8_192) === true;
    const [flipped = ''] = onlyOn(THIRD.name, copies).filter((path) => isPlain(path) && isLong(path));
    const [within = ''] = onlyOn(FIRST.name, copies).filter((path) => path.startsWith('daily/'));
    expect([damaged, flipped, within]).not.toContain('');
    const directory = dirname(within);

    // A handle that has lost its name.
    const handle = `.glusterfs/ab/cd/abcd0000-0000-4000-8000-000000000001`;
    mkdirSync(dirname(join(world.base, 'handle', handle)), { recursive: true });
    writeFileSync(join(world.base, 'handle', handle), content(7));
    world.sh(`cp -a ${world.base}/handle/.glusterfs ${world.root(FIRST)}/`);

    world.unplug(FIRST, 'nothing');
    for (const path of [damaged, handle, directory]) spoilInode(world, FIRST, path);
    world.plug(FIRST);
    const beginning = world.sh(`head -c 64 ${join(world.root(THIRD), flipped)}`);
    world.unplug(THIRD, 'nothing');
    flip(world.image(THIRD), beginning);
    world.plug(THIRD);
    expect(world.try(['stat', join(world.root(FIRST), damaged)]).stderr).toContain('needs cleaning');
    expect(world.try(['cat', join(world.root(THIRD), flipped)]).stderr).toContain('Input/output error');

    const before = world.damagedBricksAsTheyAre();
    const told = assess(world, bundle(), world.live, ['--reread']);
    expect(world.damagedBricksAsTheyAre()).toBe(before);
    const below = onlyOn(FIRST.name, copies).filter((path) => path.startsWith(`${directory}/`));
    expect(pathsOf(told, 'unreadable')).toEqual([damaged, flipped, ...below].sort());
    expect(open(told).filter(({ verdict }) => verdict !== 'unreadable')).toEqual([]);
    expect(told.status, told.stdout).toBe(3);
  });
});

/** ext4 finds the inode damaged when it is looked at: EUCLEAN. */
function spoilInode(world: World, brick: Brick, path: string): void {
  world.sh(`debugfs -w -R 'set_inode_field "/brick/${path}" extra_isize 999' ${world.image(brick)} 2>&1`);
}

/** One byte of a content is another one on the disk than was written. */
function flip(image: string, text: Buffer): void {
  const fd = openSync(image, 'r+');
  try {
    const piece = Buffer.alloc(1 << 22);
    for (let at = 0; ; at += piece.length - text.length) {
      const got = readSync(fd, piece, 0, piece.length, at);
      if (got <= text.length) throw new Error('the content is not on the disk');
      const found = piece.subarray(0, got).indexOf(text);
      if (found < 0) continue;
      writeSync(fd, Buffer.from([(text[10] ?? 0) ^ 0xff]), 0, 1, at + found + 10);
      return;
    }
  } finally {
    closeSync(fd);
  }
}
