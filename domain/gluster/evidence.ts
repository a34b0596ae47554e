// What is kept of a name that is not plain, beside the manifest: the class, why, and what each brick has of it. One
// JSON form: the catalog keeps it with the name's gap, and the bundle's rescue is made of it.
import type { UnionClass, UnionEvidence, EntryKind } from './union.ts';

/** The classes that are verdicts (docs/design.md#verdicts, row 2). */
export const BRICK_VERDICTS = ['hidden', 'unreachable', 'misplaced'] as const satisfies readonly UnionClass[];
export type BrickVerdict = (typeof BRICK_VERDICTS)[number];

export function isBrickVerdict(status: string): status is BrickVerdict {
  return (BRICK_VERDICTS as readonly string[]).includes(status);
}

/** What one brick has of the name. */
export interface CopyOnBrick {
  /** The root of the brick: absolute, printable. */
  readonly brick: string;
  readonly is: EntryKind;
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; null for anything but a file. */
  readonly size: number | null;
  /** As users saw it, in ns; decimal. */
  readonly mtimeNs: string;
  readonly gfid: string | null;
  /** XXH64 in 16 hex digits; null where it was not read. */
  readonly xxh64: string | null;
  /** The offset from which it is nothing but zeros. */
  readonly zeroFrom: number | null;
  /** It is to be copied off before anybody looks. */
  readonly rescue: boolean;
  /** Of a pointer: the roots of the bricks that it leads to, or its mark where nothing tells which those are. */
  readonly leadsTo?: readonly string[];
  /** Where it lies below the brick's root, printable, if not under the name: content that has lost its name. */
  readonly handle?: string;
}

export interface BrickEvidence {
  readonly why: readonly UnionEvidence[];
  readonly copies: readonly CopyOnBrick[];
  /**
   * Of a name that is gone: the roots of the bricks that its hash leads to, where the last rebalance put it; left out
   * where that cannot be computed.
   */
  readonly belongs?: readonly string[];
}

/** What is to be looked into although users see one content of the name. */
const NOTED: ReadonlySet<UnionEvidence> = new Set([
  'debris differs',
  'gfids differ',
  'kinds differ',
  'stale replica',
  'replica lacks it',
  'replicas differ',
  'signature broken',
  'replica unread',
  'split brain',
  'condemned copy',
  'copies differ',
  'copies not compared',
]);

export function isNoted(why: readonly UnionEvidence[]): boolean {
  return why.some((one) => NOTED.has(one));
}

/** What GlusterFS settles by itself: a replica that was away is behind, and the others tell in what. */
const HEALS: ReadonlySet<UnionEvidence> = new Set(['stale replica', 'replica lacks it']);

/** Whether the bricks agree on the content, and a replica has yet to be brought up to date. */
export function heals(why: readonly UnionEvidence[]): boolean {
  return isNoted(why) && why.every((one) => HEALS.has(one) || !NOTED.has(one)) && !why.includes('shadowed');
}

/** What a lookup says of a copy. */
export type Inode = Pick<CopyOnBrick, 'kind' | 'mode' | 'uid' | 'gid' | 'size' | 'mtimeNs' | 'gfid'>;

/**
 * Whether the bricks have of a name what they had, by lookups: what their contents are like was compared then, and is
 * not now.
 *
 * @param before all that any brick had
 * @param now all that any brick has, by the root of the brick
 */
export function isStillSo(before: readonly CopyOnBrick[], now: ReadonlyMap<string, Inode>): boolean {
  return (
    now.size === before.length &&
    before.every((copy) => {
      const its = now.get(copy.brick);
      if (its === undefined || its.kind !== copy.kind || its.mode !== copy.mode || its.gfid !== copy.gfid) return false;
      // A directory's times move with every name in it.
      return copy.kind === 'directory' || (its.size === copy.size && its.mtimeNs === copy.mtimeNs);
    })
  );
}

export function evidenceText(evidence: BrickEvidence): string {
  return JSON.stringify(evidence);
}

/** Null for what is not such a text. */
export function evidenceOf(detail: string | null): BrickEvidence | null {
  if (detail === null || !detail.startsWith('{"why":')) return null;
  return JSON.parse(detail) as BrickEvidence;
}

const SAYS: Readonly<Record<UnionEvidence, string>> = {
  'hidden copy': 'its content is on a brick, under the marks of a pointer to another brick: users do not see it',
  'hidden copy ends in zeros': 'its content ends in zeros there: it may not have been written to its end',
  'mode of a link file': 'it has the mode of a pointer, so that GlusterFS cannot read it',
  'dangling link': 'a pointer is left of it, and no brick has its content',
  'not where its hash leads': 'the brick that clients ask does not have it, and no pointer there leads to it',
  'placement unknown': 'which brick clients ask for it cannot be told',
  'migration unfinished': 'a move to another brick was broken off',
  debris: 'remains of a move are beside it',
  'debris differs': 'remains of a move with other content are beside it',
  'same copies': 'several bricks have the same content',
  'copies differ': 'bricks have different content',
  'copies not compared': 'several bricks have it, and their contents were not compared',
  shadowed: 'an empty file on another brick stands before it',
  'gfids differ': 'bricks have different files of this name',
  'kinds differ': 'it is of different kinds on different bricks',
  'stale replica': 'a replica is behind',
  'replica lacks it': 'a replica lacks it',
  'replicas differ': 'replicas have different content, and no mark says which is behind',
  'replicas not compared': 'the contents of its replicas were not compared',
  'signature broken': 'a copy is not what GlusterFS has signed: it has gone bad',
  'replica unread': 'a replica could not be read',
  'split brain': 'its replicas blame each other',
  'condemned copy': 'GlusterFS has marked a copy as damaged',
  'brick unseen': 'a brick could not be asked',
  'no name': 'its content is on a brick under no name: users do not see it',
};

function reasonsOf(why: readonly UnionEvidence[]): string {
  return why.map((one) => SAYS[one]).join('; ');
}

/** What is kept with a gap, for a person, where one sentence names several of them. */
export function reasonOf(detail: string | null): string | null {
  const evidence = evidenceOf(detail);
  return evidence === null ? detail : reasonsOf(evidence.why);
}

/** Sentences for a person. */
export function evidenceSentences({ why, copies, belongs }: BrickEvidence): string[] {
  const said = reasonsOf(why);
  const reasons = said === '' ? [] : [`${said.charAt(0).toUpperCase()}${said.slice(1)}.`];
  const place = belongs === undefined ? [] : [`By the hash of its name it belongs on ${belongs.join(' and ')}.`];
  return [...reasons, ...copies.map(copySentence), ...place];
}

function copySentence({ brick, is, size, xxh64, leadsTo, handle }: CopyOnBrick): string {
  const bytes = size === null ? '' : `, ${size} bytes`;
  const target = leadsTo === undefined ? '' : ` to ${leadsTo.join(' and ')}`;
  return `On ${brick}: ${handle ?? is}${target}${bytes}${xxh64 === null ? '' : `, XXH64 ${xxh64}`}.`;
}
