// Carrying out on this host's disk what judging asks of copies: each is read, or two are held beside one another, as
// they are now.
import { baseName, compareBytes, parentOf } from '../../domain/path.ts';
import { answerElsewhere } from '../files/answer-elsewhere.ts';
import { compareContents, measureContent } from '../files/compare.ts';
import type { Directory } from '../files/directory.ts';
import { openDirectory } from '../files/open-directory.ts';
import { FileError } from '../files/errors.ts';
import type { Hasher } from '../files/hash.ts';
import { openScannedRoot } from '../files/identity.ts';
import { readContent } from '../files/read.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import {
  type BricksAnswer,
  type BricksAsk,
  type CompareAnswer,
  type CompareAsk,
  type CopiesAnswer,
  type CopiesAsk,
  type CopyAt,
  keyOf,
  type KnownBytes,
  type MeasureAnswer,
  type MeasureAsk,
  type ReadAnswer,
  type ReadAsk,
} from './asks.ts';

const ATTEMPTS = 3;
/** Hard links of one inode in several snapshots are read once, as long as this many are remembered. */
const INODES_REMEMBERED = 100_000;

type Opened = Directory | { readonly errno: string };
type Copy = Omit<CopyAt, 'host'>;

export interface DiskTools {
  readonly hasher: Hasher;
  readonly now: () => number;
  /** Files and bytes, as they are read. */
  readonly onProgress: (files: number, bytes: number) => void;
}

interface OpenRoot {
  readonly root: Opened;
  /** The directory below it that was asked last: copies come sorted. */
  last: { readonly path: string; readonly opened: Opened } | null;
}

/** By root and path, as the disk is asked fastest. */
export function byPlace(a: Copy, b: Copy): number {
  return a.root === b.root ? compareBytes(a.path, b.path) : compareBytes(a.root, b.root);
}

/** Open roots and the last directory of each, for the length of one batch. Whoever opens it closes it. */
export class Disk {
  readonly #tools: DiskTools;
  readonly #roots = new Map<string, OpenRoot>();
  readonly #inodes = new Map<string, ReadAnswer>();

  constructor(tools: DiskTools) {
    this.#tools = tools;
  }

