// Row 6: content that changed while nothing announced a change. Which side is odd is put to the vote among physical copies; and so is
// what is to be restored, before it is called exact.
import type { Reading } from '../facts.ts';
import { isTold, quiet } from '../version.ts';
import { isAllZeros } from '../window/damage-shape.ts';
import type { Case, Pending, Sighting } from './sightings.ts';
import { isOnDisk, needRead, PENDING, readable, recordedDamage, roleOf, volumeOf, wasRead } from './sightings.ts';

/** none: nothing quiet differs, or the odd one is history. odd: the judged copy. backup odd: the newest backup's. unknown: one against one. */
export type Sides = 'none' | 'odd' | 'backup odd' | 'unknown';

/** One reading of one physical copy. */
interface Vote {
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
 * Puts `judged` (a file whose digest is known) against everything earlier that is quiet with it: `prior`, oldest first. A vote is one
 * physical copy by its newest reading, whoever was read first; an earlier read of the judged copy's own inode with another digest decides
 * alone; else two against one. Where the newest backup stands with the judged copy, two copies of one older content outvote the pair: the
 * backup copied the rot. Asks for one more physical copy at a time while undecided. What an earlier assessment found damaged has no vote
 * against other content.
 */
export function takeSides(c: Case, judged: Sighting, prior: readonly Sighting[]): Sides | Pending {
  if (judged.kind !== 'file' || judged.digest === null) return 'none';
  const alike = prior.filter((sighting) => quiet(sighting, judged));
  const peers = alike.filter((peer) => peer.digest === judged.digest || recordedDamage(c, peer) === null);
  const votes = votesOf(c, [...peers, judged]);
  if (ownInodeChanged(c, judged, votes)) return 'odd';
  const others = peers.filter((peer) => peer.digest !== null && peer.digest !== judged.digest);
  if (others.length === 0) {
    const newest = newestBackups(c, alike);
    if (newest.length > 0 && newest.every((backup) => !peers.includes(backup))) return 'backup odd';
    return judged.suspect ? 'unknown' : 'none';
  }

  const zeros = againstZeros(c, judged, peers);
  if (zeros !== null) return zeros;
  // A backup that took over what was found corrupt before is no second witness for it. (Rows 7 and 8 need none.)
  const isHeard = ({ sighting }: Vote): boolean =>
    sighting === judged || (!sighting.suspect && recordedDamage(c, sighting) !== 'corrupt');
  const count = (digest: bigint | null): number =>
    copiesAmong(
      c,
      votes.filter((vote) => vote.digest === digest && isHeard(vote) && !isSuperseded(c, vote, votes)),
    ).length;
  const own = Math.max(1, count(judged.digest));
  const against = Math.max(...others.map((other) => count(other.digest)));
  const odd = newestBackups(c, peers).filter((newest) => newest.digest !== null && newest.digest !== judged.digest);
  if (odd.length === 0) {
    const first = [...peers, judged].findIndex((sighting) => sighting.digest === judged.digest);
    const older = others.filter((other) => peers.every((peer, place) => peer.digest !== other.digest || place < first));
    if (older.some((other) => count(other.digest) >= 2)) return 'odd';
    const further = nextCopy(c, older);
    if (further !== null) return needRead(c, further, 'another');
    if (own > against) return judged.suspect ? 'unknown' : 'none';
  } else {
    if (against >= 2 && against > own) return 'odd';
    if (odd.every((newest) => own >= 2 && own > count(newest.digest))) return 'backup odd';
  }
  const next = nextCopy(c, peers);
  return next === null ? 'unknown' : needRead(c, next, 'another');
}

/** Nothing but zeros is no testimony against content: no reading decides more than that. Null where zeros do not stand against content. */
function againstZeros(c: Case, judged: Sighting, peers: readonly Sighting[]): Sides | null {
  const isContent = (one: Sighting): boolean => one.digest !== null && isAllZeros(one) === false;
  if (isAllZeros(judged) === true) return peers.some(isContent) ? 'odd' : null;
  const newest = newestBackups(c, peers).filter((one) => one.digest !== null && one.digest !== judged.digest);
  return isContent(judged) && newest.length > 0 && newest.every((one) => isAllZeros(one) === true)
    ? 'backup odd'
    : null;
}

/** What is to be restored, after its fellow copies were heard. */
export interface BorneOut {
  readonly lkg: Sighting;
  /** A copy of equal size and mtime that differs, with no third to decide. */
  readonly against: Sighting | null;
  /** Another physical copy that has the same bytes. */
  readonly second: Sighting | null;
}

/**
 * Whether another physical copy bears out last known good before it is restored: the newest backup's copy may have rotted by itself, and
 * older ones were only listed. Asks for one more copy where only one is known, and for further ones only where two differ. A majority
 * decides; one against one leaves the newest copy in a backup, with the one that stands against it. What was found damaged live now, given
 * as `damaged`, is no witness.
 */
export function borneOut(c: Case, lkg: Sighting, damaged: Sighting | null): BorneOut | Pending {
  const alone = { lkg, against: null, second: null };
  // What only a list tells has no time under which another copy would be quiet with it.
  if (lkg.kind !== 'file' || lkg.digest === null || lkg.size === 0 || isTold(lkg)) return alone;
  const quietOnes = c.earlier.filter((peer) => !peer.suspect && quiet(peer, lkg));
  const peers: Sighting[] = [];
  for (const peer of quietOnes) {
    const damage = peer.digest === lkg.digest ? 'none' : c.damageAt(c, peer.rank);
    if (damage === PENDING) return PENDING;
    const isThatOfLive = damaged !== null && peer.size === damaged.size && peer.digest === damaged.digest;
    if (peer.digest === lkg.digest || (damage !== 'corrupt' && damage !== 'truncated' && !isThatOfLive))
      peers.push(peer);
  }
  const votes = votesOf(c, peers);
  const copies = (digest: bigint | null): Vote[][] =>
    copiesAmong(
      c,
      votes.filter((vote) => vote.digest === digest && !isSuperseded(c, vote, votes)),
    );
  const own = copies(lkg.digest);
  const others = [...new Set(peers.map((peer) => peer.digest))].filter((digest) => digest !== lkg.digest).map(copies);
  const most = others.reduce<Vote[][]>((best, other) => (other.length > best.length ? other : best), []);
  const ownCount = Math.max(1, own.length);
  const newestOf = (digest: bigint | undefined): Sighting | undefined =>
    peers.findLast((peer) => peer.digest === digest && isWitness(c, peer));
  if (most.length > ownCount) return { ...alone, lkg: newestOf(most[0]?.[0]?.digest) ?? lkg };
  if (ownCount > most.length) {
    const second = own.find((copy) => !copy.some((vote) => vote.sighting.observer === lkg.observer));
    if (ownCount > 1) return { ...alone, second: second?.[0]?.sighting ?? null };
    if (peers.some((peer) => peer.observer !== lkg.observer && wasRead(c, peer.observer))) return alone;
  }
  const next = nextCopy(
    c,
    peers.filter((peer) => !isWitness(c, peer)),
  );
  if (next !== null) return needRead(c, next, 'another');
  if (most.length === 0) return alone;
  const newest = peers.findLast((peer) => isOnDisk(c, peer) && isWitness(c, peer)) ?? lkg;
  const against = peers.findLast((peer) => peer.digest !== newest.digest && isWitness(c, peer));
  return { lkg: newest, against: against ?? null, second: null };
}

/** Its own bytes were read, by a scan or just now. */
function isWitness(c: Case, { observer, version, digest }: Sighting): boolean {
  if (digest === null) return false;
  if (version.digest === digest && version.readSeq === c.context.observers[observer]?.scan.seq) return true;
  return c.facts.readings.some((reading) => reading.observer === observer && reading.digest === digest);
}

/** What scans read (a version's proof) and what was read for this judging. */
function votesOf(c: Case, sightings: readonly Sighting[]): Vote[] {
  const votes: Vote[] = [];
  for (const sighting of sightings) {
    const { version } = sighting;
    const scan = c.context.observers[sighting.observer]?.scan;
    const proven = version.digest !== null && (version.readSeq === scan?.seq || isFirstOf(sightings, sighting));
    if (proven && version.digest !== null) {
      const { digest, inode, ctimeNs, btimeNs } = version;
      votes.push({ sighting, digest, inode, ctimeNs, btimeNs, now: false });
    }
    for (const reading of c.facts.readings) {
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

/** A version's proof is one vote, wherever in the version it was read: it is counted at the first sighting of the version. */
function isFirstOf(sightings: readonly Sighting[], sighting: Sighting): boolean {
  return sightings.find((other) => other.version === sighting.version) === sighting;
}

/**
 * The different copies behind these votes for one digest. A copy is an inode with its birth time; without those an equal (inode, ctime), and
 * within a volume an equal inode with another ctime too, unless both were read just now: every new generation of hard links moves the ctime
 * of them all, and one inode read in two weeks must not outvote the live file.
 */
function copiesAmong(c: Case, votes: readonly Vote[]): Vote[][] {
  const copies: Vote[][] = [];
  for (const vote of votes) {
    const copy = copies.find((members) => members.some((member) => oneCopy(c, member, vote)));
    if (copy === undefined) copies.push([vote]);
    else copy.push(vote);
  }
  return copies;
}

function oneCopy(c: Case, a: Vote, b: Vote): boolean {
  if (a.inode !== b.inode) return false;
  if (a.btimeNs !== 0n && b.btimeNs !== 0n) return a.btimeNs === b.btimeNs;
  if (a.ctimeNs === b.ctimeNs) return true;
  return volumeOf(c, a.sighting) === volumeOf(c, b.sighting) && !(a.now && b.now);
}

/** The same copy was read again since, and has other bytes: its newest reading is its vote. */
function isSuperseded(c: Case, vote: Vote, votes: readonly Vote[]): boolean {
  if (vote.now) return false;
  return votes.some(
    (other) =>
      other.now &&
      other.digest !== vote.digest &&
      other.inode === vote.inode &&
      (other.sighting === vote.sighting || other.ctimeNs === vote.ctimeNs) &&
      volumeOf(c, other.sighting) === volumeOf(c, vote.sighting),
  );
}

/**
 * The judged copy's own inode had other bytes at an earlier read. (Snapshots that were filled one by one may give equal inode numbers
 * to different files: there the ctime must be equal too.) Not where the judged bytes are the older ones of the two: a copy
 * that was rotten for a while and was put right in place is not odd now.
 */
function ownInodeChanged(c: Case, judged: Sighting, votes: readonly Vote[]): boolean {
  const digest = judged.digest;
  const own = votes.findLast((vote) => vote.sighting === judged && vote.digest === digest);
  if (own === undefined) return false;
  const known = votes.findIndex((vote) => vote.digest === digest && !vote.sighting.suspect);
  return votes.some(
    (vote, place) =>
      vote.digest !== digest &&
      vote.inode === own.inode &&
      (roleOf(c, judged) === 'live' || vote.ctimeNs === own.ctimeNs) &&
      volumeOf(c, vote.sighting) === volumeOf(c, judged) &&
      (vote.sighting === judged || !vote.sighting.suspect) &&
      (known < 0 || known > place || votes[known]?.sighting === judged),
  );
}

/** Of each series the newest of the sightings given. */
function newestBackups(c: Case, peers: readonly Sighting[]): Sighting[] {
  const newest = new Map<string, Sighting>();
  for (const peer of peers) if (roleOf(c, peer) === 'backup') newest.set(volumeOf(c, peer), peer);
  return [...newest.values()];
}

/**
 * The next copy to read: from the volume with the fewest readings so far, and there the oldest first, because among generations of
 * hard links and snapshots the far end is likeliest another physical copy.
 */
function nextCopy(c: Case, peers: readonly Sighting[]): Sighting | null {
  const open = peers.filter((peer) => roleOf(c, peer) === 'backup' && readable(c, peer) && !wasRead(c, peer.observer));
  const readIn = (sighting: Sighting): number =>
    peers.filter((peer) => volumeOf(c, peer) === volumeOf(c, sighting) && wasRead(c, peer.observer)).length;
  return open.reduce<Sighting | null>(
    (best, peer) => (best === null || readIn(peer) < readIn(best) ? peer : best),
    null,
  );
}
