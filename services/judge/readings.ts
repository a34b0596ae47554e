// Carrying out what judging asked for: copies read, and pairs of copies held beside one another, on the snapshots and
// the live tree as they are now.
import type { Comparison, Observer, PathFacts, Reading, Request } from '../../domain/facts.ts';
import { isGap, nameAt, sightAt } from '../../domain/facts.ts';
import { baseName, compareBytes, parentOf } from '../../domain/path.ts';
import { compareContents } from '../files/compare.ts';
import { type Directory, openDirectory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { createHasher, type Hasher } from '../files/hash.ts';
import { openScannedRoot } from '../files/identity.ts';
import { readContent } from '../files/read.ts';

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
}

/**
 * The seam between judging and reading: in this process, or in the threads of the scan engine. One answer to each that
 * asked, in order.
 */
export type ExecuteRequests = <A extends Asked>(
  asked: readonly A[],
  observers: readonly Observer[],
) => Promise<{ readonly answers: readonly Answer<A>[]; readonly bytesRead: number }>;

/**
 * A call into the event loop at least this often: progress, signals and the connection's keep-alive go on while files
 * are read.
 */
const YIELD_EVERY_MS = 50;
const ATTEMPTS = 3;
/** Hard links of one inode in several snapshots are read once, as long as this many are remembered. */
const INODES_REMEMBERED = 100_000;

interface Job {
  readonly answer: Answer<Asked>;
  readonly request: Request;
  readonly observer: number;
  readonly path: string;
}

/**
 * Reads in this process, snapshot by snapshot and directory by directory. `onProgress` gets bytes and files as they are
 * read.
 */
