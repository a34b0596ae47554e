// `scan`: one look at a live tree, or at what is new in a series, kept in the catalog; a series can be exported
// afterwards.
import { EXIT, RollcallError } from '../domain/exit.ts';
import type { Gap, Role } from '../domain/scan.ts';
import { noCounts } from './catalog/shard-result.ts';
import type { ShardCounts } from './catalog/shard-result.ts';
import { newestGaps } from './catalog/scans.ts';
import { isBricks } from '../domain/gluster/named.ts';
import { placesOf } from './files/location.ts';
import { absolutePattern } from './files/pattern.ts';
import { isPattern } from '../domain/snapshot-pattern.ts';
import type { FoundSeries } from './files/snapshots.ts';
import { placeOutside } from './typed/outside.ts';
import { checkBackup, checkLive } from './typed/inputs.ts';
import { type KnownSeries, refuseDatedVolume, seriesOf } from './typed/mistaken.ts';
import { askingHosts } from './scan/asking-hosts.ts';
import { scanSeries } from './scan/scan-series.ts';
import type { SeriesPlan } from './scan/scan-series.ts';
import { scanTree } from './scan/scan-tree.ts';
import { type ScanRun, type ScanTools, totalsOf } from './scan/scan-volume.ts';
import { checkExportFile, exportSeries } from './exchange/export-series.ts';
import type { ExportSummary } from './exchange/export-series.ts';
import { keepingTrouble } from './scan/trouble.ts';

export interface ScanRequest {
  /** A directory or a pattern, as typed. */
  readonly target: string;
  /** Null: a pattern is a backup, a directory is live. */
  readonly role: Role | null;
  readonly exportFile: string | null;
  readonly snapshotsMax: number | null;
  readonly excludes: readonly string[];
  readonly crossMounts: boolean;
  readonly tz: string | null;
  readonly reread: boolean;
  readonly newState: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
}

export interface ScanRequestTools extends ScanTools {
  readonly cwd: string;
  readonly stateDir: string | null;
  readonly onPlan: (pattern: string, plan: SeriesPlan) => void;
}

export interface ScanResult {
  readonly volume: string;
  readonly volumeId: number;
  readonly role: Role;
  readonly path: string;
  /** Sums over the scans that were made now. */
  readonly totals: ShardCounts & { belowGone: number; belowUnknown: number };
  /** What the newest complete scan of the volume could not look at. */
  readonly gaps: readonly Gap[];
  /** Null without an export. */
  readonly exported: ExportSummary | null;
}

/** @throws RollcallError as assess does */
export async function scan(tools: ScanRequestTools, request: ScanRequest): Promise<ScanResult> {
  return keepingTrouble(tools, { target: request.target, cwd: tools.cwd }, () => scanVolume(tools, request));
}

async function scanVolume(tools: ScanRequestTools, request: ScanRequest): Promise<ScanResult> {
  const role = request.role ?? (isPattern(request.target) || request.exportFile !== null ? 'backup' : 'live');
  const scope = { excludes: request.excludes, crossMounts: request.crossMounts };
  const checks = {
    ...request,
    limit: request.snapshotsMax,
    cwd: tools.cwd,
    nowMs: tools.nowMs(),
    live: request.target,
    backups: [],
    outDir: null,
    stateDir: tools.stateDir,
  };
  if (role === 'live') {
    if (request.exportFile !== null)
      throw new RollcallError('Only backups can be exported: a live volume is assessed on its own machine.');
    const { live } = await askingHosts(tools, request.target, () => checkLive(request.target, checks));
    const series = request.role === 'live' || isBricks(live) ? null : await seriesOf(tools.db.pool, tools.host, live);
    if (series !== null) return scanSnapshot(tools, request, live, series);
    if (request.role === null && !request.newState && !isBricks(live)) refuseDatedVolume(live);
    if (tools.stateDir !== null)
      placeOutside(
        stateAt(tools.stateDir),
        { ...request, cwd: tools.cwd },
        { volumes: placesOf(live, tools.host), series: [] },
      );
    const mode = request.reread ? 'reread' : 'read';
    const { volume, run } = await scanTree(tools, { path: live, scope, mode, newState: request.newState });
    const gaps = await newestGaps(tools.db.pool, volume.id);
    return { volume: volume.name, volumeId: volume.id, role, path: live, totals: sum([run]), gaps, exported: null };
  }
  const found = await checkBackup(request.target, checks);
  if ('exportFile' in found)
    throw new RollcallError(`${request.target} is a file; name a directory or a pattern of snapshots.`);
  const [only] = found.snapshots;
  if (found.literal && only !== undefined && request.exportFile === null) {
    const series = await seriesOf(tools.db.pool, tools.host, only.path);
    if (series !== null) return scanSnapshot(tools, request, only.path, series);
  }
  return scanFound(tools, request, found, absolutePattern(request.target, tools.cwd));
}

