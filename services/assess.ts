// `assess` from end to end: check what was asked, scan the live volume and its backups, judge, and write the restore
// bundle.
import type { Assessment } from '../domain/assessment.ts';
import { exitOfFinding } from '../domain/verdicts.ts';
import type { ExitCode } from '../domain/exit.ts';
import { EXIT, worstExit } from '../domain/exit.ts';
import { joinPath } from '../domain/path.ts';
import { recordBundle } from './catalog/assessments.ts';
import { historyOf } from './catalog/history.ts';
import type { Queryable } from './catalog/scans.ts';
import { isBricks } from '../domain/gluster/named.ts';
import { meaningsOf, placesOf } from './files/location.ts';
import { mayDestroy, wayTo } from './files/gluster.ts';
import { mayLookUp, mountByPath, readMounts } from './files/mounts.ts';
import { exists } from './files/snapshots.ts';
import { reconcile } from './judge/assess-volume.ts';
import type { ReconcileInput } from './judge/assess-volume.ts';
import type { BundleSummary } from './bundle/write.ts';
import { withUnread, writeBundle } from './bundle/write.ts';
import type { NextSource } from './judge/next-source.ts';
import { wantsBundle } from '../domain/restore/eligible.ts';
import { isAsked, type Selection } from '../domain/restore/selection.ts';
import type { CheckedInputs } from './typed/inputs.ts';
import { checkInputs } from './typed/inputs.ts';
import { refuseSwapped } from './typed/mistaken.ts';
import type { SeriesPlan } from './scan/scan-series.ts';

export type { BundleSummary } from './bundle/write.ts';
export type { SeriesPlan } from './scan/scan-series.ts';
import { scanSeries } from './scan/scan-series.ts';
import { scanTree } from './scan/scan-tree.ts';
import { bytesReadBy } from './scan/scan-volume.ts';
import type { ScanRun, ScanTools } from './scan/scan-volume.ts';
import { asksForAll, type PartRequest, selectionOf } from './typed/asked.ts';
import { importExport } from './exchange/import-export.ts';
import { keepingTrouble } from './scan/trouble.ts';

/** How a live volume is scanned and judged, wherever it and its backups lie. Plain JSON: a task keeps it. */
export interface AssessOptions {
  /** Ms since 1970; null lets the bursts decide. */
  readonly sinceMs: number | null;
  readonly snapshotsMax: number | null;
  readonly excludes: readonly string[];
  readonly crossMounts: boolean;
  readonly tz: string | null;
  readonly reread: boolean;
  readonly side: 'backup' | null;
  readonly newState: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
}

/** One live volume with the backups that were named after it. */
export interface AssessRequest extends AssessOptions {
  readonly live: string;
  readonly backups: readonly string[];
  /** Null for ./rollcall-TIME. */
  readonly outDir: string | null;
  /** What the bundle is to hold; all of it unless given. What is judged and kept is the whole volume in any case. */
  readonly part?: PartRequest;
}

export interface AssessTools extends ScanTools {
  readonly cwd: string;
  /** Null with a database of one's own. */
  readonly stateDir: string | null;
  readonly program: string;
  readonly owners: ReadonlyMap<number, string>;
  /** The task whose work this is: its bundle bears its number. */
  readonly taskId?: bigint;
  /** Told of each series before it is scanned. */
  readonly onPlan: (pattern: string, plan: SeriesPlan) => void;
}

export interface AssessResult {
  readonly assessment: Assessment;
  readonly bundle: BundleSummary | null;
  readonly exit: ExitCode;
}

/** @throws RollcallError for input that cannot be used (2), a guard (4), an interruption (130) */
export async function assess(tools: AssessTools, request: AssessRequest): Promise<AssessResult> {
  return keepingTrouble(tools, { target: request.live, cwd: tools.cwd }, () => assessVolume(tools, request));
}

async function assessVolume(tools: AssessTools, request: AssessRequest): Promise<AssessResult> {
  const inputs = await checkInputs({
    ...request,
    outDir: request.outDir ?? freeBundleName(tools),
    limit: request.snapshotsMax,
    stateDir: tools.stateDir,
    cwd: tools.cwd,
    nowMs: tools.nowMs(),
  });
  if (!request.newState && !isBricks(inputs.live)) await refuseSwapped(tools.db.pool, tools.host, inputs);
  const selection = await selectionAsked(tools, inputs, request);
  const scope = { excludes: request.excludes, crossMounts: request.crossMounts };
  const mode = request.reread ? 'reread' : 'read';
  const tree = await scanTree(tools, { path: inputs.live, scope, mode, newState: request.newState });
  const backups = await scanBackups(tools, inputs, request);
  const {
    assessment: judged,
    id,
    nextSource,
  } = await reconcile({
    db: tools.db,
    host: tools.host,
    volume: tree.volume,
    series: backups.series,
    scope,
    sinceMs: request.sinceMs,
    side: request.side,
    now: tools.nowMs,
    bytesScanned: bytesReadBy([tree.run, ...backups.runs]),
    signal: tools.signal,
    ...(tools.debug === undefined ? {} : { debug: tools.debug }),
    onProgress: (done, total) => tools.onProgress(`judging ${total} paths`, { files: done, bytes: 0 }),
    onPhase: (phase) => tools.onProgress(phase, { files: 0, bytes: 0 }),
  });
  const bundle = wantsBundle(judged)
    ? await bundleOf(tools, request, { inputs, assessment: judged, selection, nextSource })
    : null;
  if (bundle !== null) await recordBundle(tools.db.pool, id, bundle.directory);
  const assessment = bundle === null ? judged : withUnread(judged, bundle.unread);
  return { assessment, bundle, exit: exitOf(assessment, selection) };
}

