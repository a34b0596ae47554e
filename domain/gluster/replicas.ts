// The bricks of a replica set are one brick first: which of them is believed, for a directory and for a name in it. A
// mark says which brick missed something; what a blamed brick has, and what it lacks, proves nothing.
import type { BrickGap, DirectorySight, NameSight, Pending } from './brick.ts';
import { compare } from './copies.ts';
import { entryKindOf } from './entry-kind.ts';
import type { Topology } from './topology.ts';
import type { UnionCopy, UnionEvidence } from './union.ts';

export interface UnseenBrick {
  readonly brick: number;
  readonly gap: BrickGap;
}

/** What one subvolume says of a name, its bricks taken together. */
export interface SubvolumeSight {
  /** The copy that is believed; null where there is none, or none can be chosen. */
  readonly copy: UnionCopy | null;
  /** Copies that stand against one another. */
  readonly rivals: readonly UnionCopy[];
  /** All that any brick has. */
  readonly copies: readonly UnionCopy[];
  readonly evidence: readonly UnionEvidence[];
  /** Bricks that list the name, or may, and could not be asked about it; empty where the others decide. */
  readonly unseen: readonly UnseenBrick[];
  /** A brick lists the name and cannot be asked about it: it is there, whatever it is. */
  readonly isNamed: boolean;
}

/** Bricks of a set that others blame; with all of them blamed nobody can be believed. */
function blamed(
  topology: Topology,
  bricks: readonly number[],
  marksOf: (brick: number) => readonly Pending[],
  countOf: (mark: Pending) => number,
): ReadonlySet<number> {
  const accused = new Set<number>();
  const accusers = new Set<number>();
  let isTold = true;
  for (const brick of bricks) {
    for (const mark of marksOf(brick)) {
      if (mark.client === null || countOf(mark) === 0) continue;
      const target = bricks.find((other) => topology.bricks[other]?.client === mark.client);
      accusers.add(brick);
      if (target === undefined) isTold = false;
      else accused.add(target);
    }
  }
  // Nothing says which brick has which number: it is one of those that accuse nobody.
  if (!isTold) for (const brick of bricks) if (!accusers.has(brick)) accused.add(brick);
  if (!isTold && accusers.size === bricks.length) return new Set(bricks);
  return accused;
}

/**
 * Bricks whose listing of a directory is not believed. Where all are blamed, GlusterFS keeps the names of each.
 *
 * @param marksOn what stands on the directory on a brick
 */
export function staleListings(
  topology: Topology,
  bricks: readonly number[],
  marksOn: (brick: number) => readonly Pending[],
): ReadonlySet<number> {
  const stale = blamed(topology, bricks, marksOn, ({ entry }) => entry);
  return bricks.every((brick) => stale.has(brick)) ? new Set() : stale;
}

/**
 * Bricks whose listing of a directory is not believed, and that have something else under a name of it than the others
 * of their set: it was removed or replaced while they were away. What is below it there was never told to them either,
 * and no mark of its own says so.
 *
 * @param gfidOf what a brick has under the name; null where it has nothing, or nothing that can be told apart
 */
export function outdated({ bricks, stale }: ReplicaSet, gfidOf: (brick: number) => string | null): number[] {
  const believed = new Set(bricks.filter((brick) => !stale.has(brick)).map(gfidOf));
  return bricks.filter((brick) => {
    if (!stale.has(brick)) return false;
    const gfid = gfidOf(brick);
    return gfid === null || !believed.has(gfid);
  });
}

/** What a brick says of a name: null is that it lacks it, 'unknown' that it may have it. */
export type SightOfName = NameSight | { readonly state: 'unknown'; readonly gap: BrickGap } | null;

/** Bricks that hold the same names, in one directory. */
export interface ReplicaSet {
  readonly topology: Topology;
  /** Places in Topology.bricks. */
  readonly bricks: readonly number[];
  /** Of staleListings(). */
  readonly stale: ReadonlySet<number>;
}

/** The brick of a replica set that speaks for its layout: one that is believed and has one. */
export function speakerOf({ bricks, stale }: ReplicaSet, sights: readonly DirectorySight[]): DirectorySight {
  const said = bricks.filter((brick) => !stale.has(brick)).flatMap((brick) => sights[brick] ?? []);
  const speaker =
    said.find((sight) => sight.state === 'listed' && sight.layout !== null) ??
    said.find(({ state }) => state === 'listed') ??
    said.find(({ state }) => state === 'unknown');
  return speaker ?? { state: 'absent' };
}

