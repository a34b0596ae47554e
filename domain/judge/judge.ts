// The verdict table (docs/design.md#verdicts), in its order: integrity (rows 0–8), then protection (rows 9–14). Pure:
// facts in, verdict out.
import { nameAt, type PathFacts, type Request, wholeHistory } from '../facts.ts';
import { same } from '../version.ts';
import { judgeAbsence, lastSighting } from './absent.ts';
import { causeOfAbsence } from './cause.ts';
import { acceptance } from './acceptance.ts';
import { isUnread, type Judging, needRead, untilAnswered } from './asking.ts';
import type { Acceptance, JudgeContext, Judged, SourceCopy } from './context.ts';
import { acceptedPair, lkgBefore } from './damage.ts';
import { causeOfLeaving, whereItWent } from './elsewhere.ts';
import { type BrickEvidence, evidenceSentences } from '../gluster/evidence.ts';
import { FLAG } from './flags.ts';
import { historyOf } from './history.ts';
import type { RowVerdict } from './integrity.ts';
import { judgeIntegrity } from './integrity.ts';
import { expectedKeyOf, hexDigest, OBSERVED_ABSENT, observedKeyOf, stateOf } from './keys.ts';
import type { LiveState } from './live.ts';
import { liveState } from './live.ts';
import { judgeProtection, unreadNewest } from './protection.ts';
import type { Recovered } from './recovery.ts';
import type { History, Sighting } from './sightings.ts';
import { nameOf } from './sightings.ts';
import { wayBack } from './way-back.ts';
import { contentWithoutName } from './without-name.ts';

/**
 * Judges one path. Yields the copies that must be read first, and takes the facts with what came of it (failures too).
 * Nothing is asked twice, so this ends. Row 2 (hidden, unreachable, misplaced) is what a scan of bricks kept of a
 * name. Throws on facts that are not aligned with the observers.
 */
export function judge(facts: PathFacts, context: JudgeContext): Generator<readonly Request[], Judged, PathFacts> {
  if (facts.sights.length !== context.observers.length)
    throw new Error(`${facts.path}: ${facts.sights.length} sights of ${context.observers.length} observers`);
  return untilAnswered(facts, (known) => verdictOf(historyOf(wholeHistory(known), context)));
}

function* verdictOf(h: History): Judging<Judged> {
  const state = yield* liveState(h);
  switch (state.kind) {
    case 'unreadable':
      return yield* unreadable(h, state);
    case 'unsettled':
      return unsettled(h, state.why);
    case 'on bricks':
      return yield* onBricks(h, state);
    case 'absent':
      return yield* absent(h);
    case 'present':
      return h.facts.bricks === undefined
        ? yield* present(h, state.sighting)
        : { ...(yield* onBricks(h, h.facts.bricks)), found: stateOf(state.sighting) };
  }
}

const NOTHING = {
  flags: [],
  lkg: null,
  found: null,
  recovery: null,
  source: null,
  errno: null,
  below: null,
  between: null,
  cause: null,
  movedTo: null,
  linkTo: null,
  accepted: null,
  evidence: [],
} as const;

/** Row 0. Recovery is computed all the same. */
function* unreadable(h: History, state: Extract<LiveState, { kind: 'unreadable' }>): Judging<Judged> {
  const back = yield* wayBack(h, yield* lkgBefore(h, h.earlier.length), null);
  const { lkg, recovered } = back;
  const expectedKey = expectedKeyOf(lkg);
  const observedKey = `unreadable ${state.errno ?? 'gap'}`;
  return {
    ...NOTHING,
    verdict: 'unreadable',
    flags: back.flags,
    errno: state.errno,
    below: state.below,
    lkg: expected(lkg),
    recovery: recovered.recovery,
    source: recovered.source,
    accepted: acceptance(h, expectedKey, observedKey),
    expectedKey,
    observedKey,
    ...(state.bricks === undefined ? {} : { bricks: state.bricks }),
    evidence: [state.why, ...(state.bricks === undefined ? [] : evidenceSentences(state.bricks)), ...back.evidence],
  };
}

/** Row 1. Nothing is read for a path in flux: the newest observation that is not suspect is what was expected. */
function unsettled(h: History, why: string): Judged {
  const lkg = h.earlier.findLast((sighting) => !sighting.suspect) ?? null;
  return {
    ...NOTHING,
    verdict: 'unsettled',
    lkg: expected(lkg),
    expectedKey: expectedKeyOf(lkg),
    observedKey: 'unsettled',
    evidence: [why],
  };
}

/**
 * Row 2. Nothing is restored over it: what a brick has may be the only copy. Last known good tells whether that is what
 * the file was.
 */
