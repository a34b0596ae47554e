// Which entry goes to which restore list: an assessment and what was proved of its sources go in, the plan of a bundle
// comes out.
import { ancestorsOf } from '../ancestors.ts';
import type { Finding } from '../assessment.ts';
import { compareBytes } from '../path.ts';
import { besideName, isBeside } from './beside.ts';
import { directoriesOf, isTrustedLink, type ParentState, type PlannedDirectory } from './directories.ts';
import { hasSource, isLoss, ruledOut } from './eligible.ts';
import { type Entry, entryOf, type Proof, TOO_LONG, tooLong } from './entry.ts';
import { HardLinks } from './hard-links.ts';
import { placeOf, type PlanSource, sourcesOf } from './sources.ts';

/** Why an entry stands in no list. */
export interface LeftOut {
  readonly leftOut: string;
  /** Its sources are gone, unreadable or not what they were: as long as no other is found it is lost. */
  readonly sourceFailed: boolean;
  /** Printable, below the target: where an earlier restore has put it. */
  readonly besideAt?: string;
}

export const BESIDE_ALREADY = 'its old content is beside it already';

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

/** What a plan is made of besides the findings. */
export interface PlanInput {
  /** Holds every candidate. */
  readonly proved: ReadonlyMap<Finding, Proof | LeftOut>;
  /** What a directory is in a snapshot (its root, the directory's path below it); null where it cannot be asked. */
  readonly parentState: ParentState;
  /** The findings of the whole assessment, where the plan is for a part of them. */
  readonly all?: readonly Finding[];
  /** Numbers of the lists of files. */
  readonly ages?: ReadonlyMap<Finding, number>;
  readonly uncertainToo?: boolean;
}

export function planRestore(findings: readonly Finding[], input: PlanInput): RestorePlan {
  const sorted = sort(findings, input.proved);
  const sources = sourcesOf(sorted.accepted.map(({ proof }) => proof.source));
  const destinations = destinationsOf(sorted, input.all ?? findings);
  const { entries, leftOut } = entriesOf(sorted.accepted, sources, destinations, input);
  const { kept, contradicted } = withoutContradictions(entries);
  kept.sort((a, b) => compareBytes(a.destination, b.destination));
  const directories = directoriesOf(kept, sources, input.parentState);
  return {
    sources,
    entries: kept,
    directories,
    leftOut: [...sorted.leftOut, ...leftOut, ...contradicted],
    lost: sorted.lost,
  };
}

interface Accepted {
  readonly finding: Finding;
  readonly proof: Proof;
}

interface Sorted {
  readonly accepted: readonly Accepted[];
  readonly leftOut: readonly PlanLeftOut[];
  readonly lost: readonly Finding[];
  /** Replaced directories that an earlier restore has put beside already, and where. */
  readonly besideAlready: ReadonlyMap<string, string>;
}

/** What may stand in a list, what may not and why, and what no copy is left of. */
function sort(findings: readonly Finding[], proved: PlanInput['proved']): Sorted {
  const accepted: Accepted[] = [];
  const leftOut: PlanLeftOut[] = [];
  const lost: Finding[] = [];
  const besideAlready = new Map<string, string>();
  for (const finding of findings) {
    if (!isLoss(finding)) continue;
    if (!hasSource(finding.recovery) || finding.source === null) {
      if (finding.recovery === 'none') lost.push(finding);
      continue;
    }
    const proof = proved.get(finding);
    const failed = proof !== undefined && 'leftOut' in proof ? proof : null;
    if (failed?.besideAt !== undefined) besideAlready.set(finding.path, failed.besideAt);
    const why = ruledOut(finding) ?? (proof === undefined ? 'its source was not checked' : (failed?.leftOut ?? null));
    if (why !== null) leftOut.push({ finding, why, sourceFailed: failed?.sourceFailed ?? false });
    else if (proof !== undefined && !('leftOut' in proof)) accepted.push({ finding, proof });
  }
  return { accepted, leftOut, lost, besideAlready };
}

/**
 * Where each goes: beside what has its name now, along with a directory above it that goes beside, or to its own name.
 */
function destinationsOf({ accepted, besideAlready }: Sorted, all: readonly Finding[]): Map<Finding, string> {
  const moved = new Map(besideAlready);
  const taken = new Set(all.map((finding) => finding.path));
  const destinations = new Map<Finding, string>();
  for (const { finding, proof } of accepted) {
    if (!isBeside(finding, proof)) continue;
    const beside = besideName(finding.path, proof.source.asOf, taken);
    taken.add(beside);
    destinations.set(finding, beside);
    if (proof.source.state.kind === 'directory') moved.set(finding.path, beside);
  }
  for (const { finding } of accepted)
    if (!destinations.has(finding)) destinations.set(finding, below(finding.path, moved));
  return destinations;
}

function entriesOf(
  accepted: readonly Accepted[],
  sources: readonly PlanSource[],
  destinations: ReadonlyMap<Finding, string>,
  { ages, uncertainToo = false }: PlanInput,
): { entries: Entry[]; leftOut: PlanLeftOut[] } {
  const entries: Entry[] = [];
  const leftOut: PlanLeftOut[] = [];
  const indexOf = new Map(sources.map((source, index) => [placeOf(source), index]));
  const links = new HardLinks();
  for (const { finding, proof } of accepted) {
    const destination = destinations.get(finding) ?? finding.path;
    const source = indexOf.get(placeOf(proof.source));
    if (source === undefined) throw new Error(`no source for ${proof.source.root}`);
    if (tooLong(destination) || tooLong(`${proof.source.root}/${proof.source.path}`))
      leftOut.push({ finding, why: TOO_LONG, sourceFailed: false });
    else {
      const age = ages?.get(finding) ?? 0;
      entries.push(links.place(entryOf(finding, proof, { destination, source, age, uncertainToo }), proof));
    }
  }
  return { entries, leftOut };
}

/** A name that comes back as a file cannot also be a directory for older losses: its own newer state wins. */
function withoutContradictions(entries: readonly Entry[]): { kept: Entry[]; contradicted: PlanLeftOut[] } {
  const notDirectories = new Set<string>();
  for (const entry of entries) {
    if (entry.state.kind !== 'directory' && !isTrustedLink(entry)) notDirectories.add(entry.destination);
  }
  const contradicted: PlanLeftOut[] = [];
  const kept = entries.filter((entry) => {
    const above = ancestorsOf(entry.destination).find((ancestor) => notDirectories.has(ancestor));
    if (above === undefined) return true;
    const why = `${above} comes back as something else than a directory`;
    contradicted.push({ finding: entry.finding, why, sourceFailed: false });
    return false;
  });
  return { kept, contradicted };
}

function below(path: string, moved: ReadonlyMap<string, string>): string {
  if (moved.size === 0) return path;
  for (const ancestor of ancestorsOf(path)) {
    const to = moved.get(ancestor);
    if (to !== undefined) return to + path.slice(ancestor.length);
  }
  return path;
}
