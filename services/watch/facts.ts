// What the catalog knows of all that is watched, at one moment: the one set of queries that status, the digest, metrics
// and incidents stand on.
import type { Configuration, Schedule, WatchedBackup, WatchedVolume } from '../../domain/watch/configuration.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import { leftOutOf } from '../../domain/watch/left-out.ts';
import type { HostPicture, ScrubStanding } from '../../domain/watch/picture.ts';
import { blindAfter, type VolumeFacts } from '../../domain/watch/volume-facts.ts';
import { isInMaintenance } from '../../domain/watch/windows.ts';
import {
  assessedBackups,
  type AuditsOfVolume,
  auditsOf,
  type LastRun,
  lastRuns,
  rulesAssessed,
  type ServedHost,
  servedHosts,
  watchedSince,
} from '../catalog/audits.ts';
import { type Pause, pausedUntil, pausesNow } from '../catalog/pauses.ts';
import type { Queryable } from '../catalog/scans.ts';
import { scrubStanding } from '../catalog/scrub.ts';
import { watchedIds } from '../catalog/watched.ts';
import { nextDueMs } from './due.ts';
import { lateOf, periodOf } from './late.ts';

export interface WatchedFacts {
  readonly facts: VolumeFacts;
  /** Null where it was never scanned. */
  readonly volumeId: number | null;
  readonly audits: AuditsOfVolume | null;
  readonly dueMs: number | null;
}

export interface Watched {
  readonly volumes: readonly WatchedFacts[];
  /** All that volumes and backups lie on. */
  readonly hosts: readonly HostPicture[];
}

/** Without a schedule it is audited by hand, daily. */
const BY_HAND_MS = 24 * 3_600_000;

interface Known {
  readonly configuration: Configuration;
  readonly nowMs: number;
  readonly ids: ReadonlyMap<string, number>;
  readonly audits: ReadonlyMap<number, AuditsOfVolume>;
  readonly hosts: ReadonlyMap<string, ServedHost>;
  readonly runs: readonly LastRun[];
  readonly pauses: readonly Pause[];
  readonly since: ReadonlyMap<string, number>;
  readonly scrubs: ReadonlyMap<string, ScrubStanding>;
  /** Of backups, by id: when a complete assessment last looked at them. */
  readonly assessed: ReadonlyMap<number, number>;
  /** Of live volumes, by id: the rules of their last assessment. */
  readonly rules: ReadonlyMap<number, ScopeRules>;
}

export async function watchedFacts(client: Queryable, configuration: Configuration, nowMs: number): Promise<Watched> {
  const ids = await watchedIds(client, configuration);
  const known: Known = {
    configuration,
    nowMs,
    ids,
    audits: await auditsOf(client, [...ids.values()]),
    hosts: new Map((await servedHosts(client)).map((one) => [one.host, one])),
    runs: await lastRuns(client),
    pauses: await pausesNow(client, nowMs),
    since: await watchedSince(client),
    scrubs: await scrubsOf(client, configuration, { ids, nowMs }),
    assessed: await assessedBackups(client, pairsOf(configuration, ids)),
    rules: await rulesAssessed(
      client,
      configuration.volumes.flatMap(({ name }) => ids.get(name) ?? []),
    ),
  };
  const names = [...new Set([...configuration.volumes, ...configuration.backups].map(({ host }) => host))];
  return {
    volumes: [
      ...configuration.volumes.map((volume) => liveFacts(volume, known)),
      ...configuration.backups.map((backup) => backupFacts(backup, known)),
    ],
    hosts: names.toSorted().map((host) => {
      const served = known.hosts.get(host);
      return { host, workers: served?.workers ?? 0, seenMs: served?.seenMs ?? null };
    }),
  };
}

function pairsOf({ volumes }: Configuration, ids: ReadonlyMap<string, number>): { live: number; backup: number }[] {
  return volumes.flatMap(({ name, backups }) =>
    backups.flatMap((one) => {
      const [live, backup] = [ids.get(name), ids.get(one)];
      return live === undefined || backup === undefined ? [] : [{ live, backup }];
    }),
  );
}

async function scrubsOf(
  client: Queryable,
  { volumes }: Configuration,
  { ids, nowMs }: Pick<Known, 'ids' | 'nowMs'>,
): Promise<ReadonlyMap<string, ScrubStanding>> {
  const scrubs = new Map<string, ScrubStanding>();
  for (const { name, scrub } of volumes) {
    const volumeId = ids.get(name);
    if (scrub !== null && volumeId !== undefined) scrubs.set(name, await scrubStanding(client, volumeId, scrub, nowMs));
  }
  return scrubs;
}

