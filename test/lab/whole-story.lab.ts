// The story from its beginning to its end: bricks are added, files vanish, the night carries half of that on, the power
// goes in the middle of the next rebalance, and on Tuesday somebody does what docs/glusterfs.md says.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { until } from '../support/poll.ts';
import { Administrator, commandsOfPage } from './administrator.ts';
import { type Found, rollcall } from './audit.ts';
import { lose } from './losses.ts';
import { NIGHTS, schoolAtWork, type Survey, surveyOf } from './school.ts';
import { type Brick, describeLab, type World } from './world.ts';

const FRESH: Brick = { name: 'b4', type: 'btrfs' };
/** So many files are on the fresh brick when its power goes. */
const MOVED = 60;

const essays = (group: number, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, nth) => `class-${group}/essay-${from + nth}.odt`);

const ON_FRIDAY = [...essays(1, 1, 6), ...essays(4, 1, 6), 'photos/1.jpg'];
/** Where somebody was at work on that day: may have been deleted on purpose. */
const AMONG_OTHERS = ['home/anna/note-1.txt', 'home/anna/note-9.txt'];
const EDITED = essays(6, 1, 12);

interface Crash {
  readonly world: World;
  /** What users had: the newest content of every file. */
  readonly truth: Survey;
  /** As the last night found it. */
  readonly before: Survey;
  /** Files that were made on the last day, before somebody's scan and after it. */
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
  /** Gone from the bricks. */
  readonly lost: ReadonlySet<string>;
}

/** Files that a brick has. */
function pathsOn(world: World, root: string, ...which: readonly string[]): Set<string> {
  const script = `cd ${root}; find . -path ./.glusterfs -prune -o -type f ${which.join(' ')} -printf '%P\\0'`;
  const listed = world.sh(script).toString('latin1').split('\0').slice(0, -1);
  return new Set(listed.map((path) => encodePath(Buffer.from(path, 'latin1'))));
}

/** Files of which the fresh brick has the only content, under the marks of a pointer. */
function hiddenPaths(world: World): string[] {
  const others = world.live
    .slice('gluster:'.length)
    .split(',')
    .filter((root) => root !== world.root(FRESH));
  const whole = new Set(others.flatMap((root) => [...pathsOn(world, root, '! -perm 1000')]));
  const marked = world.hidden().map((path) => encodePath(path.subarray(world.root(FRESH).length + 1)));
  return marked.filter((path) => !whole.has(path));
}

/** The server of the fresh brick hangs when it has some of the files, and the process that moves them is killed. */
function breakOffRebalance(world: World): void {
  const root = world.root(FRESH);
  const pid = `/run/gluster/vols/gv/labhost-${root.slice(1).replaceAll('/', '-')}.pid`;
  world.sh(`( for n in $(seq 3000); do
        has=$(find ${root} -path '*/brick/.glusterfs' -prune -o -type f ! -perm 1000 -printf x | wc -c)
        [ "$has" -lt ${MOVED} ] || break; sleep 0.01
      done; kill -STOP $(cat ${pid}) ) &
    gluster --mode=script volume rebalance gv start force
    wait
    mover=$(cat /var/lib/glusterd/vols/gv/rebalance/*.pid); kill -KILL $mover || true`);
}

/** Tried again where nothing of the last day is hidden: a `sync` on this machine puts all on disk. */
async function friday(tries = 4): Promise<Crash> {
  const { world, school } = await schoolAtWork();
  world.addBricks([{ name: 'b3', type: 'ext4' }]);
  await world.rebalance();
  const before = surveyOf(world);
  const early = lose(world, [...ON_FRIDAY, ...AMONG_OTHERS]);
  // Clients remember for a moment what they have seen.
  world.unmountVolume();
  world.mountVolume();
  school.night(NIGHTS);

  const seen = school.lastDay('saturday', 'home/ben', 50, EDITED);
  // A timer looks at the bricks; nobody reads what it says.
  const scanned = rollcall(world, 'scan', world.live);
  expect(scanned.status, scanned.stdout + scanned.stderr).toBe(0);
  const unseen = school.lastDay('evening', 'home/anna', 50);
  const truth = new Map([...before, ...surveyOf(world)]);
  world.addBricks([FRESH]);
  breakOffRebalance(world);
  world.cutPower(FRESH);

  const moved = pathsOn(world, world.root(FRESH));
  const there = (paths: readonly string[], count: number): string[] =>
    paths.filter((path) => !moved.has(path)).slice(0, count);
  const late = lose(world, [
    ...there([...essays(2, 1, 18), ...essays(5, 1, 18)], 12),
    ...there(EDITED, 2),
    ...there(seen, 2),
    ...there(unseen, 1),
  ]);
  const hidden = hiddenPaths(world);
  const backedUp = hidden.filter((path) => before.has(path));
  const isEnough = backedUp.length > 0 && [seen, unseen].every((some) => some.some((path) => hidden.includes(path)));
  if (isEnough) return { world, truth, before, seen, unseen, lost: new Set([...early.keys(), ...late.keys()]) };
  await world.close();
  if (tries === 1) throw new Error(`too little is hidden: ${hidden.join(', ')}`);
  return friday(tries - 1);
}

