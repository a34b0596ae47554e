// What the bricks of a volume say together (docs/design.md#gluster): each name of a directory has one class, with why.
import type { BrickEntry } from './brick.ts';
import type { Naming, Trust } from './placement.ts';
import type { ReplicaSet, UnseenBrick } from './replicas.ts';
import type { Topology } from './topology.ts';

/**
 * plain: users see it, and one content is behind it · hidden: its content is on a brick, and users do not see the name
 * · unreachable: users may see the name, and cannot open it · misplaced: conflicting copies · gap: a brick that could
 * not be asked may hold the answer · internal: no name of a user (a pointer without its file, debris, what GlusterFS
 * keeps for itself): it is absent
 */
export type UnionClass = 'plain' | 'hidden' | 'unreachable' | 'misplaced' | 'gap' | 'internal';

/**
 * link: an empty pointer to another brick · hidden: content that is marked as a pointer · migrating: the source of a
 * migration that did not end · shadow: an empty file with a pointer's mark: it may stand before the real one · mark
 * lost: the mode of a pointer without its mark · data: all else
 */
export type EntryKind = 'link' | 'hidden' | 'migrating' | 'shadow' | 'mark lost' | 'data';

/** Why a name has its class, or what else is to be known of it. */
export type UnionEvidence =
  /** Content behind the mode and the mark of a link file. */
  | 'hidden copy'
  /** As 'hidden copy', and the content ends in zeros: it may not have been written to its end. */
  | 'hidden copy ends in zeros'
  /** The mode of a link file and content, but no mark: GlusterFS cannot read it. */
  | 'mode of a link file'
  /** A link file, or an empty hidden file: a file of this name existed, and no brick has its content. */
  | 'dangling link'
  /** The brick that the name's hash leads to has no pointer, and by the commit hash clients ask no other. */
  | 'not where its hash leads'
  /** Which brick the name's hash leads to cannot be told. */
  | 'placement unknown'
  /** A migration was broken off; the source is whole. */
  | 'migration unfinished'
  /** Remains of a migration beside the file. */
  | 'debris'
  /** The same, and its content is not that of the file. */
  | 'debris differs'
  | 'same copies'
  | 'copies differ'
  | 'copies not compared'
  | 'shadowed'
  | 'gfids differ'
  | 'kinds differ'
  | 'stale replica'
  | 'replica lacks it'
  | 'replicas differ'
  | 'replicas not compared'
  /** GlusterFS has signed the content, and a copy is not what was signed. */
  | 'signature broken'
  | 'replica unread'
  | 'split brain'
  | 'condemned copy'
  /** A brick could not be asked. */
  | 'brick unseen'
  /** No brick has the name, and one holds its content under its handle alone. */
  | 'no name';

export interface UnionCopy {
  /** Place in Topology.bricks. */
  readonly brick: number;
  readonly is: EntryKind;
  readonly entry: BrickEntry;
}

export interface UnionName {
  readonly name: string;
  readonly class: UnionClass;
  /** The brick whose copy stands for the name; null where none does (gap, internal), or none can be chosen. */
  readonly holder: number | null;
  /** Its holder's content is what the name is, whatever else is wrong with it. */
  readonly isClear: boolean;
  /**
   * What users would see of it: mode, owner and time as through a mount. Of a hidden file the mode is lost. Null for
   * gap and internal. Where conflicting copies cannot be told apart, that of the newest, as a suggestion.
   */
  readonly entry: BrickEntry | null;
  readonly evidence: readonly UnionEvidence[];
  /** What every brick holds of it, by brick. Empty for a plain name without evidence. */
  readonly copies: readonly UnionCopy[];
  /** Bricks whose hidden copy is to be copied off before anybody looks. */
  readonly rescue: readonly number[];
  /** Bricks that could not be asked, and why. */
  readonly gaps: readonly UnseenBrick[];
}

export interface UnionDirectory {
  /** In the order of their bytes; each name of any brick once. */
  readonly names: readonly UnionName[];
  /** Listed completely on every brick that has it, and no brick is unknown: only then it proves an absence. */
  readonly isComplete: boolean;
  /** Bricks that keep it from being complete; one that was not named has the place after the last. */
  readonly gaps: readonly UnseenBrick[];
  /** The directory's mtime as users see it: the newest of its bricks; null where no brick lists it. */
  readonly mtimeNs: bigint | null;
  /** Bricks that lack it; a note, no loss. */
  readonly missingOn: readonly number[];
  /** Its bricks, with those whose listing is not believed. */
  readonly sets: readonly ReplicaSet[];
}

/** What holds for the whole volume. */
export interface UnionVolume extends Trust {
  readonly topology: Topology;
  /** Null where it cannot be followed: then where names belong is unknown. */
  readonly naming: Naming | null;
}
