// Rows 4 to 8 for a path that is there: replaced, recreated, corrupt, backup-corrupt, truncated, reverted, one function
// a row.
import type { Cause } from '../assessment.ts';
import type { Verdict } from '../verdicts.ts';
import { isFromList, mayBeLink, quiet, same, sizesAgree } from '../version.ts';
import { inLossInterval } from './context.ts';
import { hasHad } from './absent.ts';
import { causeOfDamage } from './cause.ts';
import { acceptance } from './acceptance.ts';
import { isReadItself, isUnread, type Judging, needRead } from './asking.ts';
import { lkgBefore, truncatedLike } from './damage.ts';
import { FLAG } from './flags.ts';
import { expectedKeyOf, hexDigest, observedKeyOf } from './keys.ts';
import { revertedTo } from './reverted.ts';
import type { History, Sighting } from './sightings.ts';
import { changedInLoss, differs, nameOf, roleOf, volumeOf } from './sightings.ts';
import { takeSides } from './votes.ts';

/** What one row says; LKG may be another than the newest good observation (row 6). */
export interface RowVerdict {
  readonly verdict: Verdict;
  readonly flags: readonly string[];
  readonly lkg: Sighting | null;
  /** backup-corrupt: the backup's copy, which is what was observed to be odd. */
  readonly odd: Sighting | null;
  /** recreated: the observer that proved it absent. */
  readonly gone: number | null;
  readonly cause: Cause | null;
  readonly evidence: readonly string[];
}

const UNKNOWN: Cause = { cause: 'unknown', signals: [] };
/** Most rows find nothing odd in the backup, and no absence. */
const PLAIN = { flags: [], odd: null, gone: null } as const;

/**
 * The first of rows 4–8 that fits; null where the path is as it should be, or was changed by somebody in the ordinary
 * way.
 */
export function* judgeIntegrity(h: History, live: Sighting, lkg: Sighting | null): Judging<RowVerdict | null> {
  const row4 = lkg === null ? null : yield* replaced(h, live);
  if (row4 !== null) return row4;
  const row5 = lkg === null ? null : recreated(h, live, lkg);
  if (row5 !== null) return row5;
  const row6 = yield* corrupt(h, live, lkg);
  if (row6 !== null || lkg === null || putBack(h, live, lkg)) return row6;
  return (yield* truncated(h, live, lkg)) ?? (yield* reverted(h, live, lkg));
}

/**
 * Row 4: other kind than LKG, and the change lies in a loss interval or was silent. A backup that followed does not
 * make it good: what stood before the change is held against it, unless a person accepted the new state since.
 */
function* replaced(h: History, live: Sighting): Judging<RowVerdict | null> {
  const last = h.earlier.findLastIndex((sighting) => sighting.kind !== live.kind && !mayBeLink(sighting, live));
  const before = h.earlier[last];
  const first = h.earlier[last + 1] ?? live;
  if (before === undefined || !(changedInLoss(h, before, first) || changedSilently(h, before, first))) return null;
  const lkg = yield* lkgBefore(h, first.rank);
  if (lkg === null || lkg.kind === live.kind || mayBeLink(lkg, live)) return null;
  const expectedKey = expectedKeyOf(lkg);
  const run = [...h.earlier.slice(first.rank), live];
  if (run.some((sighting) => acceptance(h, expectedKey, observedKeyOf(sighting)) !== null)) return null;
  const what = `It is a ${live.kind} now and was a ${lkg.kind} in ${nameOf(h.context, lkg.observer)}.`;
  return { ...PLAIN, verdict: 'replaced', lkg, cause: UNKNOWN, evidence: [what] };
}

/**
 * A name takes another kind by being removed and made again, which moves its directory's mtime: where that did not
 * move, nobody did.
 */
function changedSilently(h: History, before: Sighting, after: Sighting): boolean {
  const absence = h.facts.surroundings?.absence ?? null;
  if (absence === null || absence.how !== 'silent' || absence.seen === null) return false;
  return absence.seen <= before.observer && before.observer < absence.gone && absence.gone <= after.observer;
}

/**
 * Row 5: absent at a complete scan, in a loss interval or silently, here again, not same as LKG, and not what a restore
 * list put there. The absence must lie behind LKG's content: an edit of what was long recreated is an edit.
 */
