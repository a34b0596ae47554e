// What is wrong now, as incidents count it. An incident is a condition that lasts: it opens with it, and a loss ends
// only when somebody has looked.
import type { IncidentKind } from './incident.ts';
import { blindness, scrubLate } from './states.ts';
import type { VolumeFacts } from './volume-facts.ts';

export const LOSS_KINDS = ['silent-loss', 'burst', 'damage', 'hidden'] as const satisfies readonly IncidentKind[];
export type LossKind = (typeof LOSS_KINDS)[number];

export function isLossKind(kind: IncidentKind): kind is LossKind {
  return (LOSS_KINDS as readonly IncidentKind[]).includes(kind);
}

export interface Condition {
  readonly kind: IncidentKind;
  /** Name of a volume, backup or host; empty for the watch itself. */
  readonly subject: string;
  readonly size: number;
  /** When the newest part of it came (ms): a loss that was muted gets worse with every file that is found later. */
  readonly newestMs: number | null;
  readonly bytes: number;
  readonly reasons: readonly string[];
  /** A command. */
  readonly next: string;
}

/** Volumes that cannot be audited: one condition for each, and one for a host that has no worker. */
export function blindConditions(volumes: readonly VolumeFacts[], nowMs: number): Condition[] {
  const found: Condition[] = [];
  const workerless = new Map<string, string[]>();
  for (const facts of volumes) {
    if (facts.pausedUntilMs !== null && facts.pausedUntilMs > nowMs) continue;
    const reasons = blindness(facts, nowMs);
    const silent = reasons.find(({ why }) => why === 'workerless');
    // The host is told once, not with each of its volumes.
    if (silent !== undefined)
      workerless.set(facts.host, [...(workerless.get(facts.host) ?? [silent.text]), facts.name]);
    const own = reasons.filter(({ why }) => isTold(why, facts, nowMs));
    if (own.length === 0 || (silent !== undefined && own.every(({ why }) => why !== 'stopped'))) continue;
    found.push({
      ...plain('blind', facts.name, 1),
      reasons: reasons.map(({ text }) => text),
      next: facts.trouble?.next ?? 'rollcall status',
    });
  }
  for (const [host, [text = '', ...names]] of workerless)
    found.push({
      ...plain('blind', host, names.length),
      reasons: [text, `it cannot audit: ${names.join(', ')}`],
      next: `start the worker on ${host}: systemctl start rollcall-worker`,
    });
  return found;
}

/**
 * A state is shown at once; a person is called where time has passed. What was never audited has the time that an audit
 * may take; one audit that met files being written is followed by another.
 */
function isTold(why: string, facts: VolumeFacts, nowMs: number): boolean {
  const unread = (facts.open['unreadable'] ?? 0) + (facts.open['unverified'] ?? 0) > 0;
  switch (why) {
    case 'never':
      return nowMs - facts.watchedMs > facts.blindAfterMs;
    case 'incomplete':
      return facts.incomplete > 1 || unread;
    case 'workerless':
      return false;
    default:
      return true;
  }
}

/** Schedules and promises that are missed. That a blind volume was not audited in time has been told. */
export function overdueConditions(volumes: readonly VolumeFacts[], nowMs: number): Condition[] {
  return volumes.flatMap((facts): Condition[] => {
    if (facts.pausedUntilMs !== null && facts.pausedUntilMs > nowMs) return [];
    const isBlind = blindness(facts, nowMs).some(({ why }) => why === 'workerless' || isTold(why, facts, nowMs));
    const reasons = [...(isBlind ? [] : facts.late), ...scrubLate(facts, nowMs)];
    if (reasons.length === 0) return [];
    return [
      { ...plain('overdue', facts.name, Math.max(1, facts.scrub?.overdue ?? 0)), reasons, next: 'rollcall status' },
    ];
  });
}

/** A worker of a host, as far as it may be in trouble. */
export interface WorkerFacts {
  readonly host: string;
  readonly isAlive: boolean;
  readonly version: string;
  readonly startedMs: number;
  readonly clockOffsetMs: number;
}

