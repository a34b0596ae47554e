// How a name went (docs/design.md#witness): whoever unlinks or renames a name moves the mtime of its directory. Where
// that stood still, nobody did.
import type { Observer, PathFacts, Sight } from '../facts.ts';
import { isGap } from '../facts.ts';
import { joinPath, parentOf } from '../path.ts';
import { orderIsEstimated } from '../snapshot-order.ts';
import { isClamped, sameMtime } from '../version.ts';
import { isFinished, type Unfinished } from './proof.ts';

/** silent: nobody unlinked it. touched: its directory was changed. untold: nothing tells. */
export type How = 'silent' | 'touched' | 'untold';

/** A name that is gone: when, and how. */
export interface Absence {
  /** Index of the latest sighting before `gone`; null where no observer ever saw the name. */
  readonly seen: number | null;
  /** Index of the earliest proof after which no observer saw it again. */
  readonly gone: number;
  readonly how: How;
  /** Sentences: which directory says so, and between which two looks. */
  readonly signals: readonly string[];
}

/** One directory at one observer. */
export interface DirectoryLook {
  readonly mtimeNs: bigint;
  /** 0n where they are not known: the root of a volume is nobody's entry. */
  readonly inode: bigint;
  readonly btimeNs: bigint;
}

/**
 * no: its directories bear other times than live's. unknown: nothing tells; then equal times still say that nothing
 * moved.
 */
export type KeepsTimes = 'yes' | 'no' | 'unknown';

export interface WitnessInput {
  readonly observers: readonly Observer[];
  readonly unfinished: Unfinished;
  /** Printable path of a directory → how each observer saw it; null where it was not there, or could not be read. */
  readonly directories: ReadonlyMap<string, readonly (DirectoryLook | null)[]>;
  /** By volume. */
  readonly keepsTimes: ReadonlyMap<string, KeepsTimes>;
  /**
   * By observer: the newest time of change (ms) that a snapshot bears itself: its copying went on until then at the
   * least.
   */
  readonly changedMs: ReadonlyMap<number, number>;
  /** Directory → observers at which it had gained a name since its volume's look before, and bore its old time. */
  readonly gainedUnmoved: ReadonlyMap<string, ReadonlySet<number>>;
  /** Directory → times (ms) of the recorded restores that put names into it. */
  readonly restoredInto: ReadonlyMap<string, readonly number[]>;
  /** Directories that were renamed: where they stand now. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Whether an observer saw a name below the new place of a renamed directory. Left out where none was renamed. */
  readonly stood?: (path: string, observer: number) => boolean;
}

const RACY_NS = 2_000_000_000n;
/** No nightly copy takes longer. */
const COPYING_MAX_MS = 12 * 3_600_000;
const MS_NS = 1_000_000n;

type Told = 'unmoved' | 'moved' | 'unknown';

interface Testimony {
  readonly told: Told;
  readonly directory: string | null;
  /** Where that directory stood at the later look. */
  readonly place: string | null;
}

/** Asks the directories above names that are gone. */
export class Witness {
  readonly #input: WitnessInput;
  readonly #live: number;
  /** Indices of each volume's observers, in order: live first, then the series. */
  readonly #tracks: ReadonlyMap<string, readonly number[]>;
  readonly #liveTrack: readonly number[];
  readonly #told = new Map<string, Testimony>();

  constructor(input: WitnessInput) {
    this.#input = input;
    this.#live = input.observers.length - 1;
    const tracks = new Map<string, number[]>();
    input.observers.forEach(({ role, volume }, index) => {
      if (role === 'list') return;
      const track = tracks.get(volume);
      if (track === undefined) tracks.set(volume, [index]);
      else track.push(index);
    });
    this.#tracks = tracks;
    this.#liveTrack = tracks.get(input.observers[this.#live]?.volume ?? '') ?? [];
  }

