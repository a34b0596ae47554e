// Which entry goes to which restore list. Pure: an assessment and what was proved of its sources go in, the plan of a bundle comes out.
import type { Finding, Source, State } from '../../domain/assessment.ts';
import { compareBytes, decodePath } from '../../domain/path.ts';
import { type Need, needsOf } from '../../domain/needs.ts';
import { besideName, isBeside } from './beside.ts';
import { hasSource, isDamaged, isLoss, ruledOut } from './eligible.ts';

/**
 * copy: the name is absent and comes from the snapshot (also content that is put beside) · replace: damaged content is exchanged, if it still is
 * that content · link: a hard link to a name that is there · directory: made, and given its metadata last.
 */
export type Action = 'copy' | 'replace' | 'link' | 'directory';

/** What a damaged entry must still be, for it to be replaced. */
export interface Obstacle {
  readonly state: State;
  /** 64 hex digits; null for what is not a regular file. */
  readonly sha256: string | null;
}

/** What was read when the lists were written (design.md section 3, rule 10). */
export interface Proof {
  /** state.digest is what was read now, or what the export says; null only for what is not a file. */
  readonly source: Source;
  readonly recovery: 'exact' | 'older';
  /** Of the source; null where nobody needs it, or where only an export has read it. */
  readonly sha256: string | null;
  /** Equal for names that are hard links to one copy in one snapshot; null where unknown or nlink is 1. */
  readonly inode: string | null;
  /** Only for damaged paths. */
  readonly obstacle: Obstacle | null;
  /** SHA-256 of the surviving name of a hard link, when it holds the expected content; else null. */
  readonly survivorSha256: string | null;
  /** The finding's own source where it failed, and why; null where it is the source. */
  readonly insteadOf: { readonly source: Source; readonly why: string } | null;
}

/** Why an entry stands in no list. */
export interface LeftOut {
  readonly leftOut: string;
  /** Its sources are gone, unreadable or not what they were: as long as no other is found it is lost. */
  readonly sourceFailed: boolean;
  /** Printable, below the target: where an earlier restore has put it. */
  readonly besideAt?: string;
}

export const BESIDE_ALREADY = 'its old content is beside it already';

export interface PlanSource {
  /** Two digits or more: the prefix of its lists. */
  readonly nn: string;
  readonly series: string;
  readonly snapshot: string;
  /** Absolute, printable. */
  readonly root: string;
  readonly asOf: string;
  readonly proof: 'read' | 'export';
  /** The oldest among its copies. */
  readonly proofAtMs: number;
  /** It is the live volume itself. */
  readonly inTarget: boolean;
}

export interface Entry {
  readonly finding: Finding;
  /** Printable, below the target. Differs from the finding's path for what is put beside, or lay below a directory that was replaced. */
  readonly destination: string;
  readonly list: string;
  /** Lists are restored in this order; 0 unless the freshest come first. */
  readonly age: number;
  readonly needs: readonly Need[];
  readonly action: Action;
  /** Index into the plan's sources. */
  readonly source: number;
  readonly sourcePath: string;
  /** What will lie there. */
  readonly state: State;
  /** Owner, mode and mtime are those of the lost name, not of the copy. */
  readonly hasOwnMetadata: boolean;
  readonly recovery: 'exact' | 'older';
  readonly insteadOf: Proof['insteadOf'];
  /** Printable, below the target: the name to link to. */
  readonly linkTo: string | null;
  readonly sha256: string | null;
  readonly obstacle: Obstacle | null;
}

/** A directory that is made where it is absent: missing itself, or on the way to an entry. */
export interface PlannedDirectory {
  readonly id: number;
  readonly destination: string;
  /** Null where nobody recorded it (it lies on the way in a snapshot that cannot be read here). */
  readonly state: State | null;
  /** Names of the lists that need it. */
  readonly lists: readonly string[];
  /** Missing itself: it stands in NN.dirs0 and the manifest. */
  readonly entry: Entry | null;
}

export interface PlanLeftOut {
  readonly finding: Finding;
  readonly why: string;
  readonly sourceFailed: boolean;
}

