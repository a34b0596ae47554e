// The daily digest: one for each local day, made by whoever is there first after its time.
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { NewMessage } from '../../domain/watch/message.ts';
import { localMsOf } from '../../domain/watch/windows.ts';
import { incidentsSince } from '../catalog/incidents.ts';
import { messagesAbout } from '../catalog/messages.ts';
import type { Queryable } from '../catalog/scans.ts';
import { digestBody } from '../report/watch/digest.ts';
import { pictureOf } from './picture.ts';
import { DAY_MS, MINUTE_MS } from '../../domain/lengths.ts';

/** Incidents of one digest. */
const CLOSED_MAX = 50;

/** Empty before its time, without hooks for it, and where it was made. A night without a serve is made up for once. */
export async function digestDue(
  client: Queryable,
  configuration: Configuration,
  nowMs: number,
): Promise<readonly NewMessage[]> {
  const { digest, hooks, timeZone } = configuration;
  if (digest === null || digest.hooks.length === 0) return [];
  const dueLocalMs = localMsOf(timeZone, nowMs) - digest.atMinute * MINUTE_MS;
  // Of the local day whose time has come last.
  const about = `digest:${new Date(dueLocalMs).toISOString().slice(0, 10)}`;
  const known = new Set((await messagesAbout(client, about)).map(({ hook }) => hook));
  const missing = [...new Set(digest.hooks)].filter(
    (name) => !known.has(name) && hooks.some((hook) => hook.name === name),
  );
  if (missing.length === 0) return [];
  const picture = await pictureOf(client, configuration, nowMs);
  const closed = (await incidentsSince(client, nowMs - DAY_MS, CLOSED_MAX)).filter(({ closedMs }) => closedMs !== null);
  const body = digestBody({ picture, closed });
  return missing.map((hook) => ({ about, event: 'digest', hook, incident: null, body }));
}
