// Reconciliation: every path of a live volume is judged against its history and its backups. From the catalog to an Assessment.
import type { Assessment, Finding, Recovery, Tally, Verdict } from '../../domain/assessment.ts';
import { RECOVERIES, VERDICTS } from '../../domain/assessment.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isGap, type Observer } from '../../domain/facts.ts';
import { type JudgeContext, judgeContext, type Judged } from '../../domain/judge/context.ts';
import { compareBytes, joinPath } from '../../domain/path.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import { directoryFates, type Fate, type Moves } from '../../domain/window/moves.ts';
import { isoAsOf, orderObservers, pointsOf, spansOf } from '../../domain/window/timeline.ts';
import { type DecidedWindow, decideWindow } from '../../domain/window/window.ts';
import { type Database, inTransaction } from '../catalog/database.ts';
import { type Decisions, decisionsOf, recordAssessment, storeFindings } from '../catalog/findings.ts';
import { type CopyRead, recordReadings } from '../catalog/readings.ts';
import {
  changesByScan,
  gapsOf,
  type JudgedRoot,
  narrow,
  pathsOfDirectories,
  pullRows,
  rulesOf,
  type StoredGap,
  type Sum,
  trustedBytes,
} from '../catalog/reconciliation.ts';
import { completeScans } from '../catalog/scans.ts';
import { createScope } from '../files/scope.ts';
import { bytesOf, findingOf, isoOrNull, isUnknown, kindOf, rowOf, type Verdicted } from './compose.ts';
import { conditionsOf, incompleteOf } from './conditions.ts';
import { FactsBuilder, rootsOf } from './facts.ts';
import { countSpans, looksDamaged } from './happened.ts';
import { judgeAll, type JudgingTools, type Subject, type SubjectReading } from './judging.ts';
import { lookAgain } from './lookup.ts';
import { movesOf, versionAt } from './movement.ts';
import { type ExecuteRequests, readInProcess } from './readings.ts';
import { addCopies, addSurroundings } from './surroundings.ts';

export interface ReconcileInput {
  readonly db: Database;
  /** The live volume; path is where it lies, absolute and printable. */
  readonly volume: { readonly id: number; readonly name: string; readonly path: string };
  /** The declared backups: what was scanned of them counts, whether or not it is on disk today. */
  readonly series: readonly { readonly id: number; readonly name: string; readonly pattern?: string }[];
  /** Today's rules: scope is decided at judging, for both sides. */
  readonly scope: ScopeRules;
  /** --since, ms since 1970; null for the estimate. */
  readonly sinceMs: number | null;
  /** --side backup */
  readonly side: 'backup' | null;
  readonly now: () => number;
  /** Judging stops between two batches of paths; nothing is stored then. */
  readonly signal?: AbortSignal;
  /** Paths that have a verdict, of those that are not plainly intact. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly onPhase?: (phase: 'loading' | 'judging' | 'looking again' | 'storing') => void;
  /** Bytes that the scans of this run have read, for the report. */
  readonly bytesScanned?: number;
  /** How copies are read; in this process when left out. */
  readonly execute?: ExecuteRequests;
}

export interface Reconciled {
  readonly assessment: Assessment;
  /** Id in the catalog, for recordBundle. */
  readonly id: bigint;
}

/** Entries of directories that are fetched by one query: some 20 MB. */
const PULL_NAMES = 20_000;

/**
 * Judges a live volume as its newest complete scan saw it. Reads copies where judging asks for them, looks at every path that is not
 * intact once more, stores readings, findings and the assessment. Throws RollcallError without a complete live scan, or when the
 * live root cannot be looked at any more; Error when the classes do not add up to the universe (a bug).
 */
