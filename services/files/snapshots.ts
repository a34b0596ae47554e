// The snapshots of a backup: which directories a pattern names, when each was taken, which state each is, and which are
// not finished.
import { errnoText, isAbsent } from '../../domain/errno.ts';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { compareBytes, joinPath } from '../../domain/path.ts';
import type { AsOf } from '../../domain/scan.ts';
import { dateInName, datesInNames, isDate, type NameDate } from '../../domain/snapshot-date.ts';
import { BTRFS_ROOT_INODE, type SnapshotIdentity } from '../../domain/snapshot-identity.ts';
import { datesOfSeries } from '../../domain/snapshot-order.ts';
import type { SeriesKey } from '../../domain/snapshot-pattern.ts';
import { unfinishedByName } from '../../domain/snapshot-signs.ts';
import type { OffsetAt } from '../../domain/time-zone.ts';
import { isStub, subvolumeOf, type Subvolume } from './btrfs.ts';
import { errnoOf, FileError } from './errors.ts';
import { createHasher } from './hash.ts';
import { keepsInodes } from './identity.ts';
import { bytesOf } from './location.ts';
import { glusterBelow } from './gluster.ts';
import { type Mount, mountOf, readMounts } from './mounts.ts';
import { expandPattern, type Match } from './pattern.ts';
import { type LeftOut } from './glob.ts';
import type { Stat } from './stat.ts';
import { statPlace } from './directory.ts';
import { type Survey, surveySnapshot, type SurveyOptions } from './survey.ts';
import { offsetsFor } from './zone.ts';

export interface FoundSnapshot {
  /** Absolute, printable. */
  readonly path: string;
  /** The part of the path that varies within the series. */
  readonly name: string;
  /** source: 'name' | 'noted' | 'btrfs', or the estimates of domain/snapshot-order.ts. */
  readonly asOf: AsOf;
  /** On a read-only mount, or a read-only btrfs subvolume: cannot have changed since it was scanned. */
  readonly readOnly: boolean;
  readonly identity: SnapshotIdentity;
  /** False for what `--snapshots N` leaves out: not scanned, but judged where it was scanned before. */
  readonly withinLimit: boolean;
}

export interface FoundSeries {
  readonly series: SeriesKey;
  /** The argument is the path of one directory, and no pattern. */
  readonly literal: boolean;
  /** Finished ones, oldest first: by as_of, ties by name. */
  readonly snapshots: readonly FoundSnapshot[];
  /**
   * What the pattern matches or nearly matches and what is not a finished snapshot, with the reason as the rest of a
   * sentence.
   */
  readonly leftOut: readonly LeftOut[];
}

interface Candidate {
  readonly match: Match;
  readonly root: Stat;
  readonly survey: Survey;
  readonly mount: Mount | null;
  readonly subvolume: Subvolume | null;
  readonly named: NameDate | null;
}

/**
 * The dates in the names, by name. Of a literal path the name counts first; then, from the bottom up, a directory that
 * is called by a date and nothing else.
 */
function namedDates(
  matches: readonly Match[],
  literal: boolean,
  offsetAt: OffsetAt,
  nowMs: number,
): ReadonlyMap<string, NameDate> {
  const dates = datesInNames(
    matches.map(({ name }) => name),
    offsetAt,
    nowMs,
  );
  const [only] = matches;
  if (!literal || only === undefined || dates.size > 0) return dates;
  const dated = only.container.split('/').findLast((component) => isDate(component, offsetAt));
  const date = dated === undefined ? null : dateInName(dated, offsetAt);
  return date === null ? dates : new Map([[only.name, date]]);
}

function examine(
  match: Match,
  named: NameDate | null,
  mounts: readonly Mount[],
  surveying: Pick<SurveyOptions, 'hasher' | 'nowMs'>,
): Candidate {
  const root = statPlace(match.path);
  const mount = mountOf(match.path, mounts);
  const isSubvolume = mount?.fsType === 'btrfs' && String(root.inode) === BTRFS_ROOT_INODE;
  return {
    match,
    root,
    mount,
    named,
    survey: surveySnapshot(match.path, root, {
      ...surveying,
      stub: (directory, name, stat) => isStub(directory, name, stat, mounts),
      closed: glusterBelow(match.path, mounts),
    }),
    subvolume: isSubvolume ? subvolumeOf(match.path) : null,
  };
}