export interface RestorePlan {
  readonly sources: readonly PlanSource[];
  /** Sorted by destination in byte order; directories too. */
  readonly entries: readonly Entry[];
  /** Shallow first. */
  readonly directories: readonly PlannedDirectory[];
  /** What has a recovery and yet stands in no list, with the reason. */
  readonly leftOut: readonly PlanLeftOut[];
  /** Losses without any source. */
  readonly lost: readonly Finding[];
}

/** rsync and the kernel take 4,095 bytes with the root before it; rsync's temporary name wants a few more. */
const PATH_BYTES_MAX = 4_000;
export const TOO_LONG = 'its path is too long for rsync';

function listName(base: 'missing' | 'damaged' | 'beside', needs: readonly Need[], age: number): string {
  const parts = [
    ...(needs.includes('person-deleted') ? ['person'] : []),
    ...(needs.includes('uncertain') ? ['uncertain'] : []),
    ...(needs.includes('older') ? ['older'] : []),
  ];
  if (base !== 'missing' || parts.length === 0) parts.push(base);
  if (age > 0) parts.push(String(age));
  return parts.join('-');
}

/** '' has none; 'a/b/c' has 'a' and 'a/b'. */
function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) ancestors.push(path.slice(0, at));
  return ancestors;
}

/**
 * `proved` holds every candidate. `parentState` tells what a directory is in a snapshot (its root, the directory's path below it), null where it
 * cannot be asked. `all` are the findings of the whole assessment, where `findings` are a part of it; `ages` number the lists of files.
 */
export function planRestore(
  findings: readonly Finding[],
  proved: ReadonlyMap<Finding, Proof | LeftOut>,
  parentState: (root: string, path: string) => State | null,
  {
    all = findings,
    ages = new Map(),
    uncertainToo = false,
  }: {
    readonly all?: readonly Finding[];
    readonly ages?: ReadonlyMap<Finding, number>;
    readonly uncertainToo?: boolean;
  } = {},
): RestorePlan {
  const leftOut: PlanLeftOut[] = [];
  const lost: Finding[] = [];
  const accepted: { finding: Finding; proof: Proof }[] = [];
  /** Replaced directories and where their old content goes. */
  const moved = new Map<string, string>();
  for (const finding of findings) {
    if (!isLoss(finding)) continue;
    if (!hasSource(finding.recovery) || finding.source === null) {
      if (finding.recovery === 'none') lost.push(finding);
      continue;
    }
    const proof = proved.get(finding);
    const why =
      ruledOut(finding) ??
      (proof === undefined ? 'its source was not checked' : 'leftOut' in proof ? proof.leftOut : null);
    if (proof !== undefined && 'leftOut' in proof && proof.besideAt !== undefined)
      moved.set(finding.path, proof.besideAt);
    if (why !== null)
      leftOut.push({ finding, why, sourceFailed: proof !== undefined && 'leftOut' in proof && proof.sourceFailed });
    else if (proof !== undefined && !('leftOut' in proof)) accepted.push({ finding, proof });
  }

  const sources = sourcesOf(accepted.map(({ proof }) => proof.source));
  const indexOf = new Map(sources.map((source, index) => [source.root, index]));
  const taken = new Set(all.map((finding) => finding.path));
  const destinations = new Map<Finding, string>();
  for (const { finding, proof } of accepted) {
    if (!isBeside(finding, proof)) continue;
    const beside = besideName(finding.path, proof.source.asOf, taken);
    taken.add(beside);
    destinations.set(finding, beside);
    if (proof.source.state.kind === 'directory') moved.set(finding.path, beside);
  }

  const entries: Entry[] = [];
  const leaders = new Map<string, Entry>();
  const others = new Map<string, string>();
  for (const { finding, proof } of accepted) {
    const destination = destinations.get(finding) ?? below(finding.path, moved);
    const source = indexOf.get(proof.source.root);
    if (source === undefined) throw new Error(`no source for ${proof.source.root}`);
    if (tooLong(destination) || tooLong(`${proof.source.root}/${proof.source.path}`)) {
      leftOut.push({ finding, why: TOO_LONG, sourceFailed: false });
      continue;
    }
    const planned = entryOf(finding, proof, { destination, source, age: ages.get(finding) ?? 0, uncertainToo });
    const entry = apart(planned, proof, others);
    // Names that were one file. Two that are only copied from the same one come back as two, as they were.
    const isName = entry.sourcePath === finding.path;
    const own = ownInode(finding);
    const key =
      proof.inode === null || proof.sha256 === null || !isName || own === 'alone'
        ? null
        : `${planned.list}\0${source}\0${proof.inode}\0${own}`;
    const leader = key === null || entry.action !== 'copy' ? undefined : leaders.get(key);
    if (leader !== undefined) {
      entries.push({ ...entry, action: 'link', linkTo: leader.destination, sha256: proof.sha256 });
      continue;
    }
    if (key !== null && entry.action === 'copy') leaders.set(key, entry);
    entries.push(entry);
  }
  const kept = withoutContradictions(entries, leftOut);
  kept.sort((a, b) => compareBytes(a.destination, b.destination));
  return { sources, entries: kept, directories: directoriesOf(kept, sources, parentState), leftOut, lost };
}