export async function reconcile(input: ReconcileInput): Promise<Reconciled> {
  const { db } = input;
  const onPhase = input.onPhase ?? (() => {});
  onPhase('loading');
  const loaded = await load(input);
  const { observers, points, spans, roots, builder, subjects, decisions, gaps, changes } = loaded;
  const live = observers.length - 1;

  let bytesRead = 0;
  const readings: SubjectReading[] = [];
  const tools: JudgingTools = {
    observers,
    execute: input.execute ?? readInProcess({ now: input.now }),
    onReading: (read) => void readings.push(read),
    onBytes: (bytes) => void (bytesRead += bytes),
    onProgress: (done, total) => {
      stopIfAborted(input.signal);
      input.onProgress?.(done, total);
    },
  };

  onPhase('judging');
  const gone = subjects.filter(({ facts }) => facts.sights[live] === null);
  const moves = await movesOf(db.pool, gone, builder, points, roots, tools);
  const decide = (damaged: (subject: Subject) => boolean): DecidedWindow =>
    decideWindow({
      points,
      spans,
      counts: countSpans(spans, observers, subjects, changes, moves, damaged),
      files: loaded.files,
      sinceMs: input.sinceMs,
      open: decisions.openStretches,
    });
  const contextOf = (window: DecidedWindow): JudgeContext =>
    judgeContext({
      observers,
      window: window.reaches,
      bursts: window.bursts,
      moves,
      accepted: decisions.accepted,
      restored: decisions.restored,
      restoredInto: decisions.restoredInto,
      openFindings: decisions.openLosses,
      backupDeclared: input.series.length > 0,
      side: input.side,
    });

  // Damage is known only after judging, and judging needs the window: it begins with what looks like damage before anything is read.
  let window = decide((subject) => looksDamaged(observers, subject));
  let context = contextOf(window);
  await addSurroundings(db.pool, builder, roots, { plainFiles: loaded.plainFiles, subjects, gone });
  let verdicts = await judgeAll(subjects, context, tools);
  const damaged = damagedOf(subjects, verdicts);
  const again = decide((subject) => damaged.has(subject));
  if (again.reaches.some((reach) => !window.reaches.some((r) => r.from === reach.from && r.to === reach.to))) {
    window = decide((subject) => damaged.has(subject) || looksDamaged(observers, subject));
    context = contextOf(window);
    verdicts = await judgeAll(subjects, context, tools);
  } else {
    window = {
      ...window,
      timeline: window.timeline.map((interval, i) => ({ ...interval, damaged: again.timeline[i]?.damaged ?? 0 })),
    };
  }
  verdicts = await judgeWithCopies(input, loaded, context, tools, verdicts);

  onPhase('looking again');
  verdicts = await lookAtSuspects(input.volume.path, live, subjects, verdicts, context, tools, input.now);
  verdicts = await settleDirectories(live, subjects, verdicts, context, tools);

  const nowMs = input.now();
  const tally = tallyOf(subjects, verdicts, loaded.plain);
  const results = subjects.flatMap((subject, i): { verdicted: Verdicted; finding: Finding }[] => {
    const judged = verdicts[i];
    if (judged === undefined || judged.verdict === 'intact') return [];
    const verdicted = { subject, judged };
    return [{ verdicted, finding: findingOf(verdicted, input.volume.name, observers, nowMs) }];
  });
  results.sort((a, b) => compareBytes(a.finding.path, b.finding.path));
  const findings = results.map(({ finding }) => finding);
  const liveScan = observers[live]?.scan;
  if (liveScan === undefined) throw new Error('the last observer is live now');

  const series = input.series.map((one) => ({ ...one, pattern: one.pattern ?? one.name }));
  const assessment: Assessment = {
    volume: input.volume.name,
    livePath: input.volume.path,
    liveScan: { id: liveScan.id, asOf: isoAsOf(liveScan.asOf) },
    series: series.map((one) => seriesOf(one, observers)),
    window: window.window,
    timeline: window.timeline,
    ...tally,
    findings,
    incomplete: incompleteOf(observers, gaps, findings),
    conditions: conditionsOf({
      observers,
      series: series.map(({ name, pattern }) => ({ name, pattern })),
      spans,
      window: window.window,
      subjects,
      changes,
      gaps,
      trusted: loaded.trusted,
      outOfScope: loaded.outOfScope,
      nowMs,
    }),
    bytesRead: (input.bytesScanned ?? 0) + bytesRead,
    bytesTrusted: loaded.trusted.carriedBytes,
    trustedSince: isoOrNull(loaded.trusted.sinceMs),
    createdMs: nowMs,
  };

  stopIfAborted(input.signal);
  onPhase('storing');
  const id = await store(input, assessment, observers, results, readings, points);
  return { assessment, id };
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new RollcallError('Interrupted while judging. Nothing was stored of it; the scans stand.', {
    exit: EXIT.interrupted,
    next: 'run the same command again: it continues from the scans that are complete',
  });
}

