// One listed directory held against its known rows: digests carried or bytes read, absences looked up, counts kept.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { joinPath } from '../../domain/path.ts';
import type { Donor, KnownRow } from '../catalog/known.ts';
import type { EndingRow, GapRow, ShardCounts, VersionRow } from '../catalog/shard-result.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { noCounts } from '../catalog/shard-result.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { readContent } from '../files/read.ts';
import { type Carried, carriedDigest, PreviousDirectory } from './carry.ts';
import type { ShardEnvironment } from './environment.ts';
import { LARGE_FILE_BYTES, READ_ATTEMPTS, READ_ATTEMPTS_LARGE, READ_ONCE_FROM_BYTES } from './limits.ts';
import { type Entry, type Look, type NameGap, noAnswer, statIn } from './look.ts';
import { changedInSilence, diffGone, diffPresent } from './observe.ts';
import type { Ending, Observed } from './observe.ts';

/** A row that is suspect unless its digest was once seen in good standing; asked for a whole shard at once. */
export interface SuspectRow {
  readonly directory: number;
  readonly name: string;
  readonly digest: bigint;
  /** Writes the rows with the answer. */
  readonly settle: (suspect: boolean) => void;
}

/** What a shard gathers from its directories. */
export interface Gathered {
  readonly versions: VersionRow[];
  readonly endings: EndingRow[];
  readonly gaps: GapRow[];
  readonly counts: ShardCounts;
  readonly suspects: SuspectRow[];
  /** Large files, for read shards. */
  readonly deferred: { readonly directory: ShardDirectory; readonly name: string; readonly bytes: number }[];
}

export function gather(): Gathered {
  return { versions: [], endings: [], gaps: [], counts: noCounts(), suspects: [], deferred: [] };
}

export interface Diffed {
  /** The entries that stand, with the digests that are known now: for the directory's listing digests. */
  readonly seen: readonly { readonly entry: Entry; readonly digest: bigint | null }[];
  /** Names that could not be read or read. */
  readonly gaps: number;
  readonly deferred: number;
  readonly racy: boolean;
}

export interface DiffInput {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
  readonly entries: readonly Entry[];
  readonly nameGaps: readonly NameGap[];
  readonly excluded: ReadonlySet<string>;
  readonly known: ReadonlyMap<string, KnownRow>;
  readonly donors: ReadonlyMap<string, Donor> | undefined;
  /** next_seen() by name where a later scan has gaps; else null, and the scan's next holds for all. */
  readonly nexts: ReadonlyMap<string, bigint | null> | null;
  /** False for a chunk of a huge directory: absences are then looked for once, at its end. */
  readonly complete: boolean;
  /** Read large files here and now: a read shard does. */
  readonly readLarge: boolean;
}

export function diffDirectory(environment: ShardEnvironment, input: DiffInput, into: Gathered): Diffed {
  const previous = new PreviousDirectory(environment, input.directory);
  try {
    return diffAgainst(environment, input, into, previous);
  } finally {
    previous.close();
    environment.leave();
  }
}

