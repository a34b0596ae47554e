// `status`: what Rollcall is doing, what became of what was left to workers, and what needs a person: open findings,
// and audits that failed.
import { EXIT, type ExitCode, worstExit } from '../domain/exit.ts';
import { LOSSES, VERDICT, VERDICTS } from '../domain/verdicts.ts';
import { isLossKind } from '../domain/watch/conditions.ts';
import { type KnownTask, knownTasks, runningActivity, type RunningActivity } from './catalog/activity.ts';
import { type LastAssessment, lastAssessments, openFindings } from './catalog/assessments.ts';
import { holdingConfiguration } from './catalog/configurations.ts';
import type { Queryable } from './catalog/scans.ts';
import { type AuditEntry, readAudit } from './catalog/audit-log.ts';
import { knownTroubles, type VolumeTrouble } from './catalog/troubles.ts';
import { knownWorkers, type KnownWorker, unservedRoots, type UnservedRoot } from './catalog/workers.ts';
import type { DetachedAssess, DetachedScan } from './detach.ts';
import type { JoinedRequest } from './joined-request.ts';
import { pictureOf } from './watch/picture.ts';
import type { WatchPicture } from '../domain/watch/picture.ts';

/** Tasks that have ended and are still shown. */
const DONE_MAX = 10;

export interface Status {
  readonly running: readonly RunningActivity[];
  readonly tasks: readonly (Omit<KnownTask, 'reference'> & {
    /** The volumes or patterns that it is about, as typed. */
    readonly about: readonly string[];
  })[];
  /** Also those that are missing: they were there lately, did not say goodbye, and are not alive. */
  readonly workers: readonly KnownWorker[];
  /** Roots that no worker serves; none on a machine that works without workers. */
  readonly unserved: readonly UnservedRoot[];
  readonly assessments: readonly (LastAssessment & {
    /** Open findings by verdict. */
    readonly open: Readonly<Record<string, number>>;
    /** Losses that are still open. */
    readonly incident: boolean;
  })[];
  /** Volumes whose last audit failed, or was stopped by a guard. */
  readonly troubles: readonly VolumeTrouble[];
  /** What the configuration watches, and how it is; null where none holds. */
  readonly watch: WatchPicture | null;
  /** 1 for open findings and failed tasks, 3 where an audit failed, was stopped or is incomplete, or where a task waits
   * for a host without a worker, or a volume that is watched is blind or overdue; 0 where nothing needs a person. */
  readonly exit: ExitCode;
}

/** A task that no worker serves for so long waits for a person. */
export const WAITING_LONG_MS = 120_000;

/** @param isShared the catalog is on a server, for several hosts */
export async function statusOf(
  client: Queryable,
  { nowMs, isShared }: { readonly nowMs: number; readonly isShared: boolean },
): Promise<Status> {
  const running = await runningActivity(client);
  const tasks = await knownTasks(client, DONE_MAX);
  const assessments = await lastAssessments(client);
  const workers = await knownWorkers(client);
  const unserved = isShared || workers.length > 0 ? await unservedRoots(client) : [];
  const open = await openFindings(client);
  const troubles = await knownTroubles(client);
  const configuration = await holdingConfiguration(client);
  const watch = configuration === null ? null : await pictureOf(client, configuration, nowMs);
  const exits = [
    ...(watch?.volumes ?? []).map(({ state }) =>
      state === 'blind' || state === 'overdue' ? EXIT.incomplete : EXIT.nothing,
    ),
    // A loss may be over for those who look at findings, and wait for a second look.
    ...(watch?.incidents ?? []).map(({ kind }) => (isLossKind(kind) ? EXIT.findings : EXIT.incomplete)),
    ...assessments.map(({ incomplete }) => (incomplete.length > 0 ? EXIT.incomplete : EXIT.nothing)),
    ...[...open.values()].flatMap((counts) =>
      VERDICTS.map((verdict) => ((counts[verdict] ?? 0) > 0 ? VERDICT[verdict].exit : EXIT.nothing)),
    ),
    ...troubles.map(() => EXIT.incomplete),
    ...tasks.map((task) => (task.unattended ? EXIT.findings : EXIT.nothing)),
    ...tasks.map((task) => (waitsInVain(task, nowMs) ? EXIT.incomplete : EXIT.nothing)),
  ];
  return {
    running,
    workers,
    unserved,
    tasks: tasks.map(({ reference, ...task }) => ({ ...task, about: about(reference) })),
    assessments: assessments.map((last) => {
      const own = open.get(last.volumeId) ?? {};
      return { ...last, open: own, incident: LOSSES.some((verdict) => (own[verdict] ?? 0) > 0) };
    }),
    troubles,
    watch,
    exit: worstExit(exits),
  };
}

function waitsInVain({ state, served, waitsFor, askedMs }: KnownTask, nowMs: number): boolean {
  if (nowMs - askedMs <= WAITING_LONG_MS) return false;
  return (state === 'waiting' && served === false) || waitsFor.some((one) => !one.served);
}

function about(reference: KnownTask['reference']): readonly string[] {
  const { scan, volumes, live } = reference as unknown as Partial<
    DetachedScan & DetachedAssess & Pick<JoinedRequest, 'live'>
  >;
  return [
    ...(scan === undefined ? [] : [scan.target]),
    ...(volumes ?? []).map((volume) => volume.live),
    ...(live === undefined ? [] : [`${live.host}:${live.path}`]),
  ];
}

/** `log`: who decided what, newest first. */
export function log(client: Queryable, entriesMax: number): Promise<AuditEntry[]> {
  return readAudit(client, entriesMax);
}
