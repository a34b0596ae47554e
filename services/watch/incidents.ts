// The review: what is wrong now becomes incidents, incidents become messages. In one transaction that no other serve
// shares, from facts of the catalog alone: reviewing once more changes nothing.
import {
  blindConditions,
  type Condition,
  isLossKind,
  merged,
  overdueConditions,
  troubleConditions,
  type WatchTroubles,
} from '../../domain/watch/conditions.ts';
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { IncidentDetail } from '../../domain/watch/incident.ts';
import { type LossEnding, review, type Reviewed, tellingOf } from '../../domain/watch/review.ts';
import type { VolumeFacts } from '../../domain/watch/volume-facts.ts';
import { isInMaintenance } from '../../domain/watch/windows.ts';
import { failedHooks, failedTasks } from '../catalog/audits.ts';
import { type Hold, type HoldOfLoss, holdsOfLosses } from '../catalog/holds.ts';
import {
  closeIncident,
  endMute,
  forgetUnheard,
  hooksTold,
  incidentClean,
  incidentSeen,
  incidentTold,
  type KeptIncident,
  lockIncidents,
  openIncident,
  openIncidents,
} from '../catalog/incidents.ts';
import { assessmentsSince, endingOf, type Losses, lossesOf } from '../catalog/losses.ts';
import { keepMessages } from '../catalog/messages.ts';
import type { Queryable } from '../catalog/scans.ts';
import { knownWorkers } from '../catalog/workers.ts';
import {
  brickSteps,
  headline,
  incidentMessages,
  lossNext,
  lossReasons,
  subjectText,
} from '../report/watch/incident.ts';
import { digestDue } from './digest.ts';
import { type Watched, watchedFacts } from './facts.ts';

export interface Review {
  readonly configuration: Configuration;
  readonly nowMs: number;
  /** Of the file system with the catalog, where it is on this machine. */
  readonly room?: WatchTroubles['room'];
  /** One line for the operator, for each incident that opens or is over. */
  readonly log?: (line: string) => void;
}

/** Tasks that were given up before that are history. */
const FAILED_TASKS_MS = 7 * 24 * 3_600_000;

/** Must run in a transaction. @returns how many messages were made */
export async function reviewIncidents(client: Queryable, asked: Review): Promise<number> {
  const { configuration, nowMs } = asked;
  await lockIncidents(client);
  const watched = await watchedFacts(client, configuration, nowMs);
  const losses = await lossesNow(client, watched);
  const conditions = await conditionsNow(client, { ...asked, watched, losses });
  const before = await openIncidents(client);
  const reviewed = review(conditions, before, {
    subjects: subjectsOf(configuration),
    endings: await endingsOf(client, { watched, conditions, before }),
  });
  await keep(client, reviewed, { before, losses, nowMs });
  const messages = await tell(client, asked, { reviewed, before, losses, conditions });
  await logChanges(client, asked, before, reviewed);
  return messages + (await keepMessages(client, await digestDue(client, configuration, nowMs)));
}

/** Where there are no hooks, the log is the only place where an incident is announced. */
async function logChanges(
  client: Queryable,
  { log }: Review,
  before: readonly KeptIncident[],
  { closed }: Reviewed,
): Promise<void> {
  if (log === undefined) return;
  const known = new Set(before.map(({ id }) => id));
  for (const one of await openIncidents(client))
    if (!known.has(one.id))
      log(
        `incident ${one.id} opened: ${subjectText(one.subject)}: ${headline(one)}. Next: rollcall incidents ${one.id}`,
      );
  for (const { id } of closed) {
    const one = before.find((incident) => incident.id === id);
    if (one !== undefined)
      log(`incident ${id} is over: ${subjectText(one.subject)}: ${headline({ kind: one.kind, size: one.peak })}`);
  }
}

/** Of volumes that are watched, by name. */
interface NamedLosses extends Losses, Pick<VolumeFacts, 'name' | 'host' | 'path'> {
  /** Files of the same volume that are to be rescued before anything is restored. */
  readonly toRescue: number;
}

