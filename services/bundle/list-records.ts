// The bytes of one record of a list: what restore.sh, rsync and xxhsum take. Pure; names are raw bytes here, each list
// entry '/' … NUL.
import { ancestorsOfAll } from '../../domain/ancestors.ts';
import { decodePath, decodeTarget } from '../../domain/path.ts';
import type { PlannedDirectory } from '../../domain/restore/directories.ts';
import type { Entry } from '../../domain/restore/entry.ts';
import type { Need } from '../../domain/restore/needs.ts';
import type { RestorePlan } from '../../domain/restore/plan.ts';
import type { PlanSource } from '../../domain/restore/sources.ts';

/**
 * files: names alike in snapshot and target · replace: with what must lie there · links: with the surviving name, and
 * where to copy from else · pairs: two names.
 */
export type ListType = 'files' | 'replace' | 'links' | 'pairs';

export interface ListLine {
  readonly source: PlanSource;
  readonly list: string;
  readonly type: ListType;
  readonly needs: readonly Need[];
  readonly entries: readonly Entry[];
  readonly bytes: number;
}

const NUL = Buffer.from([0]);
const SLASH = Buffer.from('/');

export function field(text: string): Buffer {
  return Buffer.concat([Buffer.from(text), NUL]);
}

/**
 * A path below a root as a list entry: rsync drops entries that start with '#' or ';' without a word, so each starts
 * with '/'.
 */
export function entryField(path: string): Buffer {
  return Buffer.concat([SLASH, decodePath(path), NUL]);
}

/**
 * rsync's server expands wildcards in what it is asked for over a connection, also with -s: there a snapshot 't[x]'
 * would be read from 'tx'.
 */
export function forRemoteGlob(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes).toString('latin1');
  return Buffer.from(/[*?[]/.test(text) ? text.replaceAll(/[\\*?[]/g, (c) => `\\${c}`) : text, 'latin1');
}

/** A root, and the same for rsync over a connection. */
export function rootFields(root: string): Buffer[] {
  const bytes = decodePath(root);
  return [Buffer.concat([bytes, NUL]), Buffer.concat([forRemoteGlob(bytes), NUL])];
}

/** A path as it is. */
export function pathField(path: string): Buffer {
  return Buffer.concat([decodePath(path), NUL]);
}

/** Decimal seconds with nine digits, as stat and touch -d @ have them. */
export function seconds(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns;
  const digits = String(magnitude).padStart(10, '0');
  return `${ns < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** What SHA-256 or link target an entry is held against; '' where nothing is known. */
export function was(entry: Entry): Buffer {
  if (entry.obstacle === null)
    throw new Error(`${entry.destination} is to be replaced, but the file in its place was not read`);
  const { state, sha256 } = entry.obstacle;
  if (state.kind === 'file') {
    if (sha256 === null) throw new Error(`${entry.destination} has no SHA-256 of the file in its place`);
    return Buffer.from(sha256);
  }
  return Buffer.from(state.target === null ? [] : decodeTarget(state.target));
}

export function want(entry: Entry): Buffer {
  if (entry.state.kind === 'file') return Buffer.from(entry.sha256 ?? '');
  return Buffer.from(entry.state.target === null ? [] : decodeTarget(entry.state.target));
}

/**
 * What rsync does not take from a copy under another name: owner, mode and mtime of the lost name; '-' where the copy's
 * own will do.
 */
export function metadata({ state, hasOwnMetadata }: Entry): Buffer {
  const { uid, gid, mode, mtimeNs } = hasOwnMetadata ? state : { uid: null, gid: null, mode: null, mtimeNs: null };
  return Buffer.concat([
    field(uid === null || gid === null ? '-' : `${uid}:${gid}`),
    field(mode === null || state.kind === 'symlink' ? '-' : mode.toString(8)),
    field(mtimeNs === null ? '-' : seconds(mtimeNs)),
  ]);
}

export function* records(line: ListLine): Iterable<Buffer> {
  for (const entry of line.entries) {
    const destination = entryField(entry.destination);
    const remote = (): Buffer =>
      Buffer.concat([forRemoteGlob(Buffer.concat([SLASH, decodePath(entry.sourcePath)])), NUL]);
    switch (line.type) {
      case 'files':
        yield destination;
        break;
      case 'replace':
        yield destination;
        yield entryField(entry.sourcePath);
        yield remote();
        yield field(entry.state.kind);
        yield Buffer.concat([was(entry), NUL]);
        yield Buffer.concat([want(entry), NUL]);
        yield metadata(entry);
        break;
      case 'links':
        yield destination;
        yield entryField(entry.linkTo ?? '');
        yield field(entry.sha256 ?? '');
        yield entryField(entry.sourcePath);
        yield remote();
        yield metadata(entry);
        break;
      case 'pairs':
        yield entryField(entry.sourcePath);
        yield remote();
        yield destination;
        yield Buffer.concat([want(entry), NUL]);
        yield metadata(entry);
        break;
    }
  }
}

/** Whose owner a run without root cannot set, so that a later one as root has to. */
export function ownedOf(plan: RestorePlan, source: number): Entry[] {
  return plan.entries.filter(
    (entry) => entry.source === source && (entry.action === 'copy' || entry.action === 'replace'),
  );
}

export function* ownerRecords(entries: readonly Entry[]): Iterable<Buffer> {
  for (const entry of entries) {
    yield entryField(entry.sourcePath);
    yield entryField(entry.destination);
    yield metadata({ ...entry, hasOwnMetadata: true });
  }
}

export function* directoryRecords(directories: readonly PlannedDirectory[]): Iterable<Buffer> {
  for (const { id, destination, state, lists } of directories) {
    yield field(String(id));
    yield entryField(destination);
    yield field(`,${lists.join(',')},`);
    yield field(typeof state?.uid === 'number' ? `${state.uid}:${state.gid}` : '-');
    yield field(state?.mode?.toString(8) ?? '-');
    yield field(typeof state?.mtimeNs === 'bigint' ? seconds(state.mtimeNs) : '-');
  }
}

/** xxhsum ends a name at a line break and knows no escape before 0.8.2. */
export function hasLineBreak(path: string): boolean {
  return path.includes('\\x0a') || path.includes('\\x0d');
}

export function* checksums(entries: readonly Entry[]): Iterable<Buffer> {
  for (const entry of entries) {
    yield Buffer.concat([
      Buffer.from(`${entry.state.digest ?? ''}  `),
      decodePath(entry.destination),
      Buffer.from('\n'),
    ]);
  }
}

/** Root's own links that something is to be put back below: the only ones that restore.sh walks through. */
export function* trustedLinks(plan: RestorePlan): Iterable<Buffer> {
  const below = ancestorsOfAll([...plan.entries, ...plan.directories].map(({ destination }) => destination));
  for (const { state, destination } of plan.entries) {
    if (state.kind !== 'symlink' || state.uid !== 0 || !below.has(destination)) continue;
    yield entryField(destination);
    yield Buffer.concat([decodeTarget(state.target ?? ''), NUL]);
  }
}
