// Two pairs of bricks that hold the same files. One brick was away while users worked; then two blame each other; then
// one rots without a word. Nothing heals by itself in between.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hex } from '../../domain/digest.ts';
import { encodePath } from '../../domain/path.ts';
import { createHasher } from '../../services/files/hash.ts';
import { at, HOSTILE_NAMES } from '../support/tree.ts';
import { assess, type Assessed, type Found, rollcall, withoutRecord } from './audit.ts';
import { numbered, type Truth, write } from './users.ts';
import { type Brick, describeLab, World } from './world.ts';

const BRICKS = ['r1', 'r2', 'r3', 'r4'].map((name): Brick => ({ name, type: 'ext4' }));
const [AWAY, ITS_REPLICA] = BRICKS as [Brick, Brick];
const NO_HEAL = ['self-heal-daemon', 'data-self-heal', 'metadata-self-heal', 'entry-self-heal'];
/** What a loss or damage is called: nothing of it happened. */
const LOSSES = /^(?:missing|replaced|recreated|corrupt|truncated|reverted|unreadable|unsettled|hidden|unreachable)$/;

const hasher = await createHasher();

/** What users are given at first; four nights have it. */
function furnish(world: World): void {
  const home = join(world.base, 'home');
  const made: Truth = new Map();
  for (const [below, files] of Object.entries({ d: 60, gone: 5, 'gone/deep': 2, turned: 5, replaced: 4 }))
    write(home, below, numbered(files), made);
  write(
    home,
    'd/odd',
    HOSTILE_NAMES.map(([name]) => name),
    made,
  );
  world.mountVolume();
  world.sh(`cp -a ${home}/. ${world.mount}/`);
  for (const day of [18, 19, 20, 21]) world.night(`2026-11-${day}`);
  world.unmountVolume();
}

/** A day's work, while a brick is away. */
const WORK = `rm d/f1.dat d/f2.dat d/f3.dat; rm -r gone
  mv turned 'turned to another name'
  rm -r replaced; mkdir replaced; echo 'in another directory of that name' >replaced/new.dat
  mv d/f4.dat d/renamed.dat; mv d/f5.dat d/odd/moved.dat; mv d/f6.dat d/f7.dat
  for n in $(seq 20 35); do echo "written today: $n" >d/f$n.dat; done
  for n in $(seq 36 39); do printf X | dd of=d/f$n.dat conv=notrunc status=none; done
  chmod 700 d/f40.dat d/odd; mkdir d/new; for n in $(seq 20); do echo "new: $n" >d/new/f$n.dat; done`;
const REWRITTEN = Array.from({ length: 20 }, (_, nth) => `d/f${20 + nth}.dat`);
const WITHOUT_CHANGE = Array.from({ length: 15 }, (_, nth) => `d/f${41 + nth}.dat`);

/** XXH64 of all that users see through the mount, by path. */
function asUsersSee(world: World): Map<string, string> {
  const copy = join(world.base, `seen-${seen++}`);
  world.mountVolume();
  world.sh(`cp -a ${world.mount}/. ${copy}`);
  world.unmountVolume();
  const found = execFileSync('find', [copy, '-type', 'f', '-printf', '%P\\0'], { encoding: 'latin1' });
  const paths = found.split('\0').slice(0, -1);
  return new Map(
    paths.map((latin1) => {
      const path = Buffer.from(latin1, 'latin1');
      return [encodePath(path), hex(hasher.one(readFileSync(at(copy, path))))];
    }),
  );
}
let seen = 0;

/** The same, as Rollcall has recorded it. */
function asRecorded(world: World): Map<string, string | null> {
  const { status, stdout, stderr } = rollcall(world, 'export', world.live, '--format', 'jsonl');
  if (status !== 0) throw new Error(`export ended with ${status}: ${stderr}`);
  const lines = stdout.split('\n').slice(0, -1);
  const entries = lines.map((line) => JSON.parse(line) as { path: string; kind: string; xxh64: string | null });
  return new Map(entries.filter(({ kind }) => kind === 'file').map(({ path, xxh64 }) => [path, xxh64]));
}

function verdictsOf({ findings }: { readonly findings: readonly Found[] }): Record<string, string> {
  return Object.fromEntries(findings.map(({ path, verdict }) => [path, verdict]));
}

