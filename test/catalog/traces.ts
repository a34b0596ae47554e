// Random histories of a small volume, as the oracle and the SQL both take them: scans in any order, with gaps, aborts,
// exclusions, directories that come and go, names that change kind, and bytes that flip while everything else stays.
import * as fc from 'fast-check';
import type { Kind, Metadata } from '../../domain/version.ts';
import type { ScanMode } from '../../domain/scan.ts';
import type { OracleGap, OracleScan, Seen } from './oracle.ts';

/** What a scan met at a name: the entry, its true content (read or not), and which physical copy it was. */
export interface TraceEntry {
  readonly metadata: Metadata;
  /** What reading this copy would give; null for anything but a file. */
  readonly content: bigint | null;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  readonly nlink: number;
}

export interface TraceScan {
  readonly seq: bigint;
  readonly mode: ScanMode;
  /** aborted: everything is observed, then the scan is given up instead of closed. */
  readonly state: 'complete' | 'aborted';
  /** Set where the state later left the disk (removed, or rewritten as another scan); observations stay. */
  readonly pruned: string | null;
  readonly tree: ReadonlyMap<string, TraceEntry>;
  readonly gaps: readonly OracleGap[];
  readonly excluded: readonly string[];
}

/** Scans in the order in which they are ingested; seqs are in no order unless asked. */
export type Trace = readonly TraceScan[];

export interface TraceOptions {
  /**
   * every: each scan reads every copy, and bytes may flip silently. some: content follows from metadata, each scan
   * reads what its mode says.
   */
  readonly reading: 'every' | 'some';
  /** late: seqs in any order, as snapshots are; inOrder: rising, as live scans are. */
  readonly order: 'late' | 'inOrder';
  readonly scansMax?: number;
  readonly gaps?: boolean;
  readonly aborts?: boolean;
  readonly excludes?: boolean;
}

/**
 * 'a' and 'a_' and 'ab' are there for whoever compares prefixes; the last but one for whoever forgets the escapes of
 * COPY.
 */
const DIRECTORIES = ['a', 'a/b', 'a/b/c', 'a_', 'ab'] as const;
const NAMES = ['f', 'a/f', 'a/g', 'a/b/f', 'a/b/c/f', 'a_/f', 'ab/f', String.raw`a/new\x0aline\\`, 'a/b/ünï'] as const;
const PLACES: readonly string[] = [...DIRECTORIES, ...NAMES];

/** A place's looks: the first is the usual one, so that shrinking leaves a tree in which nothing happens. */
const LOOKS = ['usual', 'chmod', 'rewritten', 'flipped', 'absent', 'otherKind', 'symlink'] as const;
type Look = (typeof LOOKS)[number];

/**
 * Arbitrary traces. fast-check prints seed and path of a failing one; pass them as `seed` and `path` in the parameters
 * to replay it.
 */
export function traces(options: TraceOptions): fc.Arbitrary<Trace> {
  const scansMax = options.scansMax ?? 6;
  return fc
    .record({
      copies: fc.constantFrom<Copies>('linked', 'fresh'),
      scans: fc.array(scanArbitrary(options), { minLength: 1, maxLength: scansMax, size: 'max' }),
      slots: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: scansMax, maxLength: scansMax }),
    })
    .map(({ copies, scans, slots }) => {
      const seqs = options.order === 'inOrder' ? slots.toSorted((a, b) => a - b) : slots;
      const trace = scans.map((scan, index) =>
        toScan(scan, BigInt(seqs[index] ?? index + 1) * 1_000n, copies, options),
      );
      return Object.assign(trace, { [fc.toStringMethod]: () => trace.map(told).join('\n') });
    });
}

