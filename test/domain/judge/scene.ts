// A small world for judging one path: what lies on disk at every observer, what the scans recorded of it, and a reader
// that answers judge's requests from the disk.
import { type KeepsTimes, Witness } from '../../../domain/absence/witness.ts';
import type { Judged, JudgeInput } from '../../../domain/judge/context.ts';
import { judgeContext } from '../../../domain/judge/context.ts';
import { judge } from '../../../domain/judge/judge.ts';
import type { Comparison, Observer, PathFacts, Reading, Request, Sight, Surroundings } from '../../../domain/facts.ts';
import type { Gap, GapStatus } from '../../../domain/scan.ts';
import type { Kind, Version } from '../../../domain/version.ts';
import { NO_MOVES } from '../../../domain/window/moves.ts';
import type { LossInterval, LossRule } from '../../../domain/window/intervals.ts';
import { DAY_MS } from '../../../domain/lengths.ts';

export const T0_MS = Date.UTC(2026, 0, 1);
const SECOND_NS = 1_000_000_000n;

/** FNV-1a over the characters: a stand-in for XXH64 that tells contents apart. */
export function digestOf(content: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const char of content) hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0) ?? 0)) * 0x100000001b3n);
  return hash;
}

export interface Entry {
  readonly kind: Kind;
  readonly content: string;
  /** Days since T0; fractions count. */
  readonly mtime: number;
  readonly mode: number;
  readonly uid: number;
  readonly target: string | null;
  readonly inode: bigint | null;
  readonly ctimeNs: bigint | null;
  readonly btimeNs: bigint;
  /** The scan did not read this copy (an older snapshot). */
  readonly unread: boolean;
  /** The scan read this copy before looks were recorded. */
  readonly noLooks: boolean;
  /** Errno when somebody tries to read it. */
  readonly fails: string | null;
}

export function file(content: string, mtime: number, more: Partial<Entry> = {}): Entry {
  return {
    kind: 'file',
    content,
    mtime,
    mode: 0o644,
    uid: 1000,
    target: null,
    inode: null,
    ctimeNs: null,
    btimeNs: 0n,
    unread: false,
    noLooks: false,
    fails: null,
    ...more,
  };
}

export function symlink(target: string, mtime = 0): Entry {
  return file('', mtime, { kind: 'symlink', target });
}

export function directory(mtime = 0, more: Partial<Entry> = {}): Entry {
  return file('', mtime, { kind: 'directory', mode: 0o755, ...more });
}

export const gone = null;

export function gap(status: GapStatus, errno: string | null, at: 'name' | { below: string } = 'name'): Gap {
  return at === 'name'
    ? { directory: 'd', name: 'f', status, errno, detail: null }
    : { directory: at.below, name: '', status, errno, detail: null };
}

function isGapSpec(seen: Entry | Gap): seen is Gap {
  return 'status' in seen;
}

export interface Observed {
  readonly pruned?: boolean;
  readonly exported?: boolean;
  /** Days since T0; the place in the list otherwise. */
  readonly asOf?: number | readonly [number, number];
  /** How its time is known; 'name' when left out. */
  readonly source?: string;
}

/**
 * ['nightly/3', file(…)] or ['live', gone]; anything without a slash is the live volume, and 'list:sums/1' is a list.
 */
export type Line = readonly [name: string, seen: Entry | Gap | null, observed?: Observed];

export interface Scene {
  readonly lines: readonly Line[];
  /** Loss intervals by the names at their ends; null as `from` is the beginning. All, by --since, when left out. */
  readonly window?: readonly (readonly [from: string | null, to: string])[];
  readonly bursts?: readonly (readonly [from: string | null, to: string])[];
  /** Spans in which so many were lost silently that the rest is doubtful. */
  readonly silentNights?: readonly (readonly [from: string | null, to: string])[];
  /** Spans next to a burst; those of `besideLine` are beyond their own line as well. */
  readonly beside?: readonly (readonly [from: string | null, to: string])[];
  readonly besideLine?: readonly (readonly [from: string | null, to: string])[];
  /** Bursts of damage. */
  readonly damageNights?: readonly (readonly [from: string | null, to: string])[];
  /** Intervals that the series has; ten when left out. */
  readonly known?: number;
  /** Whether the backups keep the times of directories; they do when left out. */
  readonly keeps?: KeepsTimes;
  readonly restoredInto?: ReadonlyMap<string, readonly number[]>;
  readonly input?: Partial<JudgeInput>;
  readonly surroundings?: Partial<Surroundings>;
  /** The parent directory's mtimes (days), aligned with the lines. */
  readonly parentMtimes?: readonly (number | null)[];
  readonly readings?: readonly Reading[];
  readonly path?: string;
}