function identityOf({ match, root, survey, mount, subvolume }: Candidate): SnapshotIdentity {
  const fsType = mount?.fsType ?? null;
  return {
    path: match.path,
    fsType,
    uuid: subvolume?.uuid ?? null,
    ...(subvolume === null ? {} : { readOnly: subvolume.readOnly }),
    rootInode: fsType !== null && keepsInodes(fsType) ? String(root.inode) : null,
    rootBtimeNs: root.btimeNs === 0n ? null : String(root.btimeNs),
    rootCtimeNs: String(root.ctimeNs),
    fingerprint: survey.fingerprint,
    bounded: survey.bounded,
    unreadable: survey.unreadable,
  };
}

/** Whether anything lies at a printable path. What cannot be read is not known to be absent. */
export function exists(path: string): boolean {
  try {
    lstatSync(bytesOf(path));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return !isAbsent(errno);
  }
}

/** Nothing lies in it. False for what cannot be listed. */
export function isEmptyDirectory(path: string): boolean {
  try {
    return readdirSync(bytesOf(path)).length === 0;
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return false;
  }
}

/** snapper writes info.xml beside a snapshot last. */
function infoOf({ container, name }: Match): string {
  return joinPath(joinPath(container, name), 'info.xml');
}

/** When snapper took the snapshot, by its info.xml, in UTC. */
function notedMs(match: Match, lastPart: string): number | null {
  if (lastPart !== '/snapshot' || !/^[0-9]+$/.test(match.name)) return null;
  let text: string;
  try {
    text = readFileSync(bytesOf(infoOf(match)), 'utf8');
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
  const [, date, time] =
    /<date>\s*([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})\s*<\/date>/.exec(text) ?? [];
  const atMs = Date.parse(`${date}T${time}Z`);
  return Number.isNaN(atMs) ? null : atMs;
}

const EMPTY = 'it is empty: not mounted, or not yet filled';

/** Why each candidate that is not finished is left out, by path. Candidates come oldest first. */
function unfinished(candidates: readonly Candidate[], literal: boolean, lastPart: string): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const left = new Set<string>();
  if (literal) {
    // A person has named this very directory: a plain mirror may hold an old temporary for ever. Empty is another
    // matter.
    for (const { match, survey } of candidates) if (survey.topEntries === 0) reasons.set(match.path, EMPTY);
    return reasons;
  }
  for (const { match, survey } of candidates) {
    // A temporary that an older snapshot has too was left lying there and carried along: it says nothing of this one.
    const signs = survey.signs.filter((sign) => !left.has(sign));
    for (const sign of signs) left.add(sign);
    const byName = unfinishedByName(match.name);
    if (byName !== null) reasons.set(match.path, byName);
    else if (match.name === 'lost+found')
      reasons.set(match.path, 'it is where fsck puts what it found, and no snapshot');
    else if (survey.topEntries === 0) reasons.set(match.path, EMPTY);
    else if (signs[0] !== undefined) {
      reasons.set(
        match.path,
        `rsync was writing to it (${signs[0]}${signs.length > 1 ? ` and ${signs.length - 1} more` : ''})`,
      );
    }
  }

  // rsync-time-backup keeps this file beside its snapshots as long as it fills the newest.
  const newest = new Map(candidates.map((candidate) => [candidate.match.container, candidate.match.path]));
  for (const [container, path] of newest) {
    if (!reasons.has(path) && exists(joinPath(container, 'backup.inprogress'))) {
      reasons.set(path, 'a backup into it is in progress (backup.inprogress is beside it)');
    }
  }

  if (lastPart === '/snapshot') {
    const numbered = candidates.filter(({ match }) => /^[0-9]+$/.test(match.name));
    const without = numbered.filter((candidate) => !exists(infoOf(candidate.match)));
    if (without.length < numbered.length) {
      for (const { match } of without) reasons.set(match.path, 'snapper has not finished it (no info.xml beside it)');
    }
  }
  return reasons;
}

