// From rows of the catalog to the facts of one path: what every observer saw, with gaps laid over the versions that
// they hide.
import { isGap, type Observer, type PathFacts, type Sight } from '../../domain/facts.ts';
import { evidenceOf, evidenceText, isBrickVerdict } from '../../domain/gluster/evidence.ts';
import { evidenceOfHandles, isOrphanGap, type Orphan, orphanOf } from '../../domain/gluster/orphans.ts';
import { baseName, joinPath, parentOf } from '../../domain/path.ts';
import { type Gap, hidesNothing, isMountGap, NAMES_UNSEEN } from '../../domain/scan.ts';
import type { Scope, ScopeRules } from '../../domain/scope.ts';
import type { Version } from '../../domain/version.ts';
import type { JudgedRoot, PathRows, StoredGap } from '../catalog/reconciliation.ts';
import { createScope } from '../files/scope.ts';

/** Why a path is no part of the universe although some scan once saw it. */
export type OutOfScope = 'excluded' | 'boundary' | 'skipped';

type Note = NonNullable<PathFacts['bricks']>;

/**
 * What hides names from one observer: by the path that is hidden with all below it, and by the mount points that were
 * not entered.
 */
interface Cover {
  readonly gaps: ReadonlyMap<string, Gap>;
  readonly boundaries: ReadonlyMap<string, Gap>;
  /** By directory: why names there, and below, may be there although nobody saw them. */
  readonly unseen: ReadonlyMap<string, Gap>;
  /** By path: what the bricks have of a name that stands. */
  readonly noted: ReadonlyMap<string, Note>;
  /** By the paths that it had: content on the bricks that has no name. */
  readonly orphans: ReadonlyMap<string, readonly Orphan[]>;
  /** By directory: the gap that hides everything in it, or null. */
  readonly known: Map<string, Gap | null>;
  /** The scan's own rules where they differ from today's: what they left out was not seen, and is not absent. */
  readonly rules: Scope | null;
}

const OUT_OF_SCOPE_THEN: Omit<Gap, 'directory' | 'name'> = {
  status: 'boundary',
  errno: null,
  detail: 'not in scope of that scan',
};

const NOT_LISTED: Omit<Gap, 'directory' | 'name'> = {
  status: 'boundary',
  errno: null,
  detail: 'not in that list, which does not claim to hold everything',
};

/** Builds facts. The same versions and gaps are shared by all sights of them. */
export class FactsBuilder {
  readonly observers: readonly Observer[];
  readonly scope: Scope;
  readonly #covers: readonly (Cover | null)[];
  /** Per root: its observers in order of seq. */
  readonly #byRoot: ReadonlyMap<number, readonly { readonly index: number; readonly seq: bigint }[]>;