/** One scan in one line, for the report of a failure. */
function told(scan: TraceScan): string {
  const entries = [...scan.tree].map(([path, { metadata: m, content }]) => {
    const content4 = content === null ? '' : `#${content.toString(16).slice(0, 4)}`;
    return `${path}${m.kind === 'directory' ? '/' : ''}${m.target === null ? '' : '@'}:${m.mode.toString(8)}${content4}`;
  });
  const gaps = scan.gaps.map((gap) => `${gap.directory}|${gap.name}`);
  const more = `${scan.mode} ${scan.state} gaps [${gaps.join(' ')}] excluded [${scan.excluded.join(' ')}]`;
  return `${scan.seq} ${more} ${entries.join(' ')}`;
}

/** The scan as the oracle takes it: every copy that the mode reads carries its content. */
export function toOracle(scan: TraceScan): OracleScan {
  const entries = new Map<string, Seen>();
  for (const [path, entry] of scan.tree) {
    entries.set(path, { metadata: entry.metadata, digest: scan.mode === 'list' ? null : entry.content });
  }
  return { seq: scan.seq, mode: scan.mode, state: scan.state, entries, gaps: scan.gaps, excluded: scan.excluded };
}

/**
 * linked: a copy keeps inode and ctime while it stays the same, as hard-linked generations do; fresh: every snapshot is
 * a full copy.
 */
type Copies = 'linked' | 'fresh';

interface Draft {
  readonly looks: Readonly<Record<string, Look>>;
  readonly mode: ScanMode;
  readonly aborted: boolean;
  readonly pruned: boolean;
  readonly gaps: readonly number[];
  readonly gapBelow: boolean;
  readonly excluded: readonly string[];
}

function scanArbitrary(options: TraceOptions): fc.Arbitrary<Draft> {
  const looks: Record<string, fc.Arbitrary<Look>> = {};
  for (const place of PLACES) {
    looks[place] = fc.oneof(
      { weight: 12, arbitrary: fc.constant<Look>('usual') },
      { weight: 2, arbitrary: fc.constant<Look>('chmod') },
      { weight: 3, arbitrary: fc.constant<Look>('rewritten') },
      { weight: options.reading === 'every' ? 3 : 0, arbitrary: fc.constant<Look>('flipped') },
      { weight: 5, arbitrary: fc.constant<Look>('absent') },
      { weight: 1, arbitrary: fc.constant<Look>('otherKind') },
      { weight: 1, arbitrary: fc.constant<Look>('symlink') },
    );
  }
  return fc.record({
    looks: fc.record(looks),
    mode:
      options.reading === 'every'
        ? fc.constant<ScanMode>('reread')
        : fc.constantFrom<ScanMode>('read', 'list', 'reread'),
    aborted: options.aborts === false ? fc.constant(false) : oneIn(6),
    pruned: oneIn(6),
    gaps:
      options.gaps === false
        ? fc.constant([])
        : fc.oneof(
            { weight: 3, arbitrary: fc.constant([]) },
            { weight: 2, arbitrary: fc.uniqueArray(fc.nat(PLACES.length), { minLength: 1, maxLength: 3 }) },
          ),
    gapBelow: fc.boolean(),
    excluded:
      options.excludes === true
        ? fc.oneof(
            { weight: 4, arbitrary: fc.constant([]) },
            { weight: 1, arbitrary: fc.constantFrom(...PLACES).map((place) => [place]) },
          )
        : fc.constant([]),
  });
}

function oneIn(n: number): fc.Arbitrary<boolean> {
  return fc.nat(n - 1).map((drawn) => drawn === n - 1);
}

