// The SQL of the catalog against the oracle, over the same random traces: late scans, gaps, aborts, exclusions, flipped
// copies. test/support/random.ts says how a failure is seen again.
import { expect, test } from 'vitest';
import type { EndReason, Metadata } from '../../domain/version.ts';
import { clientForFile } from '../support/postgres.ts';
import { allVersions, drive, manifestAt, newVolume, type DrivenVolume, type PlacedVersion, looksOf } from './drive.ts';
import { openOracle, type Oracle } from './oracle.ts';
import { toOracle, traces, type Trace, type TraceOptions } from './traces.ts';
import { cases, fc } from '../support/random.ts';

const client = await clientForFile();

interface Interval {
  readonly path: string;
  readonly firstSeq: bigint;
  readonly endSeq: bigint | null;
  readonly endReason: EndReason | null;
}

/** A version in one line, so that a difference can be read. */
function line(v: Interval, m: Metadata): string {
  const interval = `${v.path} [${v.firstSeq}, ${v.endSeq ?? '∞'}) ${v.endReason ?? 'holds'}`;
  return `${interval} ${m.kind} ${m.mode.toString(8)} ${m.uid}:${m.gid} ${m.size} ${m.mtimeNs} ${m.target} ${m.rdev}`;
}

function lines(versions: Iterable<PlacedVersion>): string[] {
  return [...versions].map((v) => line(v, v));
}

/** every: digests are exact, and read from a copy within the interval. some: a digest may be forgotten, never wrong. */
function compare(rows: readonly PlacedVersion[], oracle: Oracle, reading: TraceOptions['reading']): void {
  const versions = oracle.versions();
  expect(lines(rows)).toEqual(versions.map((v) => line(v, v.metadata)));
  for (const [index, row] of rows.entries()) {
    const version = versions[index];
    if (version === undefined) throw new Error('the lines were equal');
    expect(row.digest === null, `${line(row, row)}: a digest comes with its reading`).toBe(row.readSeq === null);
    expect(row.zeroFrom, `${line(row, row)}: what the content looks like goes with its digest`).toBe(
      row.digest === null ? null : looksOf(row.digest),
    );
    if (row.digest === null && reading === 'some') continue;
    expect(row.digest, line(row, row)).toBe(version.digest);
    if (row.readSeq !== null) expect(version.readSeqs, line(row, row)).toContain(row.readSeq);
  }
}

/**
 * What each complete scan's reader sees; under a gap nothing is seen, whatever rows lie there, so with gaps 'unseen'
 * they are left out.
 */
async function compareManifests(
  volume: DrivenVolume,
  oracle: Oracle,
  complete: readonly bigint[],
  gaps: 'gaps compared' | 'gaps unseen',
): Promise<void> {
  for (const seq of complete) {
    const seen: string[] = [];
    for (const [path, v] of await manifestAt(client, volume, seq)) seen.push(v === 'gap' ? `${path} gap` : line(v, v));
    const wanted: string[] = [];
    for (const [path, v] of oracle.manifest(seq)) wanted.push(v === 'gap' ? `${path} gap` : line(v, v.metadata));
    const told = (all: string[]): string[] => (gaps === 'gaps compared' ? all : all.filter((l) => !l.endsWith(' gap')));
    expect(new Set(told(seen)), `manifest at ${seq}`).toEqual(new Set(told(wanted)));
  }
}

/**
 * Ingests the trace into a volume of its own, holding the catalog against the oracle while each scan runs and after it.
 */
async function check(trace: Trace, options: TraceOptions): Promise<PlacedVersion[]> {
  const volume = await newVolume(client, options.order === 'late' ? 'backup' : 'live');
  const oracle = openOracle();
  const complete: bigint[] = [];
  for (const scan of trace) {
    // Readers see complete scans only: what a running scan wrote is nowhere to be seen.
    await drive(client, volume, scan, () => compareManifests(volume, oracle, complete, 'gaps unseen'));
    oracle.ingest(toOracle(scan));
    if (scan.state === 'complete') complete.push(scan.seq);
    compare(await allVersions(client, volume), oracle, options.reading);
  }
  await compareManifests(volume, oracle, complete, 'gaps compared');
  return allVersions(client, volume);
}

const FAMILIES = [
  { title: 'snapshots in any order, every copy read', reading: 'every', order: 'late', runs: 20 },
  { title: 'snapshots in any order, some copies read', reading: 'some', order: 'late', runs: 15 },
  { title: 'a live tree, every copy read', reading: 'every', order: 'inOrder', runs: 12 },
  {
    title: 'snapshots in any order, with changing excludes',
    reading: 'every',
    order: 'late',
    excludes: true,
    runs: 40,
  },
  { title: 'a live tree, with changing excludes', reading: 'some', order: 'inOrder', excludes: true, runs: 12 },
] as const;

test.each(FAMILIES)('the catalog holds what the oracle derives: $title', async ({ runs, ...options }) => {
  await fc.assert(
    fc.asyncProperty(traces(options), async (trace) => {
      await check(trace, options);
    }),
    { numRuns: cases(runs) },
  );
});

test('any order of ingest gives the same names, metadata, intervals and digests', async () => {
  const options = { reading: 'every', order: 'late' } as const;
  const shuffled = traces(options).chain((trace) =>
    fc.tuple(fc.constant(trace), fc.shuffledSubarray([...trace], { minLength: trace.length })),
  );
  await fc.assert(
    fc.asyncProperty(shuffled, async ([trace, other]) => {
      const told = (rows: readonly PlacedVersion[]): string[] => rows.map((v) => `${line(v, v)} ${v.digest}`);
      expect(told(await check(other, options))).toEqual(told(await check(trace, options)));
    }),
    { numRuns: cases(8) },
  );
});
