// `status`: what Rollcall is doing, what became of what was left to workers, and what needs a person: open findings,
// and audits that failed.
import { EXIT, type ExitCode, worstExit } from '../domain/exit.ts';
import { LOSSES, VERDICT, VERDICTS } from '../domain/verdicts.ts';
import { type KnownTask, knownTasks, runningActivity, type RunningActivity } from './catalog/activity.ts';
import { type LastAssessment, lastAssessments, openFindings } from './catalog/assessments.ts';
import type { Queryable } from './catalog/scans.ts';
import { type AuditEntry, readAudit } from './catalog/audit-log.ts';
import { knownTroubles, type VolumeTrouble } from './catalog/troubles.ts';
import type { DetachedAssess, DetachedScan } from './detach.ts';
import type { JoinedRequest } from './joined-request.ts';

/** Tasks that have ended and are still shown. */
const DONE_MAX = 10;

export interface Status {
  readonly running: readonly RunningActivity[];
  readonly tasks: readonly (Omit<KnownTask, 'reference'> & {
    /** The volumes or patterns that it is about, as typed. */
    readonly about: readonly string[];
  })[];
  readonly assessments: readonly (LastAssessment & {
    /** Open findings by verdict. */
    readonly open: Readonly<Record<string, number>>;
    /** Losses that are still open. */
    readonly incident: boolean;
  })[];
  /** Volumes whose last audit failed, or was stopped by a guard. */
  readonly troubles: readonly VolumeTrouble[];
  /** 1 for open findings, 3 where an audit failed, was stopped or is incomplete, 0 where nothing needs a person. */
  readonly exit: ExitCode;
}

export async function statusOf(client: Queryable): Promise<Status> {
  const running = await runningActivity(client);
  const tasks = await knownTasks(client, DONE_MAX);
  const assessments = await lastAssessments(client);
  const open = await openFindings(client);
  const troubles = await knownTroubles(client);
  const exits = [
    ...assessments.map(({ incomplete }) => (incomplete.length > 0 ? EXIT.incomplete : EXIT.nothing)),
    ...[...open.values()].flatMap((counts) =>
      VERDICTS.map((verdict) => ((counts[verdict] ?? 0) > 0 ? VERDICT[verdict].exit : EXIT.nothing)),
    ),
    ...troubles.map(() => EXIT.incomplete),
  ];
  return {
    running,
    tasks: tasks.map(({ reference, ...task }) => ({ ...task, about: about(reference) })),
    assessments: assessments.map((last) => {
      const own = open.get(last.volumeId) ?? {};
      return { ...last, open: own, incident: LOSSES.some((verdict) => (own[verdict] ?? 0) > 0) };
    }),
    troubles,
    exit: worstExit(exits),
  };
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