  /** Whether this observer's not seeing the name proves that it was gone. */
  proves(facts: PathFacts, observer: number): boolean {
    if (facts.sights[observer] !== null) return false;
    if (observer === this.#live) return true;
    const of = this.#input.observers[observer];
    if (of === undefined) return false;
    if (of.role === 'live') return true;
    // An absence counts only in a series that has had the path.
    const had = this.#input.observers.some(
      (other, index) => index < observer && other.volume === of.volume && showsName(facts, index),
    );
    return had && isFinished(this.#input.unfinished, observer, facts.path);
  }

  /**
   * The absence that ends the history of a name up to and with observer `end` (live now when left out), or null where
   * it is not proven absent there.
   */
  absenceOf(facts: PathFacts, end: number = this.#live): Absence | null {
    if (!this.proves(facts, end)) return null;
    const seen = lastBefore(end, (observer) => showsName(facts, observer));
    const gone = this.#firstProof(facts, seen ?? -1, end);
    if (seen === null || this.#input.observers[seen]?.role === 'list')
      return { seen, gone, how: 'untold', signals: [] };
    const lastIn = (track: readonly number[]): number | undefined =>
      track.findLast((observer) => observer < end && isVersion(facts.sights[observer]));
    const proofIn = (track: readonly number[], after: number): number | undefined =>
      track.find(
        (observer) =>
          observer > after &&
          observer <= end &&
          this.proves(facts, observer) &&
          !this.#isSeenAfter(facts, observer, seen),
      );
    return { seen, gone, ...this.#howOf(facts.path, lastIn, proofIn) };
  }

  /**
   * When and how a name came to be of the kind that it is live now: the old one had to go first. `seen` is the last
   * observer of the old kind, `gone` the first of the new one. Null where it always was of this kind.
   */
  replacementOf(facts: PathFacts): Absence | null {
    const kindAt = (observer: number): string | null => {
      const sight = facts.sights[observer] ?? null;
      return sight === null || isGap(sight) || this.#input.observers[observer]?.role === 'list' ? null : sight.kind;
    };
    const now = kindAt(this.#live);
    const seen = lastBefore(this.#live, (observer) => now !== null && ![null, now].includes(kindAt(observer)));
    if (now === null || seen === null) return null;
    const gone = this.#input.observers.findIndex((_, observer) => observer > seen && kindAt(observer) === now);
    const lastIn = (track: readonly number[]): number | undefined =>
      track.findLast((observer) => observer <= seen && ![null, now].includes(kindAt(observer)));
    const firstIn = (track: readonly number[], after: number): number | undefined =>
      track.find((observer) => observer > Math.max(after, seen) && kindAt(observer) === now);
    return { seen, gone, ...this.#howOf(facts.path, lastIn, firstIn) };
  }

  /**
   * What the directories say, from each vantage point: live with live, each series with itself, each series with live.
   */
  #howOf(
    path: string,
    lastIn: (track: readonly number[]) => number | undefined,
    firstIn: (track: readonly number[], after: number) => number | undefined,
  ): Pick<Absence, 'how' | 'signals'> {
    let how: How = 'untold';
    const signals: string[] = [];
    const hear = (before: number, after: number): void => {
      const { told, directory } = this.#between(path, before, after);
      if (told === 'unknown' || directory === null) return;
      const what = directory === '' ? "the volume's root" : directory;
      const when = `between ${nameOf(this.#input.observers, before)} and ${nameOf(this.#input.observers, after)}`;
      if (told === 'unmoved') {
        signals.unshift(`the time of its directory (${what}) did not change ${when}: nobody deleted or renamed it`);
        how = 'silent';
      } else {
        signals.push(`its directory (${what}) changed ${when}`);
        if (how === 'untold') how = 'touched';
      }
    };
    for (const track of this.#tracks.values()) {
      const before = lastIn(track);
      if (before === undefined) continue;
      const own = firstIn(track, before);
      if (own !== undefined) hear(before, own);
      const live = track === this.#liveTrack ? undefined : firstIn(this.#liveTrack, before);
      if (live !== undefined) hear(before, live);
    }
    return { how, signals: signals.slice(0, 1) };
  }

  /**
   * The name came back after this proof, which so belongs to an earlier absence. Where it is not certain that the
   * sighting is the later one, the proof counts.
   */
  #isSeenAfter(facts: PathFacts, proof: number, seen: number): boolean {
    const provenMs = this.#input.observers[proof]?.scan.asOf.toMs ?? 0;
    return this.#input.observers.some(
      ({ scan }, observer) =>
        observer > proof &&
        observer <= seen &&
        showsName(facts, observer) &&
        scan.asOf.fromMs >= provenMs &&
        !this.#isEstimated(observer) &&
        !this.#isEstimated(proof),
    );
  }

  #firstProof(facts: PathFacts, after: number, end: number): number {
    for (let observer = after + 1; observer < end; observer++) if (this.proves(facts, observer)) return observer;
    return end;
  }

  /** What the nearest directory above that stands at both observers says, and which one it is. */
  #between(path: string, before: number, after: number): Testimony {
    const parent = parentOf(path);
    const key = `${before} ${after} ${parent}`;
    let found = this.#told.get(key);
    if (found === undefined) this.#told.set(key, (found = this.#witnessed(parent, before, after)));
    const { directory, place } = found;
    if (directory === null || place === null || place === directory) return found;
    // It went along with the directory, and is gone from there since.
    const along = joinPath(place, directory === '' ? path : path.slice(directory.length + 1));
    return this.#input.stood?.(along, after) === true ? { ...found, told: 'moved' } : found;
  }

  #witnessed(parent: string, before: number, after: number): Testimony {
    for (let directory = parent; ; directory = parentOf(directory)) {
      const was = this.#look(directory, before);
      // A renamed directory is its own witness: a rename leaves its own mtime.
      const place = [directory, this.#renamedTo(directory)].find(
        (name) => name !== null && this.#look(name, after) !== null,
      );
      const is = place === undefined || place === null ? null : this.#look(place, after);
      if (was !== null && is !== null && place !== undefined && place !== null)
        return { told: this.#compare(directory, place, { before, was, after, is }), directory, place };
      if (directory === '') return { told: 'unknown', directory: null, place: null };
    }
  }

  #renamedTo(directory: string): string | null {
    return renamedPlace(this.#input.renamed, directory);
  }

  #compare(
    directory: string,
    place: string,
    looks: { readonly before: number; readonly was: DirectoryLook; readonly after: number; readonly is: DirectoryLook },
  ): Told {
    const { before, was, after, is } = looks;
    if (isClamped(was.mtimeNs) || isClamped(is.mtimeNs)) return 'unknown';
    if (this.#isLive(before) && this.#isLive(after) && isAnother(was, is)) return 'unknown';
    const keeps = [before, after].map((observer) => this.#keeps(observer, directory));
    if (keeps.includes('no')) return 'unknown';
    if (sameMtime(was.mtimeNs, is.mtimeNs)) {
      // Everything in a renamed directory is new there: that it gained a name is known of its old place only.
      if (this.#isRacy(was.mtimeNs, before) || this.#gainedUnmoved(directory, before, after)) return 'unknown';
      return this.#isLive(after) ? 'unmoved' : this.#heardAfter(place, is.mtimeNs, after);
    }
    if (keeps.includes('unknown') || this.#restoredBetween(place, before, after)) return 'unknown';
    if (is.mtimeNs > was.mtimeNs) return 'moved';
    // A time that went back is a rollback, where it is certain which of the two looks came first.
    return this.#isEstimated(before) || this.#isEstimated(after) ? 'unknown' : 'unmoved';
  }

  /**
   * A copy that is not atomic takes a directory's time before it lists it: what somebody deleted in between is gone
   * under the old time. So the next look at the directory is heard: a time from before the copying ended means that it
   * was moved then. A look that keeps no times says nothing, and the one after it is heard.
   */
  #heardAfter(directory: string, mtimeNs: bigint, snapshot: number): Told {
    const tells = (observer: number): boolean => {
      const look = this.#look(directory, observer);
      const keeps = this.#keeps(observer, directory);
      return look !== null && (keeps === 'yes' || (keeps === 'unknown' && sameMtime(look.mtimeNs, mtimeNs)));
    };
    const next = this.#input.observers.findIndex((_, observer) => observer > snapshot && tells(observer));
    const look = next < 0 ? null : this.#look(directory, next);
    if (look === null) return 'unknown';
    if (sameMtime(look.mtimeNs, mtimeNs) || look.mtimeNs < mtimeNs) return 'unmoved';
    return look.mtimeNs <= BigInt(Math.ceil(this.#copiedUntilMs(snapshot))) * MS_NS ? 'moved' : 'unmoved';
  }

  /**
   * The end of a snapshot's own copying: the newest change that it bears. A backup that was copied elsewhere since
   * bears the times of that: what lies long after its date, or after the series' next snapshot was begun, is no time of
   * its own.
   */
  #copiedUntilMs(snapshot: number): number {
    const { observers, changedMs } = this.#input;
    const asOf = observers[snapshot]?.scan.asOf;
    if (asOf === undefined) return 0;
    const next = observers.find((other, index) => index > snapshot && other.volume === observers[snapshot]?.volume)
      ?.scan.asOf;
    const until = changedMs.get(snapshot) ?? asOf.fromMs;
    const isOwn = until <= Math.min(asOf.toMs + COPYING_MAX_MS, next?.fromMs ?? Number.POSITIVE_INFINITY);
    return isOwn ? Math.max(asOf.fromMs, until) : asOf.fromMs;
  }

  #look(directory: string, observer: number): DirectoryLook | null {
    return this.#input.directories.get(directory)?.[observer] ?? null;
  }

  #isLive(observer: number): boolean {
    return this.#input.observers[observer]?.role === 'live';
  }

  #isEstimated(observer: number): boolean {
    const asOf = this.#input.observers[observer]?.scan.asOf;
    return asOf === undefined || (!this.#isLive(observer) && orderIsEstimated(asOf));
  }

  /**
   * A snapshot's own root is stamped by whoever makes it, unless it bears live's time: then its time says when it was
   * made. Two roots of one series with one time were not stamped so, and equal times still tell.
   */
  #keeps(observer: number, directory: string): KeepsTimes {
    const volume = this.#input.observers[observer]?.volume ?? '';
    if (this.#isLive(observer)) return this.#input.keepsTimes.get(volume) ?? 'yes';
    const keeps = this.#input.keepsTimes.get(volume) ?? 'unknown';
    return directory === '' && keeps === 'yes' && !this.#rootBearsLiveTime(observer) ? 'unknown' : keeps;
  }

  #rootBearsLiveTime(observer: number): boolean {
    const own = this.#look('', observer);
    return (
      own !== null &&
      this.#liveTrack.some((scan) => {
        const live = this.#look('', scan);
        return live !== null && sameMtime(live.mtimeNs, own.mtimeNs);
      })
    );
  }

  /**
   * It may have been changed once more in the same tick, after it was looked at. Only a time that is a clock's reading
   * tells.
   */
  #isRacy(mtimeNs: bigint, observer: number): boolean {
    const asOf = this.#input.observers[observer]?.scan.asOf;
    if (asOf === undefined) return true;
    const [from, to] = [BigInt(Math.floor(asOf.fromMs)) * MS_NS, BigInt(Math.ceil(asOf.toMs)) * MS_NS];
    if (this.#isLive(observer)) return mtimeNs > from - RACY_NS;
    return asOf.fromMs === asOf.toMs && mtimeNs > from - RACY_NS && mtimeNs < to + RACY_NS;
  }

  #gainedUnmoved(directory: string, before: number, after: number): boolean {
    for (const observer of this.#input.gainedUnmoved.get(directory) ?? [])
      if (observer > before && observer <= after) return true;
    return false;
  }

  #restoredBetween(directory: string, before: number, after: number): boolean {
    const fromMs = this.#input.observers[before]?.scan.asOf.fromMs ?? 0;
    const toMs = this.#input.observers[after]?.scan.asOf.toMs ?? Number.POSITIVE_INFINITY;
    return (this.#input.restoredInto.get(directory) ?? []).some((ms) => ms >= fromMs && ms <= toMs);
  }
}

