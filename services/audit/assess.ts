// `assess` from end to end: check what was asked, scan the live volume and its backups, judge, and write the restore bundle.
import type { Assessment, Verdict } from '../../domain/assessment.ts';
import type { ExitCode } from '../../domain/exit.ts';
import { EXIT, worstExit } from '../../domain/exit.ts';
import { joinPath } from '../../domain/path.ts';
import { recordBundle } from '../catalog/findings.ts';
import { exists } from '../files/snapshots.ts';
import { reconcile } from '../reconcile/assess-volume.ts';
import type { ReconcileInput } from '../reconcile/assess-volume.ts';
import type { BundleSummary } from '../restore/bundle.ts';
import { writeBundle } from '../restore/bundle.ts';
import type { CheckedInputs } from '../scan/inputs.ts';
import { checkInputs } from '../scan/inputs.ts';
import type { SeriesPlan } from '../scan/scan-series.ts';
import { scanSeries } from '../scan/scan-series.ts';
import { scanTree } from '../scan/scan-tree.ts';
import { bytesReadBy } from '../scan/scan-volume.ts';
import type { ScanRun, ScanTools } from '../scan/scan-volume.ts';
import { importExport } from './import.ts';

/** One live volume with the backups that were named after it. */
export interface AssessRequest {
  readonly live: string;
  readonly backups: readonly string[];
  /** Ms since 1970; null lets the bursts decide. */
  readonly sinceMs: number | null;
  /** Null for ./rollcall-TIME. */
  readonly outDir: string | null;
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

export interface AssessTools extends ScanTools {
  readonly cwd: string;
  /** Null with a database of one's own. */
  readonly stateDir: string | null;
  readonly program: string;
  readonly owners: ReadonlyMap<number, string>;
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
  const inputs = await checkInputs({
    ...request,
    outDir: request.outDir ?? freeBundleName(tools),
    limit: request.snapshotsMax,
    stateDir: tools.stateDir,
    cwd: tools.cwd,
    nowMs: tools.nowMs(),
  });
  const scope = { excludes: request.excludes, crossMounts: request.crossMounts };
  const mode = request.reread ? 'reread' : 'read';
  const tree = await scanTree(tools, { path: inputs.live, scope, mode, newState: request.newState });
  const backups = await scanBackups(tools, inputs, request);
  const { assessment, id } = await reconcile({
    db: tools.db,
    volume: tree.volume,
    series: backups.series,
    scope,
    sinceMs: request.sinceMs,
    side: request.side,
    now: tools.nowMs,
    bytesScanned: bytesReadBy([tree.run, ...backups.runs]),
    signal: tools.signal,
    onProgress: (done, total) => tools.onProgress(`judging ${total} paths`, { files: done, bytes: 0 }),
    onPhase: (phase) => tools.onProgress(phase, { files: 0, bytes: 0 }),
  });
  const bundle = wantsBundle(assessment) ? await bundleOf(tools, inputs, assessment) : null;
  if (bundle !== null) await recordBundle(tools.db.pool, id, bundle.directory);
  return { assessment, bundle, exit: exitOf(assessment) };
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

/** A bundle is written when a person may want something back, or must know that it is lost. */
function wantsBundle(assessment: Assessment): boolean {
  return assessment.findings.some((finding) => finding.recovery !== null);
}

async function bundleOf(tools: AssessTools, inputs: CheckedInputs, assessment: Assessment): Promise<BundleSummary> {
  return writeBundle({
    assessment,
    outDir: inputs.outDir ?? freeBundleName(tools),
    now: tools.nowMs,
    program: tools.program,
    owners: tools.owners,
    signal: tools.signal,
    onProgress: (done, total) => tools.onProgress(`reading sources, ${total} in all`, { files: done, bytes: 0 }),
  });
}

/** Where a bundle goes unasked. Checked before the work like one that was named: a current directory inside the volume is refused at once. */
function freeBundleName(tools: AssessTools): string {
  const name = joinPath(tools.cwd, bundleName(new Date(tools.nowMs())));
  let free = name;
  for (let n = 2; exists(free); n++) free = `${name}-${n}`;
  return free;
}

/** rollcall-20261121-030000, in the local time of the machine. */
function bundleName(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `rollcall-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

/** Classes that are no finding (design.md section 7). */
const QUIET: ReadonlySet<Verdict> = new Set<Verdict>(['intact', 'new', 'modified', 'moved', 'deleted', 'unsettled']);

/** 1 for findings that nobody accepted, 3 where something could not be read or nothing but unsettled paths is left to say. */
export function exitOf(assessment: Assessment): ExitCode {
  const codes: ExitCode[] = [];
  const open = assessment.findings.filter((finding) => finding.accepted === null);
  if (open.some((finding) => !QUIET.has(finding.verdict))) codes.push(EXIT.findings);
  if (assessment.incomplete.length > 0) codes.push(EXIT.incomplete);
  if (codes.length === 0 && open.some((finding) => finding.verdict === 'unsettled')) codes.push(EXIT.incomplete);
  return worstExit(codes);
}