interface Loaded {
  readonly observers: readonly Observer[];
  readonly points: readonly number[];
  readonly spans: ReturnType<typeof spansOf>;
  readonly roots: readonly JudgedRoot[];
  readonly gaps: readonly StoredGap[];
  readonly builder: FactsBuilder;
  readonly subjects: readonly Subject[];
  readonly plain: Sum;
  readonly plainFiles: ReadonlyMap<number, number>;
  readonly outOfScope: { readonly boundary: number; readonly excluded: number };
  readonly changes: Awaited<ReturnType<typeof changesByScan>>;
  readonly trusted: Awaited<ReturnType<typeof trustedBytes>>;
  readonly decisions: Decisions;
  /** Files of the volume, live or in its newest snapshots, whichever is more. */
  readonly files: number;
}

async function load(input: ReconcileInput): Promise<Loaded> {
  const { pool } = input.db;
  const [liveScans, ...seriesScans] = await Promise.all(
    [input.volume.id, ...input.series.map((series) => series.id)].map((id) => completeScans(pool, id)),
  );
  const newest = liveScans?.at(-1);
  if (liveScans === undefined || newest === undefined) {
    throw new RollcallError(`${input.volume.name} has not been scanned completely, so nothing can be judged.`, {
      exit: EXIT.failure,
      next: `scan it first: rollcall scan ${input.volume.path}`,
    });
  }
  const observers = orderObservers(
    [
      ...liveScans.map((scan): Observer => ({ scan, role: 'live', volume: input.volume.name })),
      ...seriesScans.flatMap((scans, i) =>
        scans.map((scan): Observer => ({ scan, role: 'backup', volume: input.series[i]?.name ?? '' })),
      ),
    ],
    newest.id,
  );
  const points = pointsOf(observers);
  const roots = rootsOf(observers);
  const ids = observers.map(({ scan }) => scan.id);
  const [gaps, rules, decisions, changes, trusted] = await Promise.all([
    gapsOf(pool, ids),
    rulesOf(pool, ids),
    decisionsOf(pool, input.volume.id),
    changesByScan(pool, roots),
    trustedBytes(pool, roots, newest.startedMs),
  ]);
  const scope = createScope(input.scope);
  const builder = new FactsBuilder(observers, gaps, rules, scope);
  const listingsTell = trustListings(observers, roots, rules.get(newest.id)?.scope, input.scope);
  const narrowed = await narrow(pool, roots, listingsTell);
  const subjects: Subject[] = [];
  const plain = { ...narrowed.plain };
  const plainFiles = new Map<number, number>();
  const outOfScope = { boundary: 0, excluded: 0 };
  const keep = (facts: ReturnType<FactsBuilder['build']>, directory: number | null, name: string): void => {
    if (typeof facts === 'string') outOfScope[facts]++;
    else if (facts.sights.some((sight) => sight !== null && !(isGap(sight) && sight.status === 'boundary')))
      subjects.push({ directory, name, facts });
  };
  const fetched = new Set<string>();
  for (const chunk of chunks(narrowed.directories)) {
    const [pulled, paths] = await Promise.all([
      pullRows(pool, roots, chunk, listingsTell),
      pathsOfDirectories(pool, chunk),
    ]);
    plain.files += pulled.plain.files;
    plain.directories += pulled.plain.directories;
    plain.bytes += pulled.plain.bytes;
    for (const [directory, files] of pulled.plainFiles) plainFiles.set(directory, files);
    for (const rows of pulled.paths) {
      const path = paths.get(rows.directory);
      if (path === undefined) throw new Error(`directory ${rows.directory} is not in the dictionary`);
      keep(builder.build(rows, path), rows.directory, rows.name);
      if (gaps.length > 0) fetched.add(joinPath(path, rows.name));
    }
  }
  // A name that could never be looked at was listed all the same: it exists, and it is unreadable.
  for (const gap of gaps) {
    if (gap.scan !== newest.id || gap.name === '' || gap.status === 'boundary') continue;
    const path = joinPath(gap.directory, gap.name);
    if (!fetched.has(path)) keep(builder.hidden(path), null, gap.name);
  }
  return {
    observers,
    points,
    spans: spansOf(observers, points),
    roots,
    gaps,
    builder,
    subjects,
    plain,
    plainFiles,
    outOfScope,
    changes,
    trusted,
    decisions,
    files: plain.files + countFiles(subjects, observers),
  };
}