/** Where a directory is now that was renamed, or that one above was; null where neither was. */
export function renamedPlace(renamed: ReadonlyMap<string, string>, directory: string): string | null {
  for (let above = directory; above !== ''; above = parentOf(above)) {
    const to = renamed.get(above);
    if (to !== undefined) return to + directory.slice(above.length);
  }
  return null;
}

/**
 * The observer's listing held the name, whether or not it could be looked at: a gap on the name itself is a sighting of
 * it.
 */
export function showsName({ sights, path }: PathFacts, observer: number): boolean {
  const sight = sights[observer] ?? null;
  if (sight === null) return false;
  if (!isGap(sight)) return true;
  return (
    sight.status !== 'boundary' &&
    (sight.name === '' ? sight.directory : joinPath(sight.directory, sight.name)) === path
  );
}

function isVersion(sight: Sight | undefined): boolean {
  return sight !== null && sight !== undefined && !isGap(sight);
}

function lastBefore(end: number, is: (observer: number) => boolean): number | null {
  for (let observer = end - 1; observer >= 0; observer--) if (is(observer)) return observer;
  return null;
}

/** Another directory under the same name: made anew in between. */
function isAnother(a: DirectoryLook, b: DirectoryLook): boolean {
  if (a.inode === 0n || b.inode === 0n) return false;
  return a.inode !== b.inode || (a.btimeNs !== 0n && b.btimeNs !== 0n && a.btimeNs !== b.btimeNs);
}

function nameOf(observers: readonly Observer[], observer: number): string {
  const of = observers[observer];
  if (of === undefined) return 'an unknown look';
  if (observer === observers.length - 1) return 'now';
  if (of.role === 'live') return `the scan of ${new Date(of.scan.asOf.toMs).toISOString()}`;
  return of.scan.snapshot ?? of.scan.path;
}