/** Which names were one file is known from live, not from a backup that may have been deduplicated: by inode; unknown where nobody saw it live. */
function ownInode({ liveInode }: Finding): string {
  if (liveInode === null || liveInode === undefined) return 'unknown';
  return liveInode.nlink < 2 ? 'alone' : String(liveInode.inode);
}

/**
 * rsync -H makes one file of names that are one inode in the snapshot. Those that live had apart go to a list that is copied without it. `others`
 * are the live inodes of the first in each list, by the inode in the snapshot, or where an export tells none by what hard links have in common.
 */
function apart(entry: Entry, { inode, source }: Proof, others: Map<string, string>): Entry {
  if (entry.state.kind !== 'file' || (entry.action !== 'copy' && entry.action !== 'replace')) return entry;
  const { digest, size, mtimeNs, mode, uid, gid } = source.state;
  if (inode === null && source.proof === 'read') return entry;
  const copy = inode ?? [digest, size, mtimeNs, mode, uid, gid].join(' ');
  const key = `${entry.list}\0${entry.source}\0${copy}`;
  const own = ownInode(entry.finding);
  const other = others.get(key);
  if (other === undefined) others.set(key, own);
  return other === undefined || (other === own && own !== 'alone') ? entry : { ...entry, list: `${entry.list}-single` };
}

/** A root-owned link that is restored may stand for a directory; restore.sh lets entries pass it. */
function isTrustedLink(entry: Entry): boolean {
  return entry.state.kind === 'symlink' && entry.state.uid === 0;
}

/** A name that comes back as a file cannot also be a directory for older losses: its own newer state wins. */
function withoutContradictions(entries: readonly Entry[], leftOut: PlanLeftOut[]): Entry[] {
  const notDirectories = new Set<string>();
  for (const entry of entries) {
    if (entry.state.kind !== 'directory' && !isTrustedLink(entry)) notDirectories.add(entry.destination);
  }
  return entries.filter((entry) => {
    const above = ancestorsOf(entry.destination).find((ancestor) => notDirectories.has(ancestor));
    if (above !== undefined)
      leftOut.push({
        finding: entry.finding,
        why: `${above} comes back as something else than a directory`,
        sourceFailed: false,
      });
    return above === undefined;
  });
}

function below(path: string, moved: ReadonlyMap<string, string>): string {
  if (moved.size === 0) return path;
  for (const ancestor of ancestorsOf(path)) {
    const to = moved.get(ancestor);
    if (to !== undefined) return to + path.slice(ancestor.length);
  }
  return path;
}

function tooLong(path: string): boolean {
  return path.length > PATH_BYTES_MAX / 4 && decodePath(path).length > PATH_BYTES_MAX;
}

