// The daily digest: how everything is that is watched, in one message. Pure.
import type { MessageBody, Severity } from '../../../domain/watch/message.ts';
import type { VolumePicture, VolumeState, WatchPicture } from '../../../domain/watch/picture.ts';
import { VOLUME_STATES } from '../../../domain/watch/picture.ts';
import { lasting } from '../../../domain/watch/states.ts';
import { iso } from '../../../domain/window/timeline.ts';
import type { KeptIncident } from '../../catalog/incidents.ts';
import { bytes, count, localTime, plural, visible } from '../wording.ts';
import { headline, subjectText } from './incident.ts';

const SEVERITY: Readonly<Record<VolumeState, Severity>> = {
  attention: 'critical',
  blind: 'warning',
  overdue: 'warning',
  ok: 'ok',
};

export interface Day {
  readonly picture: WatchPicture;
  /** That were closed since the last digest, newest first. */
  readonly closed: readonly KeptIncident[];
}

export function digestBody({ picture, closed }: Day): MessageBody {
  const { volumes, incidents, messages, atMs } = picture;
  const worst = VOLUME_STATES.find((state) => volumes.some((one) => one.state === state)) ?? 'ok';
  const counts = VOLUME_STATES.flatMap((state) => {
    const n = volumes.filter((one) => one.state === state).length;
    return n === 0 ? [] : [`${n} ${state}`];
  });
  // Nothing to watch is nothing that is ok.
  const title = volumes.length === 0 ? 'Rollcall: nothing is watched' : `Rollcall: ${counts.join(', ')}`;
  return {
    title,
    lines: [
      ...incidents.map((one) => {
        const muted = one.mutedUntilMs !== null && one.mutedUntilMs > atMs ? ', muted' : '';
        return `Open: incident ${one.id}, ${subjectText(one.subject)}: ${headline(one)}, for ${lasting(atMs - one.openedMs)}${muted}`;
      }),
      ...closed.map(
        (one) =>
          `Over: incident ${one.id}, ${subjectText(one.subject)}: ${headline({ kind: one.kind, size: one.peak })}, lasted ${lasting((one.closedMs ?? atMs) - one.openedMs)}`,
      ),
      ...volumes.flatMap((one) => volumeLines(one, atMs)),
      ...(messages.failed > 0
        ? [`${plural(messages.failed, 'message')} could not be delivered: rollcall hooks list`]
        : []),
    ].map(visible),
    severity: volumes.length === 0 ? 'warning' : SEVERITY[worst],
    subject: '',
    incident: null,
    examples: [],
    next: worst === 'ok' && volumes.length > 0 ? null : 'rollcall status',
    atMs,
  };
}

/** The state first, then what was looked at, then the reasons. Also lines of rollcall status. */
export function volumeLines(one: VolumePicture, nowMs: number): string[] {
  const {
    name,
    state,
    reasons,
    auditedMs,
    files,
    bytes: size,
    newestMs,
    role,
    scrub,
    inMaintenance,
    pausedUntilMs,
  } = one;
  const parts = [
    auditedMs === null ? 'never audited completely' : `audited ${agoText(nowMs - auditedMs)}`,
    ...(files === null ? [] : [`${plural(files, 'file')}, ${bytes(size ?? 0)}`]),
    ...(role === 'backup' && newestMs !== null ? [newestText(newestMs, nowMs)] : []),
    ...(scrub === null ? [] : [scrubText(scrub, nowMs)]),
    ...(inMaintenance ? ['in maintenance'] : []),
    ...(pausedUntilMs !== null && pausedUntilMs > nowMs
      ? [`paused for another ${lasting(pausedUntilMs - nowMs)}`]
      : []),
  ];
  return [`${visible(name)}: ${state} (${parts.join('; ')})`, ...reasons.map(({ text }) => `  ${visible(text)}`)];
}

function agoText(ms: number): string {
  return ms < 60_000 ? 'just now' : `${lasting(ms)} ago`;
}

/** A snapshot whose name has a date and no time may be as late as the end of that day, which is yet to come. */
function newestText(newestMs: number, nowMs: number): string {
  return newestMs > nowMs
    ? `newest snapshot of ${localTime(iso(newestMs)).slice(0, 10)}`
    : `newest snapshot ${lasting(nowMs - newestMs)} old`;
}

function scrubText(
  { files, neverRead, oldestMs, withinDays }: NonNullable<VolumePicture['scrub']>,
  nowMs: number,
): string {
  if (neverRead > 0) return `${count(neverRead)} of ${plural(files, 'file')} not read yet`;
  return oldestMs === null
    ? 'nothing to read again'
    : `every file read, the first of them ${agoText(nowMs - oldestMs)} (promise: ${withinDays} days)`;
}
