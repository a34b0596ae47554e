// What is to be restored is put to the vote among its physical copies, too, before it is called exact.
import { isFromList, quiet } from '../version.ts';
import { type Judging, needRead, wasRead } from './asking.ts';
import { damageAt } from './damage.ts';
import type { History, Sighting } from './sightings.ts';
import { isOnDisk } from './sightings.ts';
import { copiesAmong, isSuperseded, nextCopy, type Vote, votesOf } from './votes.ts';

/** What is to be restored, after its other copies were read. */
export interface BorneOut {
  readonly lkg: Sighting;
  /** A copy of equal size and mtime that differs, with no third to decide. */
  readonly against: Sighting | null;
  /** Another physical copy that has the same bytes. */
  readonly second: Sighting | null;
}

/**
 * Whether another physical copy confirms last known good before it is restored: the newest backup's copy may have
 * rotted by itself, and older ones were only listed. Asks for one more copy where only one is known, and for further
 * ones only where two differ. A majority decides; one against one leaves the newest copy in a backup, with the one that
 * contradicts it. What was found damaged live now, given as `damaged`, is no witness.
 */
export function* borneOut(h: History, lkg: Sighting, damaged: Sighting | null): Judging<BorneOut> {
  const alone = { lkg, against: null, second: null };
  // What only a list names has no time under which another copy would be quiet with it.
  if (lkg.kind !== 'file' || lkg.digest === null || lkg.size === 0 || isFromList(lkg)) return alone;
  const quietOnes = h.earlier.filter((peer) => !peer.suspect && quiet(peer, lkg));
  const peers: Sighting[] = [];
  for (const peer of quietOnes) {
    const damage = peer.digest === lkg.digest ? 'none' : yield* damageAt(h, peer.rank);
    const isThatOfLive = damaged !== null && peer.size === damaged.size && peer.digest === damaged.digest;
    if (peer.digest === lkg.digest || (damage !== 'corrupt' && damage !== 'truncated' && !isThatOfLive))
      peers.push(peer);
  }
  const votes = votesOf(h, peers);
  const copies = (digest: bigint | null): Vote[][] =>
    copiesAmong(
      h,
      votes.filter((vote) => vote.digest === digest && !isSuperseded(h, vote, votes)),
    );
  const own = copies(lkg.digest);
  const others = [...new Set(peers.map((peer) => peer.digest))].filter((digest) => digest !== lkg.digest).map(copies);
  const most = others.reduce<Vote[][]>((best, other) => (other.length > best.length ? other : best), []);
  const ownCount = Math.max(1, own.length);
  const newestOf = (digest: bigint | undefined): Sighting | undefined =>
    peers.findLast((peer) => peer.digest === digest && isWitness(h, peer));
  if (most.length > ownCount) return { ...alone, lkg: newestOf(most[0]?.[0]?.digest) ?? lkg };
  if (ownCount > most.length) {
    const second = own.find((copy) => !copy.some((vote) => vote.sighting.observer === lkg.observer));
    if (ownCount > 1) return { ...alone, second: second?.[0]?.sighting ?? null };
    if (peers.some((peer) => peer.observer !== lkg.observer && wasRead(h, peer.observer))) return alone;
  }
  const next = nextCopy(
    h,
    peers.filter((peer) => !isWitness(h, peer)),
  );
  if (next !== null) return yield* needRead(h, [next], 'another');
  if (most.length === 0) return alone;
  const newest = peers.findLast((peer) => isOnDisk(h, peer) && isWitness(h, peer)) ?? lkg;
  const against = peers.findLast((peer) => peer.digest !== newest.digest && isWitness(h, peer));
  return { lkg: newest, against: against ?? null, second: null };
}

/** Its own bytes were read, by a scan or just now. */
function isWitness(h: History, { observer, version, digest }: Sighting): boolean {
  if (digest === null) return false;
  if (version.digest === digest && version.readSeq === h.context.observers[observer]?.scan.seq) return true;
  return h.facts.readings.some((reading) => reading.observer === observer && reading.digest === digest);
}
