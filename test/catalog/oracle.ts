// The interval model of the catalog as the simplest thing that can be right: keep what every complete scan of one
// volume saw, and derive the versions from it afresh each time. The SQL is held against this over the same traces.
import { metadataEqual, type EndReason, type Metadata } from '../../domain/version.ts';
import type { ScanMode } from '../../domain/scan.ts';

/** What a scan saw at a name: its metadata, and the digest if this scan read this copy (null: listed only). */
export interface Seen {
  readonly metadata: Metadata;
  readonly digest: bigint | null;
}

/**
 * name '' hides everything below the directory (its own entry stands in its parent); else the name and everything below
 * it.
 */
export interface OracleGap {
  readonly directory: string;
  readonly name: string;
}

/** One scan as it was observed. Paths are printable text, '/' between names; the root itself is '' and no entry. */
export interface OracleScan {
  readonly seq: bigint;
  readonly mode: ScanMode;
  readonly state: 'complete' | 'aborted';
  readonly entries: ReadonlyMap<string, Seen>;
  readonly gaps: readonly OracleGap[];
  /** Paths that this scan's scope left out, each with everything below it. */
  readonly excluded: readonly string[];
}

/** What one scan says of one path; every path has exactly one. */
export type Sighting =
  | { readonly sight: 'seen'; readonly seen: Seen }
  | { readonly sight: 'absent' }
  | { readonly sight: 'excluded' }
  | { readonly sight: 'gap' };

export interface OracleVersion {
  readonly path: string;
  readonly metadata: Metadata;
  readonly firstSeq: bigint;
  readonly endSeq: bigint | null;
  readonly endReason: EndReason | null;
  /** Of the copies that were read within the interval; null if none was. */
  readonly digest: bigint | null;
  /** Every scan that read a copy of this version: the SQL names one of these. */
  readonly readSeqs: readonly bigint[];
  /** Every scan that saw it; the last is the last sighting. Scans in the interval that are not here had a gap. */
  readonly seenSeqs: readonly bigint[];
}

export interface Oracle {
  /** Takes a scan in any order. An aborted one leaves nothing behind. Throws if its seq is taken. */
  ingest(scan: OracleScan): void;
  /**
   * Every version of every path, sorted by path (code units) and firstSeq. Pruned scans stay observations: pruning
   * changes nothing here.
   */
  versions(): OracleVersion[];
  /** What holds at a complete scan: path → version, or 'gap' where one would hold but could not be read. */
  manifest(seq: bigint): Map<string, OracleVersion | 'gap'>;
}

export function openOracle(): Oracle {
  const scans: OracleScan[] = [];
  return {
    ingest(scan) {
      if (scan.state === 'aborted') return;
      if (scans.some((other) => other.seq === scan.seq)) throw new Error(`seq ${scan.seq} is taken`);
      scans.push(scan);
      scans.sort((a, b) => (a.seq < b.seq ? -1 : 1));
    },
    versions: () => derive(scans),
    manifest(seq) {
      const scan = scans.find((candidate) => candidate.seq === seq);
      if (scan === undefined) throw new Error(`no complete scan at ${seq}`);
      const held = new Map<string, OracleVersion | 'gap'>();
      for (const version of derive(scans)) {
        if (version.firstSeq > seq || (version.endSeq !== null && version.endSeq <= seq)) continue;
        held.set(version.path, sightOf(scan, version.path).sight === 'gap' ? 'gap' : version);
      }
      return held;
    },
  };
}

/**
 * Walks down from the root: the first ancestor that is hidden, excluded or no directory decides for everything below
 * it.
 */
export function sightOf(scan: OracleScan, path: string): Sighting {
  const names = path.split('/');
  let directory = '';
  for (const [depth, name] of names.entries()) {
    const here = depth === 0 ? name : `${directory}/${name}`;
    // A scan leaves out what it meets: below a directory that it could not list nothing is known, excluded or not.
    if (scan.gaps.some((gap) => gap.directory === directory && gap.name === '')) return { sight: 'gap' };
    if (scan.excluded.includes(here)) return { sight: 'excluded' };
    if (scan.gaps.some((gap) => gap.directory === directory && gap.name === name)) return { sight: 'gap' };
    const seen = scan.entries.get(here);
    if (seen === undefined) return { sight: 'absent' };
    if (here === path) return { sight: 'seen', seen };
    if (seen.metadata.kind !== 'directory') return { sight: 'absent' };
    directory = here;
  }
  throw new Error(`the root is no entry: ${path}`);
}

function derive(scans: readonly OracleScan[]): OracleVersion[] {
  const paths = new Set(scans.flatMap((scan) => [...scan.entries.keys()]));
  return [...paths].sort().flatMap((path) => derivePath(path, scans));
}

interface Run {
  metadata: Metadata;
  digest: bigint | null;
  readSeqs: bigint[];
  seenSeqs: bigint[];
}

function derivePath(path: string, scans: readonly OracleScan[]): OracleVersion[] {
  const versions: OracleVersion[] = [];
  let run: Run | null = null;
  for (const scan of scans) {
    const sighting = sightOf(scan, path);
    if (sighting.sight === 'gap') continue;
    const seen = sighting.sight === 'seen' ? sighting.seen : null;
    if (run !== null && (seen === null || !continues(run, seen))) {
      const endReason = seen !== null ? 'changed' : sighting.sight === 'excluded' ? 'excluded' : 'vanished';
      versions.push(finish(path, run, scan.seq, endReason));
      run = null;
    }
    if (seen === null) continue;
    run ??= { metadata: seen.metadata, digest: null, readSeqs: [], seenSeqs: [] };
    run.seenSeqs.push(scan.seq);
    if (seen.digest !== null) {
      run.digest = seen.digest;
      run.readSeqs.push(scan.seq);
    }
  }
  if (run !== null) versions.push(finish(path, run, null, null));
  return versions;
}

/** An unread copy contradicts nothing; a read one begins a new version where it differs from what was read before. */
function continues(run: Run, seen: Seen): boolean {
  if (!metadataEqual(run.metadata, seen.metadata)) return false;
  return run.digest === null || seen.digest === null || run.digest === seen.digest;
}

function finish(path: string, run: Run, endSeq: bigint | null, endReason: EndReason | null): OracleVersion {
  const firstSeq = run.seenSeqs[0];
  if (firstSeq === undefined) throw new Error('a run begins with a sighting');
  return { path, ...run, firstSeq, endSeq, endReason };
}
