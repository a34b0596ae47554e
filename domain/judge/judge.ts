// The verdict table of design.md section 6, in its order: integrity (rows 0–8), then protection (rows 9–14). Pure: facts in, verdict out.
import { nameAt, type PathFacts, wholeHistory } from '../facts.ts';
import { same } from '../version.ts';
import { judgeAbsence, lastSighting } from './absent.ts';
import { causeOfAbsence } from './cause.ts';
import type { Acceptance, JudgeContext, Judged, Outcome, SourceCopy } from './context.ts';
import { acceptance, acceptedPair, damageOf, lkgBefore } from './damage.ts';
import { causeOfLeaving, whereItWent } from './elsewhere.ts';
import { FLAG } from './flags.ts';
import { openCase } from './history.ts';
import type { RowVerdict } from './integrity.ts';
import { judgeIntegrity } from './integrity.ts';
import { expectedKeyOf, hexDigest, OBSERVED_ABSENT, observedKeyOf, stateOf } from './keys.ts';
import type { LiveState } from './live.ts';
import { liveState } from './live.ts';
import { judgeProtection, unreadNewest } from './protection.ts';
import type { Recovered } from './recovery.ts';
import { recover } from './recovery.ts';
import type { Case, Pending, Sighting } from './sightings.ts';
import { nameOf, needRead, orderIsDoubtful, PENDING, readable, volumeOf, wasRead } from './sightings.ts';
import { borneOut } from './votes.ts';

/**
 * Judges one path, or says which copies must be read first; then the caller reads them, adds what came of it to the facts (failures
 * too), and judges again. Nothing is asked twice, so this ends. Row 2 (hidden, unreachable, misplaced) speaks where bricks are read;
 * the layouts tree and snapshots have none. Throws on facts that are not aligned with the observers.
 */
export function judge(facts: PathFacts, context: JudgeContext): Outcome {
  if (facts.sights.length !== context.observers.length)
    throw new Error(`${facts.path}: ${facts.sights.length} sights of ${context.observers.length} observers`);
  const c = openCase(wholeHistory(facts), context, damageOf);
  const judged = judgeCase(c);
  if (judged !== PENDING) return { kind: 'judged', judged };
  if (c.needs.length === 0) throw new Error(`${facts.path}: undecided, and nothing to read`);
  return { kind: 'requests', requests: c.needs };
}

