// Incidents in words: for messages, for rollcall incidents, for the digest. Pure.
import { spelledOn } from '../../../domain/gluster/named.ts';
import { isLossKind } from '../../../domain/watch/conditions.ts';
import type { IncidentKind } from '../../../domain/watch/incident.ts';
import type { ClosedBecause } from '../../../domain/watch/review.ts';
import type { MessageBody, NewMessage, Severity } from '../../../domain/watch/message.ts';
import type { KeptIncident } from '../../catalog/incidents.ts';
import type { Losses } from '../../catalog/losses.ts';
import { lasting } from '../../../domain/watch/states.ts';
import { bytes, plural, shellWord, time, visible } from '../wording.ts';

const SEVERITY: Readonly<Record<IncidentKind, Severity>> = {
  'silent-loss': 'critical',
  burst: 'critical',
  damage: 'critical',
  hidden: 'critical',
  blind: 'warning',
  overdue: 'warning',
  trouble: 'warning',
};

/** What happened, of so many: the end of "school: 7 files lost silently". */
export function headline({ kind, size }: Pick<KeptIncident, 'kind' | 'size'>): string {
  switch (kind) {
    case 'silent-loss':
      return `${plural(size, 'file')} lost silently`;
    case 'burst':
      return `${plural(size, 'file')} lost, more than is usual here`;
    case 'damage':
      return `${plural(size, 'file')} damaged`;
    case 'hidden':
      return `${plural(size, 'file')} hidden or misplaced on bricks`;
    case 'blind':
      return 'cannot be audited';
    case 'overdue':
      return 'audits are overdue';
    case 'trouble':
      return 'Rollcall needs attention';
  }
}

export function subjectText(subject: string): string {
  return subject === '' ? 'rollcall' : visible(subject);
}

const WHAT: Readonly<Record<Exclude<Losses['kind'], 'hidden'>, string>> = {
  'silent-loss': 'Nobody deleted them: their directories did not change when they disappeared.',
  burst: 'They disappeared in a night with unusually many losses, or nothing shows how they went.',
  damage: 'Their content is not what it should be, and nobody changed it in an ordinary way.',
};

/**
 * Why an incident of lost, damaged or hidden files is open.
 * @param hidden files of the same volume that are to be rescued before anything is restored
 */
export function lossReasons(losses: Losses, hidden = 0): string[] {
  if (losses.kind === 'hidden') return brickReasons(losses);
  const { kind, files, directories, bytes: size, exact, older, none, fromMs, toMs, newestMs } = losses;
  const back = [
    ...(exact > 0 ? [`${plural(exact, 'file')} exactly`] : []),
    ...(older > 0 ? [`${plural(older, 'file')} in an older version`] : []),
    ...(none > 0 ? [`${plural(none, 'file')} not at all`] : []),
  ];
  return [
    ...(hidden > 0
      ? [
          `Rescue first: ${plural(hidden, 'file of this volume is', 'files of this volume are')} hidden on its bricks. Restore nothing, and look through no mount, before they are copied off: README.txt in the bundle has the order.`,
        ]
      : []),
    WHAT[kind],
    `${plural(files, 'file')}${directories > 0 ? ` and ${plural(directories, 'directory', 'directories')}` : ''}, ${bytes(size)}.`,
    ...whenText(fromMs, toMs, newestMs),
    ...(back.length > 0 ? [`Restorable from the snapshots that exist: ${back.join(', ')}.`] : []),
  ];
}

/** Of a snapshot whose name has a date and no time the catalog has noon: that may be later than when it was found. */
function whenText(fromMs: number | null, toMs: number | null, foundMs: number): string[] {
  if (fromMs === null || toMs === null) return [];
  return fromMs >= foundMs
    ? [`It happened before ${isoTime(foundMs)} (UTC).`]
    : [`It happened between ${isoTime(fromMs)} and ${isoTime(Math.min(toMs, foundMs))} (UTC).`];
}

const HIDDEN =
  'complete there, invisible to users. A look at such a name through a client mount, read-only or not, can delete the last copy';

function brickReasons({ hidden, unreachable, misplaced }: Losses): string[] {
  return [
    ...(hidden > 0 ? [`${plural(hidden, 'file is', 'files are')} hidden on the bricks: ${HIDDEN}.`] : []),
    ...(unreachable > 0
      ? [`${plural(unreachable, 'file is', 'files are')} whole on a brick, and users cannot open the name: not lost.`]
      : []),
    ...(misplaced > 0 ? [`${plural(misplaced, 'name has', 'names have')} conflicting copies on the bricks.`] : []),
  ];
}

function rescueCommand(bundle: string, args: string): string {
  return `sh ${shellWord(`${bundle}/rescue/rescue.sh`)} ${args}`;
}

