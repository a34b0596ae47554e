// Replicas that do not hold the same, and no mark says so: found when the file is read, and found again at each look.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { findingAt, verdicts } from '../support/answers.ts';
import { BrickVolume, bricksAsTheyAre, setsTrusted } from '../support/brick-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { until } from '../support/poll.ts';
import { AT, PLAIN, Scene } from './scene.ts';

const catalog = await Catalog.forFile();
const FILES = { ...PLAIN, 'd/rotten': 'as it was' };
let scene: Scene;

beforeEach(() => {
  scene = new Scene(catalog, temporaryDirectory('rollcall-replicas-'));
});

/** Every file on every brick; what is given for a brick instead. */
function volume(bricks: number, instead: Readonly<Record<number, string>> = {}): BrickVolume {
  const made = new BrickVolume(scene.base, bricks, 'replica');
  made.directory('d', AT.mtimeNs);
  for (let brick = 0; brick < bricks; brick++) {
    for (const [path, content] of Object.entries(FILES)) {
      const own = path === 'd/rotten' ? (instead[brick] ?? content) : content;
      made.file(path, own, { ...AT, brick });
    }
  }
  return made;
}

/** What was written within two seconds before it was read is read once more; then nothing is. */
async function assessUntilKnown(made: BrickVolume): Promise<void> {
  await until('nothing is read any more', async () => {
    const { assessment } = await scene.assess(made);
    expect(verdicts(assessment)).toEqual({});
    return assessment.bytesRead === 0;
  });
}

/** As the scrubber of GlusterFS signs a content. */
function sign(made: BrickVolume, brick: number, path: string, content: string): void {
  const sum = createHash('sha256').update(content).digest('hex');
  const set = (key: string, hex: string): void =>
    void execFileSync('setfattr', ['-n', key, '-v', `0x${hex}`, join(made.roots[brick] ?? '', path)]);
  set('trusted.bit-rot.signature', `010300000000000000${sum}`);
  set('trusted.bit-rot.version', `0300000000000000${'00'.repeat(8)}`);
}

describe.skipIf(!setsTrusted)('replicas (root and attr needed)', () => {
  test('that are the same are read once, and no more while none of them changes', async () => {
    const made = volume(2);
    scene.snapshot(['2026-09-07'], FILES);
    const first = await scene.assess(made);
    expect(verdicts(first.assessment)).toEqual({});
    const bytes = Object.values(FILES).join('').length;
    // Both replicas, and the snapshot.
    expect(first.assessment.bytesRead).toBe(3 * bytes);
    await assessUntilKnown(made);
  });

  test('of which one goes bad behind the other are found at the next look, and at each one after it', async () => {
    const made = volume(2);
    scene.snapshot(['2026-09-07'], FILES);
    await assessUntilKnown(made);
    // Not the replica that is looked at first, and neither size nor time tells.
    made.file('d/rotten', 'As it was', { ...AT, brick: 1 });
    made.settle();
    const before = bricksAsTheyAre(made.roots);
    for (const nth of [1, 2]) {
      const { assessment, exit } = await scene.assess(made);
      expect([nth, verdicts(assessment), exit]).toEqual([nth, { 'd/rotten': 'misplaced' }, 1]);
      const said = findingAt(assessment, 'd/rotten').evidence?.join(' ') ?? '';
      expect(said).toContain('no mark says which is behind');
      // The backup knows.
      expect(said).toContain(`The copy on ${made.roots[0]} has the same bytes as in`);
      expect(said).toContain(`the copy on ${made.roots[1]} has not`);
    }
    expect(bricksAsTheyAre(made.roots)).toBe(before);
    made.file('d/rotten', 'as it was', { ...AT, brick: 1 });
    const mended = await scene.assess(made);
    expect(verdicts(mended.assessment)).toEqual({});
  });

  test.each([
    { bad: 0, what: 'the one that is looked at first' },
    { bad: 2, what: 'another one' },
  ])('of three: two are believed against $what, and what they hold is the version', async ({ bad }) => {
    const made = volume(3, { [bad]: 'As it was' });
    scene.snapshot(['2026-09-07'], FILES);
    for (const nth of [1, 2]) {
      const { assessment, exit } = await scene.assess(made);
      expect([nth, verdicts(assessment), exit]).toEqual([nth, { 'd/rotten': 'misplaced' }, 1]);
      const finding = findingAt(assessment, 'd/rotten');
      expect(finding.found?.digest).toBe(finding.expected?.digest);
    }
  });

  test('are told apart by what GlusterFS has signed, while the signature is of this version', async () => {
    const made = volume(2, { 0: 'As it was' });
    made.settle();
    sign(made, 0, 'd/rotten', 'as it was');
    sign(made, 1, 'd/rotten', 'as it was');
    scene.snapshot(['2026-09-07'], FILES);
    const { assessment } = await scene.assess(made);
    const finding = findingAt(assessment, 'd/rotten');
    expect(finding.verdict).toBe('misplaced');
    expect(finding.evidence?.join(' ')).toContain('not what GlusterFS has signed');
    expect(finding.found?.digest).toBe(finding.expected?.digest);
  });
});