interface Told extends Found {
  readonly recovery: string | null;
  readonly flags: readonly string[];
}

function linesOf(bundle: string, name: string): Told[] {
  const lines = readFileSync(join(bundle, name), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Told);
}

describeLab('the whole story', () => {
  test('on Tuesday all is found from the bricks, rescued, restored and proven, and nothing stays open', async () => {
    const { world, truth, before: fridays, seen, unseen, lost } = await friday();
    const hidden = hiddenPaths(world);
    const before = world.bricksAsTheyAre();
    const staging = join(world.base, 'staging');
    const admin = new Administrator(world, {
      'gluster:/b1/data,/b2/data': world.live,
      '/backup/snapshots/*': `${world.nights}/*`,
      '/MOUNT': world.mount,
      SERVER: 'labhost',
      VOLUME: 'gv',
      STAGING: staging,
    });
    const page = commandsOfPage();
    const step = (nth: number): readonly string[] => page.get(nth) ?? [];
    const bundles = (): string[] => readdirSync(world.base).filter((name) => name.startsWith('rollcall-'));

    // 1: the rebalance is gone already, and says so.
    const [stop = '', umount = ''] = step(1);
    admin.types(stop);
    admin.does(umount);
    expect(world.bricksAsTheyAre()).toBe(before);

    // 2
    const [assess = ''] = step(2);
    const tuesday = admin.types(assess);
    expect(tuesday.status, tuesday.said).toBe(1);
    expect(world.bricksAsTheyAre()).toBe(before);
    const bundle = join(world.base, bundles()[0] ?? '');
    const findings = linesOf(bundle, 'findings.jsonl');
    const of = (verdict: string): string[] => findings.flatMap((one) => (one.verdict === verdict ? [one.path] : []));
    expect(of('hidden').sort()).toEqual([...hidden].sort());
    const missing = findings.filter(({ verdict }) => verdict === 'missing');
    const known = [...lost].filter((path) => !unseen.includes(path));
    expect(missing.map(({ path }) => path)).toEqual(expect.arrayContaining(known));
    const uncertain = missing.filter(({ flags }) => flags.includes('uncertain')).map(({ path }) => path);
    expect(uncertain.sort()).toEqual([...AMONG_OTHERS].sort());
    const forGood = linesOf(bundle, 'lost.jsonl').map(({ path }) => path);
    expect(forGood).toEqual(expect.arrayContaining(seen.filter((path) => lost.has(path))));

    // 3 to 5
    const names = new Administrator(world, {
      BUNDLE: bundle,
      STAGING: staging,
      '/MOUNT': world.mount,
      SERVER: 'labhost',
      VOLUME: 'gv',
    });
    for (const command of step(3)) names.does(command);
    expect(world.bricksAsTheyAre()).toBe(before);
    expect(hiddenPaths(world)).toEqual(hidden);
    for (const command of step(4)) names.does(command);
    const status = step(4).at(-1) ?? '';
    await until('the rebalance is completed', () => / completed /.test(names.does(status)), 150_000);
    for (const command of step(5)) names.does(command);
    const now = surveyOf(world);
    expect(world.hidden()).toEqual([]);

    // Content, owner, mode and time of each; of what no look had ever seen, the content.
    const nowhere = [...truth.keys()].filter((path) => !now.has(path));
    expect(
      nowhere.filter((path) => !forGood.includes(path) && !(unseen.includes(path) && !hidden.includes(path))),
    ).toEqual([]);
    expect(forGood.filter((path) => now.has(path))).toEqual([]);
    const older = missing.flatMap(({ path, recovery }) => (recovery === 'older' ? [path] : []));
    expect(older).toEqual(EDITED.filter((path) => lost.has(path)));
    for (const [path, is] of now) {
      const was = (older.includes(path) ? fridays : truth).get(path);
      // GlusterFS takes the marks of a move that was broken off for the file's own bits, and keeps them (#1625).
      const shown = is.replace(/^f 3(?=[0-7]{3} )/, 'f ');
      if (unseen.includes(path)) expect([path, shown.split(' ').at(-1)]).toEqual([path, was?.split(' ').at(-1)]);
      else expect([path, shown]).toEqual([path, was]);
    }

    // 6: what is lost for good stays open until somebody accepts it.
    const [again = '', accept = ''] = step(6);
    expect(again).toBe(assess);
    const audited = world.bricksAsTheyAre();
    const wednesday = admin.types(assess);
    expect(wednesday.status, wednesday.said).toBe(forGood.length > 0 ? 1 : 0);
    expect(world.bricksAsTheyAre()).toBe(audited);
    for (const path of forGood) new Administrator(world, { PATH: path }).does(accept);
    const last = admin.types(assess);
    expect(last.status, last.said).toBe(0);
    expect(rollcall(world, 'findings').status).toBe(0);
    expect(world.bricksAsTheyAre()).toBe(audited);
  });
});
