// What bricks say of their volume where glusterd's record cannot be read: fragments, pieces and files that are empty on
// purpose are never taken for the content of files.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { verdicts } from '../support/answers.ts';
import { BrickVolume, setsTrusted } from '../support/brick-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { AT, Scene } from './scene.ts';

const catalog = await Catalog.forFile();
const NO_MARK = '0'.repeat(24);
const FILES = { 'd/a': 'A', 'd/f1.dat': 'one', 'd/report.odt': 'a report' };
let base: string;
let scene: Scene;

beforeEach(() => {
  base = temporaryDirectory('rollcall-kinds-');
  scene = new Scene(catalog, base);
  scene.snapshot(['2026-09-07'], FILES);
});

/** Each brick has every file, with the content that it is given for that brick. */
function replicas(count: number, content: (whole: string, brick: number) => string = (whole) => whole): BrickVolume {
  const made = new BrickVolume(base, count, 'replica');
  made.directory('d', AT.mtimeNs);
  for (const [path, whole] of Object.entries(FILES))
    for (let brick = 0; brick < count; brick++) made.file(path, content(whole, brick), { ...AT, brick });
  return made;
}

async function refused(made: BrickVolume, of = made.roots): Promise<string> {
  made.settle();
  const { exit, message, next } = await refusal(scene.look(`gluster:${of.join()}`));
  expect([exit, next]).toEqual([4, expect.stringContaining('--bricks-rescued')]);
  return message;
}

describe.skipIf(!setsTrusted)('bricks whose record cannot be read (root and attr needed)', () => {
  test('hold fragments: refused, by one file deep down as well', async () => {
    const made = replicas(3, (whole) => `fragment of ${whole.length}`);
    for (const path of Object.keys(FILES)) made.mark(2, path, 'trusted.ec.size', '0000000000000001');
    expect(await refused(made)).toContain('is dispersed');
    expect(await refused(made, made.roots.slice(2))).toContain('is dispersed');
  });

  test('hold pieces: refused', async () => {
    const sharded = replicas(1);
    mkdirSync(join(sharded.roots[0] ?? '', '.shard'));
    expect(await refused(sharded)).toContain('is sharded');
    const small = new BrickVolume(join(base, 'small'), 1);
    small.file('a', 'A', AT);
    small.mark(0, 'a', 'trusted.glusterfs.shard.block-size', '0000000000400000');
    expect(await refused(small)).toContain('is sharded');
    const striped = new BrickVolume(join(base, 'striped'), 1);
    striped.file('a', 'A', AT);
    striped.mark(0, 'a', 'trusted.gv-stripe-0.stripe-size', '313331303732');
    expect(await refused(striped)).toContain('is striped');
  });

  test('are the brick of an arbiter beside others, or alone: refused', async () => {
    const made = replicas(3, (whole, brick) => (brick === 2 ? '' : whole));
    for (const brick of [0, 1, 2]) made.mark(brick, 'd/a', 'trusted.afr.dirty', NO_MARK);
    expect(await refused(made)).toContain('every file on');
    expect(await refused(made, made.roots.slice(1))).toContain('every file on');
    expect(await refused(made, made.roots.slice(2))).toContain('every file on');
    // Without it they are replicas as any others.
    const { assessment, exit } = await scene.look(`gluster:${made.roots.slice(0, 2).join()}`);
    expect([verdicts(assessment), exit]).toEqual([{}, 0]);
  });

  test('are one replica of several: what it lacks may be on another, and is not called missing', async () => {
    const made = replicas(2);
    made.mark(0, '', 'trusted.afr.gv-client-1', NO_MARK);
    mkdirSync(join(base, 'backup/2026-09-07/e'));
    writeFileSync(join(base, 'backup/2026-09-07/e/on the other one'), 'x');
    made.settle();
    const { assessment, exit } = await scene.look(`gluster:${made.roots[0]}`);
    expect(assessment.verdicts.missing.files + assessment.verdicts.deleted.files).toBe(0);
    expect([verdicts(assessment)['e/on the other one'], exit]).toEqual(['unreadable', 3]);
    expect(assessment.incomplete.join(' ')).toContain('was not named');
  });
});