/** What is done about files on bricks, in the order of docs/glusterfs.md. */
export function brickSteps({ hidden, unreachable, misplaced }: Losses, { bundle, assessments }: MadeOf): string[] {
  const last = assessments.at(-1);
  const script =
    bundle === null
      ? `rollcall bundle${last === undefined ? '' : ` --assessment ${last}`} writes the bundle; then sh BUNDLE/rescue/rescue.sh --apply STAGING`
      : `${rescueCommand(bundle, 'STAGING')} shows what would be done, ${rescueCommand(bundle, '--apply STAGING')} does it`;
  const rescue = [
    'Rescue first; never restore first. Stop everything that writes to the volume or looks at it through a mount, the backup job and the pruning of snapshots too, and the rebalance: gluster volume rebalance VOLUME stop',
    `Then copy the hidden files off the bricks, as root on their server; STAGING is a new directory on another file system (mkdir -m 700): ${script}.`,
    'Only then finish the rebalance (gluster volume rebalance VOLUME start force), put back what was rescued, restore what is lost, and check it: README.txt in the bundle, and docs/glusterfs.md.',
  ];
  const reachable =
    'Do not restore what users cannot open: gluster volume rebalance VOLUME start force makes it reachable, or gluster volume set VOLUME cluster.lookup-optimize off.';
  const conflicting =
    'Where copies conflict, copy all of them off the bricks, compare them, and decide by hand: rollcall findings says what each brick has.';
  return [
    ...(hidden > 0 ? rescue : []),
    ...(unreachable > 0 ? [reachable] : []),
    ...(misplaced > 0 ? [conflicting] : []),
  ];
}

function isoTime(ms: number): string {
  return time(new Date(ms).toISOString());
}

export interface Told {
  readonly incident: KeptIncident;
  readonly nowMs: number;
  /** Of host incidents and loss incidents: what was counted while alarms were off. */
  readonly silentMs?: number;
}

export const CLOSED: Readonly<Record<ClosedBecause, string>> = {
  over: 'The cause is gone.',
  settled: 'Every file was restored and checked, or accepted by a person.',
  clean: 'Two complete audits in a row found none of it any more. Other open findings have incidents of their own.',
  unwatched: 'It is not watched any more: rollcall.yaml does not name it. That says nothing about the files.',
};

const FIRST_STEPS =
  'First stop the nightly backup job and the pruning of snapshots: each run may overwrite what is still good. rollcall holds lists the snapshots to keep.';

/** The body of a message that an incident has opened, has grown, or is over. */
export function incidentBody(
  { incident, nowMs }: Told,
  event: 'opened' | 'tenfold' | 'closed',
  others: readonly KeptIncident[],
): MessageBody {
  const { id, kind, subject, size, openedMs, detail, peak } = incident;
  const isLoss = isLossKind(kind);
  const who = subjectText(subject);
  const title =
    event === 'closed'
      ? `${who}: ${detail.closed === 'unwatched' ? 'no longer watched' : 'over'}: ${headline({ kind, size: peak })}`
      : `${who}: ${headline(incident)}${event === 'tenfold' ? ' (getting worse)' : ''}`;
  const still = others.filter((one) => one.subject === subject && one.id !== id);
  const lines =
    event === 'closed'
      ? [
          CLOSED[detail.closed ?? 'over'],
          `It lasted ${lasting(nowMs - openedMs)}${isLoss ? `; at most ${plural(peak, 'file')}` : ''}.`,
          ...still.map((one) => `Still open: incident ${one.id}, ${headline(one)}.`),
        ]
      : [
          ...detail.reasons,
          ...(nowMs - openedMs > 3_600_000 ? [`This began ${lasting(nowMs - openedMs)} ago.`] : []),
          ...(isLoss && kind !== 'hidden' ? [FIRST_STEPS] : []),
          ...(detail.bundle === null ? [] : [`The restore bundle is ready: ${visible(detail.bundle)}`]),
        ];
  return {
    title,
    lines: lines.map(visible),
    severity: event !== 'closed' ? SEVERITY[kind] : detail.closed === 'unwatched' ? 'info' : 'ok',
    subject,
    incident: { id: `${id}`, kind, openedMs, size },
    examples: event === 'closed' ? [] : detail.examples,
    next: event === 'closed' ? null : `rollcall incidents ${id}`,
    atMs: nowMs,
  };
}

/** One message a hook. */
export function incidentMessages(
  told: Told & { readonly about: string; readonly event: 'opened' | 'tenfold' | 'closed' },
  hooks: readonly string[],
  others: readonly KeptIncident[],
): NewMessage[] {
  const body = incidentBody(told, told.event, others);
  return hooks.map((hook) => ({ about: told.about, event: told.event, hook, incident: told.incident.id, body }));
}

export interface NextOf extends Pick<Losses, 'kind' | 'hidden'> {
  /** Of the volume: its name is the configuration's. */
  readonly host: string;
  readonly path: string;
}

/** What was made of a loss: its bundle, and the assessments that found it, oldest first. */
export interface MadeOf {
  readonly bundle: string | null;
  readonly assessments: readonly string[];
}

/** The command that a person types next. */
export function lossNext(loss: NextOf, { bundle, assessments }: MadeOf): string {
  const isToRescue = loss.kind === 'hidden' && loss.hidden > 0;
  const last = assessments.at(-1);
  if (bundle !== null)
    return isToRescue ? rescueCommand(bundle, 'STAGING') : `less ${shellWord(`${bundle}/README.txt`)}`;
  return isToRescue && last !== undefined
    ? `rollcall bundle --assessment ${last}`
    : `rollcall findings --volume ${shellWord(spelledOn(loss.host, loss.path))}`;
}