/** One snapshot of a series that is known already: its scan belongs there, and makes no volume of its own. */
async function scanSnapshot(
  tools: ScanRequestTools,
  request: ScanRequest,
  path: string,
  { pattern, snapshot }: KnownSeries,
): Promise<ScanResult> {
  const elsewhere = (why: string): RollcallError =>
    new RollcallError(why, {
      exit: EXIT.guard,
      next: `Scan all snapshots: rollcall scan '${pattern}'. If ${path} is a live volume all the same: --role live.`,
    });
  if (snapshot !== path) throw elsewhere(`${path} is in ${snapshot}, which is a snapshot of ${pattern}.`);
  const limits = { limit: null, cwd: '/', nowMs: tools.nowMs() };
  const found = await checkBackup(pattern, { ...request, ...limits });
  if ('exportFile' in found || !found.snapshots.some((one) => one.path === path)) {
    const reason = 'leftOut' in found ? found.leftOut.find((one) => one.path === path)?.reason : undefined;
    throw elsewhere(`${path} is not a finished snapshot of ${pattern}${reason === undefined ? '' : `: ${reason}`}.`);
  }
  tools.onNotice(`${path} is a snapshot of ${pattern}: its scan belongs to that backup.`);
  const snapshots = found.snapshots.map((one) => ({ ...one, withinLimit: one.path === path }));
  return scanFound(tools, request, { ...found, snapshots }, pattern);
}

async function scanFound(
  tools: ScanRequestTools,
  request: ScanRequest,
  found: FoundSeries,
  pattern: string,
): Promise<ScanResult> {
  const { crossMounts } = request;
  const scope = { excludes: request.excludes, crossMounts };
  const volumes = found.snapshots.map((snapshot) => snapshot.path);
  if (tools.stateDir !== null)
    placeOutside(stateAt(tools.stateDir), { ...request, cwd: tools.cwd }, { volumes, series: [found] });
  const place = { db: tools.db, host: tools.host, cwd: tools.cwd, found, crossMounts };
  const exportFile = request.exportFile === null ? null : await checkExportFile({ ...place, file: request.exportFile });
  const { volume, runs } = await scanSeries(tools, { pattern, found, scope, reread: request.reread }, (plan) =>
    tools.onPlan(pattern, plan),
  );
  const exported = exportFile === null ? null : await exportSeries({ ...tools, ...place, volume, file: exportFile });
  const gaps = await newestGaps(tools.db.pool, volume.id);
  return {
    volume: volume.name,
    volumeId: volume.id,
    role: 'backup',
    path: volume.path,
    totals: sum(runs),
    gaps,
    exported,
  };
}

function stateAt(argument: string): Parameters<typeof placeOutside>[0] {
  return { what: 'state directory', argument, option: '--state-dir' };
}

function sum(runs: readonly ScanRun[]): ScanResult['totals'] {
  const totals = { ...noCounts(), belowGone: 0, belowUnknown: 0 };
  for (const run of runs) {
    const own = totalsOf(run);
    if (own === null) continue;
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += own[key];
  }
  return totals;
}