export interface WatchTroubles {
  readonly workers: readonly WorkerFacts[];
  /** Of the file system with the catalog; null where nobody can tell. */
  readonly room: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** Hooks whose last message could not be delivered. */
  readonly failedHooks: readonly { readonly hook: string; readonly failed: number; readonly trouble: string }[];
  /** Tasks that were given up. */
  readonly failedTasks: readonly { readonly id: string; readonly host: string | null; readonly why: string }[];
}

/** Clocks of hosts that differ by more make the dates of evidence wrong. */
const CLOCKS_DIFFER_MS = 5_000;
/** An upgrade takes a while. */
const VERSIONS_MIXED_MS = 3_600_000;
/** Less room than this, and than that share of all, is nearly none. */
const ROOM_BYTES_MIN = 2_000_000_000;
const ROOM_SHARE_MIN = 0.05;

/** By host; what is no host's own belongs to the watch itself. */
export function troubleConditions(
  { workers, room, failedHooks, failedTasks }: WatchTroubles,
  nowMs: number,
): Condition[] {
  const reasons = new Map<string, string[]>();
  const add = (subject: string, text: string): void =>
    void reasons.set(subject, [...(reasons.get(subject) ?? []), text]);
  const alive = workers.filter(({ isAlive }) => isAlive);
  for (const [host, offsetMs] of clocksOff(alive))
    add(host, `its clock is ${Math.round(offsetMs / 1_000)} s off that of the database, and another host's is not`);
  const versions = new Set(alive.map(({ version }) => version));
  const youngest = Math.max(...alive.map(({ startedMs }) => startedMs));
  if (versions.size > 1 && nowMs - youngest > VERSIONS_MIXED_MS)
    add('', `workers of several versions are running: ${[...versions].toSorted().join(', ')}`);
  if (room !== null && room.freeBytes < Math.min(ROOM_BYTES_MIN, room.totalBytes * ROOM_SHARE_MIN))
    add('', `the file system of the catalog has ${Math.floor(room.freeBytes / 1_000_000)} MB left`);
  for (const { hook, failed, trouble } of failedHooks)
    add('', `${failed === 1 ? 'a message' : `${failed} messages`} to ${hook} could not be delivered: ${trouble}`);
  for (const { id, host, why } of failedTasks) add(host ?? '', `task ${id} was given up: ${why}`);
  return [...reasons].map(([subject, texts]) => ({
    ...plain('trouble', subject, texts.length),
    reasons: texts,
    next: 'rollcall status',
  }));
}

/** Where hosts do not agree on the time: those that are off, by how much. One host alone differs from no other. */
function clocksOff(alive: readonly WorkerFacts[]): Map<string, number> {
  const offsets = new Map(alive.map(({ host, clockOffsetMs }) => [host, clockOffsetMs]));
  const all = [...offsets.values()];
  if (Math.max(...all) - Math.min(...all) <= CLOCKS_DIFFER_MS) return new Map();
  return new Map([...offsets].filter(([, offsetMs]) => Math.abs(offsetMs) > CLOCKS_DIFFER_MS / 2));
}

function plain(kind: IncidentKind, subject: string, size: number): Omit<Condition, 'reasons' | 'next'> {
  return { kind, subject, size, newestMs: null, bytes: 0 };
}

/** One condition for each kind and subject: a volume may have the name of its host. */
export function merged(conditions: readonly Condition[]): Condition[] {
  const found = new Map<string, Condition>();
  for (const one of conditions) {
    const key = `${one.kind}\0${one.subject}`;
    const before = found.get(key);
    found.set(
      key,
      before === undefined
        ? one
        : {
            ...before,
            size: before.size + one.size,
            bytes: before.bytes + one.bytes,
            reasons: [...before.reasons, ...one.reasons],
            newestMs: Math.max(before.newestMs ?? 0, one.newestMs ?? 0) || null,
          },
    );
  }
  return [...found.values()];
}
