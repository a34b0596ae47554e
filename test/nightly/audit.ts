// One assessment on the domain alone: the same functions in the same order as services/judge/assess-volume.ts, on facts
// from memory.
import { unfinishedListings } from '../../domain/absence/proof.ts';
import { type DirectoryLook, Witness } from '../../domain/absence/witness.ts';
import { isGap, type PathFacts, type Reading, type Request } from '../../domain/facts.ts';
import { type Acceptance, judgeContext, type Judged, placeIn, type RecordedLoss } from '../../domain/judge/context.ts';
import { judge } from '../../domain/judge/judge.ts';
import { parentOf } from '../../domain/path.ts';
import { exitOfFinding, isLossVerdict, type Verdict } from '../../domain/verdicts.ts';
import type { Version } from '../../domain/version.ts';
import { lastSeenAt } from '../../services/judge/movement.ts';
import { directoryFates, type Fate, type GoneDirectory } from '../../domain/window/directory-fates.ts';
import { decideIntervals, joinedSpans } from '../../domain/window/intervals.ts';
import { findMoves, type Moves, pathsToLookAt, suffixesInQuestion } from '../../domain/window/moves.ts';
import { type Appeared, identityKey, type Vanished } from '../../domain/window/pairs.ts';
import { pointsOf, spansOf } from '../../domain/window/timeline.ts';
import type { Absences } from '../../services/judge/absences.ts';
import { happenedIn } from '../../services/judge/happened.ts';
import { type Case, openCase } from '../../services/judge/judging.ts';
import type { Loaded } from '../../services/judge/load.ts';
import { BACKUP_ROOT, LIVE_ROOT, type Looks } from './looks.ts';
import type { Tree } from './tree.ts';

/** What did not change in the newest looks is as it was judged then. */
const LOOKS_AGAIN = 4;

export interface Found {
  readonly verdict: Verdict;
  readonly exit: number;
  readonly cause: string | null;
  readonly movedTo: string | null;
  readonly evidence: readonly string[];
}

export class Auditor {
  readonly #tree: Tree;
  readonly #looks: Looks;
  readonly #open = new Map<string, RecordedLoss | null>();
  readonly #openSince = new Map<string, number>();
  readonly #accepted = new Map<string, Acceptance[]>();
  readonly #assessed = new Set<bigint>();

  constructor(tree: Tree, looks: Looks) {
    this.#tree = tree;
    this.#looks = looks;
  }

