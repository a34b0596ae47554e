// A GlusterFS volume that is read from its bricks, from the look to the rescue: what is hidden is found and copied off,
// what only looks gone is not called lost, and nothing on a brick is changed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { verifyBundle } from '../../services/bundle/verify.ts';
import { findingAt, verdicts } from '../support/answers.ts';
import { BrickVolume, bricksAsTheyAre, hiddenOn, setsTrusted } from '../support/brick-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { run } from '../support/machine.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { AT, PLAIN, THEN, Scene } from './scene.ts';

const catalog = await Catalog.forFile();
const NS = 1_000_000_000n;
let base: string;
let scene: Scene;

beforeEach(() => {
  base = temporaryDirectory('rollcall-bricks-');
  scene = new Scene(catalog, base);
});

/** The volume of most tests: a file on each brick, and the directory that they are in. */
function volume(bricks = 2): BrickVolume {
  const made = new BrickVolume(base, bricks);
  made.directory('d', AT.mtimeNs);
  for (const [path, content] of Object.entries(PLAIN)) made.file(path, content, AT);
  return made;
}

describe.skipIf(!setsTrusted)('a volume of bricks (root and attr needed)', () => {
  test('is one tree: nothing is found where nothing is wrong, at a second look neither', async () => {
    const made = volume();
    const holder = made.brickOf('d/moved');
    // Rebalanced away from where its hash leads; a pointer leads to it.
    made.file('d/moved', 'moved', { ...AT, brick: 1 - holder });
    made.file('d/moved', '', { brick: holder, mode: 0o1000, linkto: `gv-client-${1 - holder}` });
    // Killed while it was copied: the source is whole, and shows its own mode.
    made.file('d/copying', 'as it is', {
      ...AT,
      mode: 0o3644,
      linkto: 'gv-client-1',
      brick: made.brickOf('d/copying'),
    });
    scene.snapshot(['2026-09-07'], { ...PLAIN, 'd/moved': 'moved', 'd/copying': 'as it is' });
    const first = await scene.assess(made);
    expect(verdicts(first.assessment)).toEqual({});
    expect(first.exit).toBe(0);
    expect(first.assessment.universe).toEqual({ paths: 6, directories: 1 });
    const second = await scene.assess(made);
    expect(verdicts(second.assessment)).toEqual({});
    expect(second.exit).toBe(0);
  });

  test('gives back a hidden file bit for bit, looks at it on the brick alone, and calls it found again', async () => {
    const made = volume();
    const brick = made.brickOf('d/hidden');
    const content = 'the last copy of it\n'.repeat(500);
    made.file('d/hidden', content, { ...AT, mode: 0o1000, linkto: `gv-client-${1 - brick}`, brick });
    made.file('d/newer', 'in no snapshot', { ...AT, mode: 0o1000, linkto: 'gv-client-0', brick: 1 });
    scene.snapshot(['2026-09-07'], { ...PLAIN, 'd/hidden': content });
    made.settle();
    const before = bricksAsTheyAre(made.roots);
    const { assessment, bundle, exit } = await scene.assess(made);
    expect(verdicts(assessment)).toEqual({ 'd/hidden': 'hidden', 'd/newer': 'hidden' });
    expect(exit).toBe(1);
    expect(assessment.conditions.map(({ code }) => code)).toContain('hidden');
    expect(findingAt(assessment, 'd/hidden').evidence?.join(' ')).toContain('has the same bytes as in');
    expect(findingAt(assessment, 'd/newer').evidence?.join(' ')).toContain('may be the only copy');

    const rescue = join(bundle?.directory ?? '', 'rescue/rescue.sh');
    const staging = join(base, 'staging');
    mkdirSync(staging, { mode: 0o700 });
    const rescuing = (...args: string[]) => spawnSync('sh', [rescue, ...args], { encoding: 'utf8' });
    const mount = join(base, 'mount');
    mkdirSync(join(mount, 'd'), { recursive: true });
    // Nothing is looked at through the mount before everything is off the bricks.
    expect(rescuing('--back', '--apply', staging, mount).status).toBe(4);
    expect(rescuing(staging)).toMatchObject({ status: 0 });
    expect(existsSync(join(staging, 'files'))).toBe(false);
    expect(rescuing('--apply', staging)).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(staging, 'files/d/hidden'), 'utf8')).toBe(content);
    expect(statSync(join(staging, 'files/d/hidden')).mode & 0o7777).toBe(0o644);
    expect(readFileSync(join(staging, 'files/d/newer'), 'utf8')).toBe('in no snapshot');
    expect(bricksAsTheyAre(made.roots)).toBe(before);
    expect(hiddenOn(made.roots)).toHaveLength(2);
    expect(rescuing('--back', '--apply', staging, mount).status).toBe(0);
    expect(readFileSync(join(mount, 'd/hidden'), 'utf8')).toBe(content);
    expect(existsSync(join(mount, 'd/newer'))).toBe(false);
    const proof = async (): Promise<unknown[]> => {
      const bundleDir = bundle?.directory ?? '';
      const request = { bundleDir, target: mount, notGluster: false, bricksRescued: false, now: Date.now };
      const { items, exit } = await verifyBundle(request);
      return [exit, ...items.map(({ path, status, list }) => `${path} ${status} ${list}`)];
    };
    const [one, other] = ['d/hidden restored rescue/back0', 'rescue/back-unproven0'];
    expect(await proof()).toEqual([1, one, `d/newer missing ${other}`]);
    expect(rescuing('--back', '--unproven', '--apply', staging, mount).status).toBe(0);
    expect(readFileSync(join(mount, 'd/newer'), 'utf8')).toBe('in no snapshot');
    expect(await proof()).toEqual([0, one, `d/newer restored ${other}`]);
    writeFileSync(join(mount, 'd/newer'), 'in no Snapshot');
    expect(await proof()).toEqual([1, one, `d/newer differs ${other}`]);
    expect(rescuing('--apply', made.roots[0] ?? '').status).toBe(4);

    // What the mount did with them: the same names, whole, where their hash leads.
    for (const path of hiddenOn(made.roots)) rmSync(path);
    made.file('d/hidden', content, AT);
    made.file('d/newer', 'in no snapshot', AT);
    const after = await scene.assess(made);
    expect(findingAt(after.assessment, 'd/newer').verdict).not.toBe('hidden');
    expect(after.assessment.findings.map(({ path }) => path)).toEqual(['d/newer']);
  });

  test('tells a pointer that leads nowhere, whose file is lost, from a file that somebody deleted', async () => {
    const made = volume();
    made.directory('kept', AT.mtimeNs);
    made.directory('tidied', AT.mtimeNs + 86_400n * NS);
    made.file('kept/lost', '', { mode: 0o1000, linkto: 'gv-client-1', brick: 0 });
    scene.snapshot(['2026-09-07'], { ...PLAIN, 'kept/lost': 'was here', 'tidied/thrown away': 'not wanted' });
    for (const date of ['2026-09-08', '2026-09-09', '2026-09-10'])
      run('cp', '-a', join(base, 'backup/2026-09-07'), join(base, 'backup', date));
    const { assessment } = await scene.assess(made);
    expect(verdicts(assessment)).toEqual({ 'kept/lost': 'missing', 'tidied/thrown away': 'deleted' });
    const lost = findingAt(assessment, 'kept/lost');
    expect(lost).toMatchObject({ recovery: 'exact', cause: { cause: 'silent' } });
    const pointer = { brick: made.roots[0], is: 'link', leadsTo: ['gv-client-1'] };
    const belongs = [made.roots[made.brickOf('kept/lost')]];
    expect(lost.bricks).toMatchObject({ why: ['dangling link'], copies: [pointer], belongs });
    expect(lost.evidence).toEqual(
      expect.arrayContaining([
        'A pointer is left of it, and no brick has its content.',
        `On ${made.roots[0]}: link to gv-client-1, 0 bytes.`,
        `By the hash of its name it belongs on ${belongs[0]}.`,
      ]),
    );
    expect(findingAt(assessment, 'tidied/thrown away').bricks).toBeUndefined();
  });

  test('calls a renamed file that is hidden, or lost, under its new name alone', async () => {
    const dayNs = 86_400n * NS;
    const made = new BrickVolume(base, 2);
    made.directory('d', AT.mtimeNs + dayNs);
    made.directory('kept', AT.mtimeNs);
    made.file('d/a', 'A', AT);
    made.file('kept/there', 'there', AT);
    const brick = made.brickOf('d/new name');
    const hide = { ...AT, mode: 0o1000, linkto: `gv-client-${1 - brick}`, brick };
    made.file('d/new name', 'renamed, then hidden', hide);
    const stay = { 'd/a': 'A', 'kept/there': 'there' };
    const lost = Object.fromEntries(['1', '2', '3', '4'].map((nth) => [`kept/lost ${nth}`, `lost ${nth}`]));
    scene.snapshot(['2026-09-07'], {
      ...stay,
      ...lost,
      'd/old name': 'renamed, then hidden',
      'd/old': 'renamed, then lost',
    });
    scene.snapshot(['2026-09-08'], { ...stay, 'd/new name': 'renamed, then hidden', 'd/new': 'renamed, then lost' });
    utimesSync(join(base, 'backup/2026-09-08/d'), THEN + 86_400, THEN + 86_400);
    const { assessment } = await scene.assess(made);
    expect(verdicts(assessment)).toEqual({
      'd/new name': 'hidden',
      'd/old name': 'moved',
      'd/new': 'missing',
      'd/old': 'moved',
      ...Object.fromEntries(Object.keys(lost).map((path) => [path, 'missing'])),
    });
    expect(findingAt(assessment, 'd/old name').movedTo).toBe('d/new name');
  });

  test('knows by an earlier look that a file which no snapshot has went in silence', async () => {
    const made = volume();
    made.directory('new', AT.mtimeNs + 86_400n * NS);
    for (const name of ['1', '2', '3']) made.file(`new/${name}`, `new ${name}`, AT);
    scene.snapshot(['2026-09-07'], PLAIN);
    expect(verdicts((await scene.assess(made)).assessment)).toMatchObject({ 'new/1': 'new', 'new/2': 'new' });
    // With its handle: nothing of it is left.
    const root = made.roots[made.brickOf('new/1')] ?? '';
    run('find', root, '-samefile', join(root, 'new/1'), '-delete');
    const { assessment, exit } = await scene.assess(made);
    expect(findingAt(assessment, 'new/1')).toMatchObject({ verdict: 'missing', recovery: 'none', flags: [] });
    expect(findingAt(assessment, 'new/1').cause?.cause).toBe('silent');
    expect(exit).toBe(1);
  });

  test('calls nothing missing while a brick is away, judges the rest, and takes up where it was', async () => {
    const made = volume();
    const brick = made.brickOf('d/hidden');
    made.file('d/hidden', 'hidden', { ...AT, mode: 0o1000, linkto: `gv-client-${brick}`, brick });
    scene.snapshot(['2026-09-07'], PLAIN);
    await scene.assess(made);
    const away = made.roots[1 - brick] ?? '';
    renameSync(away, `${away}-away`);
    mkdirSync(away);
    const { assessment, bundle, exit } = await scene.assess(made);
    const absent = Object.keys(PLAIN).filter((path) => made.brickOf(path) !== brick);
    expect(absent.length).toBeGreaterThan(0);
    const found = verdicts(assessment);
    for (const path of absent) expect(found[path]).toBe('unreadable');
    for (const path of Object.keys(PLAIN)) if (!absent.includes(path)) expect(found[path]).toBeUndefined();
    expect(assessment.verdicts.missing.files + assessment.verdicts.deleted.files).toBe(0);
    expect(assessment.incomplete.join(' ')).toContain(away);
    expect(exit).toBe(3);
    // Its source may be on the brick that is away: it is not called hidden, and copied off all the same.
    expect(found['d/hidden']).toBe('unreadable');
    expect(existsSync(join(bundle?.directory ?? '', 'rescue/hidden0'))).toBe(true);
    rmSync(away, { recursive: true });
    renameSync(`${away}-away`, away);
    const back = await scene.assess(made);
    expect(verdicts(back.assessment)).toEqual({ 'd/hidden': 'hidden' });
    expect(back.assessment.incomplete).toEqual([]);
  });

  test('calls nothing missing on a first look either, where a brick is away or was not named', async () => {
    const made = volume(3);
    scene.snapshot(['2026-09-07'], PLAIN);
    made.settle();
    for (const kept of [made.roots.slice(0, 2), made.roots.slice(1)]) {
      const { assessment, exit } = await scene.look(`gluster:${kept.join(',')}`);
      expect(new Set(Object.values(verdicts(assessment)))).toEqual(new Set(['unreadable']));
      expect(assessment.incomplete).not.toEqual([]);
      expect(exit).toBe(3);
    }
  });

  test('keeps what users own from what GlusterFS keeps: its names are internal at the root alone', async () => {
    const made = volume();
    made.directory('d/.glusterfs', AT.mtimeNs);
    made.file('d/.glusterfs/mine', 'of a user', AT);
    scene.snapshot(['2026-09-07'], { ...PLAIN, 'd/.glusterfs/mine': 'of a user' });
    const { assessment } = await scene.assess(made);
    expect(verdicts(assessment)).toEqual({});
    expect(assessment.universe).toEqual({ paths: 5, directories: 2 });
  });

  test('of replicas is one copy of each file, and what replicas do not agree on is a finding', async () => {
    const made = new BrickVolume(base, 2, 'replica');
    made.directory('d', AT.mtimeNs);
    const rotten = { 'd/rotten': 'as it was' };
    for (const brick of [0, 1])
      for (const [path, content] of Object.entries({ ...PLAIN, ...rotten })) made.file(path, content, { ...AT, brick });
    made.file('d/one-sided', 'on one replica', { ...AT, brick: 0 });
    scene.snapshot(['2026-09-07'], { ...PLAIN, ...rotten, 'd/one-sided': 'on one replica' });
    const healthy = await scene.assess(made);
    expect(verdicts(healthy.assessment)).toEqual({ 'd/one-sided': 'misplaced' });
    expect(healthy.exit).toBe(1);
    made.file('d/rotten', 'As it was', { ...AT, brick: 1 });
    made.settle();
    const { assessment } = await scene.look(made.live);
    expect(verdicts(assessment)).toEqual({ 'd/one-sided': 'misplaced', 'd/rotten': 'misplaced' });
    expect(findingAt(assessment, 'd/rotten').evidence?.join(' ')).toContain('no mark says which is behind');
  });

  test('is refused where no brick can be told, where bricks are of two volumes, and as a plain tree', async () => {
    const made = volume();
    const other = new BrickVolume(join(base, 'other'), 1);
    other.settle();
    made.settle();
    scene.snapshot(['2026-09-07'], PLAIN);
    mkdirSync(join(base, 'empty'));
    const tried = (live: string) => refusal(scene.look(live));
    expect(await tried(`gluster:${base}/empty`)).toMatchObject({
      exit: 4,
      message: expect.stringContaining('no brick'),
    });
    expect(await tried(`gluster:${made.roots[0]},${other.roots[0]}`)).toMatchObject({ exit: 4 });
    expect(await tried(made.roots[0] ?? '')).toMatchObject({ exit: 4 });
    expect(await tried(`gluster:elsewhere:/b1,${made.roots[0]}`)).toMatchObject({ exit: 2 });
  });
});