  read(ask: ReadAsk): ReadAnswer {
    const parent = this.#parent(ask);
    if ('errno' in parent) return failed(parent.errno);
    const name = baseName(ask.path);
    const { hasher, now, onProgress } = this.#tools;
    try {
      const before = parent.lstat(name);
      if (before.kind !== 'file') return failed('CHANGED');
      const key = `${before.device} ${before.inode} ${before.size} ${before.mtimeNs} ${before.ctimeNs}`;
      const known = this.#inodes.get(key);
      if (known !== undefined && isAsSeen(ask, before)) return { ...known, bytes: 0 };
      const held = isAsSeen(ask, before) ? knownBytes(ask.known, before) : null;
      if (held !== null) {
        const { inode, ctimeNs, btimeNs, nlink } = before;
        const { xxh64, zeroFrom } = held;
        const stat = { inode, ctimeNs, btimeNs, nlink };
        return { kind: 'read', errno: null, xxh64, zeroFrom, ...stat, racy: false, atMs: now(), bytes: 0 };
      }
      const reader = { hasher, onProgress: (bytes: number) => onProgress(0, bytes), nowMs: now };
      const result = readContent(reader, parent, name, { attempts: ATTEMPTS });
      if (!result.ok) return failed(result.errno ?? 'CHANGED');
      const { stat, racy, bytes } = result;
      onProgress(1, 0);
      // A snapshot that is not read-only, or live, may hold another state by now than the one that is judged.
      if (!isAsSeen(ask, stat)) return { ...failed('CHANGED'), bytes };
      const { inode, ctimeNs, btimeNs, nlink } = stat;
      const { digest: xxh64, zeroFrom } = result;
      const its = { inode, ctimeNs, btimeNs, nlink, racy };
      const answer: ReadAnswer = { kind: 'read', errno: null, xxh64, zeroFrom, ...its, atMs: now(), bytes };
      if (nlink > 1 && this.#inodes.size < INODES_REMEMBERED) this.#inodes.set(key, answer);
      return answer;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return failed(error.errno);
    }
  }

  copies({ asks, readMax }: CopiesAsk): CopiesAnswer {
    const known: KnownBytes[] = [];
    const read: { key: string; answer: ReadAnswer }[] = [];
    let files = 0;
    for (const ask of asks) {
      if (files >= readMax) break;
      const answer = this.read({ ...ask, known: [...ask.known, ...known] });
      const { xxh64, inode, ctimeNs, zeroFrom, bytes } = answer;
      if (xxh64 !== null) known.push({ inode, ctimeNs, xxh64, zeroFrom });
      if (bytes > 0) files++;
      read.push({ key: keyOf(ask), answer });
    }
    return { kind: 'copies', read };
  }

  compare({ of, against }: Pick<CompareAsk, 'of' | 'against'>): CompareAnswer {
    const [a, b] = [this.#parent(of), this.#parent(against)];
    const not = (errno: string): CompareAnswer => ({
      kind: 'compare',
      errno,
      truePrefix: false,
      alikeBeforeZeros: false,
    });
    if ('errno' in a) return not(a.errno);
    if ('errno' in b) return not(b.errno);
    const [left, right] = [baseName(of.path), baseName(against.path)];
    const wrong = notAFile(a, left) ?? notAFile(b, right);
    return wrong === null ? { kind: 'compare', ...compareContents(a, left, b, right) } : not(wrong);
  }

  measure(ask: MeasureAsk): MeasureAnswer {
    const parent = this.#parent(ask);
    const not = (errno: string): MeasureAnswer => ({ kind: 'measure', errno, size: 0, zeroFrom: null, firsts: [] });
    if ('errno' in parent) return not(parent.errno);
    const name = baseName(ask.path);
    const wrong = notAFile(parent, name);
    return wrong === null ? { kind: 'measure', ...measureContent(parent, name, ask.lengths) } : not(wrong);
  }

  /** Of bricks of this host, for a volume that another host reads from several. */
  bricks({ question }: BricksAsk): BricksAnswer {
    const { hasher, now, onProgress } = this.#tools;
    const reader = { hasher, onProgress: (bytes: number) => onProgress(0, bytes), nowMs: now };
    return { kind: 'bricks', answer: answerElsewhere(question, { reader, tick: () => onProgress(0, 0) }) };
  }

  close(): void {
    for (const { root, last } of this.#roots.values()) {
      if (last !== null && !('errno' in last.opened)) last.opened.close();
      if (!('errno' in root)) root.close();
    }
    this.#roots.clear();
  }

  #parent(copy: Copy): Opened {
    const at = this.#root(copy);
    const path = parentOf(copy.path);
    if (at.last?.path === path) return at.last.opened;
    if (at.last !== null && !('errno' in at.last.opened)) at.last.opened.close();
    const { root } = at;
    const opened = 'errno' in root ? root : attempt(() => openDirectory(root, path));
    at.last = { path, opened };
    return opened;
  }

  #root({ root, mark }: Copy): OpenRoot {
    const key = `${root}\0${mark?.rootInode ?? ''} ${mark?.rootBtimeNs ?? ''}`;
    let at = this.#roots.get(key);
    if (at === undefined) {
      const opened = attempt(() => openScannedRoot(root, mark ?? undefined));
      const { hasher, now } = this.#tools;
      if (opened instanceof UnionDirectory) opened.bricks.reader = { hasher, onProgress: () => {}, nowMs: now };
      at = { root: opened, last: null };
      this.#roots.set(key, at);
    }
    return at;
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

/** Why its content cannot be asked for; null for a regular file. */
function notAFile(directory: Directory, name: string): string | null {
  try {
    return directory.lstat(name).kind === 'file' ? null : 'CHANGED';
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return error.errno;
  }
}

function isAsSeen({ expected }: ReadAsk, stat: { readonly size: number | null; readonly mtimeNs: bigint }): boolean {
  return expected === null || (expected.size === stat.size && expected.mtimeNs === stat.mtimeNs);
}

/** What was read of this inode under the same sub-second ctime. */
function knownBytes(
  known: readonly KnownBytes[],
  { inode, ctimeNs }: { readonly inode: bigint; readonly ctimeNs: bigint },
): KnownBytes | null {
  if (ctimeNs % 1_000_000_000n === 0n) return null;
  return known.find((copy) => copy.inode === inode && copy.ctimeNs === ctimeNs) ?? null;
}

/** An answer that says why there is none. */
export function failed(errno: string): ReadAnswer {
  const nothing = { inode: 0n, ctimeNs: 0n, btimeNs: 0n, nlink: 0, racy: false, atMs: 0, bytes: 0 };
  return { kind: 'read', errno, xxh64: null, zeroFrom: null, ...nothing };
}