/** Files live now or in the newest snapshot: what the floor of a burst is measured by. */
function countFiles(subjects: readonly Subject[], observers: readonly Observer[]): number {
  const live = observers.length - 1;
  const newest = observers.findLastIndex((observer) => observer.role === 'backup');
  return subjects.filter(({ facts }) => {
    const version = versionAt(facts.sights, live) ?? versionAt(facts.sights, newest);
    return version !== null && version.kind !== 'directory';
  }).length;
}

/**
 * Listings and single versions speak for the newest scans only. They decide alone where each volume has one root, the newest snapshot
 * of each series is on disk, and live was scanned by today's rules.
 */
function trustListings(
  observers: readonly Observer[],
  roots: readonly JudgedRoot[],
  scanned: ScopeRules | undefined,
  today: ScopeRules,
): boolean {
  const volumes = new Set(observers.map((observer) => observer.volume));
  if (roots.length !== volumes.size || scanned === undefined) return false;
  if (JSON.stringify(scanned.excludes) !== JSON.stringify(today.excludes)) return false;
  return roots.every((root) => observers.find(({ scan }) => scan.id === root.newestScan)?.scan.pruned === null);
}

function* chunks(directories: readonly { readonly id: number; readonly names: number }[]): Generator<number[]> {
  let ids: number[] = [];
  let names = 0;
  for (const directory of directories) {
    ids.push(directory.id);
    names += directory.names + 1;
    if (names < PULL_NAMES) continue;
    yield ids;
    ids = [];
    names = 0;
  }
  if (ids.length > 0) yield ids;
}

function damagedOf(subjects: readonly Subject[], verdicts: readonly Judged[]): Set<Subject> {
  const damaged = new Set<Subject>();
  verdicts.forEach((judged, i) => {
    const subject = subjects[i];
    const fits = judged.verdict === 'corrupt' || judged.verdict === 'truncated' || judged.verdict === 'reverted';
    if (subject !== undefined && fits && judged.accepted === null) damaged.add(subject);
  });
  return damaged;
}

/** Judges again what has no exact source, with the places where its bytes stand under other names. */
async function judgeWithCopies(
  input: ReconcileInput,
  loaded: Loaded,
  context: JudgeContext,
  tools: JudgingTools,
  verdicts: readonly Judged[],
): Promise<Judged[]> {
  const wanted = loaded.subjects.flatMap((subject, i) => {
    const judged = verdicts[i];
    const state = judged?.lkg?.state;
    if (judged === undefined || judged.recovery === null || judged.recovery === 'exact') return [];
    if (state?.kind !== 'file' || state.digest === null || state.size === null || state.size === 0) return [];
    return [{ subject, size: state.size, digest: BigInt(`0x${state.digest}`) }];
  });
  if (wanted.length === 0) return [...verdicts];
  const helped = await addCopies(input.db.pool, loaded.builder, loaded.roots, wanted);
  return judgeSome(loaded.subjects, verdicts, helped, context, tools);
}

async function judgeSome(
  subjects: readonly Subject[],
  verdicts: readonly Judged[],
  some: readonly Subject[],
  context: JudgeContext,
  tools: JudgingTools,
): Promise<Judged[]> {
  if (some.length === 0) return [...verdicts];
  const judged = await judgeAll(some, context, tools);
  const bySubject = new Map(some.map((subject, i) => [subject, judged[i]]));
  return subjects.map((subject, i) => {
    const verdict = bySubject.get(subject) ?? verdicts[i];
    if (verdict === undefined) throw new Error(`${subject.facts.path} has no verdict`);
    return verdict;
  });
}