function recreated(h: History, live: Sighting, lkg: Sighting): RowVerdict | null {
  const { context } = h;
  if (!differs(live, lkg)) return null;
  const restoredMs = context.restored.get(h.facts.path) ?? Number.NEGATIVE_INFINITY;
  const first = h.earlier.find((sighting) => sighting.rank === lkg.rank || same(sighting, lkg)) ?? lkg;
  const gone = context.observers.findIndex(
    (observer, index) =>
      index > first.observer &&
      index < context.live &&
      h.facts.sights[index] === null &&
      observer.scan.asOf.fromMs > restoredMs &&
      (inLossInterval(context, sightingBefore(h, index) ?? index - 1, index) || wentSilently(h, index)) &&
      hasHad(h, index),
  );
  if (gone < 0) return null;
  const what = `It was absent in ${nameOf(context, gone)} and is here again with other content than in ${nameOf(context, lkg.observer)}.`;
  return { ...PLAIN, verdict: 'recreated', lkg, gone, cause: UNKNOWN, evidence: [what] };
}

function wentSilently(h: History, gone: number): boolean {
  const absence = h.facts.surroundings?.absence ?? null;
  return absence !== null && absence.how === 'silent' && absence.gone <= gone;
}

/** The last observer of the same volume that had the path before `index`. */
function sightingBefore(h: History, index: number): number | null {
  const volume = h.context.observers[index]?.volume;
  const before = h.earlier.filter((one) => one.observer < index && volumeOf(h, one) === volume);
  return before.length === 0 ? null : Math.max(...before.map(({ observer }) => observer));
}

/** Row 6: an earlier observation is quiet with live now but not same. */
function* corrupt(h: History, live: Sighting, lkg: Sighting | null): Judging<RowVerdict | null> {
  const prior = h.earlier;
  const sides = yield* takeSides(h, live, prior);
  if (sides === 'none') return yield* contradictsList(h, live);
  const other = otherSide(h, live, prior);
  if (sides === 'backup odd') {
    const evidence =
      other === null ? [] : [digests(h, live, other), 'More copies agree with live now than with the newest backup.'];
    return { ...PLAIN, verdict: 'backup-corrupt', lkg: live, odd: other, cause: null, evidence };
  }
  // What is suspect itself shows that live now is odd, and is nothing to go back to.
  const trusted = other === null || other.suspect ? lkg : other;
  const expected = lkg !== null && differs(live, lkg) ? lkg : trusted;
  const cause: Cause = { cause: 'silent', signals: ['its content changed while its size and mtime did not'] };
  const evidence = other === null ? ['Its content changed under the same size and mtime.'] : [digests(h, live, other)];
  const followed = newestBackup(h);
  if (sides === 'odd' && followed !== null && same(followed, live))
    evidence.push(`The copy in ${nameOf(h.context, followed.observer)} was made after the damage: older copies agree.`);
  const flags = isRewritten(h, live) ? [FLAG.rewritten] : [];
  if (sides === 'odd') return { ...PLAIN, verdict: 'corrupt', flags, lkg: expected, cause, evidence };
  const believed = h.context.side === 'backup' && other !== null && roleOf(h, other) === 'backup';
  evidence.push("One copy against one: can't tell which copy is right.");
  return {
    ...PLAIN,
    verdict: 'corrupt',
    flags: [believed ? FLAG.sideBackup : FLAG.sideUnknown, ...flags],
    lkg: trusted ?? expected,
    cause,
    evidence,
  };
}

function newestBackup(h: History): Sighting | null {
  return h.earlier.findLast((sighting) => roleOf(h, sighting) === 'backup') ?? null;
}

/**
 * The inode of an earlier scan has other bytes and another ctime, and still its old mtime: somebody wrote it, and set
 * the time back.
 */
function isRewritten(h: History, live: Sighting): boolean {
  const { inode, ctimeNs } = live.version;
  return h.earlier.some(
    (one) =>
      roleOf(h, one) === 'live' &&
      quiet(one, live) &&
      differs(one, live) &&
      one.version.inode === inode &&
      one.version.ctimeNs !== ctimeNs,
  );
}

/** The clocks of tools and file systems may be this far apart. */
const LIST_MARGIN_MS = 2_000;

/**
 * Row 6 for a list, which has no times: it has another digest, live now claims by its mtime not to have changed since,
 * nobody saw live now's content before the list was made, and nothing but that content since. One copy against one: who
 * is right is not known.
 */
