// Scanning a backup series: which snapshots are new, which are known under another name, which are gone; oldest first,
// the newest one read.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { parentOf } from '../../domain/path.ts';
import { sameSnapshot } from '../../domain/snapshot-identity.ts';
import type { SnapshotIdentity } from '../../domain/snapshot-identity.ts';
import type { ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import type { RunningScan } from '../catalog/scans.ts';
import { freeSeq, markPruned, moveSnapshot, recordedSnapshots } from '../catalog/snapshots.ts';
import type { RecordedSnapshot } from '../catalog/snapshots.ts';
import { ensureVolume } from '../catalog/volumes.ts';
import type { Volume } from '../catalog/volumes.ts';
import { exists, isEmptyDirectory } from '../files/snapshots.ts';
import type { FoundSeries, FoundSnapshot } from '../files/snapshots.ts';
import { looksAsCloselyAs, runScan, servesAs } from './scan-volume.ts';
import type { NewScan, ScanRun, ScanTools } from './scan-volume.ts';

export interface SeriesOptions {
  /** As a person wrote it: the label of the volume. */
  readonly pattern: string;
  readonly found: FoundSeries;
  readonly scope: ScopeRules;
  readonly reread: boolean;
}

export interface SeriesPlan {
  readonly found: FoundSeries;
  /** Snapshots to scan, oldest first. */
  readonly steps: readonly PlanStep[];
  /** Scanned before, and still on disk as they were. */
  readonly known: number;
}

export interface PlanStep {
  readonly snapshot: FoundSnapshot;
  readonly mode: ScanMode;
  /** Looked at again: the scan that stands for it now. */
  readonly relistOf: RecordedSnapshot | null;
}

async function seriesVolume(
  tools: Pick<ScanTools, 'db' | 'host' | 'nowMs'>,
  found: FoundSeries,
  pattern: string,
): Promise<Volume> {
  return ensureVolume(tools.db.pool, {
    role: 'backup',
    layout: 'snapshots',
    key: `series:${tools.host}:${found.series.key}`,
    name: pattern,
    host: tools.host,
    path: found.series.literalPrefix,
    nowMs: tools.nowMs(),
  });
}

/** Scans what is new of a series. `announce` gets the plan before the work. */
export async function scanSeries(
  tools: ScanTools,
  options: SeriesOptions,
  announce: (plan: SeriesPlan) => void,
): Promise<{ volume: Volume; plan: SeriesPlan; runs: readonly ScanRun[] }> {
  const { found } = options;
  const volume = await seriesVolume(tools, found, options.pattern);
  const plan = await planSeries(tools, volume, found, options);
  announce(plan);
  const wantedBy = (running: RunningScan): PlanStep | undefined =>
    plan.steps.find(
      (step) =>
        !finished.has(step) &&
        step.snapshot.path === running.scan.path &&
        (step.relistOf?.scanId ?? null) === running.relistOf &&
        servesAs(running, { mode: step.mode, scope: options.scope, newState: false }),
    );
  const finished = new Set<PlanStep>();
  const runs: ScanRun[] = [];
  for (const step of plan.steps) {
    // A scan that was left running is of one of the steps: it is continued, and this step comes after it.
    while (!finished.has(step)) {
      let run: ScanRun | null;
      try {
        run = await runScan(tools, volume.id, `snapshot ${step.snapshot.name}`, {
          next: async () => ((await isScanned(tools, volume, step)) ? null : scanOf(tools, volume, step, options)),
          standingOf: (running) => {
            if (!isStillThere(running, found)) return 'gone';
            return wantedBy(running) === undefined ? 'other' : 'wanted';
          },
          keepsForever: true,
        });
      } catch (error) {
        if (!(error instanceof RollcallError) || error.exit !== EXIT.guard || !isRotatedAway(step, found)) throw error;
        tools.onNotice(
          `snapshot ${step.snapshot.name}: it was taken away while it was scanned, and is left out. Stop the pruning of snapshots until all is restored.`,
        );
        finished.add(step);
        continue;
      }
      if (run !== null) runs.push(run);
      finished.add((run === null || run.joined === null ? undefined : wantedBy(run.joined)) ?? step);
    }
  }
  return { volume, plan, runs };
}

/** Another process has scanned it since the plan was made. */
async function isScanned(tools: ScanTools, volume: Volume, { snapshot, mode, relistOf }: PlanStep): Promise<boolean> {
  if (relistOf !== null) return false;
  return (await recordedSnapshots(tools.db.pool, volume.id)).some(
    (one) =>
      one.state === 'complete' &&
      one.path === snapshot.path &&
      looksAsCloselyAs(one.mode, mode) &&
      sameSnapshot(one.identity, snapshot.identity),
  );
}

/**
 * One snapshot is gone and others are there: the backup prunes. Where all are gone their file system is, and that is
 * another matter.
 */
function isRotatedAway({ snapshot }: PlanStep, found: FoundSeries): boolean {
  return !exists(snapshot.path) && found.snapshots.some((other) => other !== snapshot && exists(other.path));
}

/** Whether the state that a running scan began with is still what lies there. */
function isStillThere(running: RunningScan, found: FoundSeries): boolean {
  const { path } = running.scan;
  const now = found.snapshots.find((snapshot) => snapshot.path === path);
  if (now === undefined) return exists(path);
  return sameSnapshot(running.identity as SnapshotIdentity, now.identity);
}

/**
 * A mount point whose file system is away is an empty directory; where a backup prunes, the others of its kind are
 * still there.
 */
function isUnmounted(snapshot: string): boolean {
  let above = parentOf(snapshot);
  while (above !== '/' && !exists(above)) above = parentOf(above);
  return isEmptyDirectory(above);
}

/** Brings the record up to date (rotated names, snapshots that are gone) and says what is to be scanned. */
async function planSeries(
  tools: ScanTools,
  volume: Volume,
  found: FoundSeries,
  options: SeriesOptions,
): Promise<SeriesPlan> {
  const client = tools.db.pool;
  const recorded = (await recordedSnapshots(client, volume.id)).filter((one) => one.state === 'complete');
  const matched = new Map<bigint, FoundSnapshot>();
  const known = new Map<FoundSnapshot, RecordedSnapshot>();
  for (const snapshot of found.snapshots) {
    const candidates = recorded.filter(
      (one) => !matched.has(one.scanId) && sameSnapshot(one.identity, snapshot.identity),
    );
    const record = candidates.find((one) => one.path === snapshot.path) ?? candidates[0];
    if (record === undefined) continue;
    matched.set(record.scanId, snapshot);
    known.set(snapshot, record);
    await moveSnapshot(client, record.scanId, { ...snapshot });
  }
  const atPath = new Set(found.snapshots.map((snapshot) => snapshot.path));
  const unmatched = recorded.filter((one) => !matched.has(one.scanId));
  const rewritten = unmatched.filter((one) => atPath.has(one.path));
  const absent = unmatched.filter((one) => !atPath.has(one.path) && !exists(one.path));
  const away = absent.filter((one) => isUnmounted(one.path));
  const gone = absent.filter((one) => !away.includes(one));
  if (away.length > 0) {
    tools.onNotice(
      `snapshots that were looked at before cannot be found, and what held them is empty: is it mounted? The first is ${away[0]?.path}; in all ${away.length}.`,
    );
  }
  await markPruned(
    client,
    rewritten.map((one) => one.scanId),
    'rewritten',
  );
  await markPruned(
    client,
    gone.map((one) => one.scanId),
    'gone',
  );
  const newest = found.snapshots.at(-1);
  const steps: PlanStep[] = [];
  for (const snapshot of found.snapshots) {
    const record = known.get(snapshot) ?? null;
    const isNewest = snapshot === newest;
    const mode: ScanMode = options.reread ? 'reread' : isNewest ? 'read' : 'list';
    if (record === null) {
      if (snapshot.withinLimit) steps.push({ snapshot, mode, relistOf: null });
    } else if (options.reread || (isNewest && (!snapshot.readOnly || record.mode === 'list'))) {
      if (snapshot.withinLimit) steps.push({ snapshot, mode, relistOf: record });
    }
  }
  return { found, steps, known: known.size };
}

async function scanOf(tools: ScanTools, volume: Volume, step: PlanStep, options: SeriesOptions): Promise<NewScan> {
  const { snapshot, relistOf } = step;
  const wanted = relistOf === null ? BigInt(Math.round(snapshot.asOf.fromMs)) : relistOf.seq + 1n;
  return {
    volumeId: volume.id,
    roots: [{ rootId: volume.rootId, path: snapshot.path, identity: snapshot.identity }],
    seq: await freeSeq(tools.db.pool, volume.id, wanted),
    snapshot: snapshot.name,
    asOf: snapshot.asOf,
    readOnly: snapshot.readOnly,
    mode: step.mode,
    scope: options.scope,
    exportedMs: null,
    relistOf: relistOf?.scanId ?? null,
    newState: false,
  };
}
