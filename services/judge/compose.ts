// From verdicts in terms of observers to the findings of an assessment, and from findings to what the catalog keeps.
import { isKept } from '../../domain/verdicts.ts';
import type { Assessment, Finding, LiveInode, Source } from '../../domain/assessment.ts';
import { isGap, type Observer, versionAt } from '../../domain/facts.ts';
import type { SourceCopy } from '../../domain/judge/context.ts';
import type { Kind } from '../../domain/version.ts';
import { iso, isoAsOf } from '../../domain/window/timeline.ts';
import type { FindingRow } from '../catalog/findings.ts';
import { type Case, verdictOf } from './judging.ts';
import { lastSeenAt, lastSeenLive } from './movement.ts';

/**
 * Files and directories are counted apart: a path is what it should be, or where nothing says so, what it is or was.
 */
export function kindOf(one: Case): Kind {
  const { sights } = one.facts;
  const judged = verdictOf(one);
  if (judged.verdict === 'replaced' && judged.lkg !== null) return judged.lkg.state.kind;
  const last = versionAt(sights, lastSeenAt(one.facts, sights.length));
  return judged.found?.kind ?? judged.lkg?.state.kind ?? last?.kind ?? 'file';
}

/** Bytes of last known good, or of what is there where there is none. */
export function bytesOf(one: Case): number {
  const { lkg, found } = verdictOf(one);
  return lkg?.state.size ?? found?.size ?? 0;
}

/** Times in words, by observer: a loss of a hundred thousand files is dated by a handful of them. */
const asOfs = new WeakMap<Observer, string>();

function asOfText(observer: Observer): string {
  let text = asOfs.get(observer);
  if (text === undefined) asOfs.set(observer, (text = isoAsOf(observer.scan.asOf)));
  return text;
}

export function findingOf(one: Case, volume: string, observers: readonly Observer[], nowMs: number): Finding {
  const judged = verdictOf(one);
  const asOf = (observer: number | null | undefined): string | null => {
    const seen = observer === null || observer === undefined ? undefined : observers[observer];
    return seen === undefined ? null : asOfText(seen);
  };
  return {
    volume,
    path: one.facts.path,
    kind: kindOf(one),
    verdict: judged.verdict,
    flags: judged.flags,
    recovery: judged.recovery,
    source: judged.source === null ? null : sourceOf(judged.source, observers, nowMs),
    expected: judged.lkg?.state ?? null,
    expectedAsOf: asOf(judged.lkg?.observer),
    found: judged.found,
    between:
      judged.between === null
        ? null
        : { lastSeen: asOf(judged.between.lastSeen), firstGone: asOf(judged.between.firstGone) },
    cause: judged.cause,
    movedTo: judged.movedTo,
    errno: judged.errno,
    below: judged.below,
    linkTo: judged.linkTo,
    liveInode: liveInodeOf(one, observers),
    accepted: judged.accepted === null ? null : { reason: judged.accepted.reason, atMs: judged.accepted.atMs },
    expectedKey: judged.expectedKey,
    observedKey: judged.observedKey,
    ...(judged.bricks === undefined ? {} : { bricks: judged.bricks }),
    evidence: judged.evidence,
  };
}

function liveInodeOf({ facts }: Case, observers: readonly Observer[]): LiveInode | null {
  const seen = lastSeenLive(facts, observers);
  return seen === null || seen.kind !== 'file' ? null : { inode: seen.inode, nlink: seen.nlink };
}

export function sourceOf(copy: SourceCopy, observers: readonly Observer[], nowMs: number): Source {
  const observer = observers[copy.observer];
  if (observer === undefined) throw new Error(`there is no observer ${copy.observer}`);
  const { scan } = observer;
  const inTarget = observer.role === 'live';
  return {
    scanId: scan.id,
    series: observer.volume,
    snapshot: inTarget ? 'live' : (scan.snapshot ?? scan.path),
    host: scan.host,
    root: scan.path,
    path: copy.path,
    asOf: asOfText(observer),
    state: copy.state,
    proof: copy.proof,
    proofAtMs: copy.proofAtMs ?? nowMs,
    inTarget,
  };
}

/**
 * When it happened, as narrow as it is known, by observer: the first proof, and the last observation of any other state
 * before it. Last known good may be older than that (the name was gone in between), and would draw quiet nights into
 * the window of later assessments.
 */
function stretchOf(one: Case, observers: readonly Observer[]): { from: number; to: number } | null {
  const { lastSeen, firstGone } = verdictOf(one).between ?? { lastSeen: null, firstGone: null };
  if (lastSeen === null || firstGone === null) return null;
  const { sights } = one.facts;
  const had = new Set(observers.flatMap(({ volume }, i) => (versionAt(sights, i) === null ? [] : [volume])));
  for (let from = firstGone - 1; from > lastSeen; from--) {
    const sight = sights[from] ?? null;
    const observer = observers[from];
    if (sight !== null ? !isGap(sight) : observer !== undefined && had.has(observer.volume))
      return { from, to: firstGone };
  }
  return { from: lastSeen, to: firstGone };
}

/** The row that the catalog keeps of a finding; null for what is not kept. `points` are those of the observers. */
export function rowOf(one: Case, observers: readonly Observer[], points: readonly number[]): FindingRow | null {
  const { finding } = one;
  if (finding === null || !isKept(finding)) return null;
  const stretch = stretchOf(one, observers);
  const detail = {
    kind: finding.kind,
    flags: finding.flags,
    cause: finding.cause,
    between: finding.between,
    movedTo: finding.movedTo,
    errno: finding.errno,
    below: finding.below,
    linkTo: finding.linkTo,
    expected_as_of: finding.expectedAsOf,
    bytes: finding.expected?.size ?? finding.found?.size ?? null,
    source:
      finding.source === null
        ? null
        : { series: finding.source.series, snapshot: finding.source.snapshot, path: finding.source.path },
    evidence: finding.evidence ?? [],
  };
  return {
    path: finding.path,
    expected: finding.expectedKey,
    observed: finding.observedKey,
    verdict: finding.verdict,
    recovery: finding.recovery,
    detail: JSON.stringify(detail),
    fromMs: stretch === null ? null : (points[stretch.from] ?? null),
    toMs: stretch === null ? null : (points[stretch.to] ?? null),
  };
}

/** What an assessment says of a backup. */
export function seriesOf(
  series: { readonly name: string; readonly pattern: string },
  observers: readonly Observer[],
): Assessment['series'][number] {
  const own = observers.filter((observer) => observer.volume === series.name);
  const newest = own.findLast(({ scan }) => scan.pruned === null) ?? own.at(-1);
  return {
    name: series.name,
    pattern: series.pattern,
    snapshots: own.length,
    newest: newest === undefined ? null : (newest.scan.snapshot ?? newest.scan.path),
    newestAsOf: newest === undefined ? null : isoAsOf(newest.scan.asOf),
  };
}

/** ISO 8601 of a time in ms, or null. */
export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