/** Rule 10: what is not intact is looked at once more, and judged again where it has moved since the scan. */
async function lookAtSuspects(
  livePath: string,
  live: number,
  subjects: readonly Subject[],
  verdicts: readonly Judged[],
  context: JudgeContext,
  tools: JudgingTools,
  now: () => number,
): Promise<Judged[]> {
  const suspects = subjects.filter((subject, i) => {
    const sight = subject.facts.sights[live] ?? null;
    return verdicts[i]?.verdict !== 'intact' && (sight === null || !isGap(sight));
  });
  if (suspects.length === 0) return [...verdicts];
  suspects.sort((a, b) => compareBytes(a.facts.path, b.facts.path));
  const { looks } = await lookAgain(
    livePath,
    suspects.map(({ facts }) => ({ path: facts.path, seen: versionAt(facts.sights, live) })),
  );
  const moved: Subject[] = [];
  suspects.forEach((subject, i) => {
    const look = looks[i];
    if (look === undefined || look.outcome === 'as seen') return;
    const errno = look.errno ?? 'CHANGED';
    const reading = { observer: live, digest: null, errno, inode: 0n, ctimeNs: 0n, atMs: now() };
    subject.facts = { ...subject.facts, readings: [...subject.facts.readings, reading] };
    moved.push(subject);
  });
  return judgeSome(subjects, verdicts, moved, context, tools);
}

/**
 * A directory whose files all moved or were deleted is so itself; one with a missing file is missing, so that a restore makes it again.
 */
async function settleDirectories(
  live: number,
  subjects: readonly Subject[],
  verdicts: readonly Judged[],
  context: JudgeContext,
  tools: JudgingTools,
): Promise<Judged[]> {
  const gone = (verdict: Verdict | undefined): verdict is Fate['fate'] =>
    verdict === 'missing' || verdict === 'moved' || verdict === 'deleted';
  const directories: Subject[] = [];
  const files: Fate[] = [];
  subjects.forEach((subject, i) => {
    const judged = verdicts[i];
    if (judged === undefined || subject.facts.sights[live] !== null) return;
    const { path } = subject.facts;
    const isDirectory = kindOf({ subject, judged }) === 'directory';
    if (isDirectory && gone(judged.verdict) && judged.accepted === null) directories.push(subject);
    else if (!isDirectory)
      files.push({ path, fate: gone(judged.verdict) ? judged.verdict : 'missing', movedTo: judged.movedTo });
  });
  if (directories.length === 0) return [...verdicts];
  const fates = directoryFates(
    directories.map(({ facts }) => facts.path),
    files,
  );
  const asMissing = directories.filter(
    ({ facts }) => fates.get(facts.path)?.fate === 'missing' && !context.openFindings.has(facts.path),
  );
  const needed = new Set(asMissing.map(({ facts }) => facts.path));
  const moved = new Map([...context.moves.moved].filter(([path]) => !needed.has(path)));
  const settled = await judgeSome(
    subjects,
    verdicts,
    asMissing,
    {
      ...context,
      openFindings: new Set([...context.openFindings, ...needed]),
      moves: { ...context.moves, moved } satisfies Moves,
    },
    tools,
  );
  const places = new Set(directories);
  return settled.map((judged, i) => {
    const subject = subjects[i];
    const fate = subject === undefined || !places.has(subject) ? undefined : fates.get(subject.facts.path);
    if (fate === undefined || fate.fate === 'missing') return judged;
    return {
      ...judged,
      verdict: fate.fate,
      movedTo: fate.movedTo ?? judged.movedTo,
      recovery: null,
      source: null,
      cause: fate.fate === 'moved' ? null : judged.cause,
      evidence: [...judged.evidence, fate.fate === 'moved' ? 'Its files moved.' : 'All of its files were deleted.'],
    };
  });
}

type TallyPart = Pick<Assessment, 'universe' | 'verdicts' | 'directories' | 'recovery'>;

