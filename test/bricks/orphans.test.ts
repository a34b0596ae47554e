// Content on bricks that has lost its name: joined with the names that are gone, rescued under them, and never taken
// for a loss where somebody deleted it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { orphanOf } from '../../domain/gluster/orphans.ts';
import type { AssessResult } from '../../services/assess.ts';
import { orphansOn } from '../../services/files/brick-orphans.ts';
import { statPlace } from '../../services/files/directory.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { UnionDirectory } from '../../services/files/union-directory.ts';
import { findingAt, verdicts } from '../support/answers.ts';
import { BrickVolume, bricksAsTheyAre, setsTrusted } from '../support/brick-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { AT, LATER, PLAIN, Scene } from './scene.ts';

const catalog = await Catalog.forFile();
const NIGHTS = ['2026-09-07', '2026-09-08', '2026-09-09', '2026-09-10'];
let scene: Scene;

beforeEach(() => {
  scene = new Scene(catalog, temporaryDirectory('rollcall-orphans-'));
});

function volume(): BrickVolume {
  const made = new BrickVolume(scene.base, 2);
  made.directory('d', AT.mtimeNs);
  for (const [path, content] of Object.entries(PLAIN)) made.file(path, content, AT);
  return made;
}

/** @returns the staging directory, after the rescue of a bundle */
function rescued({ bundle }: AssessResult): string {
  const staging = join(scene.base, 'staging');
  mkdirSync(staging, { mode: 0o700 });
  const script = join(bundle?.directory ?? '', 'rescue/rescue.sh');
  expect(spawnSync('sh', [script, '--apply', staging], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  return staging;
}

function listed({ bundle }: AssessResult): { names: { path: string }[]; staged: string | null; handle: string }[] {
  const lines = readFileSync(join(bundle?.directory ?? '', 'rescue/orphans.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

describe.skipIf(!setsTrusted)('content without a name (root and attr needed)', () => {
  test('is hidden, not missing, where a crash took the name: it is rescued under it, bit for bit', async () => {
    const made = volume();
    const content = 'the last copy\n'.repeat(700);
    made.directory('d/deep', AT.mtimeNs);
    made.nameless('d/deep/lost "name"; x', content, AT);
    made.nameless('d/new', 'in no snapshot', LATER);
    scene.snapshot(NIGHTS, { ...PLAIN, 'd/deep/lost "name"; x': content });
    made.settle();
    const before = bricksAsTheyAre(made.roots);
    const result = await scene.assess(made);
    expect(verdicts(result.assessment)).toEqual({ 'd/deep/lost "name"; x': 'hidden', 'd/new': 'hidden' });
    expect(result.exit).toBe(1);
    expect(findingAt(result.assessment, 'd/deep/lost "name"; x').evidence?.join(' ')).toContain(
      'has the same bytes as in',
    );
    expect(findingAt(result.assessment, 'd/new').evidence?.join(' ')).toContain('may be the only copy');
    const staging = rescued(result);
    expect(readFileSync(join(staging, 'files/d/deep/lost "name"; x'), 'utf8')).toBe(content);
    expect(readFileSync(join(staging, 'files/d/new'), 'utf8')).toBe('in no snapshot');
    expect(bricksAsTheyAre(made.roots)).toBe(before);
    const mount = join(scene.base, 'mount');
    mkdirSync(join(mount, 'd/deep'), { recursive: true });
    const script = join(result.bundle?.directory ?? '', 'rescue/rescue.sh');
    expect(spawnSync('sh', [script, '--back', '--apply', staging, mount]).status).toBe(0);
    expect(readFileSync(join(mount, 'd/deep/lost "name"; x'), 'utf8')).toBe(content);
    expect(existsSync(join(mount, 'd/new'))).toBe(false);
    const second = await scene.assess(made);
    expect(verdicts(second.assessment)).toEqual(verdicts(result.assessment));
  });

  test('is no loss where a user deleted the file while it was open', async () => {
    const made = volume();
    made.directory('tidied', LATER.mtimeNs);
    made.nameless('tidied/thrown away', 'not wanted', { ...AT, isUnlinked: true });
    made.nameless('tidied/temporary', 'never in a backup', { ...LATER, isUnlinked: true });
    scene.snapshot(NIGHTS, { ...PLAIN, 'tidied/thrown away': 'not wanted' });
    const { assessment, bundle, exit } = await scene.assess(made);
    expect(verdicts(assessment)).toEqual({ 'tidied/thrown away': 'deleted' });
    expect({ exit, bundle, incomplete: assessment.incomplete }).toEqual({ exit: 0, bundle: null, incomplete: [] });
    expect(assessment.conditions.map(({ code }) => code)).not.toContain('orphans');
  });

  test('counts as found for what was lost in silence, also where it was unlinked, or has no name left', async () => {
    const made = volume();
    made.directory('kept', AT.mtimeNs);
    // A rebalance unlinks the source; the copy was lost.
    made.nameless('kept/unlinked', 'of a rebalance', { ...AT, isUnlinked: true });
    made.nameless('kept/by its bytes', 'only its bytes tell', { ...AT, bare: true });
    // What was there before the version that the backup has.
    made.nameless('kept/older', 'of last year', { mtimeNs: AT.mtimeNs - 1n, isUnlinked: true });
    const backup = {
      'kept/unlinked': 'of a rebalance',
      'kept/by its bytes': 'only its bytes tell',
      'kept/older': 'newer',
    };
    scene.snapshot(NIGHTS, { ...PLAIN, ...backup });
    const result = await scene.assess(made);
    expect(verdicts(result.assessment)).toEqual({
      'kept/by its bytes': 'hidden',
      'kept/older': 'missing',
      'kept/unlinked': 'hidden',
    });
    expect(findingAt(result.assessment, 'kept/older').recovery).toBe('exact');
    const staging = rescued(result);
    for (const [path, content] of Object.entries(backup).slice(0, 2))
      expect(readFileSync(join(staging, 'files', path), 'utf8')).toBe(content);
    expect(listed(result).map(({ names, staged }) => [names[0]?.path, staged])).toEqual([['kept/older', null]]);
  });

  test('that is nobody’s is told once, listed, and staged under its handle', async () => {
    const made = volume();
    const handle = made.nameless('d/whose', 'nobody knows', { ...AT, bare: true });
    scene.snapshot(NIGHTS, PLAIN);
    const first = await scene.assess(made);
    expect(verdicts(first.assessment)).toEqual({});
    expect(first.exit).toBe(3);
    expect(first.assessment.incomplete.join(' ')).toContain('has lost its name');
    expect(listed(first)).toMatchObject([{ handle, names: [] }]);
    const staging = rescued(first);
    expect(readFileSync(join(staging, listed(first)[0]?.staged ?? ''), 'utf8')).toBe('nobody knows');
    const second = await scene.assess(made);
    expect(second.exit).toBe(0);
    expect(second.assessment.conditions.map(({ code }) => code)).toContain('orphans');
  });

  test('is not read again while its inode is the one that was read', () => {
    const made = volume();
    const handle = made.nameless('d/lost', 'content', AT);
    const root = openRoot(made.live);
    if (!(root instanceof UnionDirectory)) throw new Error('no volume of bricks');
    try {
      // Without a reader nothing is read.
      const [first] = orphansOn(root, new Map()).flatMap((gap) => orphanOf(gap) ?? []);
      expect(first).toMatchObject({ copy: { handle, xxh64: null }, identity: null });
      const { inode, size, mtimeNs, ctimeNs } = statPlace(join(first?.copy.brick ?? '', handle));
      const identity = `${first?.copy.brick} ${inode} ${size} ${mtimeNs} ${ctimeNs}`;
      const [again] = orphansOn(root, new Map([[identity, { xxh64: 'c0ffee', zeroFrom: 7 }]])).map(orphanOf);
      expect(again).toMatchObject({ copy: { xxh64: 'c0ffee', zeroFrom: 7 }, identity });
    } finally {
      root.close();
    }
  });

  test('beside a file that stands under that name changes nothing', async () => {
    const made = volume();
    const [path = '', content = ''] = Object.entries(PLAIN)[0] ?? [];
    made.settle();
    made.nameless(path, 'what a move left', { ...AT, brick: 1 - made.brickOf(path) });
    scene.snapshot(NIGHTS, PLAIN);
    const { assessment, exit } = await scene.assess(made);
    expect(content).toBe('A');
    expect(verdicts(assessment)).toEqual({});
    expect(exit).toBe(0);
  });
});