function judgeCase(c: Case): Judged | Pending {
  const state = liveState(c);
  if (state === PENDING) return PENDING;
  switch (state.kind) {
    case 'unreadable':
      return unreadable(c, state);
    case 'unsettled':
      return unsettled(c, state.why);
    case 'absent':
      return absent(c);
    case 'present':
      return present(c, state.sighting);
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
function unreadable(c: Case, state: Extract<LiveState, { kind: 'unreadable' }>): Judged | Pending {
  const newest = lkgBefore(c, c.earlier.length);
  if (newest === PENDING) return PENDING;
  const back = wayBack(c, newest, null);
  if (back === PENDING) return PENDING;
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
    accepted: acceptance(c, expectedKey, observedKey),
    expectedKey,
    observedKey,
    evidence: [state.why, ...back.evidence],
  };
}

/** Row 1. Nothing is read for a path in flux: the newest observation above suspicion stands as expected. */
function unsettled(c: Case, why: string): Judged {
  const lkg = c.earlier.findLast((sighting) => !sighting.suspect) ?? null;
  return {
    ...NOTHING,
    verdict: 'unsettled',
    lkg: expected(lkg),
    expectedKey: expectedKeyOf(lkg),
    observedKey: 'unsettled',
    evidence: [why],
  };
}

/** Row 3. */
function absent(c: Case): Judged | Pending {
  const newest = lkgBefore(c, c.earlier.length);
  if (newest === PENDING) return PENDING;
  const hasty = judgeAbsence(c, newest);
  const found = hasty.verdict === 'missing' ? wayBack(c, newest, null) : null;
  if (found === PENDING) return PENDING;
  const lkg = found === null ? newest : found.lkg;
  // A person accepted the absence of what the copies bear out.
  const { verdict, accepted, movedTo, absence, place, isUncertain } = lkg === newest ? hasty : judgeAbsence(c, lkg);
  const { seen, gone } = absence;
  const back = verdict === 'missing' ? found : null;
  const recovered = back?.recovered ?? null;
  const linkTo = verdict === 'missing' ? (c.facts.surroundings?.linkTo ?? null) : null;
  const evidence = [
    seen === null
      ? 'It does not appear in any scan.'
      : `Last seen in ${nameOf(c.context, seen)}, absent ${gone === c.context.live ? 'live now' : `in ${nameOf(c.context, gone)}`}.`,
  ];
  if (verdict === 'deleted' && accepted !== null) evidence.push(`Accepted: ${accepted.reason}`);
  evidence.push(...whereItWent(c, verdict, movedTo));
  if (linkTo !== null) evidence.push(`${linkTo} is another name of the same inode.`);
  if (back !== null && (linkTo === null || back.recovered.source !== null)) evidence.push(...back.evidence);
  return {
    ...NOTHING,
    verdict,
    flags: [
      ...(lkg === null && seen !== null && c.earlier.length === 0 ? [FLAG.neverRead] : []),
      ...(isUncertain ? [FLAG.uncertain] : []),
      ...(back === null ? [] : back.flags),
      ...(verdict === 'moved' && movedTo !== null && sameButForm(c.facts.path, movedTo) ? [FLAG.nameForm] : []),
    ],
    lkg: expected(lkg),
    recovery: recovered === null ? null : linkTo === null ? recovered.recovery : 'exact',
    source: recovered?.source ?? null,
    between: seen === null ? null : { lastSeen: seen, firstGone: gone },
    cause: seen === null || verdict === 'moved' ? null : causeOfLeaving(c, causeOfAbsence(c, absence, place)),
    movedTo,
    linkTo,
    accepted,
    expectedKey: expectedKeyOf(lkg),
    observedKey: OBSERVED_ABSENT,
    evidence,
  };
}

/** Rows 4 to 14. Whether a backup protects it is asked of its present name alone. */
function present(c: Case, live: Sighting): Judged | Pending {
  const own = c.facts.former === undefined ? c : openCase(ownFacts(c), c.context, damageOf);
  const ownLive = own.live ?? live;
  for (const copy of unreadNewest(own, ownLive)) askOnce(c, copy);
  if (c.needs.length > 0) return PENDING;
  const lkg = lkgBefore(c, live.rank);
  if (lkg === PENDING) return PENDING;
  if (lkg !== null && awaitsReading(c, live, lkg)) return PENDING;

  let accepted = acceptedPair(c, lkg, live);
  if (accepted === PENDING) return PENDING;
  const row = accepted === null ? judgeIntegrity(c, live, lkg) : null;
  if (row === PENDING) return PENDING;
  if (row !== null) {
    const keys = keysOf(live, row);
    accepted = acceptance(c, keys.expectedKey, keys.observedKey);
    if (accepted === null || row.verdict === 'backup-corrupt') return damaged(c, live, row, accepted);
  }
  const protection = judgeProtection(own, ownLive);
  const keys = row === null ? { expectedKey: expectedKeyOf(lkg), observedKey: observedKeyOf(live) } : keysOf(live, row);
  return {
    ...NOTHING,
    ...protection,
    lkg: expected(lkg),
    found: stateOf(live),
    accepted: accepted ?? acceptance(c, keys.expectedKey, keys.observedKey),
    ...keys,
  };
}

function ownFacts({ facts }: Case): PathFacts {
  const { former } = facts;
  if (former === undefined) return facts;
  return { ...facts, sights: facts.sights.map((sight, i) => ((former.sights[i] ?? null) === null ? sight : null)) };
}

/** Whether LKG is a file of the same size whose bytes are not known yet; asks for a copy of it that is on disk. */
function awaitsReading(c: Case, live: Sighting, lkg: Sighting): boolean {
  if (live.kind !== 'file' || lkg.kind !== 'file' || lkg.digest !== null || lkg.size !== live.size) return false;
  const copy = c.earlier.findLast(
    (sighting) => sighting.version === lkg.version && readable(c, sighting) && !wasRead(c, sighting.observer),
  );
  if (copy === undefined) return false;
  needRead(c, copy);
  return true;
}

function askOnce(c: Case, copy: Sighting): void {
  if (readable(c, copy) && !wasRead(c, copy.observer)) needRead(c, copy);
}

function keysOf(live: Sighting, row: RowVerdict): { expectedKey: string; observedKey: string } {
  const observedKey = row.odd === null ? observedKeyOf(live) : `backup ${observedKeyOf(row.odd)}`;
  return { expectedKey: expectedKeyOf(row.lkg), observedKey };
}

/** What rows 4–8 found, with the way back. For backup-corrupt live now is good: there is nothing to bring back. */
function damaged(c: Case, live: Sighting, row: RowVerdict, accepted: Acceptance | null): Judged | Pending {
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
  const back = wayBack(c, row.lkg, row.verdict === 'corrupt' || row.verdict === 'truncated' ? live : null);
  if (back === PENDING) return PENDING;
  const { recovered } = back;
  const { former } = c.facts;
  const renamed = former === undefined ? [] : [`It was ${former.path} before, and has been renamed.`];
  const there = recovered.source !== null && equalsSource(c, live, recovered.source);
  const left: Recovered = there ? { recovery: 'none', source: null } : recovered;
  const changed = firstOfRun(c, live);
  const lastSeen = row.lkg?.observer ?? lastSighting(c);
  const firstGone = row.gone ?? (lastSeen !== null && changed > lastSeen ? changed : c.context.live);
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

/** The way back, with what is to be said of it. */
interface WayBack {
  readonly lkg: Sighting | null;
  readonly recovered: Recovered;
  readonly flags: readonly string[];
  readonly evidence: readonly string[];
}

/** The copies of last known good are heard before one is called exact; then the best source is looked for. */
function wayBack(c: Case, newest: Sighting | null, damaged: Sighting | null): WayBack | Pending {
  const borne = newest === null ? null : borneOut(c, newest, damaged);
  if (borne === PENDING) return PENDING;
  const lkg = borne === null ? null : borne.lkg;
  const recovered = recover(c, lkg, damaged);
  if (recovered === PENDING) return PENDING;
  const flags: string[] = recovered.unread === true ? [FLAG.sourceUnreadable] : [];
  const evidence = sourceEvidence(c, recovered);
  if (recovered.source !== null && orderMatters(c, recovered.source.observer))
    evidence.push('The order of these snapshots is estimated.');
  if (recovered.recovery !== 'exact' || borne === null) return { lkg, recovered, flags, evidence };
  if (borne.against !== null) {
    flags.push(c.context.side === 'backup' ? FLAG.sideBackup : FLAG.sideUnknown);
    evidence.push(differentBytes(c, borne.lkg, borne.against), "One copy against one: can't tell which copy is right.");
  } else if (borne.second !== null)
    evidence.push(`Another copy of it, in ${nameOf(c.context, borne.second.observer)}, has the same bytes.`);
  return { lkg, recovered, flags, evidence };
}

/** Another state of the path stands in a snapshot that may as well be the newer one. */
function orderMatters(c: Case, observer: number): boolean {
  const source = c.byObserver.get(observer);
  if (source === undefined) return false;
  return c.earlier.some(
    (one) =>
      one.version !== source.version &&
      volumeOf(c, one) === volumeOf(c, source) &&
      !same(one, source) &&
      orderIsDoubtful(c.context, one, source),
  );
}

function differentBytes(c: Case, a: Sighting, b: Sighting): string {
  const said = ({ digest, observer }: Sighting): string =>
    `${digest === null ? 'unread' : hexDigest(digest)} in ${nameOf(c.context, observer)}`;
  return `Same size and mtime, other content: ${said(a)}, ${said(b)}.`;
}

function equalsSource(c: Case, live: Sighting, source: SourceCopy): boolean {
  const copy = source.path === nameAt(c.facts, source.observer) ? c.byObserver.get(source.observer) : undefined;
  return copy !== undefined && same(copy, live);
}

/** The observer that first saw what lies there now. */
function firstOfRun(c: Case, live: Sighting): number {
  let first = live;
  for (let i = live.rank - 1; i >= 0; i--) {
    const before = c.earlier[i];
    if (before === undefined || !same(before, live)) break;
    first = before;
  }
  return first.observer;
}

function expected(lkg: Sighting | null): Judged['lkg'] {
  return lkg === null ? null : { observer: lkg.observer, state: stateOf(lkg) };
}

function sourceEvidence(c: Case, recovered: Recovered): string[] {
  const { source } = recovered;
  if (source === null && recovered.unread === true)
    return [
      'A snapshot has it, but no copy of it could be read: run this as a user who may read it, or check the disk.',
    ];
  if (source === null) return recovered.recovery === 'none' ? ['No copy of it is left that can be read.'] : [];
  const from = `${nameOf(c.context, source.observer)}${source.path === c.facts.path ? '' : `, as ${source.path}`}`;
  return [recovered.recovery === 'exact' ? `Identical copy in ${from}.` : `Only an older version is left, in ${from}.`];
}
