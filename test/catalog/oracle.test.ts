// The oracle itself, on hand-made histories: every rule on intervals with the case that a careless model gets wrong.
import { expect, test } from 'vitest';
import type { Kind, Metadata } from '../../domain/version.ts';
import { openOracle, sightOf, type OracleGap, type OracleScan, type Seen } from './oracle.ts';
import { covers, toOracle, traces } from './traces.ts';
import { fc } from '../support/random.ts';

function entry(digest: bigint | null, changes: Partial<Metadata> = {}): Seen {
  const metadata = {
    kind: 'file' as Kind,
    mode: 0o644,
    uid: 1,
    gid: 1,
    size: 10,
    mtimeNs: 5n,
    target: null,
    rdev: null,
  };
  return { metadata: { ...metadata, ...changes }, digest };
}
const DIRECTORY = entry(null, { kind: 'directory', size: null });

function scan(seq: number, entries: Record<string, Seen>, more: Partial<OracleScan> = {}): OracleScan {
  const base = { mode: 'reread', state: 'complete', gaps: [], excluded: [] } as const;
  return { seq: BigInt(seq), entries: new Map(Object.entries(entries)), ...base, ...more };
}

/** Each version as 'path [first, end) reason digest'. */
function told(scans: readonly OracleScan[]): string[] {
  const oracle = openOracle();
  for (const each of scans) oracle.ingest(each);
  return oracle
    .versions()
    .map((v) => `${v.path} [${v.firstSeq}, ${v.endSeq ?? '∞'}) ${v.endReason ?? 'holds'} ${v.digest ?? 'unread'}`);
}

test('an unchanged file is one version over all scans', () => {
  expect(told([scan(1, { f: entry(7n) }), scan(2, { f: entry(7n) }), scan(3, { f: entry(7n) })])).toEqual([
    'f [1, ∞) holds 7',
  ]);
});

test('a version ends at the first complete scan that saw otherwise, with the reason', () => {
  const changed = entry(8n, { size: 11 });
  expect(told([scan(1, { f: entry(7n) }), scan(5, { f: changed }), scan(9, {})])).toEqual([
    'f [1, 5) changed 7',
    'f [5, 9) vanished 8',
  ]);
});

test('mode, owner and target make a new version too', () => {
  expect(told([scan(1, { f: entry(7n) }), scan(2, { f: entry(7n, { mode: 0o600 }) })])).toEqual([
    'f [1, 2) changed 7',
    'f [2, ∞) holds 7',
  ]);
});

test('a name that comes back as it was is a second version, not the first again', () => {
  expect(told([scan(1, { f: entry(7n) }), scan(2, {}), scan(3, { f: entry(7n) })])).toEqual([
    'f [1, 2) vanished 7',
    'f [3, ∞) holds 7',
  ]);
});

test('a gap ends nothing: the value before it extends over it, and what comes after joins it', () => {
  const gap: OracleGap = { directory: '', name: 'f' };
  const history = [scan(1, { f: entry(7n) }), scan(2, {}, { gaps: [gap] }), scan(3, { f: entry(7n) })];
  expect(told(history)).toEqual(['f [1, ∞) holds 7']);
  const oracle = openOracle();
  for (const each of history) oracle.ingest(each);
  expect(oracle.manifest(2n).get('f')).toBe('gap');
  expect(oracle.manifest(3n).get('f')).not.toBe('gap');
});

test('what vanished behind a gap is ended by the first proof, and was last seen before the gap', () => {
  const oracle = openOracle();
  oracle.ingest(scan(1, { f: entry(7n) }));
  oracle.ingest(scan(2, {}, { gaps: [{ directory: '', name: '' }] }));
  oracle.ingest(scan(3, {}));
  expect(oracle.versions()).toMatchObject([{ endSeq: 3n, endReason: 'vanished', seenSeqs: [1n] }]);
});