function sourcesOf(sources: readonly Source[]): PlanSource[] {
  const byRoot = new Map<string, Source>();
  const oldest = new Map<string, number>();
  for (const source of sources) {
    if (!byRoot.has(source.root)) byRoot.set(source.root, source);
    oldest.set(source.root, Math.min(oldest.get(source.root) ?? source.proofAtMs, source.proofAtMs));
  }
  // The newest snapshot first; the order has no effect but on the numbers.
  const roots = [...byRoot.values()].sort((a, b) => compareBytes(b.asOf, a.asOf) || compareBytes(a.root, b.root));
  const digits = Math.max(2, String(roots.length).length);
  return roots.map(({ series, snapshot, root, asOf, proof, inTarget }, index) => ({
    nn: String(index + 1).padStart(digits, '0'),
    series,
    snapshot,
    root,
    asOf,
    proof,
    proofAtMs: oldest.get(root) ?? 0,
    inTarget,
  }));
}

/** A copy under another name has its content only: the rest is what the lost name had, as far as that is known. */
function ownMetadata({ path, expected }: Finding, { source }: Proof): State | null {
  const { state } = source;
  if (source.path === path || expected === null || expected.kind !== state.kind) return null;
  const own = {
    ...state,
    mode: expected.mode ?? state.mode,
    uid: expected.uid ?? state.uid,
    gid: expected.gid ?? state.gid,
    mtimeNs: expected.mtimeNs ?? state.mtimeNs,
  };
  const isKnown = [expected.mode, expected.uid, expected.mtimeNs].some((field) => field !== null);
  return isKnown ? own : null;
}

function entryOf(
  finding: Finding,
  proof: Proof,
  {
    destination,
    source,
    age,
    uncertainToo,
  }: { destination: string; source: number; age: number; uncertainToo: boolean },
): Entry {
  const own = ownMetadata(finding, proof);
  const state = own ?? proof.source.state;
  const beside = isBeside(finding, proof);
  const replace = isDamaged(finding) && !beside;
  const needs = needsOf({ ...finding, source: proof.source }, { replaces: replace, recovery: proof.recovery }).filter(
    (need) => !(uncertainToo && need === 'uncertain'),
  );
  const link = finding.linkTo !== null && proof.survivorSha256 !== null && state.kind === 'file' && !beside && !replace;
  return {
    finding,
    destination,
    list: listName(beside ? 'beside' : replace ? 'damaged' : 'missing', needs, age),
    age,
    needs,
    action: state.kind === 'directory' ? 'directory' : replace ? 'replace' : link ? 'link' : 'copy',
    source,
    sourcePath: proof.source.path,
    state,
    hasOwnMetadata: own !== null,
    recovery: proof.recovery,
    insteadOf: proof.insteadOf,
    linkTo: link ? finding.linkTo : null,
    sha256: link ? proof.survivorSha256 : proof.sha256,
    obstacle: replace ? proof.obstacle : null,
  };
}

function directoriesOf(
  entries: readonly Entry[],
  sources: readonly PlanSource[],
  parentState: (root: string, path: string) => State | null,
): PlannedDirectory[] {
  const found = new Map<string, { state: State | null; lists: Set<string>; entry: Entry | null }>();
  const links = new Set(entries.filter(isTrustedLink).map((entry) => entry.destination));
  for (const entry of entries) {
    if (entry.action !== 'directory') continue;
    found.set(entry.destination, { state: entry.state, lists: new Set([entry.list]), entry });
  }
  for (const entry of entries) {
    // Below a directory that goes beside, only names differ: both paths have as many components.
    const origins = ancestorsOf(entry.finding.path);
    for (const [index, destination] of ancestorsOf(entry.destination).entries()) {
      if (links.has(destination)) continue;
      let directory = found.get(destination);
      if (directory === undefined) {
        const root = sources[entry.source]?.root ?? '';
        directory = { state: parentState(root, origins[index] ?? destination), lists: new Set(), entry: null };
        found.set(destination, directory);
      }
      directory.lists.add(entry.list);
    }
  }
  const depth = (path: string): number => path.split('/').length;
  return [...found]
    .sort(([a], [b]) => depth(a) - depth(b) || compareBytes(a, b))
    .map(([destination, { state, lists, entry }], index) => ({
      id: index + 1,
      destination,
      state: state?.kind === 'directory' ? state : null,
      lists: [...lists].sort(compareBytes),
      entry,
    }));
}