function* onBricks(
  h: History,
  { verdict, bricks }: Omit<Extract<LiveState, { kind: 'on bricks' }>, 'kind'>,
): Judging<Judged> {
  const { lkg } = yield* wayBack(h, yield* lkgBefore(h, h.earlier.length), null);
  const expectedKey = expectedKeyOf(lkg);
  const observedKey = `${verdict} ${bricks.copies.map(({ is, size, xxh64 }) => `${is} ${size ?? ''} ${xxh64 ?? ''}`).join(', ')}`;
  return {
    ...NOTHING,
    verdict,
    lkg: expected(lkg),
    bricks,
    accepted: acceptance(h, expectedKey, observedKey),
    expectedKey,
    observedKey,
    evidence: [...evidenceSentences(bricks), ...provenBy(h, bricks, lkg)],
  };
}

/** Whether a copy on a brick is what the file was last known to be. */
function provenBy(h: History, { copies }: BrickEvidence, lkg: Sighting | null): string[] {
  if (lkg === null) return ['No backup has it: what is on the brick may be the only copy.'];
  if (lkg.kind !== 'file' || lkg.digest === null) return [];
  const digest = hexDigest(lkg.digest);
  const toRescue = copies.filter(({ rescue }) => rescue);
  // Of what users see: only where their contents were compared.
  const read = toRescue.length > 0 ? toRescue : copies.filter(({ xxh64 }) => xxh64 !== null);
  const on = (these: typeof copies): string => these.map(({ brick }) => brick).join(' and ');
  const proven = read.filter(({ xxh64 }) => xxh64 === digest);
  const others = read.filter((copy) => !proven.includes(copy) && toRescue.length === 0);
  const where = nameOf(h.context, lkg.observer);
  if (proven.length > 0) {
    const not = others.length === 0 ? '' : `; the copy on ${on(others)} has not`;
    return [`The copy on ${on(proven)} has the same bytes as in ${where}${not}.`];
  }
  if (toRescue.length > 0)
    return [`No copy on a brick has the same bytes as in ${where}: it may be newer, or not written to its end.`];
  return read.length > 1 ? [`None of the copies has the same bytes as in ${where}.`] : [];
}

/** Row 3. */
function* absent(h: History): Judging<Judged> {
  const newest = yield* lkgBefore(h, h.earlier.length);
  const hasty = judgeAbsence(h, newest);
  const found = hasty.verdict === 'missing' ? yield* wayBack(h, newest, null) : null;
  const lkg = found === null ? newest : found.lkg;
  // What a person accepted is the absence of what the copies confirm.
  const judged = lkg === newest ? hasty : judgeAbsence(h, lkg);
  const held = contentWithoutName(h, lkg, judged);
  if (held !== null) return yield* onBricks(h, { verdict: 'hidden', bricks: held });
  const { verdict, accepted, movedTo, absence, place, isUncertain } = judged;
  const { seen, gone } = absence;
  const back = verdict === 'missing' ? found : null;
  const recovered = back?.recovered ?? null;
  const linkTo = verdict === 'missing' ? (h.facts.surroundings?.linkTo ?? null) : null;
  const evidence = [
    seen === null
      ? 'It does not appear in any scan.'
      : `Last seen in ${nameOf(h.context, seen)}, absent ${gone === h.context.live ? 'live now' : `in ${nameOf(h.context, gone)}`}.`,
  ];
  if (verdict === 'deleted' && accepted !== null) evidence.push(`Accepted: ${accepted.reason}`);
  evidence.push(...whereItWent(h, verdict, movedTo));
  if (linkTo !== null) evidence.push(`${linkTo} is another name of the same inode.`);
  const bricks = verdict === 'missing' ? h.facts.trace : undefined;
  if (bricks !== undefined) evidence.push(...evidenceSentences(bricks));
  if (back !== null && (linkTo === null || back.recovered.source !== null)) evidence.push(...back.evidence);
  return {
    ...NOTHING,
    verdict,
    flags: [
      ...(lkg === null && seen !== null && h.earlier.length === 0 ? [FLAG.neverRead] : []),
      ...(isUncertain ? [FLAG.uncertain] : []),
      ...(back === null ? [] : back.flags),
      ...(verdict === 'moved' && movedTo !== null && sameButForm(h.facts.path, movedTo) ? [FLAG.nameForm] : []),
    ],
    lkg: expected(lkg),
    recovery: recovered === null ? null : linkTo === null ? recovered.recovery : 'exact',
    source: recovered?.source ?? null,
    between: seen === null ? null : { lastSeen: seen, firstGone: gone },
    cause: seen === null || verdict === 'moved' ? null : causeOfLeaving(h, causeOfAbsence(h, absence, place)),
    movedTo,
    linkTo,
    accepted,
    expectedKey: expectedKeyOf(lkg),
    observedKey: OBSERVED_ABSENT,
    ...(bricks === undefined ? {} : { bricks }),
    evidence,
  };
}

