// Damages the demo as the story tells: a crashed rebalance loses files in silence, and the nightly job carries half of
// the loss into the backup.
import { lstatSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parent } from './live-tree.ts';
import {
  ATLAS,
  BUSY,
  type DemoTree,
  ODD_NAMES,
  ROTTEN,
  TIDIED,
  TWIN,
  TWIN_OF,
  ZEROED_EARLY,
  ZEROED_LATE,
} from './school.ts';
import { snapshotName, takeSnapshot } from './snapshot.ts';

const LOST_EARLY = 105;
const LOST_LATE = 110;
const LOST_OF_LAST_DAY = 3;
const RENAMED = 10;

/** What was done; paths below the live root, raw. Whoever tells the story may show it beside what Rollcall found. */
export interface DemoDamage {
  /** Gone before the newest snapshot was taken: a comparison with it cannot see them. */
  readonly lostEarly: readonly string[];
  /** Gone after it; one of them is a symbolic link. */
  readonly lostLate: readonly string[];
  /** Made after the last good night and gone before the next: no snapshot ever held them. */
  readonly lostForGood: readonly string[];
  readonly lostDirectories: readonly string[];
  readonly zeroed: readonly string[];
  readonly rotten: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  /** The snapshot that was taken in the middle of it. */
  readonly newest: string;
}

/**
 * Loses 105 files, takes tonight's snapshot, loses 110 more, zeroes two, flips a byte of one, and lets people rename
 * ten. Waits for the next whole second (`now` is ms since 1970), because the snapshot bears the second in its name and
 * comes after every scan so far.
 */
export async function damageDemo(demo: DemoTree, now: () => number): Promise<DemoDamage> {
  const { tree, random } = demo;
  const special = new Set([TWIN_OF, ROTTEN, ZEROED_EARLY, ZEROED_LATE, ...demo.lastDay]);
  const atlas = [...tree.files].filter((path) => parent(path) === ATLAS).sort();
  const always = new Set([TWIN, ...ODD_NAMES, ...atlas]);
  const usual = [...tree.files]
    .filter((path) => !special.has(path) && !always.has(path) && !TIDIED.includes(parent(path)))
    .sort();

  const lostEarly = [...ODD_NAMES.slice(0, 3), ...random.some(usual, LOST_EARLY - 3)];
  const lostForGood = demo.lastDay.slice(0, LOST_OF_LAST_DAY);
  for (const path of [...lostEarly, ...lostForGood]) tree.lose(path);
  zero(demo, ZEROED_EARLY, now());
  tree.settle();

  const atMs = Math.ceil((now() + 1) / 1000) * 1000;
  while (now() < atMs) await setTimeout(20);
  const newest = `${demo.backups}/${snapshotName(atMs)}`;
  takeSnapshot(tree.root, newest, demo.nights.at(-1) ?? null);

  const left = usual.filter((path) => tree.files.has(path));
  const lostLate = [TWIN, ...ODD_NAMES.slice(3), ...atlas, `${ATLAS}/index`];
  lostLate.push(...random.some(left, LOST_LATE - lostLate.length));
  for (const path of lostLate) tree.lose(path);
  tree.loseDirectory(ATLAS);
  zero(demo, ZEROED_LATE, atMs);
  flip(demo, ROTTEN);
  const renamed = random
    .some(
      usual.filter((path) => tree.files.has(path) && BUSY.includes(parent(path))),
      RENAMED,
    )
    .map((from) => ({ from, to: `${parent(from)}/final ${from.slice(from.lastIndexOf('/') + 1)}` }));
  for (const { from, to } of renamed) tree.rename(from, to, atMs);
  tree.settle();
  return {
    lostEarly,
    lostLate,
    lostForGood,
    lostDirectories: [ATLAS],
    zeroed: [ZEROED_EARLY, ZEROED_LATE],
    rotten: [ROTTEN],
    renamed,
    newest,
  };
}

/**
 * A file of the same size that holds nothing but zeros, as a crash leaves it: the blocks are there, the data never
 * came.
 */
function zero(demo: DemoTree, path: string, atMs: number): void {
  demo.tree.edit(path, Buffer.alloc(lstatSync(`${demo.live}/${path}`).size), atMs);
}

function flip(demo: DemoTree, path: string): void {
  const content = readFileSync(`${demo.live}/${path}`);
  const middle = Math.floor(content.length / 2);
  content[middle] = (content[middle] ?? 0) ^ 0x10;
  demo.tree.rot(path, content);
}
