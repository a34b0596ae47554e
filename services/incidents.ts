// `incidents` and `mute`: what needs a person, with all that is known of it, and the word of a person that it is known.
import { RollcallError } from '../domain/exit.ts';
import { inTransaction, type Database } from './catalog/database.ts';
import { incidentById, incidentsSince, type KeptIncident, lockIncidents, muteIncident } from './catalog/incidents.ts';
import { type KeptMessage, messagesOf } from './catalog/messages.ts';
import type { Queryable } from './catalog/scans.ts';
import { parseUntil } from './typed/until.ts';

export type { KeptIncident } from './catalog/incidents.ts';
export { areLossesOpen } from './catalog/losses.ts';

/** Incidents that are listed. */
const LISTED_MAX = 100;
/** Those that are over are listed for so long. */
const OVER_MS = 14 * 86_400_000;

/** Open ones first, each part newest first. */
export function incidents(client: Queryable, nowMs: number): Promise<KeptIncident[]> {
  return incidentsSince(client, nowMs - OVER_MS, LISTED_MAX);
}

export interface IncidentStory {
  readonly incident: KeptIncident;
  readonly messages: readonly KeptMessage[];
}

/** @throws RollcallError where there is none with that number */
export async function incident(client: Queryable, id: bigint): Promise<IncidentStory> {
  const found = await incidentById(client, id);
  if (found === null) throw unknown(id);
  return { incident: found, messages: await messagesOf(client, id) };
}

/**
 * Nobody is told of it until then, unless it gets worse.
 * @throws RollcallError where there is no open one with that number, and for no reason or a time that has passed
 */
export async function mute(
  db: Database,
  request: {
    readonly id: bigint;
    /** As typed. */
    readonly until: string;
    readonly reason: string;
    readonly actor: string;
    readonly nowMs: number;
  },
): Promise<KeptIncident> {
  const { id, until, reason, actor, nowMs } = request;
  if (reason.trim() === '')
    throw new RollcallError('Muting an incident needs a reason.', { next: 'Say why with --reason TEXT.' });
  const untilMs = parseUntil(until, { nowMs, tz: null });
  return inTransaction(db, async (client) => {
    await lockIncidents(client);
    const found = await incidentById(client, id);
    if (found === null) throw unknown(id);
    if (found.closedMs !== null)
      throw new RollcallError(`Incident ${id} is over: there is nothing to mute.`, {
        next: 'rollcall incidents lists those that are open.',
      });
    await muteIncident(client, found, { untilMs, reason, actor, nowMs });
    return (await incidentById(client, id)) ?? found;
  });
}

function unknown(id: bigint): RollcallError {
  return new RollcallError(`There is no incident ${id}.`, { next: 'rollcall incidents lists them.' });
}