export interface Answer extends Judged {
  /** Names of the observers in the verdict, for short assertions. */
  readonly lkgAt: string | null;
  readonly sourceAt: string | null;
  readonly betweenAt: readonly [string | null, string | null] | null;
  readonly asked: readonly string[];
  readonly rounds: number;
}

export const PATH = 'd/f';

export function observersOf(lines: readonly Line[]): Observer[] {
  return lines.map(([name, , how], index) => {
    const [volume = '', snapshot] = name.split('/');
    const backup = snapshot !== undefined;
    const at = how?.asOf ?? index;
    const [from, to] = typeof at === 'number' ? [at, at] : at;
    return {
      role: !backup ? 'live' : volume.startsWith('list:') ? 'list' : 'backup',
      volume: backup ? volume : 'live',
      scan: {
        id: BigInt(index + 1),
        volumeId: 1,
        rootId: 1,
        seq: BigInt(index + 1),
        path: `/${name}`,
        snapshot: snapshot ?? null,
        asOf: { fromMs: T0_MS + from * DAY_MS, toMs: T0_MS + to * DAY_MS, source: how?.source ?? 'name' },
        mode: 'read',
        pruned: how?.pruned === true ? 'gone' : null,
        exportedMs: how?.exported === true ? T0_MS + 99 * DAY_MS : null,
        startedMs: T0_MS + index * DAY_MS,
        host: 'here',
        rootMtimeNs: null,
      },
    };
  });
}

function nsOf(days: number): bigint {
  return BigInt(Math.round((T0_MS + days * DAY_MS) / 1000)) * SECOND_NS + 123_456_789n;
}

function mtimeOf(days: number | null): bigint | null {
  return days === null ? null : nsOf(days);
}

/** Hard-linked generations by default: equal content in one volume is one inode, and ctime does not move. */
function inodeOf(volume: string, entry: Entry): bigint {
  return entry.inode ?? BigInt.asUintN(32, digestOf(`${volume}:${entry.content}:${entry.mtime}`));
}

function ctimeOf(entry: Entry): bigint {
  return entry.ctimeNs ?? nsOf(entry.mtime);
}

function sameListing(a: Entry, b: Entry): boolean {
  return (
    a.kind === b.kind &&
    a.content.length === b.content.length &&
    a.mtime === b.mtime &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.target === b.target
  );
}

/**
 * Versions as the catalog keeps them: runs of equal metadata; bytes that differ under it begin a suspect version if
 * both were read.
 */
export function sightsOf(lines: readonly Line[], observers: readonly Observer[]): Sight[] {
  const sights: Sight[] = lines.map(() => null);
  const tracks = new Map<string, number[]>();
  observers.forEach((observer, i) => tracks.set(observer.volume, [...(tracks.get(observer.volume) ?? []), i]));
  for (const [volume, indexes] of tracks) {
    let run: { entry: Entry; read: string | null; suspect: boolean; members: number[]; readAt: number | null } | null =
      null;
    const known = new Set<string>();
    const close = (): void => {
      if (run === null) return;
      const version = versionOf(volume, run.entry, run.members, run.readAt, lines, observers, run.suspect);
      for (const member of run.members) sights[member] = version;
      run = null;
    };
    for (const i of indexes) {
      const seen = lines[i]?.[1] ?? null;
      if (seen === null) {
        close();
        continue;
      }
      if (isGapSpec(seen)) {
        sights[i] = seen;
        continue;
      }
      const read = seen.unread || seen.kind !== 'file' ? null : seen.content;
      const joins: boolean = run !== null && sameListing(run.entry, seen);
      const silent: boolean = joins && run !== null && run.read !== null && read !== null && run.read !== read;
      if (!joins || silent) {
        close();
        run = {
          entry: seen,
          read,
          suspect: silent && read !== null && !known.has(read),
          members: [i],
          readAt: read === null ? null : i,
        };
      } else if (run !== null) {
        run.members.push(i);
        if (read !== null) {
          run.read = read;
          run.readAt = i;
          run.entry = seen;
        }
      }
      if (read !== null && run !== null && !run.suspect) known.add(read);
    }
    close();
  }
  return sights;
}

