// One listed directory held against its known rows: digests carried or bytes read, absences looked up, counts kept.
import { joinPath } from '../../domain/path.ts';
import type { Version } from '../../domain/version.ts';
import type { Donor, KnownRow } from '../catalog/known.ts';
import type { EndingRow, GapRow, ShardCounts } from '../catalog/shard-result.ts';
import { NewVersions } from '../catalog/version-copy.ts';
import type { Chosen } from '../catalog/scrubbed.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { noCounts } from '../catalog/shard-result.ts';
import { type Columns, NAME } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { found, readAt } from '../files/read-at.ts';
import { FORMAT_FILE, formatAt, STATX, sizeAt } from '../files/stat.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import { diffAhead } from './ahead.ts';
import { carriedDigest, PreviousDirectory } from './carry.ts';
import type { ShardEnvironment } from './environment.ts';
import { LARGE_FILE_BYTES } from './limits.ts';
import { confirmAbsent, namesOf } from './confirm-absent.ts';
import { entryAt, type Looked, type NameGap } from './look.ts';
import { changedInSilence, diffGone, diffPresent } from './observe.ts';
import type { Ending, Observed } from './observe.ts';
import { readWhole } from './read-replicas.ts';
import { newVersion, observedOf } from './seen.ts';

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
  readonly versions: NewVersions;
  readonly endings: EndingRow[];
  readonly gaps: GapRow[];
  readonly counts: ShardCounts;
  readonly suspects: SuspectRow[];
  /** Large files, for read shards. */
  readonly deferred: { readonly directory: ShardDirectory; readonly name: string; readonly bytes: number }[];
}

export function gather({ context, attributes }: Pick<ShardEnvironment, 'context' | 'attributes'>): Gathered {
  const versions = new NewVersions(context.rootId, attributes);
  return { versions, endings: [], gaps: [], counts: noCounts(), suspects: [], deferred: [] };
}

export interface Diffed {
  /** The entries that stand, by their indices in the columns, with the digests that are known now. */
  readonly standing: readonly number[];
  /** Names that could not be looked at or read. */
  readonly gaps: number;
  readonly deferred: number;
  readonly racy: boolean;
}

export interface DiffInput {
  readonly looked: Looked;
  readonly known: ReadonlyMap<string, KnownRow>;
  readonly donors: ReadonlyMap<string, Donor> | undefined;
  /** next_seen() by name where a later scan has gaps; else null, and the scan's next holds for all. */
  readonly nexts: ReadonlyMap<string, bigint | null> | null;
  /** False for a part of a directory: absences are then looked for once, at its end. */
  readonly complete: boolean;
  /** Read large files here and now: a read shard does. */
  readonly readLarge: boolean;
  /** What the scrub has chosen is read, also copies whose digests could be carried. */
  readonly chosen: Chosen | undefined;
}

export function diffDirectory(environment: ShardEnvironment, input: DiffInput, into: Gathered): Diffed {
  diffAhead(environment, [input]);
  const diff = new DirectoryDiff(environment, input, into);
  try {
    return diff.run();
  } finally {
    diff.close();
  }
}

class DirectoryDiff {
  readonly #environment: ShardEnvironment;
  readonly #input: DiffInput;
  readonly #into: Gathered;
  readonly #columns: Columns;
  readonly #directory: ShardDirectory;
  readonly #handle: Directory;
  readonly #previous: PreviousDirectory;
  readonly #met = new Set<string>();
  readonly #gaps: NameGap[] = [];
  readonly #standing: number[] = [];
  /** What a name that nobody knew needs no text for, nor any object but its row. */
  readonly #isPlain: boolean;
  #deferred = 0;
  #racy = false;

  constructor(environment: ShardEnvironment, input: DiffInput, into: Gathered) {
    this.#environment = environment;
    this.#input = input;
    this.#into = into;
    this.#columns = input.looked.columns;
    this.#directory = input.looked.directory;
    this.#handle = input.looked.handle;
    this.#previous = new PreviousDirectory(environment, input.looked.directory);
    this.#isPlain =
      input.known.size === 0 &&
      input.donors === undefined &&
      input.nexts === null &&
      environment.context.next === null &&
      // A brick's file is read through the brick that holds it.
      !(input.looked.handle instanceof UnionDirectory) &&
      !environment.hasHung;
  }

