// The demo's tree and its damage, looked at without Rollcall: the story must be true before it is told.
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DemoDamage, damageDemo } from '../../services/demo/damage.ts';
import { buildDemo, type DemoTree, ROTTEN, TWIN, TWIN_OF, ZEROED_EARLY } from '../../services/demo/school.ts';
import { damageSteps } from '../../services/demo/story.ts';

const SEED = 7;

function listed(root: string): Set<string> {
  const names = new Set<string>();
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else names.add(path);
    }
  };
  walk('');
  return names;
}

function mtimeNs(path: string): bigint {
  return lstatSync(path, { bigint: true }).mtimeNs;
}

describe('the demo', () => {
  let dir: string;
  let demo: DemoTree;
  let damage: DemoDamage;
  let before: Set<string>;
  let lastNight: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rollcall-demo-test-'));
    demo = await buildDemo(dir, { seed: SEED, nowMs: Date.now() });
    before = listed(demo.live);
    damage = await damageDemo(demo, Date.now);
    lastNight = demo.nights.at(-1) ?? '';
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('it has about 600 files, several owners when made by root, and a week of snapshots that share what did not change', () => {
    expect(demo.files).toBeGreaterThan(550);
    expect(demo.nights).toHaveLength(7);
    const inodes = new Set(demo.nights.map((night) => lstatSync(`${night}/${TWIN_OF}`).ino));
    expect(inodes.size).toBe(1);
    const uids = new Set([...before].map((path) => lstatSync(join(lastNight, path), { throwIfNoEntry: false })?.uid));
    if (process.getuid?.() === 0) expect(uids.size).toBeGreaterThan(4);
  });

  test('215 files are gone, of which the newest snapshot lacks 105 already', () => {
    expect([damage.lostEarly.length, damage.lostLate.length]).toEqual([105, 110]);
    const now = listed(demo.live);
    const newest = listed(damage.newest);
    const old = listed(lastNight);
    for (const path of damage.lostEarly)
      expect([path, now.has(path), newest.has(path), old.has(path)]).toEqual([path, false, false, true]);
    for (const path of damage.lostLate)
      expect([path, now.has(path), newest.has(path), old.has(path)]).toEqual([path, false, true, true]);
    const gone = [...before].filter((path) => !now.has(path));
    expect(gone.length).toBe(215 + damage.lostForGood.length + damage.renamed.length);
  });

  test('what was made on the last day and lost stands in no snapshot', () => {
    const nights = [...demo.nights, damage.newest].map(listed);
    for (const path of damage.lostForGood) {
      expect(before.has(path)).toBe(true);
      expect(nights.some((night) => night.has(path))).toBe(false);
    }
  });

  test('no directory tells of the loss: those that nobody changed have the time of the last good night', () => {
    const changed = new Set([
      ...damage.renamed.map(({ from }) => dirname(from)),
      ...demo.lastDay.map((path) => dirname(path)),
    ]);
    const quiet = [...damage.lostEarly, ...damage.lostLate]
      .map((path) => dirname(path))
      .filter((path) => !changed.has(path) && path !== 'library/atlas');
    expect(quiet.length).toBeGreaterThan(3);
    for (const path of new Set(quiet)) expect(mtimeNs(join(demo.live, path))).toBe(mtimeNs(join(lastNight, path)));
  });

  test('the zeros are in the newest snapshot too, the good content in the night before', () => {
    expect(readFileSync(join(damage.newest, ZEROED_EARLY)).every((byte) => byte === 0)).toBe(true);
    expect(readFileSync(join(lastNight, ZEROED_EARLY)).some((byte) => byte !== 0)).toBe(true);
  });

  test('the flipped byte hides behind an unchanged size and time, and two independent copies say what was', () => {
    const live = lstatSync(join(demo.live, ROTTEN));
    const copies = demo.nights.map((night) => lstatSync(join(night, ROTTEN)));
    expect(copies.every((copy) => copy.size === live.size && copy.mtimeMs === live.mtimeMs)).toBe(true);
    expect(new Set(copies.map((copy) => copy.ino)).size).toBe(2);
    const good = readFileSync(join(lastNight, ROTTEN));
    const bad = readFileSync(join(demo.live, ROTTEN));
    expect([...good].filter((byte, at) => byte !== bad[at])).toHaveLength(1);
  });

  test('one of two hard-linked names is gone and the other is left', () => {
    expect(lstatSync(join(lastNight, TWIN)).ino).toBe(lstatSync(join(lastNight, TWIN_OF)).ino);
    expect(lstatSync(join(demo.live, TWIN), { throwIfNoEntry: false })).toBeUndefined();
    expect(lstatSync(join(demo.live, TWIN_OF)).nlink).toBe(1);
  });

  test('the comparison that the story shows sees 110 losses and 10 renamed files, as it says', () => {
    const step = damageSteps(demo, damage).at(-1);
    const seen = execFileSync('sh', ['-c', step?.command ?? 'false'], { encoding: 'utf8' });
    expect(Number(seen)).toBe(damage.lostLate.length + damage.renamed.length);
  });

  test('the same seed gives the same tree', async () => {
    const again = mkdtempSync(join(tmpdir(), 'rollcall-demo-test-'));
    try {
      const other = await buildDemo(again, { seed: SEED, nowMs: Date.now() });
      expect([...listed(other.live)].sort()).toEqual([...before].sort());
      expect(readFileSync(join(other.live, ROTTEN))).toEqual(readFileSync(join(lastNight, ROTTEN)));
    } finally {
      rmSync(again, { recursive: true, force: true });
    }
  });
});