  /** Verdicts of everything that ends a run with other than 0 and was not found by an earlier one, and of `asked`. */
  assess(nowMs: number, asked: ReadonlySet<string>): Map<string, Found> {
    const { observers } = this.#looks;
    const live = observers.length - 1;
    const points = pointsOf(observers);
    const cases = this.#cases();
    const gone = cases.filter(({ facts }) => facts.sights[live] === null);
    const absences = this.#attach(cases, gone, new Map());
    const moves = this.#moves(gone, points);
    if (moves.directories.size > 0) this.#attach(cases, gone, moves.directories);
    this.#follow(cases, moves);
    const files = [...this.#tree.nodes.values()].filter(({ kind }) => kind === 'file').length;
    const decisions = { ...NO_DECISIONS, assessedScans: this.#assessed };
    const spans = joinedSpans(spansOf(observers, points));
    const sizes = new Set(gone.map(({ facts }) => lastVersion(facts)?.size ?? 0));
    const standing = new Set<string>();
    for (const { kind, size, digest, mtimeMs } of this.#tree.nodes.values())
      if (kind === 'file' && size > 0 && sizes.has(size))
        standing.add(`${size} ${digest}`).add(`${size} at ${Math.floor(mtimeMs)}`);
    const decided = decideIntervals({
      spans,
      happened: happenedIn({
        spans,
        loaded: { observers, cases, changes: new Map(), decisions, files },
        moves,
        absences,
        standsElsewhere: ({ facts }) => {
          const last = lastVersion(facts);
          if (last === null || last.size === null) return false;
          const at = `${last.size} at ${last.mtimeNs / 1_000_000n}`;
          return standing.has(`${last.size} ${last.digest}`) || standing.has(at);
        },
      }),
      files,
      sinceMs: null,
      isFirst: this.#assessed.size === 0,
      points,
    });
    const context = judgeContext({
      observers,
      intervals: decided.intervals,
      since: decided.since,
      moves,
      accepted: this.#accepted,
      restored: new Map(),
      openFindings: this.#open,
      damaged: new Map(),
      backupDeclared: true,
      side: null,
    });
    const judged = new Map<string, Judged>();
    for (const { facts } of cases) {
      // Row 3 has nothing else to say of what people deleted outside of all loss intervals, and most of what is gone is
      // that.
      const absence = facts.sights[live] === null ? (facts.surroundings?.absence ?? null) : null;
      const isPlain = absence?.how === 'touched' && placeIn(context, absence.seen ?? -1, absence.gone).rules.size === 0;
      const isNamed = [this.#open, moves.displaced, moves.rewritten, asked].some((names) => names.has(facts.path));
      if (isPlain && !isNamed && !moves.moved.has(facts.path)) continue;
      judged.set(facts.path, answer(facts, judge(facts, context)));
    }
    const fates = this.#fates(gone, judged);
    const found = new Map<string, Found>();
    for (const { facts } of cases) {
      const { path } = facts;
      const one = judged.get(path);
      if (one === undefined) continue;
      const fate = fates.get(path)?.fate;
      const verdict = fate === undefined || fate === 'missing' ? one.verdict : fate;
      const exit = exitOfFinding({ verdict, flags: one.flags, accepted: one.accepted });
      const isNew = exit !== 0 && !this.#openSince.has(path);
      if (isNew || asked.has(path))
        found.set(path, {
          verdict,
          exit,
          cause: one.cause?.cause ?? null,
          movedTo: one.movedTo,
          evidence: [...one.evidence, ...(one.cause?.signals ?? [])],
        });
      if (exit !== 0) this.#keep(path, one, nowMs, points);
    }
    const scan = observers[live]?.scan;
    if (scan !== undefined) this.#assessed.add(scan.id);
    return found;
  }

  /** A finding stays open for some nights; then a person accepts it. */
  #keep(path: string, one: Judged, nowMs: number, points: readonly number[]): void {
    const since = this.#openSince.get(path) ?? nowMs;
    this.#openSince.set(path, since);
    if (isLossVerdict(one.verdict))
      this.#open.set(path, {
        cause: one.cause,
        goneMs: points[one.between?.firstGone ?? -1] ?? null,
        isUncertain: one.flags.includes('uncertain'),
      });
    if (nowMs - since < 3 * 86_400_000) return;
    const { expectedKey, observedKey } = one;
    this.#accepted.set(path, [{ expectedKey, observedKey, reason: 'known', atMs: nowMs }]);
    this.#open.delete(path);
  }

  /** Everything that is not plainly intact. */
  #cases(): Case[] {
    const cases: Case[] = [];
    const recent = this.#looks.observers.length - LOOKS_AGAIN;
    for (const [path, { live, backup, hasEnded, changedAt }] of this.#looks.tracks) {
      if (live !== null && backup !== null) {
        if (live.kind === 'directory' && backup.kind === 'directory') continue;
        const alike = live.digest === backup.digest && live.size === backup.size && live.mtimeNs === backup.mtimeNs;
        if (alike && (!hasEnded || changedAt < recent)) continue;
      }
      const facts: PathFacts = { path, sights: this.#looks.sightsOf(path), readings: [], comparisons: [] };
      cases.push(openCase(1, path, facts));
    }
    return cases.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #attach(cases: readonly Case[], gone: readonly Case[], renamed: ReadonlyMap<string, string>): Absences {
    const { observers, changes } = this.#looks;
    const live = observers.length - 1;
    const present = new Map<string, number>();
    for (const { facts } of cases)
      if (isVersion(facts.sights[live] ?? null))
        present.set(parentOf(facts.path), (present.get(parentOf(facts.path)) ?? 0) + 1);
    const plainFiles = new Map<string, number>();
    for (const { facts } of gone) {
      const directory = parentOf(facts.path);
      const all = this.#tree.filesOf(directory).length - (present.get(directory) ?? 0);
      plainFiles.set(directory, Math.max(0, all));
    }
    const unfinished = unfinishedListings({
      observers,
      paths: cases.map(({ facts }) => facts),
      plainFiles,
      restored: new Map(),
    });
    const looked = new Map<string, readonly (DirectoryLook | null)[]>();
    const directories: Pick<ReadonlyMap<string, readonly (DirectoryLook | null)[]>, 'get'> = {
      get: (path) => {
        let looks = looked.get(path);
        if (looks === undefined) looked.set(path, (looks = this.#looks.directory(path)));
        return looks;
      },
    };
    const keepsTimes = new Map([
      ['live', 'yes'],
      ['nightly', 'yes'],
    ] as const);
    const witness = new Witness({
      observers,
      unfinished,
      directories: directories as ReadonlyMap<string, readonly (DirectoryLook | null)[]>,
      keepsTimes,
      changedMs: new Map(
        observers.flatMap(({ role, scan }, index) =>
          role === 'backup' ? [[index, changes.get(`${scan.rootId} ${scan.seq}`)?.changedMs ?? 0] as const] : [],
        ),
      ),
      gainedUnmoved: new Map(),
      restoredInto: new Map(),
      renamed,
      stood: (path, observer) => isVersion(this.#looks.sightsOf(path)[observer]),
    });
    for (const one of cases) {
      const { facts } = one;
      const isGone = facts.sights[live] === null;
      if (isGone && renamed.size > 0 && !renamed.has(parentOf(facts.path))) continue;
      const returned = isGone ? null : returnedAt(facts);
      if (!isGone && returned === null) continue;
      const absence = returned === null ? witness.absenceOf(facts) : witness.absenceOf(facts, returned);
      one.facts = { ...facts, surroundings: { absence, siblings: null, copies: [], linkTo: null } };
    }
    const filesTouched = new Map([...changes].map(([key, one]) => [key, one.filesTouched]));
    const newest = observers.findLast(({ role }) => role === 'live')?.scan.seq;
    const beside = { same: 1, other: 0, filesTouched: filesTouched.get(`${LIVE_ROOT} ${newest}`) ?? 0 };
    return {
      times: {
        beside: new Map([[BACKUP_ROOT, beside]]),
        filesTouched,
        changedMs: new Map(),
        gained: new Map(),
        gainedUnmoved: [],
      },
      keepsTimes,
      askAgain: async () => {},
    };
  }

  #moves(gone: readonly Case[], points: readonly number[]): Moves {
    const { observers } = this.#looks;
    const live = observers.length - 1;
    const vanished = gone.flatMap(({ facts }): Vanished[] => {
      const seen = lastSeen(facts);
      const last = lastVersion(facts);
      if (last === null) return [];
      const own = facts.sights.findLast((sight, index) => observers[index]?.role === 'live' && isVersion(sight));
      const same = own !== undefined && isVersion(own) && own.size === last.size && own.mtimeNs === last.mtimeNs;
      return [
        {
          ...last,
          path: facts.path,
          live: same || (isVersion(own ?? null) && last.kind === 'directory') ? identityOf(own as Version) : null,
          alone: true,
          firstSeenMs: points[began(facts, seen)] ?? Number.NEGATIVE_INFINITY,
          lastSeenMs: points[seen] ?? 0,
          how: facts.surroundings?.absence?.how ?? null,
        },
      ];
    });
    const wanted = new Set(
      vanished.flatMap((v) => [identityKey(v), v.kind === 'file' && v.size !== 0 ? `${v.size} ${v.digest}` : null]),
    );
    const appearedOf = (path: string): Appeared[] => {
      const facts = { path, sights: this.#looks.sightsOf(path), readings: [], comparisons: [] };
      const now = facts.sights[live] ?? null;
      if (!isVersion(now)) return [];
      const first = began(facts, live);
      return [{ ...now, path, live: identityOf(now), firstSeenMs: points[first] ?? Number.NEGATIVE_INFINITY }];
    };
    // Equal content, and the identities that vanished, wherever they stand: every name is asked, as the catalog's index
    // does.
    const names: string[] = [];
    const sizes = new Set(vanished.map(({ size }) => size));
    const inodes = new Set(vanished.map(({ live: identity }) => identity?.inode));
    for (const [path, node] of this.#tree.nodes) {
      if (!inodes.has(node.inode) && !(node.kind === 'file' && sizes.has(node.size))) continue;
      const identity = `${node.kind} ${LIVE_ROOT} ${node.inode} ${BigInt(Math.floor(node.btimeMs)) * 1_000_000n}`;
      if (wanted.has(identity) || (node.kind === 'file' && wanted.has(`${node.size} ${node.digest}`))) names.push(path);
    }
    let appeared = names.flatMap(appearedOf).sort(byPath);
    const beside = pathsToLookAt(vanished, appeared).filter((path) => this.#tree.nodes.has(path));
    if (beside.length > 0) appeared = [...appeared, ...beside.flatMap(appearedOf)].sort(byPath);
    const known = new Set<string>();
    for (const { suffix, names: bearing } of suffixesInQuestion(vanished, appeared)) {
      const own = new Set(bearing);
      for (const path of this.#looks.tracks.keys())
        if (path.endsWith(suffix) && !own.has(path.slice(path.lastIndexOf('/') + 1))) known.add(suffix);
    }
    return findMoves(vanished, appeared, known);
  }

  /** History follows the file (services/judge/histories.ts). */
  #follow(cases: Case[], moves: Moves): void {
    const byPath = new Map(cases.map((one) => [one.facts.path, one]));
    for (const [path, before] of moves.formers) {
      const old = byPath.get(before);
      if (old === undefined) continue;
      let one = byPath.get(path);
      if (one === undefined) {
        const facts = { path, sights: this.#looks.sightsOf(path), readings: [], comparisons: [] };
        cases.push((one = openCase(1, path, facts)));
      }
      const { facts } = one;
      const sights = facts.sights.map((sight, i) => (sight === null ? (old.facts.sights[i] ?? null) : null));
      one.facts = { ...facts, former: { path: before, sights } };
    }
  }

  #fates(gone: readonly Case[], judged: ReadonlyMap<string, Judged>): ReturnType<typeof directoryFates> {
    const directories: GoneDirectory[] = [];
    const files: Fate[] = [];
    for (const { facts } of gone) {
      const at = { path: facts.path, seenAt: lastSeenAt(facts, facts.sights.length) };
      const { verdict, movedTo } = judged.get(facts.path) ?? { verdict: 'deleted', movedTo: null };
      const fate = verdict === 'moved' || verdict === 'deleted' ? verdict : 'missing';
      if (lastVersion(facts)?.kind === 'directory') directories.push(at);
      else files.push({ ...at, fate, movedTo });
    }
    return directoryFates(directories, files);
  }
}

const NO_DECISIONS: Loaded['decisions'] = {
  open: [],
  oldFindings: 0,
  openLosses: new Map(),
  assessedScans: new Set(),
  accepted: new Map(),
  spent: new Set(),
  damaged: new Map(),
  restored: new Map(),
  restoredInto: new Map(),
};

/**
 * judge asks for bytes; every copy here has its digest, and where two are compared, one is no beginning of the other.
 */
function answer(facts: PathFacts, judging: ReturnType<typeof judge>): Judged {
  let known = facts;
  for (let round = 0; round < 100; round++) {
    const step = judging.next(known);
    if (step.done === true) return step.value;
    known = step.value.reduce(given, known);
  }
  throw new Error(`${facts.path}: judging asks without an end`);
}

function given(facts: PathFacts, request: Request): PathFacts {
  if (request.kind === 'compare') {
    const { of, against } = request;
    const compared = { of, against, errno: null, truePrefix: false, alikeBeforeZeros: false };
    return { ...facts, comparisons: [...facts.comparisons, compared] };
  }
  const sight = facts.sights[request.observer] ?? facts.former?.sights[request.observer] ?? null;
  if (!isVersion(sight)) throw new Error(`${facts.path} was asked for where it is not`);
  const { digest, zeroFrom, inode, ctimeNs, btimeNs } = sight;
  const reading: Reading = { observer: request.observer, digest, zeroFrom, errno: null, inode, ctimeNs, btimeNs };
  return { ...facts, readings: [...facts.readings, reading] };
}

function isVersion(sight: PathFacts['sights'][number] | undefined): sight is Version {
  return sight !== null && sight !== undefined && !isGap(sight);
}

function lastSeen({ sights }: PathFacts): number {
  return sights.findLastIndex((sight) => isVersion(sight));
}

function lastVersion(facts: PathFacts): Version | null {
  const sight = facts.sights[lastSeen(facts)];
  return isVersion(sight) ? sight : null;
}

/** The first sighting of the run that ends with `last`; -1 where it always stood. */
function began({ sights }: PathFacts, last: number): number {
  for (let index = last - 1; index >= 0; index--) if (!isVersion(sights[index])) return index + 1;
  return -1;
}

/** The newest observer that did not see a name which was seen before and after it. */
function returnedAt({ sights }: PathFacts): number | null {
  const first = sights.findIndex((sight) => isVersion(sight));
  for (let index = sights.length - 2; index > first; index--) if (sights[index] === null) return index;
  return null;
}

function identityOf({ inode, btimeNs }: Version): Vanished['live'] {
  return { root: LIVE_ROOT, inode, btimeNs };
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}
