// What became of the tasks that were left because they were due; and pings, which are told of each run.
import type { Configuration } from '../../domain/watch/configuration.ts';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { isInMaintenance } from '../../domain/watch/windows.ts';
import { keepMessages } from '../catalog/messages.ts';
import type { Queryable } from '../catalog/scans.ts';
import { type EndedRun, endedRuns, type RunEnd, type RunKey, settleRun } from '../catalog/schedule-runs.ts';
import { runMessages } from '../report/watch/run.ts';

/** Must run in a transaction, in which no other serve does the same. */
export async function settleRuns(client: Queryable, configuration: Configuration, nowMs: number): Promise<void> {
  for (const run of await endedRuns(client)) {
    const end = endOf(run, nowMs);
    await settleRun(client, run, end);
    await tellPings(client, configuration, { run, end, nowMs });
  }
}

/** The audit looked, whatever it found; or it could not, and says why. */
const LOOKED: readonly ExitCode[] = [EXIT.nothing, EXIT.findings, EXIT.incomplete];

/** What an int of Postgres holds. */
const FOUND_MAX = 2 ** 31 - 1;

function endOf({ state, result, endedMs }: EndedRun, nowMs: number): RunEnd {
  const ended = { found: 0, endedMs: endedMs ?? nowMs };
  if (state === null) return { ...ended, state: 'failed', exit: null, message: 'Its task was deleted.' };
  if (state === 'cancelled') return { ...ended, state: 'skipped', exit: null, message: 'Its task was cancelled.' };
  const known: readonly unknown[] = Object.values(EXIT);
  const exit = known.includes(result?.['exit']) ? (result?.['exit'] as ExitCode) : EXIT.failure;
  const message = typeof result?.['message'] === 'string' ? result['message'] : null;
  const { suspects } = (result?.['said'] ?? {}) as { readonly suspects?: unknown };
  // A worker of another version may say anything: what cannot be kept would keep every other run from being settled.
  const found = typeof suspects === 'number' && suspects > 0 ? Math.min(Math.ceil(suspects), FOUND_MAX) : 0;
  return { ...ended, state: state === 'done' && LOOKED.includes(exit) ? 'done' : 'failed', exit, message, found };
}

/**
 * A dead man's switch must hear of each run: incomplete is no success. In maintenance only a success is told: whoever
 * hears of a start waits for an end.
 */
export async function tellPings(
  client: Queryable,
  configuration: Configuration,
  told: { readonly run: RunKey; readonly end: RunEnd | null; readonly nowMs: number },
): Promise<void> {
  const { run, end, nowMs } = told;
  const about = [...configuration.volumes, ...configuration.backups].find(({ name }) => name === run.subject);
  if (about === undefined || about.pings.length === 0 || run.kind === 'scrub') return;
  const succeeded = end?.state === 'done' && end.exit !== EXIT.incomplete;
  if (!succeeded && isInMaintenance(configuration, [about.name, about.host], nowMs)) return;
  const ended = end === null ? null : { succeeded, exit: end.exit, message: end.message };
  const { subject, kind, dueMs } = run;
  await keepMessages(client, runMessages({ subject, kind, dueMs, atMs: nowMs, end: ended }, about.pings));
}
