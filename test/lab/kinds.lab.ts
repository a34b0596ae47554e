// Volumes whose bricks do not hold the content of files: fragments, pieces, files that are empty on purpose. They are
// refused before anything is compared with a backup, also where nothing but their bricks is there.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assess, open, rollcall, withoutRecord } from './audit.ts';
import { type Brick, describeLab, HOST, World } from './world.ts';

interface Kind {
  readonly name: string;
  /** As `gluster volume create` is told it. */
  readonly words: string;
  readonly bricks: number;
  readonly options?: readonly string[];
  readonly says: RegExp;
  /** Where nothing but the bricks tells. */
  readonly seen: RegExp;
}

const KINDS: readonly Kind[] = [
  {
    name: 'arb',
    words: 'replica 3 arbiter 1',
    bricks: 3,
    says: /has an arbiter: files on that brick are empty on purpose/,
    seen: /every file on \S+arb2 is empty. Such is the brick of an arbiter/,
  },
  { name: 'ec', words: 'disperse 3 redundancy 1', bricks: 3, says: /is dispersed/, seen: /is dispersed/ },
  {
    name: 'sh',
    words: '',
    bricks: 2,
    options: ['features.shard on', 'features.shard-block-size 4MB'],
    says: /is sharded/,
    seen: /is sharded/,
  },
];

/** Small files, a large one in pieces, an empty one, some deep down. */
const FILL = `mkdir -p d/deep; for n in $(seq 8); do echo "file $n" >d/f$n; echo "deep $n" >d/deep/f$n; done
  : >d/empty; head -c 9000000 /dev/zero | tr '\\0' x >d/large; find . -depth -exec touch -d 2026-11-19 {} +`;

function roots(world: World, { name, bricks }: Kind): string[] {
  return Array.from({ length: bricks }, (_, nth) => `${world.base}/kinds/${name}${nth}`);
}

describeLab('volumes that cannot be judged from their bricks', () => {
  test('an arbiter, fragments and pieces are refused with the order of work, with the record of glusterd and without it', async () => {
    const world = await World.open();
    world.sh(`cd ${world.base}; truncate -s 1G kinds.img; mkfs.ext4 -q kinds.img; mkdir kinds
      mount -o loop kinds.img kinds; mkdir -p ${world.nights}/2026-11-20; cd ${world.nights}/2026-11-20; ${FILL}`);
    for (const kind of KINDS) {
      const places = roots(world, kind).map((root) => `${HOST}:${root}`);
      world.gluster(`volume create ${kind.name} ${kind.words} ${places.join(' ')} force`);
      for (const option of kind.options ?? []) world.gluster(`volume set ${kind.name} ${option}`);
      world.gluster(`volume start ${kind.name}`);
      world.sh(`mkdir -p ${world.mount}
        mount -t glusterfs ${HOST}:/${kind.name} ${world.mount} >>${world.base}/mount.log 2>&1
        cd ${world.mount}; ${FILL}; cd /; umount ${world.mount}`);
    }
    for (const kind of KINDS) {
      const all = roots(world, kind);
      refuses(world, all, kind.says);
      withoutRecord(() => {
        refuses(world, all, kind.seen);
        refuses(world, all.slice(-1), kind.seen);
      });
    }
    // One of two that hold whole files: the other one may have what it lacks.
    const [one = ''] = roots(world, KINDS[0] as Kind);
    world.sh(`echo 'in the backup alone' >${world.nights}/2026-11-20/d/gone`);
    const alone = withoutRecord(() => assess(world, join(world.base, 'bundle-alone'), `gluster:${one}`));
    expect(open(alone)).toEqual([{ path: 'd/gone', verdict: 'unreadable' }]);
    expect(alone.status).toBe(3);
  });

  test('a pair of replicas is told by its bricks alone, and which of them is behind', async () => {
    const world = await World.open();
    world.sh(`mkdir -p ${world.nights}/2026-11-20; cd ${world.nights}/2026-11-20; ${FILL}`);
    const pair = ['p1', 'p2'].map((name): Brick => ({ name, type: 'ext4' }));
    world.addBricks(pair, 'replica 2');
    world.gluster('volume set gv cluster.self-heal-daemon off');
    world.mountVolume();
    world.sh(`cp -a ${world.nights}/2026-11-20/. ${world.mount}/`);
    world.unmountVolume();
    const whole = withoutRecord(() => assess(world, join(world.base, 'bundle-whole')));
    expect(open(whole)).toEqual([]);
    expect(whole.status).toBe(0);

    world.killBrick(pair[0] as Brick);
    world.mountVolume();
    world.sh(`cd ${world.mount}; rm -r d/deep; rm d/f1; echo 'as it is now' >d/f2`);
    world.unmountVolume();
    const behind = withoutRecord(() => assess(world, join(world.base, 'bundle-behind')));
    expect(behind.stdout).toMatch(/What +misplaced 1, deleted 9; intact 8/);
    expect(open(behind)).toEqual([{ path: 'd/f2', verdict: 'misplaced' }]);
    expect(behind.status).toBe(1);
  });
});

function refuses(world: World, bricks: readonly string[], says: RegExp): void {
  const args = ['--live', `gluster:${bricks.join()}`, '--backup', `${world.nights}/*`];
  const { status, stderr } = rollcall(world, 'assess', ...args, '--out', join(world.base, 'bundle'));
  expect([status, stderr]).toEqual([4, expect.stringMatching(says)]);
  expect(stderr).toMatch(/hidden files off the bricks first.*--bricks-rescued/);
}
