// From what judging asks for to the copies that tell it, on this host or another one, and back: copies read, and pairs
// of copies held beside one another, on the snapshots and the live tree as they are now.
import type { Comparison, Observer, PathFacts, Reading, Request } from '../../domain/facts.ts';
import { isGap, nameAt, sightAt } from '../../domain/facts.ts';
import { comparisonFrom, lengthsToCompare } from '../files/compare.ts';
import { createHasher, type Hasher } from '../files/hash.ts';
import type { CopyAt, KnownBytes, MeasureAnswer, MeasureAsk, ReadAnswer, ReadAsk } from './asks.ts';
import { byPlace, Disk, failed } from './disk.ts';
import { Hosts, type Outcome } from './hosts.ts';

/** What one path needs to be read. */
export interface Asked {
  readonly facts: PathFacts;
  readonly requests: readonly Request[];
}

/** A reading with what the catalog keeps of the copy. */
export interface FullReading extends Reading {
  readonly btimeNs: bigint;
  readonly nlink: number;
  readonly racy: boolean;
}

export interface Answer<A extends Asked> {
  readonly asked: A;
  readonly readings: FullReading[];
  readonly comparisons: Comparison[];
  /** A host that did not answer: some of this is not known for that reason. */
  silent: string | null;
}

/**
 * The seam between judging and reading. One answer to each that asked, in order, but for those that other hosts must be
 * asked for first: they are left out.
 */
export type ExecuteRequests = <A extends Asked>(
  asked: readonly A[],
  observers: readonly Observer[],
) => Promise<{ readonly answers: readonly Answer<A>[]; readonly bytesRead: number }>;

/** What is unknown because its host does not answer fails with this. */
export const SILENT = 'EHOSTUNREACH';

/**
 * A call into the event loop at least this often: progress, signals and the connection's keep-alive go on while files
 * are read.
 */
const YIELD_EVERY_MS = 50;

/** Copies of one path that are named for reading ahead, and how many of them are really read. */
const AHEAD_MAX = 8;
const READ_AHEAD_MAX = 3;

export interface ReadingTools {
  readonly hosts: Hosts;
  readonly now: () => number;
  /** Files and bytes, as they are read here. */
  readonly onProgress?: (files: number, bytes: number) => void;
}

/** A request of one case, with the copies that it is about. */
interface Job {
  readonly answer: Answer<Asked>;
  readonly request: Request;
  readonly copy: CopyAt | Unopened;
}

/** A copy that nobody need be asked for. */
interface Unopened {
  readonly errno: string;
}

