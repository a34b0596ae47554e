// Copies of one name against one another.
import type { UnionCopy } from './union.ts';

/**
 * Whether two copies have the same content. A copy that was not read is neither the same nor different, unless its size
 * tells.
 */
export function compare(a: UnionCopy, b: UnionCopy): 'same' | 'differ' | 'unread' {
  const { entry: x } = a;
  const { entry: y } = b;
  if (a.brick === b.brick) return 'same';
  if (x.kind !== y.kind || x.size !== y.size || x.target !== y.target || x.rdev !== y.rdev) return 'differ';
  if (x.kind !== 'file' || x.size === 0) return 'same';
  if (x.digest === null || y.digest === null) return 'unread';
  return x.digest === y.digest ? 'same' : 'differ';
}

/** All against all: what any two of them are to one another, the worst of it. */
export function agreement(copies: readonly UnionCopy[]): 'same' | 'differ' | 'unread' {
  const told = new Set(copies.flatMap((a, at) => copies.slice(at + 1).map((b) => compare(a, b))));
  if (told.has('differ')) return 'differ';
  return told.has('unread') ? 'unread' : 'same';
}

/** By the time that users see; of equals the first. */
export function newest(copies: readonly UnionCopy[]): UnionCopy | null {
  const time = ({ entry }: UnionCopy): bigint => entry.mdataMtimeNs ?? entry.mtimeNs;
  let best: UnionCopy | null = null;
  for (const copy of copies) if (best === null || time(copy) > time(best)) best = copy;
  return best;
}