async function lossesNow(client: Queryable, { volumes }: Watched): Promise<NamedLosses[]> {
  const found = await lossesOf(
    client,
    volumes.flatMap(({ volumeId }) => volumeId ?? []),
  );
  return found.flatMap((one) => {
    const facts = volumes.find(({ volumeId }) => volumeId === one.volumeId)?.facts;
    if (facts === undefined) return [];
    const toRescue = found.reduce((sum, other) => sum + (other.volumeId === one.volumeId ? other.hidden : 0), 0);
    return [{ ...one, name: facts.name, host: facts.host, path: facts.path, toRescue }];
  });
}

async function conditionsNow(
  client: Queryable,
  {
    configuration,
    nowMs,
    room = null,
    watched,
    losses,
  }: Review & { readonly watched: Watched; readonly losses: readonly NamedLosses[] },
): Promise<Condition[]> {
  const facts = watched.volumes.map((one) => one.facts);
  const hosts = new Set(watched.hosts.map(({ host }) => host));
  const workers = (await knownWorkers(client)).filter(({ host }) => hosts.has(host));
  return merged([
    ...losses.map(lossCondition),
    ...blindConditions(facts, nowMs),
    ...overdueConditions(facts, nowMs),
    ...troubleConditions(
      {
        workers,
        room,
        // A hook that was taken out of the configuration is nobody's trouble any more.
        failedHooks: (await failedHooks(client)).filter(({ hook }) =>
          configuration.hooks.some(({ name }) => name === hook),
        ),
        failedTasks: await failedTasks(client, nowMs - FAILED_TASKS_MS),
      },
      nowMs,
    ),
  ]);
}

function lossCondition(one: NamedLosses): Condition {
  return {
    kind: one.kind,
    subject: one.name,
    // A directory is lost with its files; empty ones are all that there may be.
    size: one.files > 0 ? one.files : one.directories,
    newestMs: one.newestMs,
    bytes: one.bytes,
    reasons: lossReasons(one, one.toRescue),
    next: lossNext(one, { bundle: null, assessments: [] }),
  };
}

function subjectsOf({ volumes, backups }: Configuration): ReadonlySet<string> {
  return new Set([...volumes, ...backups].flatMap(({ name, host }) => [name, host]));
}

async function endingsOf(
  client: Queryable,
  {
    watched,
    conditions,
    before,
  }: {
    readonly watched: Watched;
    readonly conditions: readonly Condition[];
    readonly before: readonly KeptIncident[];
  },
): Promise<ReadonlyMap<bigint, LossEnding>> {
  const endings = new Map<bigint, LossEnding>();
  for (const { id, kind, subject, openedMs } of before) {
    if (!isLossKind(kind) || conditions.some((one) => one.kind === kind && one.subject === subject)) continue;
    const volumeId = watched.volumes.find(({ facts }) => facts.name === subject)?.volumeId ?? null;
    if (volumeId !== null) endings.set(id, await endingOf(client, { volumeId, kind, openedMs }));
  }
  return endings;
}

interface Kept {
  readonly before: readonly KeptIncident[];
  readonly losses: readonly NamedLosses[];
  readonly nowMs: number;
}

