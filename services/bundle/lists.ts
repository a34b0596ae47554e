// The bytes of every list of a bundle: what restore.sh, rsync and xxhsum take. Pure; names are raw bytes here, each
// list entry '/' … NUL.
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

export interface ListFile {
  /** Below lists/. */
  readonly name: string;
  readonly content: () => Iterable<Buffer>;
}

export interface Lists {
  readonly lines: readonly ListLine[];
  readonly files: readonly ListFile[];
  /** Names with a line break, which a checksum file cannot hold. */
  readonly notInXxh64: number;
}

const NUL = Buffer.from([0]);
const SLASH = Buffer.from('/');

function field(text: string): Buffer {
  return Buffer.concat([Buffer.from(text), NUL]);
}

/**
 * A path below a root as a list entry: rsync drops entries that start with '#' or ';' without a word, so each starts
 * with '/'.
 */
function entryField(path: string): Buffer {
  return Buffer.concat([SLASH, decodePath(path), NUL]);
}

/**
 * rsync's server expands wildcards in what it is asked for over a connection, also with -s: there a snapshot 't[x]'
 * would be read from 'tx'.
 */
function forRemoteGlob(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes).toString('latin1');
  return Buffer.from(/[*?[]/.test(text) ? text.replaceAll(/[\\*?[]/g, (c) => `\\${c}`) : text, 'latin1');
}

/** Decimal seconds with nine digits, as stat and touch -d @ have them. */
export function seconds(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns;
  const digits = String(magnitude).padStart(10, '0');
  return `${ns < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** The entry's list below lists/, as people and the manifest name it; null for directories on the way. */
export function listFileOf(plan: RestorePlan, entry: Entry): string {
  const nn = plan.sources[entry.source]?.nn ?? '';
  if (entry.action === 'directory') return `${nn}${entry.list === 'missing' ? '' : `-${entry.list}`}.dirs0`;
  const type = typeOf(entry);
  return `${nn}-${entry.list}.${type === 'links' ? 'links0' : type === 'pairs' ? 'pairs0' : 'files0'}`;
}

function typeOf(entry: Entry): ListType {
  if (entry.action === 'replace') return 'replace';
  if (entry.action === 'link') return 'links';
  return entry.sourcePath === entry.destination ? 'files' : 'pairs';
}

/** What SHA-256 or link target an entry is held against; '' where nothing is known. */
function was(entry: Entry): Buffer {
  if (entry.obstacle === null)
    throw new Error(`${entry.destination} is to be replaced and nobody has read what lies there`);
  const { state, sha256 } = entry.obstacle;
  if (state.kind === 'file') {
    if (sha256 === null) throw new Error(`${entry.destination} has no SHA-256 of what lies there`);
    return Buffer.from(sha256);
  }
  return Buffer.from(state.target === null ? [] : decodeTarget(state.target));
}

function want(entry: Entry): Buffer {
  if (entry.state.kind === 'file') return Buffer.from(entry.sha256 ?? '');
  return Buffer.from(entry.state.target === null ? [] : decodeTarget(entry.state.target));
}

/**
 * What rsync does not take from a copy under another name: owner, mode and mtime of the lost name; '-' where the copy's
 * own will do.
 */
function metadata({ state, hasOwnMetadata }: Entry): Buffer {
  const { uid, gid, mode, mtimeNs } = hasOwnMetadata ? state : { uid: null, gid: null, mode: null, mtimeNs: null };
  return Buffer.concat([
    field(uid === null || gid === null ? '-' : `${uid}:${gid}`),
    field(mode === null || state.kind === 'symlink' ? '-' : mode.toString(8)),
    field(mtimeNs === null ? '-' : seconds(mtimeNs)),
  ]);
}

function* records(line: ListLine): Iterable<Buffer> {
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
function ownedOf(plan: RestorePlan, source: number): Entry[] {
  return plan.entries.filter(
    (entry) => entry.source === source && (entry.action === 'copy' || entry.action === 'replace'),
  );
}

function* ownerRecords(entries: readonly Entry[]): Iterable<Buffer> {
  for (const entry of entries) {
    yield entryField(entry.sourcePath);
    yield entryField(entry.destination);
    yield metadata({ ...entry, hasOwnMetadata: true });
  }
}

function* directoryRecords(directories: readonly PlannedDirectory[]): Iterable<Buffer> {
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
function hasLineBreak(path: string): boolean {
  return path.includes('\\x0a') || path.includes('\\x0d');
}

function* checksums(entries: readonly Entry[]): Iterable<Buffer> {
  for (const entry of entries) {
    yield Buffer.concat([
      Buffer.from(`${entry.state.digest ?? ''}  `),
      decodePath(entry.destination),
      Buffer.from('\n'),
    ]);
  }
}

const TYPES: readonly ListType[] = ['files', 'replace', 'pairs', 'links'];

function linesOf(plan: RestorePlan): ListLine[] {
  const groups = new Map<string, { source: PlanSource; list: string; type: ListType; entries: Entry[] }>();
  for (const entry of plan.entries) {
    if (entry.action === 'directory') continue;
    const source = plan.sources[entry.source];
    if (source === undefined) throw new Error(`entry ${entry.destination} has no source`);
    const type = typeOf(entry);
    const key = `${source.nn} ${entry.list} ${type}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { source, list: entry.list, type, entries: [] };
      groups.set(key, group);
    }
    group.entries.push(entry);
  }
  return [...groups.values()]
    .sort(
      (a, b) =>
        (a.entries[0]?.age ?? 0) - (b.entries[0]?.age ?? 0) ||
        a.source.nn.localeCompare(b.source.nn, 'en') ||
        a.list.localeCompare(b.list, 'en') ||
        TYPES.indexOf(a.type) - TYPES.indexOf(b.type),
    )
    .map((group) => ({
      ...group,
      needs: group.entries[0]?.needs ?? [],
      bytes: group.type === 'links' ? 0 : group.entries.reduce((sum, entry) => sum + (entry.state.size ?? 0), 0),
    }));
}