/** What users did since the last night is no trouble. */
function inTrouble({ findings }: Assessed): { path: string; verdict: string }[] {
  return findings
    .filter(({ verdict }) => !['new', 'modified', 'deleted', 'moved'].includes(verdict))
    .map(({ path, verdict }) => ({ path, verdict }));
}

const evidenceAt = ({ findings }: Assessed, path: string): string =>
  JSON.stringify(findings.find((finding) => finding.path === path) ?? 'nothing is said of it');

/** Those of the paths that the brick has. */
function on(world: World, brick: Brick, paths: readonly string[]): string[] {
  const names = paths.map((path) => `[ -f ${world.root(brick)}/${path} ] && echo ${path} || true`);
  return world.sh(names.join('\n')).toString().split('\n').slice(0, -1);
}

describeLab('a volume of replicas', () => {
  let world: World;
  let bundles = 0;
  const look = (): Assessed => assess(world, join(world.base, `bundle-${bundles++}`));

  beforeAll(async () => {
    world = await World.open(afterAll);
    world.addBricks(BRICKS, 'replica 2');
    for (const option of NO_HEAL) world.gluster(`volume set gv cluster.${option} off`);
    furnish(world);
  });

  test('of which a brick was away while users worked: nothing that it has is believed, and nothing is open after the heal', async () => {
    expect(look()).toMatchObject({ status: 0, findings: [] });
    world.killBrick(AWAY);
    world.mountVolume();
    world.sh(`cd ${world.mount}; ${WORK}`);
    world.unmountVolume();
    const truth = asUsersSee(world);
    const before = world.bricksAsTheyAre();
    const behind = [...on(world, AWAY, [...REWRITTEN, 'd/f7.dat', 'd/f40.dat']), 'd/odd', 'replaced'];
    expect(behind.length).toBeGreaterThan(6);
    // Also where nothing but the bricks tells which of them are replicas.
    for (const isRecordThere of [true, false]) {
      const stale = isRecordThere ? look() : withoutRecord(look);
      expect(world.bricksAsTheyAre()).toBe(before);
      const found = verdictsOf(stale);
      expect(Object.entries(found).filter(([, verdict]) => LOSSES.test(verdict))).toEqual([]);
      expect(asRecorded(world)).toEqual(truth);
      expect(
        Object.keys(found)
          .filter((path) => found[path] === 'misplaced')
          .sort(),
      ).toEqual(behind.sort());
      expect(stale.status).toBe(1);
    }

    await world.startBricks();
    await world.heal();
    const healed = look();
    expect(inTrouble(healed)).toEqual([]);
    expect(healed.status).toBe(0);
    expect(asRecorded(world)).toEqual(truth);
  });

  test('that blame each other: both contents are told, and nothing is chosen or restored', async () => {
    const [path = ''] = on(world, AWAY, WITHOUT_CHANGE);
    for (const [brick, content] of [
      [AWAY, 'while one was away'],
      [ITS_REPLICA, 'while the other one was away, too'],
    ] as const) {
      world.killBrick(brick);
      world.mountVolume();
      world.sh(`echo '${content}' >${world.mount}/${path}`);
      world.unmountVolume();
      await world.startBricks();
    }
    const before = world.bricksAsTheyAre();
    const torn = look();
    expect(world.bricksAsTheyAre()).toBe(before);
    expect(inTrouble(torn)).toEqual([{ path, verdict: 'misplaced' }]);
    expect(evidenceAt(torn, path)).toContain('Its replicas blame each other');
    expect(torn.status).toBe(1);

    world.gluster(`volume heal gv split-brain bigger-file /${path}`);
    await world.heal();
    const settled = look();
    expect(inTrouble(settled)).toEqual([]);
    expect(settled.status).toBe(0);
  });

  test('of which one rots without a mark, its time kept: found, and no side is chosen', () => {
    const [path = ''] = on(world, ITS_REPLICA, WITHOUT_CHANGE.slice(5));
    const copy = `${world.root(ITS_REPLICA)}/${path}`;
    world.sh(`touch -r ${copy} ${world.base}/time; printf ROT | dd of=${copy} conv=notrunc status=none
      touch -r ${world.base}/time ${copy}`);
    const rotten = look();
    expect(inTrouble(rotten)).toEqual([{ path, verdict: 'misplaced' }]);
    expect(evidenceAt(rotten, path)).toContain('no mark says which is behind');
    expect(rotten.status).toBe(1);
  });
});
