// Content that a brick holds under its handle below `.glusterfs` and under no name (docs/design.md#gluster): a crash
// took the name, or somebody deleted the file while it was open. A scan keeps each with the root of the volume, as a
// gap that hides no name; judging joins them with the names that are gone.
import { gapStatusOf } from '../errno.ts';
import { baseName } from '../path.ts';
import type { Gap } from '../scan.ts';
import { type BrickEvidence, type CopyOnBrick, evidenceOf, evidenceText } from './evidence.ts';

/** A name that the file had, by `trusted.gfid2path.*`: one for each hard link. */
export interface NameHad {
  /** Below the root of the volume, printable. */
  readonly path: string;
  /** No brick had it when the handle was found. */
  readonly isAbsent: boolean;
}

export interface Orphan {
  /** Has `handle`: where it lies on its brick. */
  readonly copy: CopyOnBrick;
  /** It lies in `.glusterfs/unlink`: it was deleted while somebody had it open, by a user or by a rebalance. */
  readonly isUnlinked: boolean;
  readonly names: readonly NameHad[];
  /** Of the inode that was read: what it was read by before need not be read again. Null where it may change yet. */
  readonly identity: string | null;
}

/** Gaps whose names begin so are orphans. No file can have such a name. */
const ORPHAN_NAME = '///';

export function isOrphanGap({ name }: Pick<Gap, 'name'>): boolean {
  return name.startsWith(ORPHAN_NAME);
}

/** As the catalog keeps it beside the manifest. */
export function orphanGap(orphan: Orphan): Omit<Gap, 'directory'> {
  const { copy, isUnlinked, names, identity } = orphan;
  const said: BrickEvidence & { readonly orphan: Omit<Orphan, 'copy'> } = {
    ...evidenceOfHandles([copy]),
    orphan: { isUnlinked, names, identity },
  };
  const name = `${ORPHAN_NAME}${baseName(copy.handle ?? '')} on ${copy.brick}`;
  return { name, status: 'hidden', errno: null, detail: evidenceText(said) };
}

/** Null for a gap that is none, also for a handle that could not be looked at. */
export function orphanOf({ name, detail }: Pick<Gap, 'name' | 'detail'>): Orphan | null {
  return isOrphanGap({ name }) ? orphanSaid(detail) : null;
}

/** From the detail of such a gap. */
export function orphanSaid(detail: string | null): Orphan | null {
  const said: (BrickEvidence & { readonly orphan?: Omit<Orphan, 'copy'> }) | null = evidenceOf(detail);
  const [copy] = said?.copies ?? [];
  return said?.orphan === undefined || copy === undefined ? null : { copy, ...said.orphan };
}

/** Handles of one brick that could not be looked at: what they hold is unknown. */
export function unreadHandles(brick: string, errno: string, handles: readonly string[]): Omit<Gap, 'directory'> {
  const [first = ''] = handles;
  const which = handles.length === 1 ? first : `${handles.length} places, ${first} and others,`;
  const detail = `${which} on brick ${brick} could not be looked at (${errno}): content there that has lost its name is unknown`;
  return { name: `${ORPHAN_NAME}${errno} on ${brick}`, status: gapStatusOf(errno), errno: null, detail };
}

/** What a name is that such a handle is the content of. */
export function evidenceOfHandles(copies: readonly CopyOnBrick[]): BrickEvidence {
  return { why: ['no name'], copies };
}

/** The content that a path had, as orphans are told by it; null where that is not known, or says nothing. */
export function contentKey(size: number | null, xxh64: string | null): string | null {
  return size === null || size === 0 || xxh64 === null ? null : `${size} ${xxh64}`;
}

/** One place on one brick. */
export function placeKey({ brick, handle }: CopyOnBrick): string {
  return `${brick}\0${handle ?? ''}`;
}
