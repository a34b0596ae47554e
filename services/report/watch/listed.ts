// Incidents and states as rollcall incidents and rollcall status print them. Pure.
import { iso } from '../../../domain/window/timeline.ts';
import type { ScrubStanding, WatchPicture } from '../../../domain/watch/picture.ts';
import type { KeptIncident } from '../../catalog/incidents.ts';
import type { KeptMessage } from '../../catalog/messages.ts';
import { localTime, plural, visible } from '../wording.ts';
import { volumeLines } from './digest.ts';
import { CLOSED, headline, subjectText } from './incident.ts';

function at(ms: number): string {
  return localTime(iso(ms));
}

function mutedText({ mute }: KeptIncident, nowMs: number): string {
  return mutedUntil(mute?.untilMs ?? null, nowMs);
}

function mutedUntil(untilMs: number | null, nowMs: number): string {
  return untilMs === null || untilMs <= nowMs ? '' : `, muted until ${at(untilMs)}`;
}

/** One line. */
export function incidentLine(one: KeptIncident, nowMs: number): string {
  const { id, subject, kind, size, peak, openedMs, closedMs } = one;
  const who = `${id}  ${subjectText(subject)}: `;
  if (closedMs !== null) return `${who}${headline({ kind, size: peak })}; over since ${at(closedMs)}`;
  // Nothing of it is open any more, and it waits for a second look.
  const what =
    size === 0
      ? `${headline({ kind, size: peak })}; nothing of it is open any more, waiting for two complete audits`
      : headline(one);
  return `${who}${what}; since ${at(openedMs)}${mutedText(one, nowMs)}`;
}

export function incidentLines(
  { incident, messages }: { readonly incident: KeptIncident; readonly messages: readonly KeptMessage[] },
  nowMs: number,
  program: string,
): string[] {
  const { kind, closedMs, detail, mute, peak, size, clean } = incident;
  const { reasons, examples, assessments, holds, bundle, next, closed } = detail;
  return [
    incidentLine(incident, nowMs),
    ...(closedMs === null ? [] : [`  ${CLOSED[closed ?? 'over']}`]),
    ...reasons.map((text) => `  ${visible(text)}`),
    ...(peak > size ? [`  at most: ${headline({ kind, size: peak })}`] : []),
    ...(clean > 0 && closedMs === null ? [`  complete audits that found nothing more: ${clean} of 2`] : []),
    ...examples.map((path) => `  for example: ${visible(path)}`),
    ...(assessments.length > 0 ? [`  assessments: ${assessments.join(', ')}`] : []),
    ...(bundle === null ? [] : [`  restore bundle: ${visible(bundle)}`]),
    ...holds.map(({ host, path }) => `  keep the snapshot ${visible(host)}:${visible(path)}`),
    ...(mute === null || mute.untilMs <= nowMs
      ? []
      : [`  muted by ${visible(mute.actor)} until ${at(mute.untilMs)}: ${visible(mute.reason)}`]),
    ...messages.map(messageLine),
    ...(closedMs === null ? [`Next: ${next.replace(/^rollcall /, `${program} `)}`] : []),
  ];
}

function messageLine({ event, hook, state, madeMs, sentMs, attempts, trouble }: KeptMessage): string {
  const how =
    state === 'sent'
      ? `sent ${at(sentMs ?? madeMs)}`
      : `${state}${attempts > 0 ? ` after ${plural(attempts, 'attempt')}` : ''}`;
  return `  message to ${visible(hook)} (${event}): ${how}${trouble === null ? '' : ` (${visible(trouble)})`}`;
}

/** As JSON has it. */
export function incidentRecord(one: KeptIncident): unknown {
  const { id, openedMs, seenMs, closedMs, mutedUntilMs, mute, told: _told, isHeard: _isHeard, ...rest } = one;
  const isoOf = (ms: number | null): string | null => (ms === null ? null : iso(ms));
  return {
    id: `${id}`,
    ...rest,
    opened: iso(openedMs),
    seen: iso(seenMs),
    closed: isoOf(closedMs),
    muted_until: isoOf(mutedUntilMs),
    mute_reason: mute?.reason ?? null,
  };
}

/** What is watched, the worst first. */
export function watchLines({ volumes, hosts, incidents, messages, atMs }: WatchPicture, program: string): string[] {
  const order = ['attention', 'blind', 'overdue', 'ok'];
  const sorted = volumes.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return [
    ...sorted.flatMap((one) => volumeLines(one, atMs)),
    ...incidents.map(
      (one) =>
        `incident ${one.id}, ${subjectText(one.subject)}: ${headline(one)}, since ${at(one.openedMs)}${mutedUntil(one.mutedUntilMs, atMs)}`,
    ),
    ...(messages.failed > 0
      ? [`${plural(messages.failed, 'message')} could not be delivered: ${program} hooks list`]
      : []),
    ...hosts
      .filter(({ workers }) => workers === 0)
      .map(
        ({ host }) =>
          `Nothing audits ${visible(host)} now. Next, there: ${program} serve (or ${program} worker, where serve runs on another host)`,
      ),
    ...(incidents.length > 0 ? [`Next: ${program} incidents`] : []),
  ];
}

/** As JSON has it: times in ISO 8601. */
export function watchRecord({ atMs, volumes, hosts, incidents, messages }: WatchPicture): unknown {
  const isoOf = (ms: number | null): string | null => (ms === null ? null : iso(ms));
  return {
    at: iso(atMs),
    volumes: volumes.map(
      ({ auditedMs, triedMs, dueMs, openBytes, newestMs, inMaintenance, pausedUntilMs, scrub, ...one }) => ({
        ...one,
        open_bytes: openBytes,
        audited: isoOf(auditedMs),
        tried: isoOf(triedMs),
        due: isoOf(dueMs),
        newest: isoOf(newestMs),
        in_maintenance: inMaintenance,
        paused_until: isoOf(pausedUntilMs),
        scrub: scrub === null ? null : scrubRecord(scrub),
      }),
    ),
    hosts: hosts.map(({ host, workers, seenMs }) => ({ host, workers, seen: isoOf(seenMs) })),
    incidents: incidents.map(({ id, kind, subject, size, openedMs }) => ({
      id: `${id}`,
      kind,
      subject,
      size,
      opened: iso(openedMs),
    })),
    messages,
  };
}

function scrubRecord(scrub: ScrubStanding): unknown {
  const { withinDays, neverRead, oldestMs, missMs, histogram, ...rest } = scrub;
  return {
    ...rest,
    within_days: withinDays,
    never_read: neverRead,
    oldest: oldestMs === null ? null : iso(oldestMs),
    miss: missMs === null ? null : iso(missMs),
    histogram: histogram.map(({ daysMax, files, bytes }) => ({ days_max: daysMax, files, bytes })),
  };
}
