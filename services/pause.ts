// `pause`: for a time nothing that is due of a subject begins; the time ends by itself, and can be ended.
import { RollcallError } from '../domain/exit.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { holdingConfiguration } from './catalog/configurations.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { endPauses, keepPause, type Pause, pausesNow } from './catalog/pauses.ts';
import type { Queryable } from './catalog/scans.ts';
import { parseUntil } from './typed/until.ts';
import { suggestion } from './watch/config/problem.ts';

interface Decision {
  /** The name of a volume or backup; null: everything. */
  readonly subject: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly nowMs: number;
}

/** Those that hold now. */
export function pauses(client: Queryable, nowMs: number): Promise<readonly Pause[]> {
  return pausesNow(client, nowMs);
}

/**
 * @param request.until as typed
 * @returns until when
 * @throws RollcallError for a subject that is not watched, and a time that has passed
 */
export async function pause(db: Database, request: Decision & { readonly until: string }): Promise<number> {
  const { subject, reason, actor, nowMs } = request;
  refuseEmpty(reason);
  return inTransaction(db, async (client) => {
    const tz = await checkSubject(client, subject);
    const untilMs = parseUntil(request.until, { nowMs, tz });
    await keepPause(client, { subject, fromMs: nowMs, untilMs, reason, actor });
    const until = new Date(untilMs).toISOString();
    await writeAudit(client, [
      { atMs: nowMs, actor, action: 'paused', subject: `${subject ?? 'everything'} until ${until}`, reason },
    ]);
    return untilMs;
  });
}

/** @throws RollcallError where nothing of the kind is paused */
export async function resume(db: Database, { subject, reason, actor, nowMs }: Decision): Promise<void> {
  refuseEmpty(reason);
  await inTransaction(db, async (client) => {
    if ((await endPauses(client, subject, nowMs)) === 0) {
      const held = (await pausesNow(client, nowMs)).map((one) => one.subject ?? '--all');
      throw new RollcallError(`${subject ?? 'Everything together'} is not paused.`, {
        next: held.length === 0 ? 'Nothing is.' : `Paused: ${[...new Set(held)].join(', ')}.`,
      });
    }
    await writeAudit(client, [{ atMs: nowMs, actor, action: 'pause ended', subject: subject ?? 'everything', reason }]);
  });
}

/** @returns the time zone of the configuration */
async function checkSubject(client: Queryable, subject: string | null): Promise<string> {
  const configuration = await holdingConfiguration(client);
  if (configuration === null)
    throw new RollcallError('Nothing is watched yet.', { next: 'rollcall apply -f rollcall.yaml' });
  const { volumes, backups, timeZone } = configuration;
  const names = [...volumes, ...backups].map(({ name }) => name);
  if (subject !== null && !names.includes(subject))
    throw new RollcallError(`There is no volume or backup called ${subject}${suggestion(subject, names) || '.'}`, {
      next: 'rollcall config prints what is watched',
    });
  return timeZone;
}

function refuseEmpty(reason: string): void {
  if (reason.trim() === '') throw new RollcallError('This needs a reason.', { next: 'Say why with --reason TEXT.' });
}
