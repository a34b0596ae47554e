// Which part of an assessment a bundle holds: below some paths, of some owners, as much as fits into limits, or what
// earlier parts left. Pure. Nothing is left out silently: every loss that could stand in a list is in this part, in an
// earlier one, or counted as left.
import { ancestorsOfAll } from '../ancestors.ts';
import type { Finding, Tally } from '../assessment.ts';
import { isWithin } from '../path.ts';
import { candidates } from './eligible.ts';

export interface Selection {
  /** Printable, below the volume's root; none means everywhere. */
  readonly paths: readonly string[];
  /** Who owns what should be there; none means everybody. */
  readonly owners: readonly number[];
  /** Lists by age: what was modified last is restored first. */
  readonly newestFirst: boolean;
  readonly bytesMax: number | null;
  readonly filesMax: number | null;
  /** What statistics alone call lost is restored like the rest, without an option of restore.sh. */
  readonly uncertainToo: boolean;
  /**
   * Only what neither this bundle nor those that it continues hold; `held` are the paths of what they do, `failed` of
   * what could not be read at its source when they were written: it would fail again, and before everything else.
   */
  readonly restOf: {
    readonly bundle: string;
    readonly held: ReadonlySet<string>;
    readonly failed: ReadonlySet<string>;
  } | null;
}

export const EVERYTHING: Selection = {
  paths: [],
  owners: [],
  newestFirst: false,
  bytesMax: null,
  filesMax: null,
  uncertainToo: false,
  restOf: null,
};

/**
 * Where a loss that can be restored went: into this bundle, into one that this one continues, nowhere yet, or nowhere
 * because its source failed.
 */
export const PARTS = ['this', 'earlier', 'left', 'failed'] as const;
export type Part = (typeof PARTS)[number];

export interface Chosen {
  /**
   * What is to be proved and planned: this part, what must be known for it, and the losses without a source that were
   * asked for.
   */
  readonly findings: readonly Finding[];
  /** Of every loss that can be restored. */
  readonly parts: ReadonlyMap<Finding, Part>;
  /** The list that a file goes to, 1 for the freshest; empty unless newest first. */
  readonly ages: ReadonlyMap<Finding, number>;
  /** Non-directories that were asked for and are not in this bundle because of its limits. */
  readonly beyond: Tally;
  /** Non-directories that were not asked for, and stand in no earlier part. */
  readonly elsewhere: Tally;
  readonly earlier: Tally;
  /** Non-directories whose source failed when earlier parts were written. */
  readonly failed: Tally;
}

/** Files in the first list, in the first two, and so on: each costs a run of rsync, which sorts its list by name. */
const AGE_LISTS: readonly number[] = [100, 1_000, 10_000, 100_000];

export function isAsked(selection: Pick<Selection, 'paths' | 'owners'>, finding: Finding): boolean {
  const { paths, owners } = selection;
  if (paths.length > 0 && !paths.some((path) => isWithin(path, finding.path))) return false;
  return owners.length === 0 || owners.includes(ownerOf(finding) ?? -1);
}

/** Who owned what should be there; where nothing says so, who owns what is. */
export function ownerOf(finding: Finding): number | null {
  return (finding.expected ?? finding.found)?.uid ?? null;
}

interface Unit {
  readonly files: Finding[];
  bytes: number;
  readonly mtimeNs: bigint;
}

