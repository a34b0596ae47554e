// What is watched, and how it is: from one set of queries, for status, the digest, metrics and pages alike.
import type { Incident } from './incident.ts';

/** The worst first. Nothing that was not looked at is ever ok. */
export const VOLUME_STATES = ['attention', 'blind', 'overdue', 'ok'] as const;
export type VolumeState = (typeof VOLUME_STATES)[number];

export interface VolumePicture {
  readonly name: string;
  readonly role: 'live' | 'backup';
  readonly host: string;
  readonly path: string;
  readonly state: VolumeState;
  /** All of them, each with the state that it makes. */
  readonly reasons: readonly { readonly state: VolumeState; readonly text: string }[];
  /** End of the last complete audit (ms); null: there was none. */
  readonly auditedMs: number | null;
  /** The last try, complete or not. */
  readonly triedMs: number | null;
  /** When the next run of its schedule is due. */
  readonly dueMs: number | null;
  /** Open findings by verdict. */
  readonly open: Readonly<Record<string, number>>;
  readonly openBytes: number;
  readonly files: number | null;
  readonly bytes: number | null;
  /** Of a backup: the newest snapshot's time. */
  readonly newestMs: number | null;
  readonly scrub: ScrubStanding | null;
  readonly inMaintenance: boolean;
  readonly pausedUntilMs: number | null;
}

export interface ScrubStanding {
  readonly withinDays: number;
  readonly files: number;
  readonly bytes: number;
  /** Files whose own deadline and grace are over. */
  readonly overdue: number;
  readonly neverRead: number;
  /** Reading of the file that was read longest ago (ms); null where none was. */
  readonly oldestMs: number | null;
  /** When, at the present rate, a deadline would be missed (ms); null: never. */
  readonly missMs: number | null;
  /** Files by age of their last reading in days: upper bounds, the last one is open. */
  readonly histogram: readonly { readonly daysMax: number | null; readonly files: number; readonly bytes: number }[];
}

export interface HostPicture {
  readonly host: string;
  readonly workers: number;
  /** Last sign of life (ms). */
  readonly seenMs: number | null;
}

export interface WatchPicture {
  readonly atMs: number;
  readonly volumes: readonly VolumePicture[];
  readonly hosts: readonly HostPicture[];
  /** Those that are open. */
  readonly incidents: readonly Incident[];
  readonly messages: { readonly waiting: number; readonly failed: number };
}
