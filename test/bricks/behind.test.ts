// A brick of a replica set that was away while users worked. Names that they made and removed meanwhile bear no mark on
// it: only the directories of the other brick tell.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findingAt, verdicts } from '../support/answers.ts';
import { BrickVolume, bricksAsTheyAre, setsTrusted } from '../support/brick-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, run } from '../support/machine.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { THEN, Scene } from './scene.ts';

const catalog = await Catalog.forFile();
const at = (seconds: number): { mtimeNs: bigint } => ({ mtimeNs: BigInt(seconds) * 1_000_000_000n });
const BEFORE = at(THEN);
const LATER = at(THEN + 40 * 86_400);
const NIGHTS = ['2026-09-07', '2026-09-08', '2026-09-09', '2026-09-10'];
const [AWAY, GOOD] = [0, 1];
/** `trusted.afr.*`: operations on data, on metadata, on entries. */
const DATA = `00000001${'0'.repeat(16)}`;
const ENTRIES = `${'0'.repeat(16)}00000001`;

describe.skipIf(!setsTrusted || !canMount)('bricks on file systems of their own (root and attr needed)', () => {
  test('are one tree: a directory that the first of them lacks is no mount point, and what is in it is seen', async () => {
    const base = temporaryDirectory('rollcall-apart-');
    const scene = new Scene(catalog, base);
    for (const name of ['b1', 'b2']) mounted(join(base, name));
    const made = new BrickVolume(base, 2);
    made.directory('d', LATER.mtimeNs);
    // Made before the brick was added, or while it was away.
    made.directory('d/on the other one', BEFORE.mtimeNs, [1]);
    made.directory('d/on the other one/deep', BEFORE.mtimeNs, [1]);
    made.file('d/on the other one/a', 'A', { ...BEFORE, brick: 1 });
    made.file('d/on the other one/deep/b', 'B', { ...BEFORE, brick: 1 });
    made.settle();
    scene.snapshot(NIGHTS, { 'd/on the other one/a': 'A', 'd/on the other one/deep/b': 'B' });
    const { assessment, exit } = await scene.look(made.live);
    expect(verdicts(assessment)).toEqual({});
    // Its range is on one brick alone.
    expect([assessment.incomplete.join(' '), exit]).toEqual([expect.stringContaining('ranges of hashes'), 3]);
    expect(assessment.universe).toEqual({ paths: 2, directories: 3 });
  });
});

/** A file system at a directory, until the test is over. */
function mounted(at: string): void {
  mkdirSync(at);
  run('mount', '-t', 'tmpfs', 'rollcall-test', at);
  onTestFinished(() => void run('umount', '-l', at));
}

describe.skipIf(!setsTrusted)('a brick that was away (root and attr needed)', () => {
  test('is not believed: what users removed, renamed, replaced and changed meanwhile is what they see', async () => {
    const base = temporaryDirectory('rollcall-behind-');
    const scene = new Scene(catalog, base);
    const made = new BrickVolume(base, 2, 'replica');
    const both = (path: string, content: string): void => {
      for (const brick of [AWAY, GOOD]) made.file(path, content, { ...BEFORE, brick });
    };
    const bothDirectories = (path: string): void => made.directory(path, LATER.mtimeNs);
    bothDirectories('home');
    both('home/kept', 'as ever');
    // A file was removed, and a directory with what was in it.
    made.file('home/thrown away', 'not wanted', { ...BEFORE, brick: AWAY });
    made.directory('home/cleared', BEFORE.mtimeNs, [AWAY]);
    made.directory('home/cleared/deep', BEFORE.mtimeNs, [AWAY]);
    made.file('home/cleared/a', 'in what was cleared', { ...BEFORE, brick: AWAY });
    made.file('home/cleared/deep/b', 'deep in what was cleared', { ...BEFORE, brick: AWAY });
    // Another directory has the name of one that was removed.
    made.directory('home/replaced', BEFORE.mtimeNs, [AWAY]);
    made.file('home/replaced/old', 'of the old one', { ...BEFORE, brick: AWAY });
    made.directory('home/replaced', LATER.mtimeNs, [GOOD]);
    made.file('home/replaced/new', 'of the new one', { ...LATER, brick: GOOD });
    made.mark(GOOD, 'home/replaced', 'trusted.afr.gv-client-0', ENTRIES);
    // A directory was renamed: nothing in it was changed, so that it bears no mark itself.
    made.directory('home/as it was called', BEFORE.mtimeNs, [AWAY]);
    made.file('home/as it was called/in it', 'of the renamed one', { ...BEFORE, brick: AWAY });
    made.directory('home/as it is called', BEFORE.mtimeNs, [GOOD]);
    made.file('home/as it is called/in it', 'of the renamed one', { ...BEFORE, brick: GOOD });
    made.mark(GOOD, 'home', 'trusted.afr.gv-client-0', ENTRIES);
    both('home/changed', 'as it was');
    made.file('home/changed', 'as it is now', { ...LATER, brick: GOOD });
    made.mark(GOOD, 'home/changed', 'trusted.afr.gv-client-0', DATA);
    made.settle();
    scene.snapshot(NIGHTS, {
      'home/kept': 'as ever',
      'home/changed': 'as it was',
      'home/thrown away': 'not wanted',
      'home/cleared/a': 'in what was cleared',
      'home/cleared/deep/b': 'deep in what was cleared',
      'home/replaced/old': 'of the old one',
      'home/as it was called/in it': 'of the renamed one',
    });
    const before = bricksAsTheyAre(made.roots);
    const { assessment, exit } = await scene.look(made.live);
    expect(bricksAsTheyAre(made.roots)).toBe(before);
    expect(verdicts(assessment)).toEqual({
      'home/as it was called': 'moved',
      'home/as it was called/in it': 'moved',
      'home/as it is called': 'new',
      'home/as it is called/in it': 'new',
      'home/changed': 'misplaced',
      'home/cleared': 'deleted',
      'home/cleared/a': 'deleted',
      'home/cleared/deep': 'deleted',
      'home/cleared/deep/b': 'deleted',
      'home/replaced': 'misplaced',
      'home/replaced/old': 'deleted',
      'home/replaced/new': 'new',
      'home/thrown away': 'deleted',
    });
    expect(findingAt(assessment, 'home/changed').evidence?.join(' ')).toContain('A replica is behind');
    expect(assessment.conditions.map(({ code }) => code)).toContain('replica-behind');
    expect([exit, assessment.incomplete]).toEqual([1, []]);
  });
});