async function keep(client: Queryable, reviewed: Reviewed, { before, losses, nowMs }: Kept): Promise<void> {
  const holds = new Map<number, readonly HoldOfLoss[]>();
  const detailOf = async (condition: Condition, known: KeptIncident | null): Promise<IncidentDetail> => {
    const { kind, subject, reasons, bytes, next } = condition;
    const nothing = { reasons, bytes, next, assessments: [], holds: [], bundle: null, examples: [] };
    const loss = losses.find((one) => one.kind === kind && one.name === subject);
    if (loss === undefined) return nothing;
    const { ids, bundle } = await assessmentsSince(client, loss.volumeId, loss.oldestMs);
    const assessments = ids.map(String);
    // What is to be kept changes where somebody has looked, and is costly to tell.
    const isAsBefore =
      known !== null && known.detail.assessments.at(-1) === assessments.at(-1) && known.size === condition.size;
    if (!isAsBefore && !holds.has(loss.volumeId))
      holds.set(loss.volumeId, await holdsOfLosses(client, [loss.volumeId]));
    const held: readonly Hold[] = isAsBefore
      ? known.detail.holds
      : (holds.get(loss.volumeId) ?? []).flatMap((one) =>
          one.kind === kind ? [{ host: one.host, path: one.path }] : [],
        );
    const made = { bundle, assessments };
    return {
      ...nothing,
      reasons: kind === 'hidden' ? [...reasons, ...brickSteps(loss, made)] : reasons,
      ...made,
      holds: held,
      examples: loss.examples,
      next: lossNext(loss, made),
    };
  };
  for (const condition of reviewed.opened)
    await openIncident(client, condition, { detail: await detailOf(condition, null), nowMs });
  for (const { id, condition, peak } of reviewed.lasting) {
    const known = before.find((one) => one.id === id) ?? null;
    await incidentSeen(client, id, { size: condition.size, peak, detail: await detailOf(condition, known), nowMs });
  }
  for (const { id, clean } of reviewed.clean) await incidentClean(client, id, clean);
  for (const { id, because } of reviewed.closed) await closeIncident(client, id, { because, nowMs });
}

/** @returns how many messages were made */
async function tell(
  client: Queryable,
  { configuration, nowMs }: Review,
  {
    reviewed,
    before,
    conditions,
  }: {
    readonly reviewed: Reviewed;
    readonly before: readonly KeptIncident[];
    readonly losses: readonly NamedLosses[];
    readonly conditions: readonly Condition[];
  },
): Promise<number> {
  const known = configuration.hooks.map(({ name }) => name);
  await forgetUnheard(client, known);
  const open = await openIncidents(client);
  let made = 0;
  for (const incident of open) {
    const hooks = hooksFor(configuration, incident);
    const names = namesOf(configuration, incident.subject);
    const newestMs =
      conditions.find(({ kind, subject }) => kind === incident.kind && subject === incident.subject)?.newestMs ?? null;
    const isSilent = hooks.length === 0 || isInMaintenance(configuration, names, nowMs);
    // A loss of which nothing is open any more has nothing new to tell until it closes.
    const telling = incident.size === 0 ? null : tellingOf({ ...incident, newestMs, isSilent }, nowMs);
    if (telling === null) continue;
    if (telling.endsMute !== null) await endMute(client, telling.endsMute, nowMs);
    made += await keepMessages(client, incidentMessages({ incident, nowMs, ...telling }, hooks, open));
    await incidentTold(client, incident.id, incident.size);
  }
  for (const { id, because } of reviewed.closed) {
    const incident = before.find((one) => one.id === id);
    if (incident === undefined) continue;
    const closed = { ...incident, detail: { ...incident.detail, closed: because } };
    // Whoever was told that it opened is told that it is over.
    const hooks = (await hooksTold(client, id)).filter((name) => known.includes(name));
    const event = 'closed' as const;
    made += await keepMessages(
      client,
      incidentMessages({ incident: closed, nowMs, about: `incident:${id}`, event }, hooks, open),
    );
  }
  return made;
}

/** By the first rule that fits. */
function hooksFor({ alarms }: Configuration, { kind, subject }: KeptIncident): readonly string[] {
  const rule = alarms.find(
    ({ kinds, subjects }) =>
      (kinds.length === 0 || kinds.includes(kind)) && (subjects.length === 0 || subjects.includes(subject)),
  );
  return [...new Set(rule?.hooks ?? [])];
}

/** A volume is in maintenance with its host. */
function namesOf({ volumes, backups }: Configuration, subject: string): readonly string[] {
  const host = [...volumes, ...backups].find(({ name }) => name === subject)?.host;
  return host === undefined ? [subject] : [subject, host];
}