function versionOf(
  volume: string,
  entry: Entry,
  members: readonly number[],
  readAt: number | null,
  lines: readonly Line[],
  observers: readonly Observer[],
  suspect: boolean,
): Version {
  const copy = readAt === null ? entry : (lines[readAt]?.[1] as Entry);
  return {
    kind: entry.kind,
    mode: entry.mode,
    uid: entry.uid,
    gid: 1000,
    size: entry.kind === 'file' ? entry.content.length : null,
    mtimeNs: nsOf(entry.mtime),
    target: entry.target,
    rdev: null,
    digest: readAt === null ? null : digestOf(copy.content),
    zeroFrom: readAt === null || copy.noLooks || entry.kind !== 'file' ? null : zeroFromOf(copy.content),
    readSeq: readAt === null ? null : (observers[readAt]?.scan.seq ?? null),
    inode: inodeOf(volume, copy),
    ctimeNs: ctimeOf(copy),
    btimeNs: entry.btimeNs,
    nlink: 1,
    suspect,
    racy: false,
    firstSeq: observers[members[0] ?? 0]?.scan.seq ?? 0n,
    endSeq: null,
    endReason: null,
  };
}

/** Offset from which it is nothing but zeros to its end: as Proof.zeroFrom. */
function zeroFromOf(content: string): number {
  return content.replace(/\0+$/, '').length;
}

export function answer(
  lines: readonly Line[],
  observers: readonly Observer[],
  facts: PathFacts,
  request: Request,
): PathFacts {
  const entryAt = (observer: number): Entry | null => {
    const seen = lines[observer]?.[1] ?? null;
    return seen === null || isGapSpec(seen) ? null : seen;
  };
  if (request.kind === 'read') {
    const entry = entryAt(request.observer);
    const failed = entry === null ? 'ENOENT' : entry.fails;
    const volume = observers[request.observer]?.volume ?? '';
    const reading: Reading = {
      observer: request.observer,
      digest: entry === null || failed !== null ? null : digestOf(entry.content),
      zeroFrom: entry === null || failed !== null ? null : zeroFromOf(entry.content),
      errno: failed,
      inode: entry === null ? 0n : inodeOf(volume, entry),
      ctimeNs: entry === null ? 0n : ctimeOf(entry),
      btimeNs: entry?.btimeNs ?? 0n,
    };
    return { ...facts, readings: [...facts.readings, reading] };
  }
  const of = entryAt(request.of);
  const against = entryAt(request.against);
  const errno = of === null || against === null ? 'ENOENT' : (of.fails ?? against.fails);
  const tail = (content: string): number => content.length - zeroFromOf(content);
  const comparison: Comparison = {
    of: request.of,
    against: request.against,
    errno,
    truePrefix:
      errno === null &&
      (of?.content.length ?? 0) < (against?.content.length ?? 0) &&
      (against?.content.startsWith(of?.content ?? '') ?? false),
    alikeBeforeZeros:
      errno === null &&
      tail(of?.content ?? '') >= 4096 &&
      (against?.content.startsWith((of?.content ?? '').replace(/\0+$/, '')) ?? false),
  };
  return { ...facts, comparisons: [...facts.comparisons, comparison] };
}