export function subvolumeSight(set: ReplicaSet, sightOf: (brick: number) => SightOfName): SubvolumeSight {
  const copies: UnionCopy[] = [];
  const unseen: UnseenBrick[] = [];
  let isNamed = false;
  let isLacking = false;
  let isStale = false;
  for (const brick of set.bricks) {
    const sight = sightOf(brick);
    if (sight?.state === 'seen') copies.push({ brick, is: entryKindOf(sight.entry), entry: sight.entry });
    if (set.stale.has(brick)) {
      isStale ||= sight?.state === 'gap';
    } else if (sight?.state !== 'seen') {
      if (sight === null) isLacking = true;
      else unseen.push({ brick, gap: sight.gap });
      isNamed ||= sight?.state === 'gap';
    }
  }
  const believed = copies.filter(({ brick }) => !set.stale.has(brick));
  isStale ||= copies.some((copy) => set.stale.has(copy.brick) && isBehind(set, copy, believed));
  const evidence: UnionEvidence[] = isStale ? ['stale replica'] : [];
  const nothing = { copy: null, rivals: [], copies, unseen, isNamed };
  if (believed.length === 0) return { ...nothing, evidence };
  if (isLacking) evidence.push('replica lacks it');
  if (isNamed) evidence.push('brick unseen');
  const choice = chosen(set, believed);
  return { ...nothing, ...choice, evidence: [...evidence, ...choice.evidence] };
}

/** A brick may have missed names of a directory, and have the others as they are. */
function isBehind(set: ReplicaSet, { brick, entry }: UnionCopy, believed: readonly UnionCopy[]): boolean {
  const isSameFile = believed.some((other) => other.entry.gfid !== null && other.entry.gfid === entry.gfid);
  return !isSameFile || accusedBy(set, believed).has(brick);
}

/** Bricks that missed a change of what stands under one name, by what these copies of it say. */
function accusedBy({ topology, bricks }: ReplicaSet, copies: readonly UnionCopy[]): ReadonlySet<number> {
  const marksOf = (brick: number): readonly Pending[] =>
    copies.find((copy) => copy.brick === brick)?.entry.pending ?? [];
  return blamed(topology, bricks, marksOf, ({ data, metadata }) => data + metadata);
}

type Choice = Pick<SubvolumeSight, 'copy' | 'rivals' | 'evidence'>;

/** Of the copies of one name in a replica set the one that is believed. */
function chosen(set: ReplicaSet, copies: readonly UnionCopy[]): Choice {
  const accused = accusedBy(set, copies);
  const good = copies.filter(({ brick }) => !accused.has(brick));
  if (good.length === 0) {
    // One copy that is blamed by itself alone, or by nobody who is here: it is all that can be seen.
    return copies.length === 1
      ? { copy: copies[0] ?? null, rivals: [], evidence: ['stale replica'] }
      : { copy: null, rivals: copies, evidence: ['split brain'] };
  }
  const evidence: UnionEvidence[] = good.length < copies.length ? ['stale replica'] : [];
  const sound = good.filter(({ entry }) => entry.isCondemned !== true && entry.signature !== 'broken');
  if (sound.length > 0 && good.some(({ entry }) => entry.isCondemned === true)) evidence.push('condemned copy');
  if (sound.length > 0 && good.some(({ entry }) => entry.signature === 'broken')) evidence.push('signature broken');
  const { copy, rivals, evidence: more } = agreed(sound.length > 0 ? sound : good);
  return { copy, rivals, evidence: [...evidence, ...more] };
}

/** What unblamed replicas have in common; where they differ, what was signed, or what more than half of them have. */
function agreed(copies: readonly UnionCopy[]): Choice {
  const [first] = copies;
  if (first === undefined) throw new Error('no copy to choose from');
  if (new Set(copies.map(({ entry }) => entry.gfid)).size > 1) {
    return { copy: null, rivals: copies, evidence: ['gfids differ'] };
  }
  const votes = copies.map((copy) => copies.filter((other) => compare(copy, other) !== 'differ').length);
  const most = Math.max(...votes);
  const winner = copies[votes.indexOf(most)] ?? first;
  if (most === copies.length) {
    const isRead = copies.every((copy) => compare(winner, copy) === 'same');
    return { copy: winner, rivals: [], evidence: isRead ? [] : ['replicas not compared'] };
  }
  const [signed, ...others] = copies.filter(({ entry }) => entry.signature === 'fits');
  const isSigned = signed !== undefined && others.every((other) => compare(signed, other) === 'same');
  const right = isSigned ? signed : most * 2 > copies.length ? winner : null;
  return { copy: right, rivals: copies, evidence: ['replicas differ'] };
}