function toScan(draft: Draft, seq: bigint, copies: Copies, options: TraceOptions): TraceScan {
  const excluded = draft.excluded;
  const tree = new Map<string, TraceEntry>();
  for (const place of PLACES) {
    const look = draft.looks[place] ?? 'usual';
    const parent = parentOf(place);
    if (look === 'absent' || isUnder(place, excluded)) continue;
    if (parent !== '' && tree.get(parent)?.metadata.kind !== 'directory') continue;
    tree.set(place, entryOf(place, look, copies, seq));
  }
  // The last index stands for the root: the whole volume could not be listed.
  const gaps = draft.gaps.flatMap((index) => gapAt(PLACES[index] ?? '', draft.gapBelow, tree, excluded));
  // A walker never enters what it could not list, and never meets the same place twice.
  const hidden = (path: string): boolean => gaps.some((gap) => covers(gap, path));
  for (const path of tree.keys()) if (hidden(path)) tree.delete(path);
  const told = gaps.filter(
    (gap, index) => isReached(gap, tree) && gaps.findIndex((other) => sameGap(other, gap)) === index,
  );
  return {
    seq,
    mode: options.reading === 'every' ? 'reread' : draft.mode,
    state: draft.aborted ? 'aborted' : 'complete',
    pruned: draft.pruned ? 'gone' : null,
    tree,
    gaps: told,
    excluded,
  };
}

/** A gap on a directory that was met, or (where a name could not be looked up) on a name, whatever it was. */
function gapAt(
  place: string,
  below: boolean,
  tree: ReadonlyMap<string, TraceEntry>,
  excluded: readonly string[],
): OracleGap[] {
  if (place === '') return [{ directory: '', name: '' }];
  if (isUnder(place, excluded)) return [];
  if (below && tree.get(place)?.metadata.kind === 'directory') return [{ directory: place, name: '' }];
  const parent = parentOf(place);
  if (parent !== '' && tree.get(parent)?.metadata.kind !== 'directory') return [];
  return [{ directory: parent, name: nameOf(place) }];
}

function isReached(gap: OracleGap, tree: ReadonlyMap<string, TraceEntry>): boolean {
  return gap.directory === '' || tree.get(gap.directory)?.metadata.kind === 'directory';
}

function sameGap(a: OracleGap, b: OracleGap): boolean {
  return a.directory === b.directory && (a.name === b.name || a.name === '');
}

/** Whether the gap hides the path: below its directory, or its name and what lies below that. */
export function covers(gap: OracleGap, path: string): boolean {
  const top = gap.name === '' ? gap.directory : gap.directory === '' ? gap.name : `${gap.directory}/${gap.name}`;
  if (gap.name !== '' && path === top) return true;
  return top === '' || path.startsWith(`${top}/`);
}

function isUnder(path: string, tops: readonly string[]): boolean {
  return tops.some((top) => path === top || path.startsWith(`${top}/`));
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

const START_NS = 1_700_000_000_000_000_000n;

function entryOf(place: string, look: Look, copies: Copies, seq: bigint): TraceEntry {
  const index = BigInt(PLACES.indexOf(place));
  const wasDirectory = (DIRECTORIES as readonly string[]).includes(place);
  const kind: Kind = look === 'symlink' ? 'symlink' : (look === 'otherKind') !== wasDirectory ? 'directory' : 'file';
  const rewritten = look === 'rewritten';
  const metadata: Metadata = {
    kind,
    mode: look === 'chmod' ? 0o600 : 0o644,
    uid: 1000,
    gid: look === 'chmod' ? 4_294_967_294 : 1000,
    size: kind === 'file' ? (rewritten ? 20 : 10) : null,
    mtimeNs: START_NS + index * 1_000_000_007n + (rewritten ? 5_000_000_123n : 0n),
    target: kind === 'symlink' ? String.raw`../to\x0a` : null,
    rdev: null,
  };
  const variant = BigInt(LOOKS.indexOf(look === 'chmod' ? 'usual' : look));
  // Digests fill the upper half of 64 bits too: Postgres keeps them signed.
  const content =
    kind === 'file' ? (((index + 1n) * 0x9e37_79b9_7f4a_7c15n) ^ (variant << 60n)) & 0xffff_ffff_ffff_ffffn : null;
  const copy = copies === 'linked' ? 100n + index * 16n + BigInt(LOOKS.indexOf(look)) : 100_000n * seq + index;
  return { metadata, content, inode: copy, ctimeNs: metadata.mtimeNs + 1_000_000_001n + copy, nlink: 1 };
}
