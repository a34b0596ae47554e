// Losses as in 2012: bricks are added, a rebalance goes through, and then files are gone from the bricks that nobody
// deleted; the nightly rsync carries half of that into the newest snapshot.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeName } from '../../domain/path.ts';
import { isoAsOf } from '../../domain/window/timeline.ts';
import { HOSTILE_NAMES } from '../support/tree.ts';
import { Administrator, commandsOfReadme } from './administrator.ts';
import { assess, type Found, open, rollcall } from './audit.ts';
import { lose, loseToPointers } from './losses.ts';
import { NIGHTS, schoolAtWork, surveyOf } from './school.ts';
import { describeLab } from './world.ts';

interface Lost extends Found {
  readonly flags: readonly string[];
  readonly recovery: string;
  readonly between: { readonly lastSeen: string; readonly firstGone: string };
  readonly cause: { readonly cause: string };
  readonly evidence: readonly string[];
}

const essays = (group: number, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, nth) => `class-${group}/essay-${from + nth}.odt`);

const odd = HOSTILE_NAMES.map(([name]) => `office/odd/${encodeName(name)}`);

/** In directories in which nobody was at work on that day. */
const BEFORE_THE_NIGHT = [...essays(1, 1, 6), ...essays(4, 1, 6), ...odd.slice(0, 8), 'photos/1.jpg', 'office/empty'];
const AFTER_THE_NIGHT = [
  ...essays(2, 3, 8),
  ...essays(5, 3, 8),
  ...odd.slice(10, 16),
  'photos/raw.img',
  'office/leads to letter 2',
  'office/also letter 1.odt',
];
const TO_POINTERS = essays(3, 11, 14);

describeLab('files that vanish from the bricks', () => {
  test('all of them are missing, with brick and time, though the night carried half of it on; and come back through the mount', async () => {
    const { world, school } = await schoolAtWork();
    world.addBricks([
      { name: 'b3', type: 'ext4' },
      { name: 'b4', type: 'ext4' },
    ]);
    await world.rebalance();
    const truth = surveyOf(world);
    const early = lose(world, BEFORE_THE_NIGHT);
    // Clients remember for a moment what they have seen.
    world.unmountVolume();
    world.mountVolume();
    school.night(NIGHTS);
    school.lastDay('today', 'home/ben', 10, essays(6, 1, 3));
    for (const [path, is] of surveyOf(world)) truth.set(path, is);
    world.unmountVolume();
    const late = new Map([...lose(world, AFTER_THE_NIGHT), ...loseToPointers(world, TO_POINTERS)]);
    expect([...early.keys()].sort()).toEqual([...BEFORE_THE_NIGHT].sort());
    expect([...late.keys()].sort()).toEqual([...AFTER_THE_NIGHT, ...TO_POINTERS].sort());

    const before = world.bricksAsTheyAre();
    const bundle = join(world.base, 'bundle');
    const first = assess(world, bundle);
    expect(world.bricksAsTheyAre()).toBe(before);
    expect(first.status).toBe(1);
    const missing = new Map(
      first.findings.filter(({ verdict }) => verdict === 'missing').map((one) => [one.path, one as Lost]),
    );
    expect([...missing.keys()].sort()).toEqual([...early.keys(), ...late.keys()].sort());
    const at = (night: number): string => {
      const ms = school.nightMs(night);
      return isoAsOf({ fromMs: ms, toMs: ms, source: 'name' });
    };
    for (const [path, { flags, recovery, between, cause, evidence }] of missing) {
      expect([path, flags, recovery, cause.cause]).toEqual([path, [], 'exact', 'silent']);
      const night = early.has(path) ? NIGHTS - 1 : NIGHTS;
      expect([path, between.lastSeen]).toEqual([path, at(night)]);
      if (early.has(path)) expect([path, between.firstGone]).toEqual([path, at(NIGHTS)]);
      else expect(Date.parse(between.firstGone)).toBeGreaterThan(school.nightMs(NIGHTS));
      // A rebalance leaves files with several names where they are.
      const on = early.get(path) ?? late.get(path);
      if (path !== 'office/also letter 1.odt')
        expect([path, evidence]).toEqual([
          path,
          expect.arrayContaining([`By the hash of its name it belongs on ${on}.`]),
        ]);
      if (TO_POINTERS.includes(path)) {
        const pointer = `On ${on}: link to ${world.root({ name: 'b1', type: 'ext4' })}, 0 bytes.`;
        expect([path, evidence]).toEqual([path, expect.arrayContaining([pointer])]);
      }
    }
    const told = new Map(first.findings.map(({ path, verdict }) => [path, verdict]));
    for (const path of school.deleted) expect([path, told.get(path)]).toEqual([path, 'deleted']);
    for (const path of school.renamed.keys()) expect([path, told.get(path)]).toEqual([path, 'moved']);

    // What README.txt says, in its order.
    const admin = new Administrator(world, { MOUNT: world.mount });
    const steps = commandsOfReadme(bundle);
    expect(steps).toEqual([
      expect.stringMatching(/^mount -t glusterfs /),
      expect.stringMatching(/^sh \.\/restore\.sh (?!--apply)/),
      expect.stringMatching(/^sh \.\/restore\.sh --apply /),
      expect.stringMatching(/ verify \. /),
    ]);
    for (const step of steps) admin.does(step, bundle);
    expect(surveyOf(world)).toEqual(truth);
    world.unmountVolume();

    const last = assess(world, join(world.base, 'bundle-after'));
    expect(open(last)).toEqual([]);
    expect(last.status).toBe(0);
    expect(rollcall(world, 'findings').status).toBe(0);
  });
});