/** `findings` are those of the whole assessment, in the order of their paths. */
export function choose(findings: readonly Finding[], selection: Selection): Chosen {
  const all = candidates(findings);
  const parts = new Map<Finding, Part>();
  const asked: Finding[] = [];
  for (const finding of all) {
    const part = earlierPart(finding.path, selection);
    parts.set(finding, part);
    if (part === 'left' && isAsked(selection, finding)) asked.push(finding);
  }

  const units = unitsOf(asked.filter((finding) => !isDirectory(finding)));
  if (selection.newestFirst) units.sort((a, b) => (a.mtimeNs === b.mtimeNs ? 0 : a.mtimeNs > b.mtimeNs ? -1 : 1));
  const taken = within(units, selection);
  const ages = new Map<Finding, number>();
  let files = 0;
  for (const unit of taken) {
    const age = AGE_LISTS.filter((most) => files >= most).length + 1;
    for (const finding of unit.files) {
      parts.set(finding, 'this');
      if (selection.newestFirst) ages.set(finding, age);
    }
    files += unit.files.length;
  }

  const needed = ancestorsOfAll([...parts].flatMap(([finding, part]) => (part === 'this' ? [finding.path] : [])));
  const later = ancestorsOfAll(
    asked.flatMap((finding) => (!isDirectory(finding) && parts.get(finding) === 'left' ? [finding.path] : [])),
  );
  for (const finding of asked) if (isDirectory(finding) && !later.has(finding.path)) parts.set(finding, 'this');
  // What lies below something else that is to come back depends on it: its new name beside, its kind, or its being a
  // link.
  for (const [finding, part] of parts) if (part === 'left' && needed.has(finding.path)) parts.set(finding, 'this');
  const counted = countOf(parts, new Set(asked));
  const chosen = findings.filter((finding) => {
    const part = parts.get(finding);
    return part === undefined ? isAsked(selection, finding) : part === 'this' || needed.has(finding.path);
  });
  return { findings: chosen, parts, ages, ...counted };
}

function earlierPart(path: string, { restOf }: Selection): Part {
  if (restOf?.failed.has(path) === true) return 'failed';
  return restOf?.held.has(path) === true ? 'earlier' : 'left';
}

function isDirectory({ source }: Finding): boolean {
  return source?.state.kind === 'directory';
}

/** Names that may be one hard-linked file stay together, because they are linked again within one list only. */
function unitsOf(findings: readonly Finding[]): Unit[] {
  const units: Unit[] = [];
  const byContent = new Map<string, Unit>();
  for (const finding of findings) {
    if (finding.source === null) continue;
    const { state, root } = finding.source;
    const size = state.size ?? 0;
    // Of empty files there may be a million alike.
    const key =
      state.digest === null || size === 0
        ? null
        : `${root}\0${state.digest} ${size} ${state.mtimeNs} ${state.mode} ${state.uid} ${state.gid}`;
    const known = key === null ? undefined : byContent.get(key);
    if (known !== undefined) {
      known.files.push(finding);
      known.bytes += size;
      continue;
    }
    const unit: Unit = { files: [finding], bytes: size, mtimeNs: state.mtimeNs ?? 0n };
    units.push(unit);
    if (key !== null) byContent.set(key, unit);
  }
  return units;
}

/**
 * From the first on, until one does not fit. One is always taken: a file that is larger than the limit must come back,
 * too.
 */
function within(units: readonly Unit[], { bytesMax, filesMax }: Selection): readonly Unit[] {
  if (bytesMax === null && filesMax === null) return units;
  let bytes = 0;
  let files = 0;
  let count = 0;
  for (const unit of units) {
    bytes += unit.bytes;
    files += unit.files.length;
    if (count > 0 && (bytes > (bytesMax ?? Infinity) || files > (filesMax ?? Infinity))) break;
    count++;
  }
  return units.slice(0, count);
}

function countOf(
  parts: ReadonlyMap<Finding, Part>,
  asked: ReadonlySet<Finding>,
): Pick<Chosen, 'beyond' | 'elsewhere' | 'earlier' | 'failed'> {
  const none = () => ({ files: 0, bytes: 0 });
  const sums = { beyond: none(), elsewhere: none(), earlier: none(), failed: none() };
  for (const [finding, part] of parts) {
    if (part === 'this' || isDirectory(finding)) continue;
    const sum = sums[part === 'earlier' || part === 'failed' ? part : asked.has(finding) ? 'beyond' : 'elsewhere'];
    sum.files++;
    sum.bytes += finding.source?.state.size ?? 0;
  }
  return sums;
}