test('a gap on a directory hides what is below it at any depth, but not its own entry, and not its neighbours by prefix', () => {
  const tree = { a: DIRECTORY, 'a/b': DIRECTORY, 'a/b/f': entry(7n), a_: DIRECTORY, 'a_/f': entry(8n) };
  expect(told([scan(1, tree), scan(2, { a: DIRECTORY }, { gaps: [{ directory: 'a', name: '' }] })])).toEqual([
    'a [1, ∞) holds unread',
    'a/b [1, ∞) holds unread',
    'a/b/f [1, ∞) holds 7',
    'a_ [1, 2) vanished unread',
    'a_/f [1, 2) vanished 8',
  ]);
});

test('a name that cannot be looked up hides everything below it', () => {
  const tree = { a: DIRECTORY, 'a/f': entry(7n) };
  expect(told([scan(1, tree), scan(2, {}, { gaps: [{ directory: '', name: 'a' }] })])).toEqual([
    'a [1, ∞) holds unread',
    'a/f [1, ∞) holds 7',
  ]);
});

test('the absence of a directory is the absence of everything below it, also where a file took its name', () => {
  const tree = { a: DIRECTORY, 'a/b': DIRECTORY, 'a/b/f': entry(7n) };
  expect(told([scan(1, tree), scan(2, {})])).toEqual([
    'a [1, 2) vanished unread',
    'a/b [1, 2) vanished unread',
    'a/b/f [1, 2) vanished 7',
  ]);
  expect(told([scan(1, tree), scan(2, { a: entry(9n) })])).toEqual([
    'a [1, 2) changed unread',
    'a [2, ∞) holds 9',
    'a/b [1, 2) vanished unread',
    'a/b/f [1, 2) vanished 7',
  ]);
});

test('a late scan in the middle of a version cuts it in two', () => {
  expect(told([scan(1, { f: entry(7n) }), scan(9, { f: entry(7n) }), scan(5, {})])).toEqual([
    'f [1, 5) vanished 7',
    'f [9, ∞) holds 7',
  ]);
});

test('what only a late scan saw ends at the next scan', () => {
  expect(told([scan(1, {}), scan(9, {}), scan(5, { f: entry(7n) })])).toEqual(['f [5, 9) vanished 7']);
});

test('a late scan that saw what a later one saw extends that version back', () => {
  expect(told([scan(1, {}), scan(9, { f: entry(7n) }), scan(5, { f: entry(7n) })])).toEqual(['f [5, ∞) holds 7']);
});

test('a late scan joins nothing across an absence', () => {
  const history = [scan(1, { f: entry(7n) }), scan(4, {}), scan(9, { f: entry(7n) }), scan(2, { f: entry(7n) })];
  expect(told(history)).toEqual(['f [1, 4) vanished 7', 'f [9, ∞) holds 7']);
});

test('a late sighting over a gap lies in the version that extended over the gap', () => {
  const gap: OracleGap = { directory: '', name: 'f' };
  const history = [scan(1, { f: entry(7n) }), scan(4, {}, { gaps: [gap] }), scan(9, {}), scan(3, { f: entry(7n) })];
  expect(told(history)).toEqual(['f [1, 9) vanished 7']);
});

test('a late absence before a gap ends the version there, and the gap is nobody’s', () => {
  const gap: OracleGap = { directory: '', name: 'f' };
  const history = [scan(1, { f: entry(7n) }), scan(4, {}, { gaps: [gap] }), scan(3, {})];
  expect(told(history)).toEqual(['f [1, 3) vanished 7']);
});

test('the part of a cut version in which no copy was read is unread', () => {
  const history = [scan(1, { f: entry(7n) }), scan(9, { f: entry(null) }, { mode: 'list' }), scan(5, {})];
  expect(told(history)).toEqual(['f [1, 5) vanished 7', 'f [9, ∞) holds unread']);
});