type Series = ReconcileInput['series'][number];

async function scanBackups(
  tools: AssessTools,
  inputs: CheckedInputs,
  request: AssessRequest,
): Promise<{ series: Series[]; runs: ScanRun[] }> {
  const scope = { excludes: request.excludes, crossMounts: request.crossMounts };
  const series: Series[] = [];
  const runs: ScanRun[] = [];
  for (const [index, found] of inputs.series.entries()) {
    const pattern = inputs.patterns[index] ?? found.series.key;
    const scanned = await scanSeries(tools, { pattern, found, scope, reread: request.reread }, (plan) =>
      tools.onPlan(pattern, plan),
    );
    runs.push(...scanned.runs);
    series.push({ id: scanned.volume.id, name: scanned.volume.name, pattern });
  }
  for (const file of inputs.exports) {
    const volume = await importExport({ db: tools.db, file, nowMs: tools.nowMs });
    series.push({ id: volume.id, name: volume.name, pattern: file });
  }
  return { series, runs };
}

/**
 * Before the work: after hours of scanning nobody wants to hear of a typing error. Null where everything is asked for.
 */
async function selectionAsked(
  tools: AssessTools,
  inputs: CheckedInputs,
  request: AssessRequest,
): Promise<Selection | null> {
  const { part } = request;
  if (part === undefined || asksForAll(part)) return null;
  const snapshots = inputs.series.flatMap((found) => found.snapshots.map(({ path }) => path));
  const mounts = readMounts();
  const isOrMayBe = (root: string, path: string): boolean =>
    !mayLookUp(mountByPath(joinPath(root, path), mounts)) || exists(joinPath(root, path));
  const isKnown = async (path: string): Promise<boolean> =>
    // Where a lookup may do harm, or what an export holds is not known yet, the benefit of the doubt: the answer says
    // when nothing was found.
    inputs.exports.length > 0 ||
    snapshots.some((snapshot) => isOrMayBe(snapshot, path)) ||
    placesOf(inputs.live).some((place) => isOrMayBe(place, path)) ||
    (await everSeen(tools.db.pool, path));
  const live = [inputs.live, ...meaningsOf(request.live, tools.cwd)];
  return {
    ...(await selectionOf(part, live, { isKnown, otherwise: `neither ${inputs.live} nor any of its backups has it` })),
    uncertainToo: false,
    restOf: null,
  };
}

async function everSeen(client: Queryable, path: string): Promise<boolean> {
  return (await historyOf(client, path)).some(({ versions, gaps }) => versions.length > 0 || gaps.size > 0);
}

interface Judged {
  readonly inputs: CheckedInputs;
  readonly assessment: Assessment;
  readonly selection: Selection | null;
  readonly nextSource: NextSource;
}

async function bundleOf(
  tools: AssessTools,
  request: AssessRequest,
  { inputs, assessment, selection, nextSource }: Judged,
): Promise<BundleSummary> {
  return writeBundle({
    assessment,
    host: tools.host,
    nextSource,
    ...(selection === null ? {} : { selection }),
    ...(tools.taskId === undefined ? {} : { taskId: tools.taskId }),
    outDir: request.outDir === null ? () => freeBundleName(tools) : (inputs.outDir ?? request.outDir),
    now: tools.nowMs,
    program: tools.program,
    owners: tools.owners,
    backupRoots: inputs.series.flatMap(({ snapshots, leftOut }) => [...snapshots, ...leftOut].map(({ path }) => path)),
    signal: tools.signal,
    onProgress: (done, total) => tools.onProgress(`reading sources, ${total} in all`, { files: done, bytes: 0 }),
  });
}

/**
 * Where a bundle goes unasked. Checked before the work like one that was named: a current directory inside the volume
 * is refused at once.
 */
export function freeBundleName(tools: { readonly cwd: string; readonly nowMs: () => number }): string {
  const name = joinPath(tools.cwd, bundleName(new Date(tools.nowMs())));
  let free = name;
  // Where looking may destroy the name is refused, not looked up.
  if (wayTo(tools.cwd, mayDestroy, readMounts()).met !== null) return name;
  for (let n = 2; exists(free); n++) free = `${name}-${n}`;
  return free;
}

/** rollcall-20261121-030000, in the local time of the machine. */
function bundleName(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `rollcall-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

/**
 * The worst of what was found and nobody accepted, and 3 where something could not be read. With a selection only what
 * was asked for counts as found; what could not be read counts wherever it is, because it may hide what was asked for.
 */
export function exitOf(assessment: Assessment, selection: Selection | null = null): ExitCode {
  const found = assessment.findings.filter((finding) => selection === null || isAsked(selection, finding));
  return worstExit([...found.map(exitOfFinding), assessment.incomplete.length > 0 ? EXIT.incomplete : EXIT.nothing]);
}