function* contradictsList(h: History, live: Sighting): Judging<RowVerdict | null> {
  if (live.kind !== 'file' || live.digest === null || isFromList(live)) return null;
  const list = h.earlier.findLast((sighting) => isFromList(sighting) && sighting.digest !== null);
  if (list === undefined || list.digest === null || list.digest === live.digest || !sizesAgree(list, live)) return null;
  const madeMs = h.context.observers[list.observer]?.scan.asOf.fromMs ?? 0;
  const restoredMs = h.context.restored.get(h.facts.path) ?? Number.NEGATIVE_INFINITY;
  if (live.mtimeNs > BigInt(madeMs - LIST_MARGIN_MS) * 1_000_000n || restoredMs >= madeMs) return null;
  const before = h.earlier.slice(0, list.rank);
  const since = h.earlier.slice(list.rank + 1);
  const alike = before.filter((sighting) => same(sighting, live));
  // A version that was read at one snapshot is believed of them all: beside a list that says otherwise, its own bytes
  // decide.
  const believed = alike.find((sighting) => !isReadItself(h, sighting) && isUnread(h, sighting));
  if (believed !== undefined) return yield* needRead(h, [believed]);
  if (alike.length > 0) return null;
  if (since.some((sighting) => differs(sighting, live) && !isFromList(sighting))) return null;
  return {
    ...PLAIN,
    verdict: 'corrupt',
    flags: [FLAG.sideUnknown],
    lkg: list,
    cause: { cause: 'silent', signals: ['its content is not what a list had, and its mtime is older than that list'] },
    evidence: [
      `${nameOf(h.context, list.observer)} has ${hexDigest(list.digest)}; live now has ${hexDigest(live.digest)}, and an mtime from before that list.`,
      'A file that was replaced by one with an older mtime looks the same: which of the two is damaged is not known.',
    ],
  };
}

/** The copy that contradicts live now: of the newest backup that differs, else the newest observation that does. */
function otherSide(h: History, live: Sighting, prior: readonly Sighting[]): Sighting | null {
  const others = prior.filter((sighting) => quiet(sighting, live) && differs(sighting, live));
  const backups = others.filter((sighting) => roleOf(h, sighting) === 'backup');
  return (
    backups.findLast((sighting) => !sighting.suspect) ??
    backups.at(-1) ??
    others.findLast((sighting) => !sighting.suspect) ??
    others.at(-1) ??
    null
  );
}

function digests(h: History, live: Sighting, other: Sighting): string {
  const hex = (digest: bigint | null): string => (digest === null ? 'unread' : hexDigest(digest));
  return `Same size and mtime, other content: ${hex(live.digest)} live now, ${hex(other.digest)} in ${nameOf(h.context, other.observer)}.`;
}

/**
 * A recorded restore newer than the last sighting of LKG put an older version there: no crash cut it off, and
 * it was not reverted.
 */
function putBack(h: History, live: Sighting, lkg: Sighting): boolean {
  const restoredMs = h.context.restored.get(h.facts.path);
  const seenMs = h.context.observers[lkg.observer]?.scan.asOf.fromMs ?? 0;
  if (restoredMs === undefined || restoredMs < seenMs) return false;
  return h.earlier.some((sighting) => sighting.rank < lkg.rank && same(sighting, live));
}

/** Row 7: changed in W, and empty, all zeros, cut off, or ending in zeros that LKG has not. */
function* truncated(h: History, live: Sighting, lkg: Sighting): Judging<RowVerdict | null> {
  const shape = yield* truncatedLike(h, live, lkg);
  if (shape === null) return null;
  const what = {
    empty: 'it is empty',
    'all zeros': 'it holds nothing but zeros',
    'cut off': 'it is the beginning of the good version and then ends',
    'ends in zeros': 'it ends in zeros that the good version does not have',
  }[shape];
  const evidence = [
    `In ${nameOf(h.context, lkg.observer)} it had ${lkg.size} bytes; now ${what}, at ${live.size} bytes.`,
  ];
  return { ...PLAIN, verdict: 'truncated', lkg, cause: causeOfDamage(h, live, lkg, what), evidence };
}

/** Row 8: not same as LKG, same as an older observation, mtime not newer than LKG's. */
function* reverted(h: History, live: Sighting, lkg: Sighting): Judging<RowVerdict | null> {
  const older = yield* revertedTo(h, live, lkg);
  if (older === null) return null;
  const what = `it has the content of ${nameOf(h.context, older.observer)} again`;
  const evidence = [`It was changed by ${nameOf(h.context, lkg.observer)}; now ${what}.`];
  return { ...PLAIN, verdict: 'reverted', lkg, cause: causeOfDamage(h, live, lkg, what), evidence };
}