test('a late copy that reads otherwise splits by digest alone', () => {
  const history = [scan(1, { f: entry(7n) }), scan(9, { f: entry(7n) }), scan(5, { f: entry(8n) })];
  expect(told(history)).toEqual(['f [1, 5) changed 7', 'f [5, 9) changed 8', 'f [9, ∞) holds 7']);
});

test('an unread copy contradicts nothing', () => {
  const history = [scan(1, { f: entry(null) }), scan(2, { f: entry(7n) }), scan(3, { f: entry(null) })];
  expect(told(history)).toEqual(['f [1, ∞) holds 7']);
});

test('an aborted scan leaves nothing behind', () => {
  expect(told([scan(1, { f: entry(7n) }), scan(2, { g: entry(8n) }, { state: 'aborted' })])).toEqual([
    'f [1, ∞) holds 7',
  ]);
});

test('what is newly excluded ends as excluded, with everything below, and begins again when it is included', () => {
  const tree = { a: DIRECTORY, 'a/f': entry(7n) };
  expect(told([scan(1, tree), scan(2, {}, { excluded: ['a'] }), scan(3, tree)])).toEqual([
    'a [1, 2) excluded unread',
    'a [3, ∞) holds unread',
    'a/f [1, 2) excluded 7',
    'a/f [3, ∞) holds 7',
  ]);
});

test('what is excluded below a directory that could not be listed is unknown, and ends nothing', () => {
  const more = { excluded: ['f'], gaps: [{ directory: '', name: '' }] };
  expect(told([scan(1, { f: entry(7n) }), scan(2, {}, more)])).toEqual(['f [1, ∞) holds 7']);
});

test('two scans cannot share a seq', () => {
  expect(() => told([scan(1, {}), scan(1, {})])).toThrow('taken');
});

const FAMILIES = [
  { reading: 'every', order: 'late', excludes: true },
  { reading: 'some', order: 'inOrder' },
] as const;

test.each(FAMILIES)('versions partition the sightings of any trace ($reading, $order)', (options) => {
  fc.assert(
    fc.property(traces(options), (trace) => {
      const oracle = openOracle();
      const scans = trace.map(toOracle);
      for (const each of scans) oracle.ingest(each);
      const versions = oracle.versions();
      for (const each of scans) {
        if (each.state === 'aborted') continue;
        for (const path of new Set(versions.map((v) => v.path))) {
          const sighting = sightOf(each, path);
          const holding = versions.filter(
            (v) => v.path === path && v.firstSeq <= each.seq && (v.endSeq === null || v.endSeq > each.seq),
          );
          expect(holding.length).toBeLessThanOrEqual(1);
          if (sighting.sight === 'gap') continue;
          expect(holding.length).toBe(sighting.sight === 'seen' ? 1 : 0);
          expect(holding.flatMap((v) => v.seenSeqs.filter((seq) => seq === each.seq)).length).toBe(holding.length);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('traces hold what a walker can meet: no entry behind a gap, none below what is no directory', () => {
  const met = { gaps: 0, late: 0, aborted: 0, flips: 0 };
  fc.assert(
    fc.property(traces({ reading: 'every', order: 'late' }), (trace) => {
      for (const [index, each] of trace.entries()) {
        met.gaps += each.gaps.length;
        met.aborted += each.state === 'aborted' ? 1 : 0;
        met.late += trace.slice(0, index).some((earlier) => earlier.seq > each.seq) ? 1 : 0;
        for (const path of each.tree.keys()) {
          expect(each.gaps.some((gap) => covers(gap, path))).toBe(false);
          expect(sightOf(toOracle(each), path).sight).toBe('seen');
        }
      }
      const oracle = openOracle();
      for (const each of trace) oracle.ingest(toOracle(each));
      const versions = oracle.versions();
      met.flips += versions.filter(
        (v, i) => versions[i + 1]?.firstSeq === v.endSeq && v.endReason === 'changed',
      ).length;
    }),
    { numRuns: 150 },
  );
  for (const count of Object.values(met)) expect(count).toBeGreaterThan(20);
});
