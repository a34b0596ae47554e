// What a scan keeps of a name of a volume of bricks that is not plain, or that a brick which cannot be asked may have.
import { type BrickEvidence, evidenceText, isBrickVerdict } from '../../domain/gluster/evidence.ts';
import type { UnionDirectory, UnionName } from '../../domain/gluster/union.ts';
import { BrickGapError, type OpenBricks, type Part } from './brick-parts.ts';
import { copyOnBrick } from './brick-shown.ts';

/** @param path of the name, for messages */
export function gapOf({ roots }: OpenBricks, name: UnionName, path: string): BrickGapError {
  const { class: its, evidence, copies, rescue, gaps } = name;
  const kept: BrickEvidence = {
    why: evidence,
    copies: copies.map((copy) => copyOnBrick(copy, roots[copy.brick] ?? '', rescue)),
  };
  if (isBrickVerdict(its)) return new BrickGapError(path, its, { errno: null, detail: evidenceText(kept) });
  const [gap] = gaps;
  if (gap === undefined) return new BrickGapError(path, 'failed', { errno: null, detail: 'no brick stands for it' });
  const { status, errno } = gap.gap;
  if (rescue.length > 0) return new BrickGapError(path, status, { errno, detail: evidenceText(kept) });
  const detail = status === 'unsettled' ? MOVING : `on brick ${roots[gap.brick] ?? '?'}`;
  return new BrickGapError(path, status, { errno, detail });
}

const MOVING = 'it was being moved from brick to brick while it was looked at';

const UNNAMED = 'some hashes belong to none of its bricks here: a brick of the volume was not named';

/** Which brick keeps a directory from being complete, and why. */
export function unseenBy(
  { roots }: OpenBricks,
  parts: readonly Part[],
  { gaps }: Pick<UnionDirectory, 'gaps'>,
): { readonly errno: string | null; readonly detail: string } {
  const [gap] = gaps;
  if (gap?.brick === roots.length) return { errno: null, detail: UNNAMED };
  const part = gap === undefined ? undefined : parts[gap.brick];
  const why = part?.state === 'unknown' ? part.gap.detail : 'it was not listed to its end';
  return { errno: gap?.gap.errno ?? null, detail: `brick ${roots[gap?.brick ?? -1] ?? '?'}: ${why}` };
}