function diffAgainst(
  environment: ShardEnvironment,
  input: DiffInput,
  into: Gathered,
  previous: PreviousDirectory,
): Diffed {
  const { directory, known } = input;
  const { counts } = into;
  const seen: { entry: Entry; digest: bigint | null }[] = [];
  const gaps: NameGap[] = [];
  const met = new Set<string>();
  let deferred = 0;
  let racy = false;

  const addGap = (gap: NameGap): void => {
    gaps.push(gap);
    met.add(gap.name);
    if (known.get(gap.name)?.now !== undefined) counts.unknown++;
  };

  const addEntry = (entry: Entry): void => {
    const row = known.get(entry.name);
    met.add(entry.name);
    const large = entry.stat.kind === 'file' && (entry.stat.size ?? 0) >= LARGE_FILE_BYTES;
    const carried = carriedDigest(environment, entry, row, input.donors?.get(entry.name), previous);
    let observed: Observed;
    if (entry.stat.kind !== 'file' || carried !== null || !wantsReading(environment)) {
      observed = observedOf(entry, carried);
    } else if (large && !input.readLarge) {
      deferred++;
      into.deferred.push({ directory, name: entry.name, bytes: entry.stat.size ?? 0 });
      return;
    } else {
      environment.enter(directory.id, entry.name);
      const read = readEntry(environment, input.handle, entry, counts);
      if ('status' in read) return addGap(read);
      observed = read;
    }
    racy ||= observed.racy && observed.readNow;
    counts.visited++;
    if (entry.stat.kind === 'file') {
      counts.files++;
      counts.bytes += entry.stat.size ?? 0;
      environment.progress.add(1, 0);
    }
    if (row?.now === undefined) counts.found++;
    else counts.seen++;
    seen.push({ entry, digest: observed.digest });
    record(environment, input, row, observed, into);
  };

  for (const gap of input.nameGaps) addGap(gap);
  for (const entry of input.entries) addEntry(entry);
  for (const name of input.excluded) {
    met.add(name);
    const now = known.get(name)?.now;
    if (now === undefined) continue;
    counts.excluded++;
    stage(into, directory.id, diffGone(name, now, 'excluded', nextOf(environment, input, name)));
  }
  if (input.complete) {
    let second: ReadonlySet<string> | FileError | null = null;
    for (const [name, row] of known) {
      if (row.now === undefined || met.has(name)) continue;
      if (environment.excludes && environment.excluded(joinPath(directory.path, name), row.now.kind === 'directory')) {
        counts.excluded++;
        stage(into, directory.id, diffGone(name, row.now, 'excluded', nextOf(environment, input, name)));
        continue;
      }
      if (!environment.lookupByName(directory.path) && second === null) {
        environment.enter(directory.id, '');
        second = namesOf(environment, input.handle);
      }
      const absence = confirmAbsent(environment, input, name, second);
      if (absence === 'absent') {
        counts.vanished++;
        stage(into, directory.id, diffGone(name, row.now, 'vanished', nextOf(environment, input, name)));
      } else if ('status' in absence) {
        addGap(absence);
      } else {
        counts.inconsistent++;
        addEntry(absence);
      }
    }
  }
  for (const gap of gaps) into.gaps.push({ directory: directory.id, ...gap });
  return { seen, gaps: gaps.length, deferred, racy };
}

/** A name that the listing left out. Rule 2: absent is what a lookup calls ENOENT or ENOTDIR, or where lookups may destroy, a second listing. */
function confirmAbsent(
  environment: ShardEnvironment,
  { directory, handle }: DiffInput,
  name: string,
  second: ReadonlySet<string> | FileError | null,
): 'absent' | Entry | NameGap {
  if (second instanceof FileError) {
    const { errno } = second;
    return { name, status: gapStatusOf(errno), errno, detail: 'its directory could not be listed a second time' };
  }
  if (second !== null && !second.has(name)) return 'absent';
  if (environment.hangs(directory.id, name)) return noAnswer(name);
  environment.enter(directory.id, name);
  try {
    const stat = statIn(environment, directory, handle, name);
    return { name, stat, target: stat.kind === 'symlink' ? handle.readlink(name) : null };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (!isAbsent(error.errno)) {
      return { name, status: gapStatusOf(error.errno), errno: error.errno, detail: `below ${directory.path}` };
    }
    if (environment.mediumFailed()) {
      const detail = 'not found, but the file system met errors meanwhile: it needs a check (fsck, dmesg)';
      return { name, status: 'io', errno: error.errno, detail };
    }
    if (second === null) return 'absent';
    return { name, status: 'unsettled', errno: error.errno, detail: 'listed, but gone when it was checked' };
  }
}

