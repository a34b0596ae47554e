// Row 6: content that changed while nothing announced a change. Which side is odd is put to the vote among physical
// copies.
import type { Reading } from '../facts.ts';
import { quiet } from '../version.ts';
import { isAllZeros } from '../window/damage-shape.ts';
import { isUnread, type Judging, needRead, wasRead } from './asking.ts';
import type { History, Sighting } from './sightings.ts';
import { recordedDamage, roleOf, volumeOf } from './sightings.ts';

/**
 * none: nothing quiet differs, or the odd one is history. odd: the judged copy. backup odd: the newest backup's.
 * unknown: one against one.
 */
export type Sides = 'none' | 'odd' | 'backup odd' | 'unknown';

/** One reading of one physical copy. */
export interface Vote {
  readonly sighting: Sighting;
  readonly digest: bigint;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  /** 0n where the file system keeps none. */
  readonly btimeNs: bigint;
  /** Read for this judging, all at about one time; else known from a scan. */
  readonly now: boolean;
}

/**
 * Puts `judged` (a file whose digest is known) against everything earlier that is quiet with it: `prior`, oldest first.
 * A vote is one physical copy by its newest reading, whichever was read first; an earlier read of the judged copy's own
 * inode with another digest decides alone; else two against one. Where the newest backup agrees with the judged copy,
 * two copies of one older content outvote the pair: the backup copied the rot. Asks for one more physical copy at a
 * time while undecided. What an earlier assessment found damaged has no vote against other content.
 */
export function* takeSides(h: History, judged: Sighting, prior: readonly Sighting[]): Judging<Sides> {
  if (judged.kind !== 'file' || judged.digest === null) return 'none';
  const alike = prior.filter((sighting) => quiet(sighting, judged));
  const peers = alike.filter((peer) => peer.digest === judged.digest || recordedDamage(h, peer) === null);
  const votes = votesOf(h, [...peers, judged]);
  if (ownInodeChanged(h, judged, votes)) return 'odd';
  const others = peers.filter((peer) => peer.digest !== null && peer.digest !== judged.digest);
  if (others.length === 0) {
    const newest = newestBackups(h, alike);
    if (newest.length > 0 && newest.every((backup) => !peers.includes(backup))) return 'backup odd';
    return judged.suspect ? 'unknown' : 'none';
  }

  const zeros = againstZeros(h, judged, peers);
  if (zeros !== null) return zeros;
  // A backup that took over what was found corrupt before is no second witness for it. (Rows 7 and 8 need none.)
  const isHeard = ({ sighting }: Vote): boolean =>
    sighting === judged || (!sighting.suspect && recordedDamage(h, sighting) !== 'corrupt');
  const count = (digest: bigint | null): number =>
    copiesAmong(
      h,
      votes.filter((vote) => vote.digest === digest && isHeard(vote) && !isSuperseded(h, vote, votes)),
    ).length;
  const own = Math.max(1, count(judged.digest));
  const against = Math.max(...others.map((other) => count(other.digest)));
  const odd = newestBackups(h, peers).filter((newest) => newest.digest !== null && newest.digest !== judged.digest);
  if (odd.length === 0) {
    const first = [...peers, judged].findIndex((sighting) => sighting.digest === judged.digest);
    const older = others.filter((other) => peers.every((peer, place) => peer.digest !== other.digest || place < first));
    if (older.some((other) => count(other.digest) >= 2)) return 'odd';
    const further = nextCopy(h, older);
    if (further !== null) return yield* needRead(h, [further], 'another');
    if (own > against) return judged.suspect ? 'unknown' : 'none';
  } else {
    if (against >= 2 && against > own) return 'odd';
    if (odd.every((newest) => own >= 2 && own > count(newest.digest))) return 'backup odd';
  }
  const next = nextCopy(h, peers);
  return next === null ? 'unknown' : yield* needRead(h, [next], 'another');
}

/**
 * Nothing but zeros is no evidence against content, and no reading adds to that. Null where zeros do not stand
 * against content.
 */
function againstZeros(h: History, judged: Sighting, peers: readonly Sighting[]): Sides | null {
  const isContent = (one: Sighting): boolean => one.digest !== null && isAllZeros(one) === false;
  if (isAllZeros(judged) === true) return peers.some(isContent) ? 'odd' : null;
  const newest = newestBackups(h, peers).filter((one) => one.digest !== null && one.digest !== judged.digest);
  return isContent(judged) && newest.length > 0 && newest.every((one) => isAllZeros(one) === true)
    ? 'backup odd'
    : null;
}