/** Reads what lies on this host, snapshot by snapshot and directory by directory; for the rest others have answered. */
export function readingsOf({ hosts, now, onProgress = () => {} }: ReadingTools): ExecuteRequests {
  let hasher: Promise<Hasher> | null = null;
  return async (asked, observers) => {
    hasher ??= createHasher();
    const batch = new Batch(observers, hosts, new Disk({ hasher: await hasher, now, onProgress }));
    const answers = asked.map((one) => ({ asked: one, readings: [], comparisons: [], silent: null }));
    const jobs = answers.flatMap((answer): Job[] =>
      answer.asked.requests.map((request) => {
        const observer = request.kind === 'read' ? request.observer : request.of;
        return { answer, request, copy: batch.copyOf(answer.asked.facts, observer) };
      }),
    );
    jobs.sort((a, b) => {
      if ('errno' in a.copy || 'errno' in b.copy) return Number('errno' in b.copy) - Number('errno' in a.copy);
      return byPlace(a.copy, b.copy);
    });
    let yieldedMs = now();
    try {
      for (const job of jobs) {
        batch.answer(job);
        if (now() - yieldedMs < YIELD_EVERY_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        yieldedMs = now();
      }
    } finally {
      batch.close();
    }
    return { answers: answers.filter((answer) => !batch.isParked(answer)), bytesRead: batch.bytesRead };
  };
}

/** Carries out the requests of one pass. */
class Batch {
  bytesRead = 0;
  readonly #observers: readonly Observer[];
  readonly #hosts: Hosts;
  readonly #disk: Disk;
  readonly #parked = new Set<Answer<Asked>>();

  constructor(observers: readonly Observer[], hosts: Hosts, disk: Disk) {
    this.#observers = observers;
    this.#hosts = hosts;
    this.#disk = disk;
  }

  isParked(answer: Answer<Asked>): boolean {
    return this.#parked.has(answer);
  }

  close(): void {
    this.#disk.close();
  }

  copyOf(facts: PathFacts, observer: number): CopyAt | Unopened {
    const { scan, mark } = this.#observers[observer] ?? {};
    if (scan === undefined) throw new Error(`there is no observer ${observer}`);
    // Asked for all the same: a pruned state is gone, and one that was imported is on another host.
    if (scan.pruned !== null) return { errno: 'ENOENT' };
    if (scan.exportedMs !== null) return { errno: 'EREMOTE' };
    return { host: scan.host, root: scan.path, mark: mark ?? null, path: nameAt(facts, observer) };
  }

  answer({ answer, request, copy }: Job): void {
    const { facts } = answer.asked;
    if (request.kind === 'read') {
      const { observer } = request;
      const read = 'errno' in copy ? failed(copy.errno) : this.#read(readAsk(copy, facts, request));
      const known = this.#settle(answer, 'errno' in copy ? null : copy.host, read);
      if (known === null) return;
      const its = known === 'unanswered' ? failed(SILENT) : known;
      this.bytesRead += its.bytes;
      answer.readings.push(readingOf(observer, its));
      return;
    }
    const { of, against } = request;
    const other = this.copyOf(facts, against);
    const errno = 'errno' in copy ? copy.errno : 'errno' in other ? other.errno : null;
    const nothing = { truePrefix: false, alikeBeforeZeros: false };
    if ('errno' in copy || 'errno' in other) {
      answer.comparisons.push({ of, against, errno, ...nothing });
      return;
    }
    const [host, compared] = this.#compare(copy, other, expectedShape(facts, of));
    const known = this.#settle(answer, host, compared);
    if (known === null) return;
    answer.comparisons.push({ of, against, ...(known === 'unanswered' ? { errno: SILENT, ...nothing } : known) });
  }

  /** Null where it has to wait. */
  #settle<T>(answer: Answer<Asked>, host: string | null, outcome: Outcome<T>): T | 'unanswered' | null {
    if (outcome === 'wanted') {
      if (!this.#parked.has(answer) && host !== null) this.#readAhead(answer.asked.facts, host);
      this.#parked.add(answer);
      return null;
    }
    if (outcome === 'unanswered') answer.silent = host;
    return outcome;
  }

  /** A path that needs a second copy may need a third: they are read in the same round. */
  #readAhead(facts: PathFacts, host: string): void {
    if (facts.readings.length === 0) return;
    const unread = this.#observers.flatMap(({ role }, observer) => {
      const sight = sightAt(facts, observer);
      const isFile = sight !== null && !isGap(sight) && sight.kind === 'file';
      if (role !== 'backup' || !isFile || facts.readings.some((reading) => reading.observer === observer)) return [];
      const copy = this.copyOf(facts, observer);
      return 'errno' in copy || copy.host !== host ? [] : [readAsk(copy, facts, { observer, another: true })];
    });
    // The newest is the best source; the oldest is the likeliest to be another physical copy.
    const asks = [...unread.slice(-1), ...unread.slice(0, -1)].slice(0, AHEAD_MAX);
    if (asks.length > 0) this.#hosts.ahead({ kind: 'copies', host, asks, readMax: READ_AHEAD_MAX });
  }

  #read(ask: ReadAsk): Outcome<ReadAnswer> {
    return ask.host === this.#hosts.own ? this.#disk.read(ask) : this.#hosts.find(ask);
  }

  /** With the host on which it depends. */
  #compare(
    of: CopyAt,
    against: CopyAt,
    expected: { readonly size: number; readonly zeroFrom: number } | null,
  ): [string, Outcome<Omit<Comparison, 'of' | 'against'>>] {
    if (of.host === against.host) {
      const pair = { of: withoutHost(of), against: withoutHost(against) };
      const compared =
        of.host === this.#hosts.own
          ? this.#disk.compare(pair)
          : this.#hosts.find({ kind: 'compare', host: of.host, ...pair });
      if (typeof compared === 'string') return [of.host, compared];
      const { errno, truePrefix, alikeBeforeZeros } = compared;
      return [of.host, { errno, truePrefix, alikeBeforeZeros }];
    }
    const left = this.#measure(of, null);
    if (typeof left === 'string') {
      // What it will be asked for is known already where the file is still the one that was read.
      if (left === 'wanted' && expected !== null) this.#measure(against, lengthsToCompare(expected));
      return [of.host, left];
    }
    const { errno, size, zeroFrom } = left;
    if (errno !== null || zeroFrom === null) return [of.host, comparisonFrom(left, left)];
    const right = this.#measure(against, lengthsToCompare({ size, zeroFrom }));
    return [against.host, typeof right === 'string' ? right : comparisonFrom(left, right)];
  }

  #measure({ host, root, mark, path }: CopyAt, lengths: readonly number[] | null): Outcome<MeasureAnswer> {
    const ask: MeasureAsk = { kind: 'measure', host, root, mark, path, lengths };
    return host === this.#hosts.own ? this.#disk.measure(ask) : this.#hosts.find(ask);
  }
}

function withoutHost({ root, mark, path }: CopyAt): Omit<CopyAt, 'host'> {
  return { root, mark, path };
}

function readAsk(
  { host, root, mark, path }: CopyAt,
  facts: PathFacts,
  { observer, another }: Omit<Extract<Request, { kind: 'read' }>, 'kind'>,
): ReadAsk {
  const sight = sightAt(facts, observer);
  const expected = sight === null || isGap(sight) ? null : { size: sight.size, mtimeNs: sight.mtimeNs };
  return { kind: 'read', host, root, mark, path, expected, known: another === true ? knownOf(facts, observer) : [] };
}

/**
 * A copy whose bytes are known already, by the scan that the version has its digest from or by this judging, is not
 * read again: it is no other copy.
 */
function knownOf(facts: PathFacts, observer: number): KnownBytes[] {
  const version = sightAt(facts, observer);
  const held = version !== null && !isGap(version) ? [version] : [];
  return [...facts.readings, ...held].flatMap(({ digest, inode, ctimeNs, zeroFrom = null }) =>
    digest === null ? [] : [{ inode, ctimeNs, xxh64: digest, zeroFrom }],
  );
}

/** What is known of a copy's size and of the zeros at its end. */
function expectedShape(facts: PathFacts, observer: number): { size: number; zeroFrom: number } | null {
  const sight = sightAt(facts, observer);
  if (sight === null || isGap(sight) || sight.size === null) return null;
  const read = facts.readings.findLast((reading) => reading.observer === observer && reading.digest !== null);
  const zeroFrom = read?.zeroFrom ?? sight.zeroFrom;
  return zeroFrom === null ? null : { size: sight.size, zeroFrom };
}

function readingOf(
  observer: number,
  { errno, xxh64, zeroFrom, inode, ctimeNs, btimeNs, nlink, racy, atMs }: ReadAnswer,
): FullReading {
  const copy = { observer, digest: xxh64, errno, inode, ctimeNs, btimeNs, nlink, racy };
  return errno === null ? { ...copy, zeroFrom, atMs } : copy;
}