function namesOf(environment: ShardEnvironment, handle: Directory): ReadonlySet<string> | FileError {
  const names = new Set<string>();
  try {
    handle.list(1_024, (batch) => {
      environment.progress.tick();
      for (const name of batch) names.add(name);
    });
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  return names;
}

function wantsReading(environment: ShardEnvironment): boolean {
  return environment.context.mode !== 'list';
}

function nextOf(environment: ShardEnvironment, input: DiffInput, name: string): bigint | null {
  return input.nexts === null ? environment.context.next : (input.nexts.get(name) ?? null);
}

function observedOf(entry: Entry, proof: Carried | null): Observed {
  const { stat } = entry;
  return {
    name: entry.name,
    kind: stat.kind,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtimeNs: stat.mtimeNs,
    target: entry.target,
    rdev: stat.rdev,
    digest: proof?.digest ?? null,
    zeroFrom: proof?.zeroFrom ?? null,
    readNow: proof?.fresh === true,
    inode: stat.inode,
    ctimeNs: stat.ctimeNs,
    btimeNs: stat.btimeNs,
    nlink: stat.nlink,
    racy: proof?.racy === true,
  };
}

function readEntry(
  environment: ShardEnvironment,
  handle: Directory,
  entry: Entry,
  counts: ShardCounts,
): Observed | NameGap {
  const size = entry.stat.size ?? 0;
  const attempts = size >= READ_ONCE_FROM_BYTES ? READ_ATTEMPTS_LARGE : READ_ATTEMPTS;
  // A file that is read only once must not be held against a lookup of some time ago.
  const limits = attempts === 1 ? { attempts } : { attempts, looked: entry.stat };
  const result = readContent(environment.reader, handle, entry.name, limits);
  if (!result.ok) {
    const gone = result.errno !== null && isAbsent(result.errno);
    return { name: entry.name, status: gone ? 'unsettled' : result.status, errno: result.errno, detail: result.detail };
  }
  counts.filesRead++;
  counts.bytesRead += result.bytes;
  const { device, inode, mtimeNs, nlink } = result.stat;
  const { bytes: length, digest, zeroFrom, racy } = result;
  if (nlink > 1) environment.links.remember(device, inode, { size: length, mtimeNs, digest, zeroFrom, racy });
  return observedOf({ name: entry.name, stat: result.stat, target: null }, { digest, zeroFrom, fresh: true, racy });
}

function record(
  environment: ShardEnvironment,
  input: DiffInput,
  row: KnownRow | undefined,
  observed: Observed,
  into: Gathered,
): void {
  const known = { now: row?.now, after: row?.after };
  const point = {
    directory: input.directory.id,
    seq: environment.context.seq,
    role: environment.context.role,
    reread: environment.context.mode === 'reread',
  };
  const write = (suspect: boolean): void => {
    const next = nextOf(environment, input, observed.name);
    const path = joinPath(input.directory.path, observed.name);
    const leftOut = next !== null && environment.excludedAt(next, path, observed.kind === 'directory');
    const diff = diffPresent(point, known, observed, next, leftOut ? 'excluded' : 'vanished', suspect);
    if (diff.insert !== null) {
      into.versions.push(diff.insert);
      if (known.now !== undefined) into.counts.changed++;
    }
    stage(into, input.directory.id, diff.endings);
  };
  if (known.now !== undefined && observed.digest !== null && changedInSilence(known.now, observed, point.seq)) {
    into.suspects.push({ directory: input.directory.id, name: observed.name, digest: observed.digest, settle: write });
  } else {
    write(false);
  }
}

function stage(into: Gathered, directory: number, endings: readonly Ending[]): void {
  for (const ending of endings) {
    into.endings.push({
      directory,
      name: ending.name,
      firstSeq: ending.firstSeq,
      kind: ending.kind,
      reason: ending.kind === 'end' || ending.kind === 'below' ? ending.reason : null,
      resumeSeq: ending.kind === 'end' ? ending.resumeSeq : null,
      proof: ending.kind === 'proof' ? ending : null,
    });
  }
}

/** What a directory's look gives to its diff. */
export function lookInput(look: Look): Pick<DiffInput, 'directory' | 'handle' | 'entries' | 'nameGaps' | 'excluded'> {
  return {
    directory: look.directory,
    handle: look.handle,
    entries: look.entries,
    nameGaps: look.gaps,
    excluded: look.excluded,
  };
}
