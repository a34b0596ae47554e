// What the bricks of a volume say of one name.
import type { BrickEntry } from '../../domain/gluster/brick.ts';
import { isOfOneMoment, moving, saysTheSame } from '../../domain/gluster/moving.ts';
import type { UnionName } from '../../domain/gluster/union.ts';

/** What a name came to, with what the bricks have of it. */
export interface Asked {
  readonly name: UnionName;
  readonly entries: ReadonlyMap<number, BrickEntry>;
}

/** A file that a rebalance moves while it is looked at is asked for so often. */
export const LOOKS_MAX = 3;

/**
 * One brick was asked after the other, and a rebalance may have moved the file meanwhile: what they say of it counts
 * where two looks agree. Null where no brick has the name any more.
 * @param look told whether it is another one: what was said before does not count then
 */
export function ofOneMoment(first: Asked | null, look: (again: boolean) => Asked | null): Asked | null {
  if (first === null || isOfOneMoment(first.name)) return first;
  let before = first.name;
  for (let nth = 1; nth <= LOOKS_MAX; nth++) {
    const asked = look(nth > 1);
    if (asked === null || isOfOneMoment(asked.name) || saysTheSame(before, asked.name)) return asked;
    before = asked.name;
  }
  return { name: moving(before, before.name), entries: new Map() };
}
