// From what is wrong now to what becomes of incidents, and what of it people are told. Pure: whoever reviews the same
// facts twice changes nothing twice (docs/design.md#incidents).
import { type Condition, isLossKind } from './conditions.ts';
import type { IncidentKind } from './incident.ts';

export interface OpenIncident {
  readonly id: bigint;
  readonly kind: IncidentKind;
  readonly subject: string;
  readonly size: number;
  readonly peak: number;
}

/** How the findings of a loss ended of which none is open. */
export interface LossEnding {
  /** Ended because an audit did not find them any more. */
  readonly byAudit: number;
  /** Proven to be restored, or accepted. */
  readonly settled: number;
  readonly cleanAudits: number;
}

export type ClosedBecause = 'over' | 'settled' | 'clean' | 'unwatched';

export interface Reviewed {
  readonly opened: readonly Condition[];
  readonly lasting: readonly { readonly id: bigint; readonly condition: Condition; readonly peak: number }[];
  /** Losses of which nothing is open any more, and which are not over yet. */
  readonly clean: readonly { readonly id: bigint; readonly clean: number }[];
  readonly closed: readonly { readonly id: bigint; readonly because: ClosedBecause }[];
}

/** Complete audits that have to find nothing more. */
export const CLEAN_AUDITS = 2;

/**
 * @param subjects all that is watched now: names of volumes, backups and hosts
 * @param endings of open loss incidents without a condition
 */
export function review(
  conditions: readonly Condition[],
  open: readonly OpenIncident[],
  { subjects, endings }: { readonly subjects: ReadonlySet<string>; readonly endings: ReadonlyMap<bigint, LossEnding> },
): Reviewed {
  const now = new Map(conditions.map((one) => [keyOf(one), one]));
  const before = new Set(open.map(keyOf));
  const lasting: { id: bigint; condition: Condition; peak: number }[] = [];
  const clean: { id: bigint; clean: number }[] = [];
  const closed: { id: bigint; because: ClosedBecause }[] = [];
  for (const incident of open) {
    const { id } = incident;
    const condition = now.get(keyOf(incident));
    if (condition !== undefined) {
      lasting.push({ id, condition, peak: Math.max(incident.peak, condition.size) });
      continue;
    }
    if (incident.subject !== '' && !subjects.has(incident.subject)) closed.push({ id, because: 'unwatched' });
    else if (!isLossKind(incident.kind)) closed.push({ id, because: 'over' });
    else {
      const because = endedBecause(endings.get(id));
      if (because !== null) closed.push({ id, because });
      else clean.push({ id, clean: endings.get(id)?.cleanAudits ?? 0 });
    }
  }
  return { opened: [...now.values()].filter((one) => !before.has(keyOf(one))), lasting, clean, closed };
}

/** Null: nobody has proven, accepted or looked twice yet. Time alone proves nothing. */
function endedBecause(ending: LossEnding | undefined): 'settled' | 'clean' | null {
  if (ending === undefined) return null;
  if (ending.settled > 0 && ending.byAudit === 0) return 'settled';
  return ending.cleanAudits >= CLEAN_AUDITS ? 'clean' : null;
}

function keyOf({ kind, subject }: { readonly kind: IncidentKind; readonly subject: string }): string {
  return `${kind}\0${subject}`;
}

export interface Mute {
  readonly id: bigint;
  readonly untilMs: number;
  readonly atSize: number;
  readonly atMs: number;
}

export interface Tellable {
  readonly id: bigint;
  readonly kind: IncidentKind;
  readonly size: number;
  /** Its size at the last message; 0: nobody was told. */
  readonly told: number;
  /** A hook has taken that it opened. */
  readonly isHeard: boolean;
  readonly newestMs: number | null;
  readonly mute: Mute | null;
  /** In maintenance, or without a hook: it is told when that ends. */
  readonly isSilent: boolean;
}

export interface Telling {
  readonly id: bigint;
  readonly event: 'opened' | 'tenfold';
  /** What its message is about; the same for whoever makes it. */
  readonly about: string;
  /** The mute that ends with it. */
  readonly endsMute: bigint | null;
}

/** It holds until its time, or until there is more than what was muted. */
export function isMuted(
  { kind, size, newestMs, mute }: Omit<Tellable, 'told' | 'isHeard' | 'isSilent'>,
  nowMs: number,
): boolean {
  if (mute === null || nowMs >= mute.untilMs || size > mute.atSize) return false;
  // As many files, and others.
  return !(isLossKind(kind) && newestMs !== null && newestMs > mute.atMs);
}

/** Null: there is nothing to tell of it now. */
export function tellingOf(one: Tellable, nowMs: number): Telling | null {
  const { id, size, told, isHeard, newestMs, mute, isSilent } = one;
  if (isSilent || isMuted(one, nowMs)) return null;
  const about = `incident:${id}`;
  // All of it had ended, and before two audits had said so more was lost.
  if (told === 0 && isHeard)
    return { id, event: 'tenfold', about: `${about}/again-${newestMs ?? nowMs}`, endsMute: mute?.id ?? null };
  if (told === 0) return { id, event: 'opened', about, endsMute: mute?.id ?? null };
  if (mute !== null && nowMs < mute.untilMs)
    return { id, event: 'tenfold', about: `${about}/mute:${mute.id}`, endsMute: mute.id };
  if (size >= told * 10) return { id, event: 'tenfold', about: `${about}/${told}-${size}`, endsMute: null };
  return null;
}