  run(): Diffed {
    const { looked, complete } = this.#input;
    for (const gap of looked.gaps) this.#addGap(gap);
    const order = this.#columns.inInodeOrder(looked.from, looked.to);
    for (let at = 0; at < order.length; at++) {
      const index = order[at] ?? 0;
      if (this.#columns.state(index) !== NAME.stands) continue;
      if (!this.#isPlain || !this.#addPlain(index)) this.#addEntry(index);
    }
    for (const name of looked.excluded) this.#addExcluded(name);
    if (complete) this.#addAbsent();
    for (const gap of this.#gaps) this.#into.gaps.push({ directory: this.#directory.id, ...gap });
    return { standing: this.#standing, gaps: this.#gaps.length, deferred: this.#deferred, racy: this.#racy };
  }

  close(): void {
    this.#previous.close();
    this.#environment.leave();
  }

  #addGap(gap: NameGap): void {
    this.#gaps.push(gap);
    this.#met.add(gap.name);
    if (this.#input.known.get(gap.name)?.now !== undefined) this.#into.counts.unknown++;
  }

  /**
   * A name that nobody knew, in a scan behind which there is none.
   * @returns false for what addEntry() has to look at closely
   */
  #addPlain(index: number): boolean {
    const columns = this.#columns;
    const { view } = columns;
    const at = columns.statAt(index);
    const isFile = formatAt(view, at) === FORMAT_FILE;
    let racy = false;
    if (isFile && wantsReading(this.#environment)) {
      if (view.getUint32(at + STATX.nlink, true) > 1 || sizeAt(view, at) >= LARGE_FILE_BYTES) return false;
      this.#environment.enterAt(this.#directory.id, columns, index);
      const looked = { directory: this.#handle.fd, name: columns.nameAddress(index), view, at };
      if (!readAt(this.#environment.reader, looked)) return false;
      racy = found.racy;
      columns.setDigest(index, found.digest);
      this.#into.counts.filesRead++;
      this.#into.counts.bytesRead += found.bytes;
    }
    const zeroFrom = isFile && columns.digest(index) !== null ? found.zeroFrom : null;
    this.#racy ||= racy;
    this.#count(index);
    this.#into.counts.found++;
    // Spelled out: spreading objects here was a twentieth of a first scan (2026-11-30, 2 cores, 200,000 files).
    const of = { directory: this.#directory.id, seq: this.#environment.context.seq, zeroFrom, racy };
    this.#into.versions.add(newVersion(columns, index, of));
    return true;
  }

  /** What stands is counted, whether it was known or not. */
  #count(index: number): void {
    const { counts } = this.#into;
    const at = this.#columns.statAt(index);
    counts.visited++;
    this.#standing.push(index);
    if (formatAt(this.#columns.view, at) !== FORMAT_FILE) return;
    counts.files++;
    counts.bytes += sizeAt(this.#columns.view, at);
    this.#environment.progress.add(1, 0);
  }

  #addEntry(index: number): void {
    const environment = this.#environment;
    const { known, donors, readLarge } = this.#input;
    const entry = entryAt(this.#columns, index);
    const row = known.get(entry.name);
    const { stat } = entry;
    this.#met.add(entry.name);
    const isChosen = this.#isChosen(entry.name);
    const carried = isChosen
      ? carriedDigest(environment, entry, undefined, undefined, this.#previous)
      : carriedDigest(environment, entry, row, donors?.get(entry.name), this.#previous);
    let observed: Observed;
    if (stat.kind !== 'file' || carried !== null || !wantsReading(environment)) {
      observed = observedOf(entry, carried);
    } else if ((stat.size ?? 0) >= LARGE_FILE_BYTES && !readLarge) {
      this.#deferred++;
      this.#columns.setState(index, NAME.deferred);
      this.#into.deferred.push({ directory: this.#directory, name: entry.name, bytes: stat.size ?? 0 });
      return;
    } else {
      environment.enter(this.#directory.id, entry.name);
      const isFromMedium = isChosen || environment.context.mode === 'reread';
      const place = { directory: this.#directory, handle: this.#handle, columns: this.#columns };
      const { read, note } = readWhole(environment, place, entry, { index, counts: this.#into.counts, isFromMedium });
      if (note !== null) this.#addGap(note);
      if ('status' in read) {
        this.#columns.setState(index, NAME.gap);
        return this.#addGap(read);
      }
      observed = read;
    }
    this.#racy ||= observed.racy && observed.readNow;
    this.#columns.setDigest(index, observed.digest === null ? null : BigInt.asIntN(64, observed.digest));
    this.#count(index);
    if (row?.now === undefined) this.#into.counts.found++;
    else this.#into.counts.seen++;
    this.#record(row, observed);
  }

  #isChosen(name: string): boolean {
    const { chosen } = this.#input;
    return chosen !== undefined && (chosen === 'all' || chosen.has(name));
  }

  #addExcluded(name: string): void {
    this.#met.add(name);
    const now = this.#input.known.get(name)?.now;
    if (now !== undefined) this.#end(name, now, 'excluded');
  }

  #end(name: string, known: Version, reason: 'vanished' | 'excluded'): void {
    this.#into.counts[reason]++;
    stage(this.#into, this.#directory.id, diffGone(name, known, reason, this.#nextOf(name)));
  }

  /** Names that are known here, and that the listing left out. */
  #addAbsent(): void {
    const environment = this.#environment;
    const place = { directory: this.#directory, handle: this.#handle, columns: this.#columns };
    const { path } = this.#directory;
    let second: ReadonlySet<string> | FileError | null = null;
    for (const [name, row] of this.#input.known) {
      const { now } = row;
      if (now === undefined || this.#met.has(name)) continue;
      if (environment.excludes && environment.excluded(joinPath(path, name), now.kind === 'directory')) {
        this.#end(name, now, 'excluded');
        continue;
      }
      if (!environment.lookupByName(path) && second === null) {
        environment.enter(this.#directory.id, '');
        second = namesOf(environment, this.#handle);
      }
      const absence = confirmAbsent(environment, place, name, second);
      if (absence === 'absent') this.#end(name, now, 'vanished');
      else if (typeof absence === 'number') {
        this.#into.counts.inconsistent++;
        this.#input.looked.extra.push(absence);
        this.#addEntry(absence);
      } else this.#addGap(absence);
    }
  }

  #nextOf(name: string): bigint | null {
    const { nexts } = this.#input;
    return nexts === null ? this.#environment.context.next : (nexts.get(name) ?? null);
  }

  #record(row: KnownRow | undefined, observed: Observed): void {
    const { context } = this.#environment;
    const known = { now: row?.now, after: row?.after };
    const point = {
      directory: this.#directory.id,
      seq: context.seq,
      role: context.role,
      // A directory that the scrub has chosen as a whole is marked, and its rows are left alone.
      reread: context.mode === 'reread' || (this.#input.chosen !== 'all' && this.#isChosen(observed.name)),
    };
    const write = (suspect: boolean): void => {
      const next = this.#nextOf(observed.name);
      const path = joinPath(this.#directory.path, observed.name);
      const leftOut = next !== null && this.#environment.excludedAt(next, path, observed.kind === 'directory');
      const diff = diffPresent(point, known, observed, next, leftOut ? 'excluded' : 'vanished', suspect);
      if (diff.insert !== null) {
        this.#into.versions.add(diff.insert);
        if (known.now !== undefined) this.#into.counts.changed++;
      }
      stage(this.#into, point.directory, diff.endings);
    };
    if (known.now !== undefined && observed.digest !== null && changedInSilence(known.now, observed, point.seq)) {
      const { name, digest } = observed;
      this.#into.suspects.push({ directory: point.directory, name, digest, settle: write });
    } else {
      write(false);
    }
  }
}

function wantsReading(environment: ShardEnvironment): boolean {
  return environment.context.mode !== 'list';
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