function liveFacts(volume: WatchedVolume, known: Known): WatchedFacts {
  const { name, host, path, quick } = volume;
  const common = commonFacts({ name, host, path, role: 'live', schedule: quick, kind: 'quick' }, known);
  const { facts, audits } = common;
  const assessedMs = audits?.auditedMs ?? null;
  // Without a backup nothing need be assessed: a run that looked at everything is all that there is.
  const auditedMs =
    volume.backups.length > 0 || assessedMs !== null ? assessedMs : (runOf(name, 'quick', known)?.wholeMs ?? null);
  const rules = known.rules.get(common.volumeId ?? -1);
  const leftOut = rules === undefined ? [] : leftOutOf(rules, volume);
  return {
    ...common,
    facts: {
      ...facts,
      auditedMs,
      // Of what it left out it knows nothing, however complete it was.
      incomplete: facts.incomplete + Math.min(1, leftOut.length),
      incompleteTexts: [
        ...leftOut.map((one) => `it left out ${one}, and the configuration does not`),
        ...facts.incompleteTexts,
      ],
      blindAfterMs: volume.blindAfterMs ?? facts.blindAfterMs,
      scrub: known.scrubs.get(name) ?? null,
    },
  };
}

function backupFacts({ name, host, pattern, look }: WatchedBackup, known: Known): WatchedFacts {
  const common = commonFacts({ name, host, path: pattern, role: 'backup', schedule: look, kind: 'snapshots' }, known);
  // Looking and finding nothing new is an audit as well, and so is a complete assessment of what it protects.
  const audits = [
    runOf(name, 'snapshots', known)?.wholeMs ?? null,
    common.audits?.auditedMs ?? null,
    known.assessed.get(common.volumeId ?? -1) ?? null,
  ].filter((ms) => ms !== null);
  const auditedMs = common.volumeId === null || audits.length === 0 ? null : Math.max(...audits);
  return { ...common, facts: { ...common.facts, auditedMs } };
}

function runOf(name: string, kind: LastRun['kind'], { runs }: Known): LastRun | undefined {
  return runs.find((run) => run.subject === name && run.kind === kind);
}

interface Subject extends Pick<VolumeFacts, 'name' | 'host' | 'path' | 'role'> {
  readonly schedule: Schedule | null;
  readonly kind: 'quick' | 'snapshots';
}

function commonFacts({ schedule, kind, ...subject }: Subject, known: Known): WatchedFacts {
  const { configuration, nowMs, ids, hosts, pauses, since } = known;
  const { name, host } = subject;
  const { timeZone } = configuration;
  const volumeId = ids.get(name) ?? null;
  const audits = volumeId === null ? null : (known.audits.get(volumeId) ?? null);
  const run = runOf(name, kind, known);
  const sinceMs = since.get(name) ?? nowMs;
  const asked = { timeZone, lastDueMs: run?.dueMs ?? null, sinceMs, nowMs };
  const served = hosts.get(host);
  const pausedUntilMs = pausedUntil(pauses, name);
  const periodMs = schedule === null ? BY_HAND_MS : periodOf(schedule, timeZone, nowMs);
  const facts: VolumeFacts = {
    ...subject,
    watchedMs: sinceMs,
    auditedMs: audits?.auditedMs ?? null,
    triedMs: Math.max(audits?.triedMs ?? 0, run?.endedMs ?? 0) || null,
    trouble: troubleOf(run, audits),
    incomplete: audits?.incomplete ?? 0,
    incompleteTexts: audits?.incompleteTexts ?? [],
    blindAfterMs: blindAfter(periodMs),
    // The clock of Postgres says how long; a host that nobody remembers never had one.
    workerlessMs: served === undefined ? 0 : served.silentMs === null ? null : Math.max(1, nowMs - served.silentMs),
    open: audits?.open ?? {},
    late: schedule === null || pausedUntilMs !== null ? [] : lateOf(schedule, run, { ...asked, periodMs }),
    scrub: null,
    inMaintenance: isInMaintenance(configuration, [name, host], nowMs),
    pausedUntilMs,
  };
  return { facts, volumeId, audits, dueMs: schedule === null ? null : nextDueMs(schedule, asked) };
}

/**
 * What stopped the last audit. A volume that was never scanned has no row to keep it with, and a silent host keeps
 * nothing: then the last run tells, unless an assessment came of it.
 */
function troubleOf(run: LastRun | undefined, audits: AuditsOfVolume | null): VolumeFacts['trouble'] {
  if (audits?.trouble) return audits.trouble;
  if (run === undefined || run.endedMs === null || run.state === 'skipped') return null;
  const stopped = run.state === 'failed' || (run.exit !== null && run.exit > 1);
  const madeOne = audits?.triedMs !== null && audits?.triedMs !== undefined && audits.triedMs >= run.leftMs;
  if (!stopped || madeOne) return null;
  return { atMs: run.endedMs, message: run.message ?? 'it failed', next: null };
}
