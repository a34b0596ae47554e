// What judging asks of the disk of one host, and what that host answers, as plain data: both travel as JSON text, so
// that a copy can be read by whoever has it. An ask says all that carrying it out needs.
import { createHash } from 'node:crypto';
import type { RootMark } from '../../domain/snapshot-identity.ts';
import type { Kind } from '../../domain/version.ts';

/** A root on a host, with what tells it from another directory at its path; null where nothing was recorded. */
export interface Place {
  readonly host: string;
  /** Absolute, printable. */
  readonly root: string;
  readonly mark: RootMark | null;
}

/** One copy. The path is printable, below the root. */
export interface CopyAt extends Place {
  readonly path: string;
}

/** Bytes of an inode that were read already, under one sub-second ctime. */
export interface KnownBytes {
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  readonly xxh64: bigint;
  readonly zeroFrom: number | null;
}

/** The content of one copy is read. */
export interface ReadAsk extends CopyAt {
  readonly kind: 'read';
  /** What the scan saw there: anything else has changed since. Null where nothing is known. */
  readonly expected: { readonly size: number | null; readonly mtimeNs: bigint } | null;
  /** Another physical copy is wanted: one that is among these need not be read again. */
  readonly known: readonly KnownBytes[];
}

/**
 * Further copies of a path that was asked for before, in the order in which they may be wanted: judging asks for one
 * copy after another until enough agree, and a round for each would be many.
 */
export interface CopiesAsk {
  readonly kind: 'copies';
  readonly host: string;
  readonly asks: readonly ReadAsk[];
  /** It ends after so many that were not known by their inode. */
  readonly readMax: number;
}

/** Two copies on one host are held beside one another. */
export interface CompareAsk {
  readonly kind: 'compare';
  readonly host: string;
  readonly of: Omit<CopyAt, 'host'>;
  readonly against: Omit<CopyAt, 'host'>;
}

/** One of two copies on different hosts is read for a comparison. */
export interface MeasureAsk extends CopyAt {
  readonly kind: 'measure';
  /** Digests of so many first bytes; null: of what precedes the zeros at its end, and of the whole. */
  readonly lengths: readonly number[] | null;
}

/** A live path is looked at once more: what the scan saw there, or null for proven absence. */
export interface LookAsk extends CopyAt {
  readonly kind: 'look';
  readonly seen: { readonly kind: Kind; readonly size: number | null; readonly mtimeNs: bigint } | null;
  /** As of Suspected: evidenceText(). */
  readonly bricks?: string;
}

/** Whether absent names may be looked up on a root, or are confirmed by listing again. */
export interface MountAsk extends Place {
  readonly kind: 'mount';
}

/** What another host needs of the bricks of this one, to read a volume from all (services/files/elsewhere.ts). */
export interface BricksAsk {
  readonly kind: 'bricks';
  readonly host: string;
  /** Text that services/files alone understands. */
  readonly question: string;
}

export type Ask = ReadAsk | CopiesAsk | CompareAsk | MeasureAsk | LookAsk | MountAsk | BricksAsk;

export interface ReadAnswer {
  readonly kind: 'read';
  /** Null when it was read. 'CHANGED': it is not what the scan saw, or moved while it was read. */
  readonly errno: string | null;
  readonly xxh64: bigint | null;
  readonly zeroFrom: number | null;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  readonly btimeNs: bigint;
  readonly nlink: number;
  readonly racy: boolean;
  /** By the clock of the host that read it. */
  readonly atMs: number;
  /** Read for this answer; 0 where a hard link of it was read before. */
  readonly bytes: number;
}

export interface CopiesAnswer {
  readonly kind: 'copies';
  /** By keyOf the single ask. */
  readonly read: readonly { readonly key: string; readonly answer: ReadAnswer }[];
}

export interface CompareAnswer {
  readonly kind: 'compare';
  readonly errno: string | null;
  readonly truePrefix: boolean;
  readonly alikeBeforeZeros: boolean;
}

export interface MeasureAnswer {
  readonly kind: 'measure';
  readonly errno: string | null;
  readonly size: number;
  /** From where it is nothing but zeros to its end; null where that was not asked. */
  readonly zeroFrom: number | null;
  /** SHA-256 of so many first bytes, in hex; null where the file is shorter. */
  readonly firsts: readonly { readonly bytes: number; readonly sha256: string | null }[];
}

export interface LookAnswer {
  readonly kind: 'look';
  /** no root: the live root itself could not be opened; then nothing can be said of any path. */
  readonly outcome: 'as seen' | 'moved' | 'no root';
  readonly errno: string | null;
  readonly detail: string | null;
  /** As of SecondLook: evidenceText(). */
  readonly trace?: string;
}

export interface MountAnswer {
  readonly kind: 'mount';
  /** Its file system where names are not looked up on it; null where they are. */
  readonly listingOnly: string | null;
}

export interface BricksAnswer {
  readonly kind: 'bricks';
  readonly answer: string;
}

export type Answer =
  | ReadAnswer
  | CopiesAnswer
  | CompareAnswer
  | MeasureAnswer
  | LookAnswer
  | MountAnswer
  | BricksAnswer;

/** The answer to an ask of that kind. */
export type AnswerTo<A extends { readonly kind: string }, All extends { readonly kind: string } = Answer> = Extract<
  All,
  { kind: A['kind'] }
>;

/** Fields that are bigints wherever they occur in an ask or an answer: decimal text in JSON. */
const BIGINTS: ReadonlySet<string> = new Set(['inode', 'ctimeNs', 'btimeNs', 'mtimeNs', 'xxh64', 'rdev', 'device']);

/** An ask or an answer as JSON text. Equal asks have equal texts. */
export function toText(data: { readonly kind: string }): string {
  return JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** Undoes toText. Throws Error for what is none of these kinds. */
export function fromText<T extends { readonly kind: string }>(text: string, kinds: readonly T['kind'][]): T {
  const data: unknown = JSON.parse(text, (key, value: unknown) =>
    BIGINTS.has(key) && typeof value === 'string' ? BigInt(value) : value,
  );
  if (typeof data !== 'object' || data === null || !('kind' in data)) throw new Error('neither an ask nor an answer');
  const { kind } = data;
  if (!kinds.some((one) => one === kind)) throw new Error(`a version of Rollcall that asks or answers ${String(kind)}`);
  return data as T;
}

export const JUDGING_KINDS: readonly Ask['kind'][] = [
  'read',
  'copies',
  'compare',
  'measure',
  'look',
  'mount',
  'bricks',
];

export function askFromText(text: string): Ask {
  return fromText<Ask>(text, JUDGING_KINDS);
}

export function answerFromText(text: string): Answer {
  return fromText<Answer>(text, JUDGING_KINDS);
}

/** A question to the bricks of a host as the ask that its workers carry out. */
export function bricksAsk(host: string, question: string): string {
  const ask: BricksAsk = { kind: 'bricks', host, question };
  return toText(ask);
}

/** @returns the text of the answer */
export function bricksAnswer(text: string): string {
  return fromText<BricksAnswer>(text, ['bricks']).answer;
}

/**
 * By what an answer is found again: 32 hex digits, equal for equal asks. What is known of other copies changes nothing
 * in what a copy holds.
 */
export function keyOf(ask: { readonly kind: string }): string {
  const asked = 'known' in ask ? { ...ask, known: [] } : ask;
  return createHash('sha256').update(toText(asked)).digest('hex').slice(0, 32);
}