/** What restore.sh holds its target against before it touches anything. */
export interface Places {
  /** Printable, real path of the volume that was judged. */
  readonly livePath: string;
  /** Of its root, as `stat -f -c %t` and `stat -c %i` print them; null where it could not be asked. */
  readonly liveRoot: { readonly fsType: string; readonly inode: string } | null;
  /** Printable: every snapshot's directory that is known. */
  readonly backupRoots: readonly string[];
  /** The words that run Rollcall here, for a shell. */
  readonly program: string;
}

/** Root's own links that something is to be put back below: the only ones that restore.sh walks through. */
function* trustedLinks(plan: RestorePlan): Iterable<Buffer> {
  const below = ancestorsOfAll([...plan.entries, ...plan.directories].map(({ destination }) => destination));
  for (const { state, destination } of plan.entries) {
    if (state.kind !== 'symlink' || state.uid !== 0 || !below.has(destination)) continue;
    yield entryField(destination);
    yield Buffer.concat([decodeTarget(state.target ?? ''), NUL]);
  }
}

/**
 * Every file of lists/. Content is made when it is asked for, so a bundle of a million files needs no second copy in
 * memory.
 */
export function listFiles(plan: RestorePlan, places: Places): Lists {
  const lines = linesOf(plan);
  const files: ListFile[] = [];
  let notInXxh64 = 0;

  for (const [index, source] of plan.sources.entries()) {
    const root = decodePath(source.root);
    files.push({
      name: `${source.nn}.root0`,
      content: () => [Buffer.concat([root, NUL]), Buffer.concat([forRemoteGlob(root), NUL])],
    });
    const owned = ownedOf(plan, index);
    if (owned.length > 0) files.push({ name: `${source.nn}.owners0`, content: () => ownerRecords(owned) });
    if (source.inTarget)
      files.push({ name: `${source.nn}.inside`, content: () => [Buffer.from('in the volume itself\n')] });
  }
  for (const line of lines) {
    const base = `${line.source.nn}-${line.list}`;
    if (line.type === 'replace') {
      files.push({ name: `${base}.files0`, content: () => line.entries.map((entry) => entryField(entry.destination)) });
      files.push({ name: `${base}.was0`, content: () => records(line) });
    } else {
      files.push({ name: `${base}.${line.type}0`, content: () => records(line) });
    }
  }

  for (const [index, source] of plan.sources.entries()) {
    const ofSource = plan.entries.filter((entry) => entry.source === index);
    for (const list of new Set(ofSource.map((entry) => entry.list))) {
      const prefix = list === 'missing' ? source.nn : `${source.nn}-${list}`;
      const inList = ofSource.filter((entry) => entry.list === list);
      const made = plan.directories.filter(
        ({ entry }) => entry !== null && entry.source === index && entry.list === list,
      );
      if (made.length > 0) {
        files.push({ name: `${prefix}.dirs0`, content: () => made.map(({ destination }) => entryField(destination)) });
      }
      const hashed = inList.filter((entry) => entry.state.kind === 'file' && entry.state.digest !== null);
      const listed = hashed.filter((entry) => !hasLineBreak(entry.destination));
      notInXxh64 += hashed.length - listed.length;
      if (listed.length > 0) files.push({ name: `${prefix}.xxh64`, content: () => checksums(listed) });
    }
  }

  const { livePath, liveRoot, backupRoots, program } = places;
  files.push(
    { name: 'dirs.make0', content: () => directoryRecords(plan.directories) },
    { name: 'dirs.finish0', content: () => directoryRecords([...plan.directories].reverse()) },
    { name: 'root-links0', content: () => trustedLinks(plan) },
    {
      name: 'target0',
      content: () => [
        Buffer.concat([decodePath(livePath), NUL]),
        field(liveRoot?.fsType ?? '-'),
        field(liveRoot?.inode ?? '-'),
      ],
    },
    {
      name: 'backups0',
      content: () =>
        [...new Set([...plan.sources.flatMap(({ inTarget, root }) => (inTarget ? [] : [root])), ...backupRoots])].map(
          (root) => Buffer.concat([decodePath(root), NUL]),
        ),
    },
    { name: 'program', content: () => [Buffer.from(program)] },
    { name: 'plan', content: () => planText(plan, lines) },
  );
  return { lines, files, notInXxh64 };
}

function* planText(plan: RestorePlan, lines: readonly ListLine[]): Iterable<Buffer> {
  yield Buffer.from('# source list type files bytes needs\n');
  const line = (nn: string, list: string, type: string, files: number, bytes: number, needs: readonly Need[]): Buffer =>
    Buffer.from(`${nn} ${list} ${type} ${files} ${bytes} ${needs.length === 0 ? '-' : needs.join(',')}\n`);
  for (const { source, list, type, entries, bytes, needs } of lines)
    yield line(source.nn, list, type, entries.length, bytes, needs);
  // A list may hold directories and nothing else: restore.sh makes those of the lists that it knows of.
  const directories = new Map<string, { readonly entry: Entry; count: number }>();
  for (const entry of plan.entries) {
    if (entry.action !== 'directory') continue;
    const key = `${entry.source} ${entry.list}`;
    const known = directories.get(key);
    if (known === undefined) directories.set(key, { entry, count: 1 });
    else known.count++;
  }
  for (const { entry, count } of directories.values())
    yield line(plan.sources[entry.source]?.nn ?? '', entry.list, 'dirs', count, 0, entry.needs);
}
