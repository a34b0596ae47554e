// What workers do for each kind of task.
import { EXIT, type ExitCode, worstExit } from '../domain/exit.ts';
import { orphanOf } from '../domain/gluster/orphans.ts';
import { parentOf } from '../domain/path.ts';
import type { Assessment } from '../domain/assessment.ts';
import { makeBundlesDirectory } from './bundle/bundles-directory.ts';
import { reopenBundle } from './bundle/reopen.ts';
import { recordBundleOf } from './catalog/assessments.ts';
import type { Database } from './catalog/database.ts';
import { rootsOn } from './catalog/hosts.ts';
import { shareOfShards } from './catalog/workers.ts';
import { meaningsOf } from './files/location.ts';
import type { TaskHandlers, TaskOutcome, TaskWork } from './fleet/crew.ts';
import { bytes, count } from './report/wording.ts';
import { LEASES, type Leases } from './scan/limits.ts';
import type { ScanTools } from './scan/scan-volume.ts';
import { assess, type AssessRequest, exitOf, freeBundleName } from './assess.ts';
import type { DetachedAssess, DetachedScan } from './detach.ts';
import { selectionIn } from './typed/asked.ts';
import { isBundle } from './bundle.ts';
import { assessHosts } from './joined.ts';
import { answerFor } from './joined-answer.ts';
import { bundleHere, judgeHosts, proveHosts, type ScanSaid } from './joined-work.ts';
import { scan } from './scan.ts';
import { scrubSlice, type SliceRequest } from './scrub.ts';

export interface TaskTools {
  readonly db: Database;
  readonly host: string;
  readonly nowMs: () => number;
  /** Names of users on this machine, by uid. */
  readonly owners: ReadonlyMap<number, string>;
  readonly log: (line: string) => void;
  /** LEASES unless given. */
  readonly leases?: Leases;
  /** A scan has begun, or has more shards: there is work for the other slots, here and in other workers. */
  readonly onPhase: () => void;
}

export function taskHandlers(tools: TaskTools): TaskHandlers {
  return {
    scan: (work) => scanTask(tools, work),
    scrub: (work) => scrubTask(tools, work),
    assess: (work) => assessTask(tools, work),
    'assess-hosts': (work) => assessHosts(tools, work),
    judge: (work) => judgeHosts(tools, work),
    prove: (work) => proveHosts(tools, work),
    bundle: (work) => bundleHere(tools, work),
    'read-copies': (work) => answerFor(tools, work),
    'second-look': (work) => answerFor(tools, work),
    'prove-sources': (work) => answerFor(tools, work),
    'prove-obstacles': (work) => answerFor(tools, work),
    'read-bricks': (work) => answerFor(tools, work),
  };
}

function scanTools(
  { db, host, nowMs, log, onPhase, leases = LEASES }: TaskTools,
  { task, threads, signal, say }: TaskWork,
): ScanTools {
  let doing = '';
  return {
    db,
    threads: threads(),
    host,
    nowMs,
    signal,
    leases,
    onProgress(phase) {
      if (phase === doing) return;
      doing = phase;
      say(phase);
      onPhase();
    },
    shared: { share: (client, scanId) => shareOfShards(client, { scanId, host }), onFull: onPhase },
    onNotice: (text) => log(`task ${task.id}: ${text}`),
  };
}

async function scanTask(tools: TaskTools, work: TaskWork): Promise<TaskOutcome> {
  const asked = work.task.reference as unknown as DetachedScan;
  const place = { cwd: asked.cwd, stateDir: asked.stateDir, onPlan: () => undefined };
  const { volume, volumeId, path, totals, gaps } = await scan({ ...scanTools(tools, work), ...place }, asked.scan);
  const said: ScanSaid = { volume: { id: volumeId, name: volume, path }, bytesRead: totals.bytesRead };
  const incomplete = gaps.some((gap) => gap.status !== 'boundary' && orphanOf(gap) === null);
  return {
    done: {
      exit: incomplete ? EXIT.incomplete : EXIT.nothing,
      message: `${volume}: ${count(totals.files)} files, ${bytes(totals.bytes)}`,
      next: null,
      bundle: null,
      said,
    },
  };
}

