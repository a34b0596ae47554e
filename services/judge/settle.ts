// After the first verdicts: other places of the lost bytes, the second look at what is not intact, and directories as
// the sum of their files.
import type { Verdict } from '../../domain/verdicts.ts';
import { isGap, versionAt } from '../../domain/facts.ts';
import { type BrickEvidence, evidenceOf, evidenceText, isBrickVerdict } from '../../domain/gluster/evidence.ts';
import type { JudgeContext } from '../../domain/judge/context.ts';
import { compareBytes } from '../../domain/path.ts';
import { directoryFates, type Fate, type GoneDirectory } from '../../domain/window/directory-fates.ts';
import type { Moves } from '../../domain/window/moves.ts';
import type { Queryable } from '../catalog/scans.ts';
import type { LookAsk, Place } from './asks.ts';
import { kindOf } from './compose.ts';
import type { Hosts } from './hosts.ts';
import { type Case, judgeAll, type JudgingTools, verdictOf } from './judging.ts';
import type { Loaded } from './load.ts';
import { type LookedAgain, lookAgain, noRoot, type Suspected } from './lookup.ts';
import { lastSeenAt } from './movement.ts';
import { addCopies } from './surroundings.ts';

/** Judges again what has no exact source, with the places where its bytes are under other names. */
export async function judgeWithCopies(
  client: Queryable,
  loaded: Pick<Loaded, 'cases' | 'builder' | 'roots'>,
  context: JudgeContext,
  tools: JudgingTools,
): Promise<void> {
  const wanted = loaded.cases.flatMap((one) => {
    if (one.parked) return [];
    const { recovery, lkg } = verdictOf(one);
    const state = lkg?.state;
    if (recovery === null || recovery === 'exact') return [];
    if (state?.kind !== 'file' || state.digest === null || state.size === null || state.size === 0) return [];
    return [{ one, size: state.size, digest: BigInt(`0x${state.digest}`) }];
  });
  if (wanted.length === 0) return;
  await judgeAll(await addCopies(client, loaded.builder, loaded.roots, wanted), context, tools);
}

/**
 * What is not intact is looked at once more (docs/design.md#rule-10), and judged again where it has moved since the
 * scan. Where live's host does not answer, the case says so.
 */
export async function lookAtSuspects(
  live: Place,
  cases: readonly Case[],
  context: JudgeContext,
  tools: JudgingTools & { readonly now: () => number; readonly hosts: Hosts },
): Promise<void> {
  const suspects = cases.filter((one) => {
    const sight = one.facts.sights[context.live] ?? null;
    return !one.parked && verdictOf(one).verdict !== 'intact' && (!isGap(sight) || bricksOf(one) !== null);
  });
  if (suspects.length === 0) return;
  suspects.sort((a, b) => compareBytes(a.facts.path, b.facts.path));
  const asked = suspects.map((one): Suspect => {
    const bricks = bricksOf(one);
    const seen = versionAt(one.facts.sights, context.live);
    return { one, path: one.facts.path, seen, ...(bricks === null ? {} : { bricks }) };
  });
  const looks =
    live.host === tools.hosts.own ? (await lookAgain(live, asked)).looks : looksOf(live, asked, tools.hosts);
  const moved = looks.flatMap(({ outcome, errno, trace, asked: { one } }) => {
    if (outcome === 'as seen') {
      if (trace === undefined || verdictOf(one).verdict !== 'missing') return [];
      one.facts = { ...one.facts, trace };
      return [one];
    }
    const atMs = tools.now();
    const reading = {
      observer: context.live,
      digest: null,
      errno: errno ?? 'CHANGED',
      inode: 0n,
      ctimeNs: 0n,
      atMs,
    };
    one.facts = { ...one.facts, readings: [...one.facts.readings, reading] };
    return [one];
  });
  await judgeAll(moved, context, tools);
}

/** What its verdict stands on, where that is what the bricks have of its name. */
function bricksOf(one: Case): BrickEvidence | null {
  const { verdict, bricks } = verdictOf(one);
  if (bricks === undefined || !isBrickVerdict(verdict)) return null;
  // What has lost its name is not found under one.
  return bricks.copies.some(({ handle }) => handle !== undefined) ? null : bricks;
}

interface Suspect extends Suspected {
  readonly one: Case;
}

/** As live's host has answered. What it was not asked yet is left out. */
function looksOf({ host, root, mark }: Place, asked: readonly Suspect[], hosts: Hosts): LookedAgain<Suspect>[] {
  return asked.flatMap((suspect) => {
    const { one, path, seen, bricks } = suspect;
    const ask: LookAsk = {
      kind: 'look',
      host,
      root,
      mark,
      path,
      seen: seen === null ? null : { kind: seen.kind, size: seen.size, mtimeNs: seen.mtimeNs },
      ...(bricks === undefined ? {} : { bricks: evidenceText(bricks) }),
    };
    const answer = hosts.find(ask);
    if (answer === 'wanted') return [];
    if (answer === 'unanswered') {
      one.silences = [...one.silences, { host, of: 'now' }];
      return [];
    }
    if (answer.outcome === 'no root') throw noRoot(root, `on ${host}, ${answer.detail ?? answer.errno ?? ''}`);
    const { outcome, errno } = answer;
    const trace = evidenceOf(answer.trace ?? null);
    return [{ outcome, errno, ...(trace === null ? {} : { trace }), asked: suspect }];
  });
}

/**
 * A directory whose files all moved or were deleted is so itself; one with a missing file is missing, so that a restore
 * makes it again.
 */
export async function settleDirectories(
  cases: readonly Case[],
  context: JudgeContext,
  tools: JudgingTools,
): Promise<void> {
  const gone = (verdict: Verdict): verdict is Fate['fate'] =>
    verdict === 'missing' || verdict === 'moved' || verdict === 'deleted';
  const directories: Case[] = [];
  const files: Fate[] = [];
  for (const one of cases) {
    if (one.facts.sights[context.live] !== null) continue;
    const { verdict, movedTo, accepted } = verdictOf(one);
    const isDirectory = kindOf(one) === 'directory';
    if (isDirectory && gone(verdict) && accepted === null) directories.push(one);
    else if (!isDirectory) files.push({ ...goneAt(one), fate: gone(verdict) ? verdict : 'missing', movedTo });
  }
  if (directories.length === 0) return;
  const fates = directoryFates(directories.map(goneAt), files);
  const asMissing = directories.filter(
    ({ facts }) => fates.get(facts.path)?.fate === 'missing' && !context.openFindings.has(facts.path),
  );
  const needed = new Set(asMissing.map(({ facts }) => facts.path));
  const moved = new Map([...context.moves.moved].filter(([path]) => !needed.has(path)));
  await judgeAll(
    asMissing,
    {
      ...context,
      openFindings: new Map([...context.openFindings, ...[...needed].map((path) => [path, null] as const)]),
      moves: { ...context.moves, moved } satisfies Moves,
    },
    tools,
  );
  for (const one of directories) {
    const fate = fates.get(one.facts.path);
    if (fate === undefined || fate.fate === 'missing') continue;
    const judged = verdictOf(one);
    one.judged = {
      ...judged,
      verdict: fate.fate,
      movedTo: fate.movedTo ?? judged.movedTo,
      recovery: null,
      source: null,
      cause: fate.fate === 'moved' ? null : judged.cause,
      evidence: [...judged.evidence, fate.fate === 'moved' ? 'Its files moved.' : 'All of its files were deleted.'],
    };
  }
}

function goneAt({ facts }: Case): GoneDirectory {
  return { path: facts.path, seenAt: lastSeenAt(facts, facts.sights.length) };
}