/** What scans read (a version's proof) and what was read for this judging. */
export function votesOf(h: History, sightings: readonly Sighting[]): Vote[] {
  const votes: Vote[] = [];
  for (const sighting of sightings) {
    const { version } = sighting;
    const scan = h.context.observers[sighting.observer]?.scan;
    const proven = version.digest !== null && (version.readSeq === scan?.seq || isFirstOf(sightings, sighting));
    if (proven && version.digest !== null) {
      const { digest, inode, ctimeNs, btimeNs } = version;
      votes.push({ sighting, digest, inode, ctimeNs, btimeNs, now: false });
    }
    for (const reading of h.facts.readings) {
      const vote = reading.observer === sighting.observer ? voteOf(sighting, reading) : null;
      if (vote !== null) votes.push(vote);
    }
  }
  return votes;
}

function voteOf(sighting: Sighting, reading: Reading): Vote | null {
  if (reading.digest === null) return null;
  const { digest, inode, ctimeNs, btimeNs = 0n } = reading;
  return { sighting, digest, inode, ctimeNs, btimeNs, now: true };
}

/**
 * A version's proof is one vote, wherever in the version it was read: it is counted at the first sighting of the
 * version.
 */
function isFirstOf(sightings: readonly Sighting[], sighting: Sighting): boolean {
  return sightings.find((other) => other.version === sighting.version) === sighting;
}

/**
 * The different copies behind these votes for one digest. A copy is an inode with its birth time; without those an
 * equal (inode, ctime), and within a volume an equal inode with another ctime too, unless both were read just now:
 * every new generation of hard links moves the ctime of them all, and one inode read in two weeks must not outvote the
 * live file.
 */
export function copiesAmong(h: History, votes: readonly Vote[]): Vote[][] {
  const copies: Vote[][] = [];
  for (const vote of votes) {
    const copy = copies.find((members) => members.some((member) => oneCopy(h, member, vote)));
    if (copy === undefined) copies.push([vote]);
    else copy.push(vote);
  }
  return copies;
}

function oneCopy(h: History, a: Vote, b: Vote): boolean {
  if (a.inode !== b.inode) return false;
  if (a.btimeNs !== 0n && b.btimeNs !== 0n) return a.btimeNs === b.btimeNs;
  if (a.ctimeNs === b.ctimeNs) return true;
  return volumeOf(h, a.sighting) === volumeOf(h, b.sighting) && !(a.now && b.now);
}

/** The same copy was read again since, and has other bytes: its newest reading is its vote. */
export function isSuperseded(h: History, vote: Vote, votes: readonly Vote[]): boolean {
  if (vote.now) return false;
  return votes.some(
    (other) =>
      other.now &&
      other.digest !== vote.digest &&
      other.inode === vote.inode &&
      (other.sighting === vote.sighting || other.ctimeNs === vote.ctimeNs) &&
      volumeOf(h, other.sighting) === volumeOf(h, vote.sighting),
  );
}

/**
 * The judged copy's own inode had other bytes at an earlier read. (Snapshots that were filled one by one may give equal
 * inode numbers to different files: there the ctime must be equal too.) Not where the judged bytes are the older ones
 * of the two: a copy that was rotten for a while and was put right in place is not odd now.
 */
function ownInodeChanged(h: History, judged: Sighting, votes: readonly Vote[]): boolean {
  const digest = judged.digest;
  const own = votes.findLast((vote) => vote.sighting === judged && vote.digest === digest);
  if (own === undefined) return false;
  const known = votes.findIndex((vote) => vote.digest === digest && !vote.sighting.suspect);
  return votes.some(
    (vote, place) =>
      vote.digest !== digest &&
      vote.inode === own.inode &&
      (roleOf(h, judged) === 'live' || vote.ctimeNs === own.ctimeNs) &&
      volumeOf(h, vote.sighting) === volumeOf(h, judged) &&
      (vote.sighting === judged || !vote.sighting.suspect) &&
      (known < 0 || known > place || votes[known]?.sighting === judged),
  );
}

/** Of each series the newest of the sightings given. */
function newestBackups(h: History, peers: readonly Sighting[]): Sighting[] {
  const newest = new Map<string, Sighting>();
  for (const peer of peers) if (roleOf(h, peer) === 'backup') newest.set(volumeOf(h, peer), peer);
  return [...newest.values()];
}

/**
 * The next copy to read: from the volume with the fewest readings so far, and there the oldest first, because among
 * generations of hard links and snapshots the far end is likeliest another physical copy.
 */
export function nextCopy(h: History, peers: readonly Sighting[]): Sighting | null {
  const open = peers.filter((peer) => roleOf(h, peer) === 'backup' && isUnread(h, peer));
  const readIn = (sighting: Sighting): number =>
    peers.filter((peer) => volumeOf(h, peer) === volumeOf(h, sighting) && wasRead(h, peer.observer)).length;
  return open.reduce<Sighting | null>(
    (best, peer) => (best === null || readIn(peer) < readIn(best) ? peer : best),
    null,
  );
}