/** Counts every path once. Throws where the classes do not add up to the universe. */
function tallyOf(subjects: readonly Subject[], verdicts: readonly Judged[], plain: Sum): TallyPart {
  const files = new Map<Verdict, { files: number; bytes: number }>(VERDICTS.map((v) => [v, { files: 0, bytes: 0 }]));
  const directories = new Map<Verdict, number>(VERDICTS.map((v) => [v, 0]));
  const recovery = new Map<Recovery, { files: number; bytes: number }>(
    RECOVERIES.map((r) => [r, { files: 0, bytes: 0 }]),
  );
  const addTo = (tally: { files: number; bytes: number } | undefined, bytes: number): void => {
    if (tally === undefined) throw new Error('a class is missing from the tally');
    tally.files++;
    tally.bytes += bytes;
  };
  subjects.forEach((subject, i) => {
    const judged = verdicts[i];
    if (judged === undefined) throw new Error(`${subject.facts.path} has no verdict`);
    const verdicted = { subject, judged };
    if (kindOf(verdicted) === 'directory') {
      directories.set(judged.verdict, (directories.get(judged.verdict) ?? 0) + 1);
      return;
    }
    addTo(files.get(judged.verdict), bytesOf(verdicted));
    if (judged.recovery !== null) addTo(recovery.get(judged.recovery), bytesOf(verdicted));
  });
  const intact = files.get('intact');
  if (intact === undefined) throw new Error('a class is missing from the tally');
  intact.files += plain.files;
  intact.bytes += plain.bytes;
  directories.set('intact', (directories.get('intact') ?? 0) + plain.directories);

  const all = plain.files + plain.directories + subjects.length;
  const paths = [...files.values()].reduce((sum, tally) => sum + tally.files, 0);
  const directoryCount = [...directories.values()].reduce((sum, count) => sum + count, 0);
  if (paths + directoryCount !== all || plain.files < 0)
    throw new Error(
      `the classes hold ${paths} files and ${directoryCount} directories, but the universe has ${all} paths`,
    );
  return {
    universe: { paths, directories: directoryCount },
    verdicts: recordOf<Verdict, Tally>(files),
    directories: recordOf<Verdict, number>(directories),
    recovery: recordOf<Recovery, Tally>(recovery),
  };
}

function recordOf<K extends string, V>(map: ReadonlyMap<K, V>): Readonly<Record<K, V>> {
  return Object.fromEntries(map) as Record<K, V>;
}

function seriesOf(
  series: { readonly name: string; readonly pattern: string },
  observers: readonly Observer[],
): Assessment['series'][number] {
  const own = observers.filter((observer) => observer.volume === series.name);
  const newest = own.findLast(({ scan }) => scan.pruned === null) ?? own.at(-1);
  return {
    name: series.name,
    pattern: series.pattern,
    snapshots: own.length,
    newest: newest === undefined ? null : (newest.scan.snapshot ?? newest.scan.path),
    newestAsOf: newest === undefined ? null : isoAsOf(newest.scan.asOf),
  };
}

async function store(
  input: ReconcileInput,
  assessment: Assessment,
  observers: readonly Observer[],
  results: readonly { readonly verdicted: Verdicted; readonly finding: Finding }[],
  readings: readonly SubjectReading[],
  points: readonly number[],
): Promise<bigint> {
  const { findings: _findings, ...summary } = assessment;
  const result = JSON.stringify(summary, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return inTransaction(input.db, async (client) => {
    await recordReadings(
      client,
      readings.flatMap((read) => copyRead(read, observers) ?? []),
    );
    await storeFindings(client, {
      volumeId: input.volume.id,
      nowMs: assessment.createdMs,
      rows: results.flatMap(({ finding, verdicted }) => rowOf(finding, verdicted.judged, points) ?? []),
      unknown: results.flatMap(({ finding }) => (isUnknown(finding.verdict) ? [finding.path] : [])),
      notIntact: results.map(({ finding }) => finding.path),
    });
    return recordAssessment(client, {
      volumeId: input.volume.id,
      liveScan: assessment.liveScan.id,
      scans: observers.map(({ scan }) => scan.id),
      result,
      nowMs: assessment.createdMs,
    });
  });
}

function copyRead({ subject, reading }: SubjectReading, observers: readonly Observer[]): CopyRead | null {
  const scan = observers[reading.observer]?.scan;
  const version = versionAt(subject.facts.sights, reading.observer);
  if (scan === undefined || version === null || version.kind !== 'file') return null;
  if (subject.directory === null || reading.digest === null) return null;
  return {
    root: scan.rootId,
    seq: scan.seq,
    directory: subject.directory,
    name: subject.name,
    version,
    digest: reading.digest,
    inode: reading.inode,
    ctimeNs: reading.ctimeNs,
    btimeNs: reading.btimeNs,
    nlink: reading.nlink,
    racy: reading.racy,
  };
}
