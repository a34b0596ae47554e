// How all that is watched is, at one moment: for status, the digest, metrics and pages alike.
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { VolumePicture, WatchPicture } from '../../domain/watch/picture.ts';
import { stateOf } from '../../domain/watch/states.ts';
import { openIncidents } from '../catalog/incidents.ts';
import { countMessages } from '../catalog/messages.ts';
import type { Queryable } from '../catalog/scans.ts';
import { type WatchedFacts, watchedFacts } from './facts.ts';

export async function pictureOf(client: Queryable, configuration: Configuration, nowMs: number): Promise<WatchPicture> {
  const { volumes, hosts } = await watchedFacts(client, configuration, nowMs);
  return {
    atMs: nowMs,
    volumes: volumes.map((one) => volumePicture(one, nowMs)),
    hosts,
    incidents: (await openIncidents(client)).map(({ told: _told, mute: _mute, ...incident }) => incident),
    messages: await countMessages(client),
  };
}

function volumePicture({ facts, audits, dueMs }: WatchedFacts, nowMs: number): VolumePicture {
  const { name, role, host, path, auditedMs, triedMs, open, scrub, inMaintenance, pausedUntilMs } = facts;
  return {
    name,
    role,
    host,
    path,
    ...stateOf(facts, nowMs),
    auditedMs,
    triedMs,
    dueMs,
    open,
    openBytes: audits?.openBytes ?? 0,
    files: audits?.files ?? null,
    bytes: audits?.bytes ?? null,
    newestMs: audits?.newestMs ?? null,
    scrub,
    inMaintenance,
    pausedUntilMs,
  };
}