export function readInProcess(options: {
  readonly now: () => number;
  readonly onProgress?: (files: number, bytes: number) => void;
}): ExecuteRequests {
  let hasher: Promise<Hasher> | null = null;
  return async (asked, observers) => {
    hasher ??= createHasher();
    const session = new Session(observers, await hasher, options.now, options.onProgress ?? (() => {}));
    const answers = asked.map((one) => ({ asked: one, readings: [], comparisons: [] }));
    const jobs = answers.flatMap((answer): Job[] =>
      answer.asked.requests.map((request) => {
        const observer = request.kind === 'read' ? request.observer : request.of;
        return { answer, request, observer, path: nameAt(answer.asked.facts, observer) };
      }),
    );
    jobs.sort((a, b) => a.observer - b.observer || compareBytes(a.path, b.path));
    let yieldedMs = options.now();
    try {
      for (const { answer, request } of jobs) {
        const { facts } = answer.asked;
        if (request.kind === 'read')
          answer.readings.push(session.read(facts, request.observer, request.another === true));
        else answer.comparisons.push(session.compare(facts, request.of, request.against));
        if (options.now() - yieldedMs < YIELD_EVERY_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        yieldedMs = options.now();
      }
    } finally {
      session.close();
    }
    return { answers, bytesRead: session.bytesRead };
  };
}

type Opened = Directory | { readonly errno: string };

/** Open roots and the last directory of each, for the length of one batch. */
class Session {
  bytesRead = 0;
  readonly #observers: readonly Observer[];
  readonly #hasher: Hasher;
  readonly #now: () => number;
  readonly #onProgress: (files: number, bytes: number) => void;
  readonly #roots = new Map<number, Opened>();
  readonly #last = new Map<number, { readonly path: string; readonly opened: Opened }>();
  readonly #inodes = new Map<string, FullReading>();

  constructor(
    observers: readonly Observer[],
    hasher: Hasher,
    now: () => number,
    onProgress: (files: number, bytes: number) => void,
  ) {
    this.#observers = observers;
    this.#hasher = hasher;
    this.#now = now;
    this.#onProgress = onProgress;
  }

  /**
   * @param another a copy whose bytes are known already, by a scan or by this judging, is not read again: it is no
   *   other copy
   */
  read(facts: PathFacts, observer: number, another: boolean): FullReading {
    const path = nameAt(facts, observer);
    const parent = this.#directory(observer, parentOf(path));
    if ('errno' in parent) return failed(observer, parent.errno);
    const name = baseName(path);
    const version = sightAt(facts, observer);
    try {
      const before = parent.lstat(name);
      if (before.kind !== 'file') return failed(observer, 'CHANGED');
      const key = `${before.device} ${before.inode} ${before.size} ${before.mtimeNs} ${before.ctimeNs}`;
      const known = this.#inodes.get(key);
      if (known !== undefined && isAsSeen(version, before)) return { ...known, observer };
      const bytes = another && isAsSeen(version, before) ? knownBytes(facts, version, before) : null;
      if (bytes !== null) {
        const { inode, ctimeNs, btimeNs, nlink } = before;
        return { observer, ...bytes, errno: null, inode, ctimeNs, btimeNs, nlink, racy: false, atMs: this.#now() };
      }
      const reader = {
        hasher: this.#hasher,
        onProgress: (bytes: number) => this.#onProgress(0, bytes),
        nowMs: this.#now,
      };
      const result = readContent(reader, parent, name, { attempts: ATTEMPTS });
      if (!result.ok) return failed(observer, result.errno ?? 'CHANGED');
      this.bytesRead += result.bytes;
      this.#onProgress(1, 0);
      const { stat, racy } = result;
      // A snapshot that is not read-only, or live, may hold another state by now than the one that is judged.
      if (!isAsSeen(version, stat)) return failed(observer, 'CHANGED');
      const { inode, ctimeNs, btimeNs, nlink } = stat;
      const reading = {
        observer,
        digest: result.digest,
        zeroFrom: result.zeroFrom,
        errno: null,
        inode,
        ctimeNs,
        btimeNs,
        nlink,
        racy,
        atMs: this.#now(),
      };
      if (nlink > 1 && this.#inodes.size < INODES_REMEMBERED) this.#inodes.set(key, reading);
      return reading;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return failed(observer, error.errno);
    }
  }

  compare(facts: PathFacts, of: number, against: number): Comparison {
    const [left, right] = [nameAt(facts, of), nameAt(facts, against)];
    const [a, b] = [this.#directory(of, parentOf(left)), this.#directory(against, parentOf(right))];
    const nothing = { truePrefix: false, alikeBeforeZeros: false };
    if ('errno' in a) return { of, against, errno: a.errno, ...nothing };
    if ('errno' in b) return { of, against, errno: b.errno, ...nothing };
    try {
      if (a.lstat(baseName(left)).kind !== 'file' || b.lstat(baseName(right)).kind !== 'file')
        return { of, against, errno: 'CHANGED', ...nothing };
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { of, against, errno: error.errno, ...nothing };
    }
    return { of, against, ...compareContents(a, baseName(left), b, baseName(right)) };
  }

  close(): void {
    for (const { opened } of this.#last.values()) if (!('errno' in opened)) opened.close();
    for (const root of this.#roots.values()) if (!('errno' in root)) root.close();
    this.#last.clear();
    this.#roots.clear();
  }

  #directory(observer: number, path: string): Opened {
    const last = this.#last.get(observer);
    if (last?.path === path) return last.opened;
    if (last !== undefined && !('errno' in last.opened)) last.opened.close();
    const root = this.#root(observer);
    const opened = 'errno' in root ? root : attempt(() => openDirectory(root, path));
    this.#last.set(observer, { path, opened });
    return opened;
  }

  #root(observer: number): Opened {
    let root = this.#roots.get(observer);
    if (root === undefined) {
      const { scan, mark } = this.#observers[observer] ?? {};
      if (scan === undefined) throw new Error(`there is no observer ${observer}`);
      // Asked for all the same: a pruned state is gone, and one that was imported is on another host.
      if (scan.pruned !== null) root = { errno: 'ENOENT' };
      else if (scan.exportedMs !== null) root = { errno: 'EREMOTE' };
      else root = attempt(() => openScannedRoot(scan.path, mark));
      this.#roots.set(observer, root);
    }
    return root;
  }
}

function attempt(open: () => Directory): Opened {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { errno: error.errno };
  }
}

function isAsSeen(
  sight: PathFacts['sights'][number],
  stat: { readonly size: number | null; readonly mtimeNs: bigint },
): boolean {
  return sight === null || isGap(sight) || (sight.size === stat.size && sight.mtimeNs === stat.mtimeNs);
}

/**
 * What was read of this inode under the same sub-second ctime: by the scan that the version has its digest from, or for
 * this judging.
 */
function knownBytes(
  facts: PathFacts,
  version: PathFacts['sights'][number],
  { inode, ctimeNs }: { readonly inode: bigint; readonly ctimeNs: bigint },
): { readonly digest: bigint; readonly zeroFrom: number | null } | null {
  if (ctimeNs % 1_000_000_000n === 0n) return null;
  const isIt = (copy: { readonly inode: bigint; readonly ctimeNs: bigint }): boolean =>
    copy.inode === inode && copy.ctimeNs === ctimeNs;
  const held = version !== null && !isGap(version) ? [version] : [];
  for (const copy of [...facts.readings, ...held])
    if (copy.digest !== null && isIt(copy)) return { digest: copy.digest, zeroFrom: copy.zeroFrom ?? null };
  return null;
}

function failed(observer: number, errno: string): FullReading {
  return { observer, digest: null, errno, inode: 0n, ctimeNs: 0n, btimeNs: 0n, nlink: 0, racy: false };
}