/** Judges the scene, reading what judge asks for, within a bound of rounds. */
export function judged(scene: Scene): Answer {
  const { lines } = scene;
  const observers = observersOf(lines);
  const indexOf = (name: string | null): number =>
    name === null ? -1 : lines.findLastIndex((line) => line[0] === name);
  const reach = ([from, to]: readonly [string | null, string]): { from: number; to: number } => ({
    from: indexOf(from),
    to: indexOf(to),
  });
  const live = lines.length - 1;
  const within = (reaches: Scene['window'], from: number): boolean =>
    (reaches ?? []).map(reach).some((one) => one.from <= from && from < one.to);
  const intervals = lines.slice(1).map(
    (_, from): LossInterval => ({
      series: 'n',
      from,
      to: from + 1,
      ms: DAY_MS,
      rules: new Set<LossRule>([
        ...(within(scene.window, from) ? (['sensitive'] as const) : []),
        ...(within(scene.bursts, from) ? (['burst'] as const) : []),
        ...(within(scene.silentNights, from) ? (['silent'] as const) : []),
        ...(within(scene.damageNights, from) ? (['damage'] as const) : []),
        ...(within(scene.besideLine, from) ? (['beside'] as const) : []),
      ]),
      isBeside: within(scene.beside, from) || within(scene.besideLine, from),
      known: scene.known ?? 10,
    }),
  );
  const context = judgeContext({
    observers,
    intervals,
    since: scene.window === undefined ? { from: -1, to: live } : null,
    moves: NO_MOVES,
    accepted: new Map(),
    restored: new Map(),
    damaged: new Map(),
    openFindings: new Map(),
    backupDeclared: observers.some((observer) => observer.role === 'backup'),
    side: null,
    ...scene.input,
  });
  const mtimes = lines.map((_, i) => mtimeOf(scene.parentMtimes?.[i] ?? null));
  const witness = new Witness({
    observers,
    unfinished: new Map(),
    directories: new Map([
      ['d', mtimes.map((mtimeNs) => (mtimeNs === null ? null : { mtimeNs, inode: 7n, btimeNs: 0n }))],
    ]),
    keepsTimes: new Map(
      observers.map(({ volume, role }) => [volume, role === 'live' ? 'yes' : (scene.keeps ?? 'yes')]),
    ),
    changedMs: new Map(),
    gainedUnmoved: new Map(),
    restoredInto: scene.restoredInto ?? new Map(),
    renamed: new Map(),
  });
  let facts: PathFacts = {
    path: scene.path ?? PATH,
    sights: sightsOf(lines, observers),
    readings: scene.readings ?? [],
    comparisons: [],
  };
  const absence = facts.sights[live] === null ? witness.absenceOf(facts) : witness.replacementOf(facts);
  facts = { ...facts, surroundings: { absence, siblings: null, copies: [], linkTo: null, ...scene.surroundings } };
  const asked: string[] = [];
  const roundsMax = lines.length * (lines.length + 4);
  const judging = judge(facts, context);
  for (let rounds = 1; rounds <= roundsMax; rounds++) {
    const step = judging.next(facts);
    if (step.done === true) return named(step.value, lines, asked, rounds);
    for (const request of step.value) {
      const name = (i: number): string => lines[i]?.[0] ?? '?';
      const text =
        request.kind === 'read'
          ? `read ${name(request.observer)}`
          : `compare ${name(request.of)} with ${name(request.against)}`;
      if (asked.includes(text)) throw new Error(`asked twice: ${text}`);
      asked.push(text);
      facts = answer(lines, observers, facts, request);
    }
  }
  throw new Error(`no verdict after ${roundsMax} rounds: ${asked.join(', ')}`);
}

function named(verdict: Judged, lines: readonly Line[], asked: readonly string[], rounds: number): Answer {
  const name = (i: number | null | undefined): string | null =>
    i === null || i === undefined ? null : (lines[i]?.[0] ?? '?');
  return {
    ...verdict,
    lkgAt: name(verdict.lkg?.observer),
    sourceAt: name(verdict.source?.observer),
    betweenAt: verdict.between === null ? null : [name(verdict.between.lastSeen), name(verdict.between.firstGone)],
    asked,
    rounds,
  };
}
