// Bricks are asked one after another, and a rebalance moves files meanwhile: the copy on one brick and the pointer on
// another may be of different moments.
import { isNoted } from './evidence.ts';
import type { UnionName } from './union.ts';

/** Whether no order in which the bricks were asked could have made it up: users see one file. */
export function isOfOneMoment({ class: its, evidence, gaps }: UnionName): boolean {
  if (its === 'plain') return !isNoted(evidence);
  // A brick that cannot be asked says no more when it is asked again.
  return its === 'gap' && gaps.every(({ gap }) => gap.status !== 'unsettled');
}

/** Whether two looks at a name saw the same copies on the same bricks, and made the same of them. */
export function saysTheSame(a: UnionName, b: UnionName): boolean {
  return wordOf(a) === wordOf(b);
}

function wordOf({ class: its, evidence, copies }: UnionName): string {
  const held = copies.map(({ brick, is, entry: { gfid, size, mode } }) => [brick, is, gfid, size, mode]);
  return JSON.stringify([its, evidence, held]);
}

/** A name of which each look said something else. */
export function moving(last: UnionName | undefined, name: string): UnionName {
  const [copy] = last?.copies ?? [];
  const gaps = [{ brick: copy?.brick ?? 0, gap: { status: 'unsettled', errno: null } }] as const;
  return {
    name,
    class: 'gap',
    holder: null,
    isClear: false,
    entry: null,
    evidence: [],
    copies: last?.copies ?? [],
    rescue: [],
    gaps,
  };
}