  constructor(
    observers: readonly Observer[],
    gaps: readonly StoredGap[],
    rules: ReadonlyMap<bigint, { readonly scope: ScopeRules }>,
    scope: Scope,
  ) {
    this.observers = observers;
    this.scope = scope;
    const byScan = new Map<bigint, StoredGap[]>();
    for (const gap of gaps) {
      const list = byScan.get(gap.scan);
      if (list === undefined) byScan.set(gap.scan, [gap]);
      else list.push(gap);
    }
    this.#covers = observers.map((observer) => {
      const own = rules.get(observer.scan.id)?.scope;
      const differs = own !== undefined && JSON.stringify(own.excludes) !== JSON.stringify(scope.rules.excludes);
      return coverOf(byScan.get(observer.scan.id) ?? [], differs ? createScope(own) : null);
    });
    const byRoot = new Map<number, { index: number; seq: bigint }[]>();
    observers.forEach((observer, index) => {
      const list = byRoot.get(observer.scan.rootId) ?? [];
      list.push({ index, seq: observer.scan.seq });
      byRoot.set(observer.scan.rootId, list);
    });
    for (const list of byRoot.values()) list.sort((a, b) => (a.seq < b.seq ? -1 : 1));
    this.#byRoot = byRoot;
  }

  /**
   * The facts of one path, or why it is not judged. `directory` is the printable path of the directory that holds the
   * name.
   */
  build(rows: PathRows, directory: string): PathFacts | OutOfScope {
    const path = joinPath(directory, rows.name);
    const sights: Sight[] = this.observers.map(() => null);
    for (const [root, versions] of rows.byRoot) {
      let at = -1;
      for (const { index, seq } of this.#byRoot.get(root) ?? []) {
        while (at + 1 < versions.length && (versions[at + 1]?.firstSeq ?? seq) <= seq) at++;
        const version = versions[at];
        if (version === undefined) continue;
        if (version.endSeq === null || version.endSeq > seq) sights[index] = version;
        // What a scan left out by its own rules is added below, scan by scan: a later one may have looked, and found
        // nothing.
        else if (version.endReason === 'root removed')
          sights[index] = { directory, name: rows.name, ...OUT_OF_SCOPE_THEN };
      }
    }
    return this.#covered(path, directory, sights);
  }

  /** A name that only a gap ever saw. */
  hidden(path: string): PathFacts | OutOfScope {
    return this.#covered(
      path,
      parentOf(path),
      this.observers.map(() => null),
    );
  }

  /**
   * Names that no brick has and whose content one holds all the same, as a crash leaves it. What somebody deleted while
   * it was open is no such name.
   */
  lostNames(): string[] {
    return [...(this.#covers.at(-1)?.orphans ?? [])].flatMap(([path, orphans]) =>
      orphans.some((one) => !one.isUnlinked && one.names.some((had) => had.path === path && had.isAbsent))
        ? [path]
        : [],
    );
  }

  /** A name that nothing but its content without a name tells of. */
  lost(path: string): PathFacts | OutOfScope {
    const facts = this.hidden(path);
    if (typeof facts === 'string' || facts.orphans === undefined) return facts;
    const copies = facts.orphans.flatMap(({ copy, isUnlinked }) => (isUnlinked ? [] : [copy]));
    const place = { directory: parentOf(path), name: baseName(path) };
    const gap: Gap = { ...place, status: 'hidden', errno: null, detail: evidenceText(evidenceOfHandles(copies)) };
    return {
      ...facts,
      sights: facts.sights.map((sight, at) => (at === facts.sights.length - 1 ? (sight ?? gap) : sight)),
    };
  }

  /**
   * Why a path is not judged now: by today's rules, or because the newest scan of the volume did not enter what it lies
   * in; else null.
   */
  leftOut(path: string, isDirectory: boolean): OutOfScope | null {
    if (this.scope.excluded(path, isDirectory)) return 'excluded';
    const cover = this.#covers.at(-1);
    if (cover === null || cover === undefined || path === '') return null;
    const gap = cover.gaps.get(path) ?? hiding(cover, parentOf(path));
    if (gap?.status !== 'boundary') return null;
    return isMountGap(gap) ? 'boundary' : 'skipped';
  }

  #covered(path: string, directory: string, sights: Sight[]): PathFacts | OutOfScope {
    const live = this.observers.length - 1;
    const isDirectory = kindSeen(sights) === 'directory';
    const leftOut = this.leftOut(path, isDirectory);
    if (leftOut !== null) return leftOut;
    for (let index = 0; index <= live; index++) {
      if (sights[index] === null && this.observers[index]?.scan.list === 'partial')
        sights[index] = { directory, name: baseName(path), ...NOT_LISTED };
      const cover = this.#covers[index];
      if (cover === null || cover === undefined) continue;
      const own = cover.gaps.get(path) ?? null;
      const gap = own ?? hiding(cover, directory);
      if (gap !== null) {
        const isSeen = own !== null && index !== live && this.#sawIt(index, sights[index]);
        if (!isSeen) sights[index] = gap;
      } else if (sights[index] === null && cover.unseen.size > 0 && unseenIn(cover, directory) !== null) {
        sights[index] = unseenIn(cover, directory);
      } else if (sights[index] === null && cover.rules?.excluded(path, isDirectory) === true) {
        sights[index] = { directory, name: baseName(path), ...OUT_OF_SCOPE_THEN };
      }
    }
    const bricks = this.#covers[live]?.noted.get(path) ?? null;
    const orphans = this.#covers[live]?.orphans.get(path) ?? null;
    return {
      path,
      sights,
      readings: [],
      comparisons: [],
      ...(bricks === null ? {} : { bricks }),
      ...(orphans === null ? {} : { orphans }),
    };
  }

  /**
   * Behind a gap of its own an entry was seen all the same where nothing but what is in it stayed hidden: a directory;
   * and whatever that very scan met for the first time before it fell into flux. So its inode shows where it went. Only
   * live now is what the gap says.
   */
  #sawIt(index: number, sight: Sight | undefined): boolean {
    if (sight === null || sight === undefined || isGap(sight)) return false;
    return sight.kind === 'directory' || sight.firstSeq === this.observers[index]?.scan.seq;
  }
}

