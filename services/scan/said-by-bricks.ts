// What bricks say besides the names of a directory: which names may be unseen, and which are not all that users take
// them for. Gaps that hide nothing.
import { evidenceText, isBrickVerdict, isNoted } from '../../domain/gluster/evidence.ts';
import type { UnionName } from '../../domain/gluster/union.ts';
import { NAMES_UNPLACED, NAMES_UNSEEN } from '../../domain/scan.ts';
import { orphansOn } from '../files/brick-orphans.ts';
import { areDirectories, copyOnBrick } from '../files/brick-shown.ts';
import type { Directory } from '../files/directory.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import type { ShardEnvironment } from './environment.ts';
import type { NameGap } from './look.ts';

/** Of a name that stands: what is wrong with it on the bricks. */
export function noteOf({ name, class: is, evidence, copies, rescue }: UnionName, roots: readonly string[]): NameGap {
  const its = copies.map((copy) => copyOnBrick(copy, roots[copy.brick] ?? '', rescue));
  const detail = evidenceText({ why: evidence, copies: its });
  return { name: `/${name}`, status: isBrickVerdict(is) ? is : 'misplaced', errno: null, detail };
}

/** None for a directory that is no brick's. Of the root of a volume also what lies on its bricks under no name. */
export function saidByBricks({ context }: Pick<ShardEnvironment, 'context'>, handle: Directory): NameGap[] {
  if (!(handle instanceof UnionDirectory)) return [];
  if (handle.below !== '') return saidOfNames(handle);
  return [...saidOfNames(handle), ...orphansOn(handle, context.mode === 'reread' ? new Map() : context.orphans)];
}

function saidOfNames({ incomplete, said, bricks }: UnionDirectory): NameGap[] {
  const partial = { status: 'partial', errno: null } as const;
  const gaps: NameGap[] = incomplete === null ? [] : [{ ...partial, name: NAMES_UNSEEN, ...incomplete }];
  let unplaced = 0;
  for (const { name: its, entries } of said.values()) {
    if (its.evidence.includes('placement unknown')) unplaced++;
    const stands = its.isClear || areDirectories(entries);
    if (stands && (its.class !== 'plain' || isNoted(its.evidence))) gaps.push(noteOf(its, bricks.roots));
  }
  if (unplaced > 0) {
    const names = unplaced === 1 ? 'a name' : `${unplaced} names`;
    const detail = `whether users can open ${names} cannot be computed: the ranges of hashes are not whole`;
    gaps.push({ ...partial, name: NAMES_UNPLACED, detail });
  }
  return gaps;
}
