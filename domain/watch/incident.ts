// Incidents: something that needs a person, of one kind, on one volume or host.

/**
 * silent-loss: files that went without anybody deleting them (any number) · burst: more losses than is usual here ·
 * damage: content that is not what it should be · hidden: files on bricks of GlusterFS that users do not see or cannot
 * open, or of which bricks have conflicting copies · blind: no complete audit for too long, or a host without a worker
 * · overdue: a schedule or the promise of the scrub is missed, or will be · trouble: a worker, or the catalog's disk
 */
export const INCIDENT_KINDS = ['silent-loss', 'burst', 'damage', 'hidden', 'blind', 'overdue', 'trouble'] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** What an incident holds besides its numbers. Plain JSON. */
export interface IncidentDetail {
  /** Sentences: why it is open, the most grave first. */
  readonly reasons: readonly string[];
  readonly bytes: number;
  /** Ids of assessments that found it, oldest first. */
  readonly assessments: readonly string[];
  /** Snapshots that must not be pruned while it is open. */
  readonly holds: readonly { readonly host: string; readonly path: string }[];
  readonly bundle: string | null;
  /** A few paths, in text form. */
  readonly examples: readonly string[];
  /** What to do next: a command. */
  readonly next: string;
  /** Why it was closed (domain/watch/review.ts); absent while it is open. */
  readonly closed?: 'over' | 'settled' | 'clean' | 'unwatched';
}

export interface Incident {
  readonly id: bigint;
  readonly kind: IncidentKind;
  /** Name of a volume, backup or host; empty for the watch itself. */
  readonly subject: string;
  readonly openedMs: number;
  readonly seenMs: number;
  readonly closedMs: number | null;
  readonly size: number;
  readonly peak: number;
  readonly clean: number;
  readonly mutedUntilMs: number | null;
  readonly detail: IncidentDetail;
}