async function scrubTask(tools: TaskTools, work: TaskWork): Promise<TaskOutcome> {
  const request = work.task.reference as unknown as SliceRequest;
  const { directories, bytes: read, suspects, isIncomplete } = await scrubSlice(scanTools(tools, work), request);
  const exit = suspects > 0 ? EXIT.findings : isIncomplete ? EXIT.incomplete : EXIT.nothing;
  const what = `${request.name}: ${count(directories)} directories read again, ${bytes(read)}`;
  return {
    done: {
      exit,
      message:
        directories === 0
          ? `${request.name}: nothing to read again now`
          : `${what}${suspects > 0 ? `; the content of ${count(suspects)} ${suspects === 1 ? 'file' : 'files'} changed without a new time` : ''}`,
      next: suspects > 0 ? 'rollcall findings (after the assessment that follows)' : null,
      bundle: null,
      said: { directories, bytes: read, suspects },
    },
  };
}

async function assessTask(tools: TaskTools, work: TaskWork): Promise<TaskOutcome> {
  const { cwd, stateDir, program, volumes, makesParents } = work.task.reference as unknown as DetachedAssess;
  const at = { ...scanTools(tools, work), cwd, stateDir, program, owners: tools.owners, onPlan: () => undefined };
  const places = await placesOf(tools, work, volumes);
  if (makesParents === true) await makeParents(tools, places);
  const said: string[] = [];
  const bundles: string[] = [];
  const exits: ExitCode[] = [];
  let isCalm = true;
  for (const [index, volume] of volumes.entries()) {
    const outDir = places[index] ?? null;
    const { assessment, bundle, exit } =
      (await adopted(tools, work.task.id, { ...volume, outDir })) ??
      (await assess({ ...at, taskId: work.task.id }, { ...volume, outDir }));
    exits.push(exit);
    isCalm &&= assessment.findings.length === 0;
    said.push(`${assessment.volume}: not intact: ${count(assessment.findings.length)}`);
    if (bundle !== null) bundles.push(bundle.directory);
  }
  return {
    done: {
      exit: worstExit(exits),
      message: said.join('; '),
      next: isCalm ? null : `${program} findings`,
      bundle: bundles.length === 0 ? null : bundles.join(', '),
    },
  };
}

async function makeParents({ db, host }: TaskTools, places: readonly (string | null)[]): Promise<void> {
  const roots = await rootsOn(db.pool, host);
  for (const place of places) if (place !== null) makeBundlesDirectory(parentOf(place), roots);
}

/** Where the bundles go. Names that nobody gave are kept, so that a retry looks for its bundle where it wrote it. */
async function placesOf(
  { nowMs }: TaskTools,
  { task, keep }: TaskWork,
  volumes: readonly AssessRequest[],
): Promise<readonly (string | null)[]> {
  const { cwd } = task.reference as unknown as DetachedAssess;
  const kept = task.made['places'] as readonly (string | null)[] | undefined;
  if (kept !== undefined) return kept;
  const free = freeBundleName({ cwd, nowMs });
  const places = volumes.map(({ outDir }, index) => {
    if (outDir !== null) return meaningsOf(outDir, cwd)[0] ?? outDir;
    return index === 0 ? free : `${free}-${index + 1}`;
  });
  await keep({ places });
  return places;
}

type Done = {
  readonly assessment: Assessment;
  readonly exit: ExitCode;
  readonly bundle: { readonly directory: string } | null;
};

/**
 * What an earlier attempt of this task has written whole, and did not live to say. Null where there is no bundle; one
 * that is another's is refused by assess.
 */
async function adopted(
  { db, log }: TaskTools,
  id: bigint,
  { outDir, part }: Pick<AssessRequest, 'outDir' | 'part'>,
): Promise<Done | null> {
  if (outDir === null || !isBundle(outDir)) return null;
  const { bundle, task, assessment } = await reopenBundle(outDir);
  if (task !== String(id)) return null;
  log(`task ${id}: an earlier attempt has written ${bundle}; it is the answer`);
  await recordBundleOf(db.pool, { liveScan: assessment.liveScan.id, createdMs: assessment.createdMs }, bundle);
  const selection = await selectionIn(assessment, part ?? null);
  return { assessment, exit: exitOf(assessment, selection), bundle: { directory: bundle } };
}
