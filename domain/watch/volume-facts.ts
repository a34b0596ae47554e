// What the catalog knows of one watched volume: the facts from which its state and its alarms follow.
import type { ScrubStanding } from './picture.ts';
import { DAY_MS, HOUR_MS } from '../lengths.ts';

export interface VolumeFacts {
  readonly name: string;
  readonly role: 'live' | 'backup';
  readonly host: string;
  readonly path: string;
  /** Since when it is watched: the first configuration that named it (ms). */
  readonly watchedMs: number;
  /** End of the last complete audit (ms). */
  readonly auditedMs: number | null;
  /** The last try, complete or not. */
  readonly triedMs: number | null;
  /** What stopped the last audit; null once one went through. */
  readonly trouble: { readonly atMs: number; readonly message: string; readonly next: string | null } | null;
  /** Incomplete audits in a row, the newest first; 0 where the last one was complete. */
  readonly incomplete: number;
  /** What the last one could not read, a sentence each. */
  readonly incompleteTexts: readonly string[];
  /** Without a complete audit for so long it is blind (ms). */
  readonly blindAfterMs: number;
  /** Since when its host has no worker, or null where it has one (ms; 0: nobody knows of any). */
  readonly workerlessMs: number | null;
  /** Open findings by verdict. */
  readonly open: Readonly<Record<string, number>>;
  /** Runs that were due and did not happen, or failed, a sentence each. */
  readonly late: readonly string[];
  readonly scrub: ScrubStanding | null;
  readonly inMaintenance: boolean;
  readonly pausedUntilMs: number | null;
}

/** A host without a worker for so long makes what is on it blind. */
export const WORKERLESS_MS = 5 * 60_000;

/** Without a complete audit for twice the schedule and 6 h, unless the configuration says otherwise. */
export function blindAfter(periodMs: number): number {
  return 2 * periodMs + 6 * HOUR_MS;
}

/** A missed deadline of the scrub is told so long before it comes, for there is something to be done about it. */
export function scrubWarningMs(withinDays: number): number {
  return Math.min(7 * DAY_MS, (withinDays * DAY_MS) / 4);
}