function coverOf(gaps: readonly StoredGap[], rules: Scope | null): Cover | null {
  if (gaps.length === 0 && rules === null) return null;
  const hidden = new Map<string, Gap>();
  const boundaries = new Map<string, Gap>();
  const unseen = new Map<string, Gap>();
  const noted = new Map<string, Note>();
  const orphans = new Map<string, Orphan[]>();
  for (const stored of gaps) {
    const { directory, name, status, errno, detail } = stored;
    const gap: Gap = { directory, name, status, errno, detail };
    // A mount point that was not entered is itself an entry that was seen; only what is below it was not.
    if (name === NAMES_UNSEEN) unseen.set(directory, { ...gap, name: '' });
    else if (isOrphanGap(gap)) addOrphan(orphans, orphanOf(gap));
    else if (hidesNothing(gap)) note(noted, joinPath(directory, name.slice(1)), gap);
    else if (status === 'boundary' && name === '') boundaries.set(directory, gap);
    else hidden.set(name === '' ? directory : joinPath(directory, name), gap);
  }
  return { gaps: hidden, boundaries, unseen, noted, orphans, known: new Map(), rules };
}

function note(noted: Map<string, Note>, path: string, { status, detail }: Gap): void {
  const bricks = evidenceOf(detail);
  if (bricks !== null && isBrickVerdict(status)) noted.set(path, { verdict: status, bricks });
}

function addOrphan(byPath: Map<string, Orphan[]>, orphan: Orphan | null): void {
  for (const { path } of orphan?.names ?? []) {
    const others = byPath.get(path);
    if (orphan === null) return;
    if (others === undefined) byPath.set(path, [orphan]);
    else others.push(orphan);
  }
}

/** Of the directory, or of the nearest above that has one. */
function unseenIn(cover: Cover, directory: string): Gap | null {
  for (let at = directory; ; at = parentOf(at)) {
    const gap = cover.unseen.get(at);
    if (gap !== undefined) return gap;
    if (at === '') return null;
  }
}

/** The nearest gap that hides everything in a directory: on the directory itself, or on one above. */
function hiding(cover: Cover, directory: string): Gap | null {
  const known = cover.known.get(directory);
  if (known !== undefined) return known;
  const own = cover.gaps.get(directory) ?? cover.boundaries.get(directory);
  const gap = own ?? (directory === '' ? null : hiding(cover, parentOf(directory)));
  cover.known.set(directory, gap);
  return gap;
}

function kindSeen(sights: readonly Sight[]): Version['kind'] | null {
  for (let index = sights.length - 1; index >= 0; index--) {
    const sight = sights[index];
    if (sight !== null && sight !== undefined && !isGap(sight)) return sight.kind;
  }
  return null;
}

/** Newest complete scan of every root among the observers. */
export function rootsOf(observers: readonly Observer[]): JudgedRoot[] {
  const roots = new Map<number, JudgedRoot>();
  for (const { scan, role } of observers) {
    const known = roots.get(scan.rootId);
    if (known !== undefined && known.newestSeq > scan.seq) continue;
    roots.set(scan.rootId, {
      root: scan.rootId,
      live: role === 'live',
      list: role === 'list',
      newestScan: scan.id,
      newestSeq: scan.seq,
    });
  }
  return [...roots.values()];
}
