// `status`: what Rollcall is doing, what became of what was left to workers, and what is still open of the last assessments.
import { LOSSES } from '../../domain/assessment.ts';
import { type KnownRequest, knownRequests, runningActivity, type RunningActivity } from '../catalog/activity.ts';
import { type LastAssessment, lastAssessments, openFindings } from '../catalog/assessments.ts';
import type { Queryable } from '../catalog/scans.ts';
import type { DetachedWork } from './detached.ts';

/** Requests that are done and still shown. */
const DONE_MAX = 10;

export interface Status {
  readonly running: readonly RunningActivity[];
  readonly requests: readonly (Omit<KnownRequest, 'arguments'> & {
    /** The volumes or patterns that it is about, as typed. */
    readonly about: readonly string[];
  })[];
  readonly assessments: readonly (LastAssessment & {
    /** Open findings by verdict. */
    readonly open: Readonly<Record<string, number>>;
    /** Losses that are still open. */
    readonly incident: boolean;
  })[];
}

export async function statusOf(client: Queryable): Promise<Status> {
  const running = await runningActivity(client);
  const requests = await knownRequests(client, DONE_MAX);
  const assessments = await lastAssessments(client);
  const open = await openFindings(client);
  return {
    running,
    requests: requests.map(({ arguments: asked, ...request }) => ({ ...request, about: about(asked as DetachedWork) })),
    assessments: assessments.map((last) => {
      const own = open.get(last.volumeId) ?? {};
      return { ...last, open: own, incident: LOSSES.some((verdict) => (own[verdict] ?? 0) > 0) };
    }),
  };
}

function about(work: DetachedWork): readonly string[] {
  return work.kind === 'scan' ? [work.scan.target] : work.volumes.map(({ live }) => live);
}