/** Rows 4 to 14. Whether a backup protects it is asked of its present name alone. */
function* present(h: History, live: Sighting): Judging<Judged> {
  const own = h.facts.former === undefined ? h : historyOf(ownFacts(h), h.context);
  const ownLive = own.live ?? live;
  const unread = unreadNewest(own, ownLive).filter((copy) => isUnread(h, copy));
  if (unread.length > 0) yield* needRead(h, unread);
  const lkg = yield* lkgBefore(h, live.rank);
  const copy = lkg === null ? undefined : unreadCopyOf(h, live, lkg);
  if (copy !== undefined) yield* needRead(h, [copy]);

  let accepted = yield* acceptedPair(h, lkg, live);
  const row = accepted === null ? yield* judgeIntegrity(h, live, lkg) : null;
  if (row !== null) {
    const keys = keysOf(live, row);
    accepted = acceptance(h, keys.expectedKey, keys.observedKey);
    if (accepted === null || row.verdict === 'backup-corrupt') return yield* damaged(h, live, row, accepted);
  }
  const protection = yield* judgeProtection(own, ownLive);
  const keys = row === null ? { expectedKey: expectedKeyOf(lkg), observedKey: observedKeyOf(live) } : keysOf(live, row);
  return {
    ...NOTHING,
    ...protection,
    lkg: expected(lkg),
    found: stateOf(live),
    accepted: accepted ?? acceptance(h, keys.expectedKey, keys.observedKey),
    ...keys,
  };
}

function ownFacts({ facts }: History): PathFacts {
  const { former } = facts;
  if (former === undefined) return facts;
  return { ...facts, sights: facts.sights.map((sight, i) => ((former.sights[i] ?? null) === null ? sight : null)) };
}

/** A copy of LKG on disk, where that is a file of the same size whose bytes are not known yet. */
function unreadCopyOf(h: History, live: Sighting, lkg: Sighting): Sighting | undefined {
  if (live.kind !== 'file' || lkg.kind !== 'file' || lkg.digest !== null || lkg.size !== live.size) return undefined;
  return h.earlier.findLast((sighting) => sighting.version === lkg.version && isUnread(h, sighting));
}

function keysOf(live: Sighting, row: RowVerdict): { expectedKey: string; observedKey: string } {
  const observedKey = row.odd === null ? observedKeyOf(live) : `backup ${observedKeyOf(row.odd)}`;
  return { expectedKey: expectedKeyOf(row.lkg), observedKey };
}

/** What rows 4–8 found, with the way back. For backup-corrupt live now is good: there is nothing to bring back. */
function* damaged(h: History, live: Sighting, row: RowVerdict, accepted: Acceptance | null): Judging<Judged> {
  const base = {
    ...NOTHING,
    verdict: row.verdict,
    lkg: expected(row.lkg),
    found: stateOf(live),
    cause: row.cause,
    accepted,
    ...keysOf(live, row),
  };
  if (row.verdict === 'backup-corrupt') return { ...base, flags: row.flags, evidence: row.evidence };
  const back = yield* wayBack(h, row.lkg, row.verdict === 'corrupt' || row.verdict === 'truncated' ? live : null);
  const { recovered } = back;
  const { former } = h.facts;
  const renamed = former === undefined ? [] : [`It was ${former.path} before, and has been renamed.`];
  const there = recovered.source !== null && equalsSource(h, live, recovered.source);
  const left: Recovered = there ? { recovery: 'none', source: null } : recovered;
  const changed = firstOfRun(h, live);
  const lastSeen = row.lkg?.observer ?? lastSighting(h);
  const firstGone = row.gone ?? (lastSeen !== null && changed > lastSeen ? changed : h.context.live);
  return {
    ...base,
    lkg: expected(back.lkg),
    flags: [...new Set([...row.flags, ...(there ? [FLAG.nothingToRestore] : back.flags)])],
    recovery: left.recovery,
    source: left.source,
    between: lastSeen === null ? null : { lastSeen, firstGone },
    evidence: [...row.evidence, ...renamed, ...(there ? ['It equals the best copy that is left.'] : back.evidence)],
  };
}

/** Equal but for case and Unicode form. Printable text holds valid UTF-8 as it is. */
function sameButForm(a: string, b: string): boolean {
  const form = (path: string): string => path.normalize('NFC').toLowerCase();
  return form(a) === form(b);
}

function equalsSource(h: History, live: Sighting, source: SourceCopy): boolean {
  const copy = source.path === nameAt(h.facts, source.observer) ? h.byObserver.get(source.observer) : undefined;
  return copy !== undefined && same(copy, live);
}

/** The observer that first saw what is there now. */
function firstOfRun(h: History, live: Sighting): number {
  let first = live;
  for (let i = live.rank - 1; i >= 0; i--) {
    const before = h.earlier[i];
    if (before === undefined || !same(before, live)) break;
    first = before;
  }
  return first.observer;
}

function expected(lkg: Sighting | null): Judged['lkg'] {
  return lkg === null ? null : { observer: lkg.observer, state: stateOf(lkg) };
}