/**
 * The snapshots that an argument of --backup names: one series, each match of a pattern one snapshot, a directory given
 * as it is a series of one. What patterns can and cannot match: expandPattern. Unfinished snapshots, links and the like
 * are in leftOut, with the reason; they are looked at again next time. as_of is decided over all finished and
 * unfinished ones, then `limit` marks the newest. Throws RollcallError for a pattern or zone that cannot be used. No
 * match is not an error here: both lists may be empty.
 *
 * @param options.nowMs ms since 1970; mtimes after it date nothing
 * @param options.tz IANA zone in which names hold local times; null for the machine's
 * @param options.limit newest snapshots to scan; null for all
 * @param options.cwd what a relative pattern starts from; the process's by default
 */
export async function findSnapshots(
  pattern: string,
  options: {
    readonly nowMs: number;
    readonly tz: string | null;
    readonly limit?: number | null;
    readonly cwd?: string;
  },
): Promise<FoundSeries> {
  const offsetAt = offsetsFor(options.tz);
  const { series, literal, matches, leftOut: unmatched } = await expandPattern(pattern, options.cwd);
  const hasher = await createHasher();
  const leftOut = [...unmatched];
  const named = namedDates(matches, literal, offsetAt, options.nowMs);
  const candidates = examineAll(matches, named, { hasher, nowMs: options.nowMs }, leftOut);
  const dated = datedOf(candidates, series.lastPart, options.nowMs, offsetAt);
  const reasons = unfinished(
    dated.map(({ candidate }) => candidate),
    literal,
    series.lastPart,
  );
  for (const [path, reason] of reasons) leftOut.push({ path, reason });
  const finished = dated.filter(({ candidate }) => !reasons.has(candidate.match.path));
  const oldest = options.limit === undefined || options.limit === null ? 0 : finished.length - options.limit;
  return {
    series,
    literal,
    snapshots: finished.map(({ candidate, asOf }, at) => ({
      path: candidate.match.path,
      name: candidate.match.name,
      asOf,
      readOnly: (candidate.mount?.readOnly ?? false) || (candidate.subvolume?.readOnly ?? false),
      identity: identityOf(candidate),
      withinLimit: at >= oldest,
    })),
    leftOut: leftOut.sort((a, b) => compareBytes(a.path, b.path)),
  };
}

/** What cannot be read is left out, with the reason. */
function examineAll(
  matches: readonly Match[],
  named: ReadonlyMap<string, NameDate>,
  surveying: Pick<SurveyOptions, 'hasher' | 'nowMs'>,
  leftOut: LeftOut[],
): Candidate[] {
  const mounts = readMounts();
  return matches.flatMap((match) => {
    try {
      return examine(match, named.get(match.name) ?? null, mounts, surveying);
    } catch (error) {
      const errno = error instanceof FileError ? error.errno : errnoOf(error);
      if (errno === null) throw error;
      leftOut.push({ path: match.path, reason: `it cannot be read (${errnoText(errno)})` });
      return [];
    }
  });
}

/** When each was taken, the oldest first. */
function datedOf(
  candidates: readonly Candidate[],
  lastPart: string,
  nowMs: number,
  offsetAt: OffsetAt,
): { readonly candidate: Candidate; readonly asOf: AsOf }[] {
  const dates = datesOfSeries(
    candidates.map(({ match, named, subvolume, survey }) => ({
      name: match.name,
      named,
      notedMs: notedMs(match, lastPart),
      // A subvolume that is no snapshot was created long before what it holds now.
      btrfsMs: subvolume && (subvolume.isSnapshot || subvolume.readOnly) ? subvolume.otimeMs : null,
      newestMtimeMs: survey.newestMtimeMs,
      changedMs: survey.changedMs,
    })),
    nowMs,
    offsetAt,
  );
  return candidates
    .map((candidate) => {
      const asOf = dates.get(candidate.match.name);
      if (asOf === undefined)
        throw new Error(`${candidate.match.name} got no date: two snapshots of one name in a series`);
      return { candidate, asOf };
    })
    .sort(
      (a, b) =>
        a.asOf.fromMs - b.asOf.fromMs ||
        a.asOf.toMs - b.asOf.toMs ||
        compareBytes(a.candidate.match.name, b.candidate.match.name),
    );
}
