// The files of lists/ in a bundle: which there are, what each holds, and in which order restore.sh takes them. Pure.
import type { Entry } from '../../domain/restore/entry.ts';
import type { RestorePlan } from '../../domain/restore/plan.ts';
import { isElsewhere, type PlanSource } from '../../domain/restore/sources.ts';
import type { RootFacts } from './target.ts';
import {
  checksums,
  directoryRecords,
  entryField,
  field,
  hasLineBreak,
  type ListLine,
  type ListType,
  ownedOf,
  ownerRecords,
  pathField,
  records,
  rootFields,
  trustedLinks,
} from './list-records.ts';

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
  readonly liveHost: string | null;
  /** Null where it could not be asked. */
  readonly liveRoot: RootFacts | null;
  /** Printable: every snapshot's directory that is known on the volume's host. */
  readonly backupRoots: readonly string[];
  /** The words that run Rollcall here, for a shell. */
  readonly program: string;
}

/**
 * Every file of lists/. Content is made when it is asked for, so a bundle of a million files needs no second copy in
 * memory.
 */
export function listFiles(plan: RestorePlan, places: Places): Lists {
  const lines = linesOf(plan);
  const { files: byList, notInXxh64 } = directoriesAndSums(plan);
  const files = [
    ...filesOfSources(plan, places),
    ...lines.flatMap(filesOfLine),
    ...byList,
    ...filesOfAll(plan, places, lines),
  ];
  return { lines, files, notInXxh64 };
}

function filesOfSources(plan: RestorePlan, { liveHost }: Places): ListFile[] {
  return plan.sources.flatMap((source, index) => {
    const files: ListFile[] = [{ name: `${source.nn}.root0`, content: () => rootFields(source.root) }];
    const { host } = source;
    if (host !== null && isElsewhere(source, liveHost))
      files.push({ name: `${source.nn}.host0`, content: () => [field(host)] });
    const owned = ownedOf(plan, index);
    if (owned.length > 0) files.push({ name: `${source.nn}.owners0`, content: () => ownerRecords(owned) });
    if (source.inTarget)
      files.push({ name: `${source.nn}.inside`, content: () => [Buffer.from('in the volume itself\n')] });
    return files;
  });
}

function filesOfLine(line: ListLine): ListFile[] {
  const base = `${line.source.nn}-${line.list}`;
  if (line.type !== 'replace') return [{ name: `${base}.${line.type}0`, content: () => records(line) }];
  return [
    { name: `${base}.files0`, content: () => line.entries.map((entry) => entryField(entry.destination)) },
    { name: `${base}.was0`, content: () => records(line) },
  ];
}

/** Of each list of each source: the directories that are made, and the checksums. */
function directoriesAndSums(plan: RestorePlan): Pick<Lists, 'files' | 'notInXxh64'> {
  const files: ListFile[] = [];
  let notInXxh64 = 0;
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
  return { files, notInXxh64 };
}

function filesOfAll(plan: RestorePlan, places: Places, lines: readonly ListLine[]): ListFile[] {
  const { livePath, liveHost, liveRoot, backupRoots, program } = places;
  const own = plan.sources.filter((source) => !source.inTarget && !isElsewhere(source, liveHost));
  const roots = [...own.map(({ root }) => root), ...backupRoots];
  return [
    { name: 'dirs.make0', content: () => directoryRecords(plan.directories) },
    { name: 'dirs.finish0', content: () => directoryRecords([...plan.directories].reverse()) },
    { name: 'root-links0', content: () => trustedLinks(plan) },
    {
      name: 'target0',
      content: () => [pathField(livePath), field(liveRoot?.fsType ?? '-'), field(liveRoot?.rootInode ?? '-')],
    },
    { name: 'backups0', content: () => [...new Set(roots)].map(pathField) },
    { name: 'program', content: () => [Buffer.from(program)] },
    { name: 'plan', content: () => planText(plan, lines) },
  ];
}

interface PlanLine {
  readonly nn: string;
  readonly list: string;
  readonly type: string;
  readonly files: number;
  readonly bytes: number;
  readonly needs: readonly string[];
}

function planLine({ nn, list, type, files, bytes, needs }: PlanLine): Buffer {
  return Buffer.from(`${nn} ${list} ${type} ${files} ${bytes} ${needs.length === 0 ? '-' : needs.join(',')}\n`);
}

function* planText(plan: RestorePlan, lines: readonly ListLine[]): Iterable<Buffer> {
  yield Buffer.from('# source list type files bytes needs\n');
  for (const { source, list, type, entries, bytes, needs } of lines)
    yield planLine({ nn: source.nn, list, type, files: entries.length, bytes, needs });
  // A list may hold directories and nothing else: restore.sh makes those of the lists that it knows of.
  const directories = new Map<string, { readonly entry: Entry; count: number }>();
  for (const entry of plan.entries) {
    if (entry.action !== 'directory') continue;
    const key = `${entry.source} ${entry.list}`;
    const known = directories.get(key);
    if (known === undefined) directories.set(key, { entry, count: 1 });
    else known.count++;
  }
  for (const { entry, count } of directories.values()) {
    const { source, list, needs } = entry;
    yield planLine({ nn: plan.sources[source]?.nn ?? '', list, type: 'dirs', files: count, bytes: 0, needs });
  }
}
