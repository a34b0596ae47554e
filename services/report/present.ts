// What a person must see of an assessment, counted: the numbers that matter, and the losses by directory, owner and
// size. Pure.
import type { Assessment, Finding, Interval, Tally } from '../../domain/assessment.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { fate, sizeOf } from '../../domain/picture.ts';
import type { Selection } from '../../domain/restore/selection.ts';
import type { PlanSource } from '../../domain/restore/sources.ts';
import { plural } from './wording.ts';

/** One restore list of a bundle. `file` is its path below the bundle, as in lists/01-missing.files0. */
export interface ListSummary {
  readonly file: string;
  readonly kind: 'missing' | 'damaged' | 'older';
  /** Options of restore.sh, without their dashes, all of which it takes. */
  readonly needs: readonly string[];
  /** Printable. */
  readonly snapshot: string;
  /** The copies lie in the volume itself. */
  readonly inTarget: boolean;
  /** ISO 8601, or `from/to`. */
  readonly asOf: string;
  readonly files: number;
  readonly bytes: number;
}

export interface LeftOutGroup {
  /** As in "its source is not what it was". Printable. */
  readonly why: string;
  readonly files: number;
  readonly directories: number;
  /** What a person can do about it, as a sentence; null where findings.jsonl says all. */
  readonly remedy: string | null;
  /** An earlier restore has done what can be done. */
  readonly isDone: boolean;
}

/** What was counted of a bundle: all its lists, also those that a plain restore leaves out. */
export interface BundleCounts {
  readonly lists: readonly ListSummary[];
  /** What restore.sh does without further options. */
  readonly restored: Tally;
  readonly damaged: Tally;
  readonly older: Tally;
  /** Left out unless --person-deleted. */
  readonly personDeleted: Tally;
  /** Left out unless --uncertain. */
  readonly uncertain: Tally;
  readonly lost: Tally;
  readonly sources: readonly PlanSource[];
  /** Names that a checksum file cannot hold. */
  readonly notInXxh64: number;
  /** Of sources, when the lists were written. */
  readonly bytesRead: number;
}

/** What the bundle's writer knows beyond the assessment. All paths are printable text. */
export interface ReportInput {
  /** The bundle's directory as a person would type it; null when none was written. */
  readonly bundle: string | null;
  /** Where the files are to be put back: the live root. */
  readonly target: string;
  /** Its host, where that is another one than where the bundle was written: restore.sh runs there. */
  readonly targetHost: string | null;
  /**
   * The words that run Rollcall on this machine, from any directory, for a shell: 'rollcall', '/opt/rollcall/rollcall'.
   */
  readonly program: string;
  readonly lists: readonly ListSummary[];
  /** Missing directories that are made again, and names that are linked to a surviving name. */
  readonly directories: number;
  readonly links: number;
  /** What a restore takes at the target, files in whole blocks. Not what is left out by default (needs.ts). */
  readonly needed: { readonly bytes: number; readonly inodes: number };
  /** What is free there now; null when it could not be asked, inodes null where the file system does not count them. */
  readonly free: { readonly bytes: number; readonly inodes: number | null } | null;
  /**
   * The damaged content that --damaged would replace and keep in the bundle, and what is free where the bundle lies.
   */
  readonly evidence: { readonly bytes: number; readonly free: number | null };
  /** True when the sources lie on another machine, so that restore.sh needs --source HOST:. */
  readonly remote: boolean;
  /** What the assessment calls restorable and yet stands in no list, by reason. */
  readonly leftOut: readonly LeftOutGroup[];
  /** Entries that come from another copy than the findings say, because that one failed when the lists were written. */
  readonly fallenBack: number;
  /** Names of owners by uid, from the passwd file of this machine. */
  readonly owners: ReadonlyMap<number, string>;
  /** Null where the bundle holds everything that can be restored. */
  readonly part: PartSummary | null;
  /** The volume was read from its bricks: files come back through a mount, which nobody has named. */
  readonly onBricks: boolean;
  /** How a client mounts it; null where the machine that wrote the bundle could not tell, and for a plain tree. */
  readonly mountedBy: { readonly server: string; readonly volume: string } | null;
  /** What is to be copied off the bricks before anything looks at the volume; null where nothing is hidden. */
  readonly rescue: RescueSummary | null;
}

/** What is hidden on bricks. */
export interface RescueSummary {
  readonly files: number;
  /** Content without a name, that no file which is gone was found to be. Not among the files. */
  readonly unnamed: number;
  readonly bytes: number;
  /** Of these, those that have the bytes of a backup. */
  readonly proven: number;
  readonly bricks: readonly string[];
  /** Where they lie on several hosts: each has a script of its own. */
  readonly hosts: readonly string[];
}

/** What a bundle that holds a part says of the rest. Files are all that is not a directory. */
export interface PartSummary {
  readonly selection: Selection;
  /** In the lists of this bundle. */
  readonly held: Tally;
  /** Asked for, and left for another part by a limit. */
  readonly beyond: Tally;
  /** Not asked for, and in no part yet. */
  readonly elsewhere: Tally;
  /** In the parts that this one continues. */
  readonly earlier: Tally;
  /** What could not be read at its source when those were written: in no list, and not given up. */
  readonly failed: Tally;
  /** Of what is lost for good: what was asked for, and the rest. */
  readonly lost: { readonly asked: Tally; readonly elsewhere: Tally };
  /** What makes a bundle of the rest; null when there is none. */
  readonly next: string | null;
}

/** Files that were restored and proven: only the backup lacks them, and the next one will have them. */
export function awaitingBackup({ findings }: Assessment): number {
  return findings.filter(({ kind, flags }) => kind !== 'directory' && flags.includes(FLAG.restored)).length;
}

/** '12 files were restored; the next backup will cover them.' Null where there are none. */
export function restoredText(assessment: Assessment): string | null {
  const files = awaitingBackup(assessment);
  if (files === 0) return null;
  return `${plural(files, 'file')} ${files === 1 ? 'was' : 'were'} restored; the next backup will cover ${files === 1 ? 'it' : 'them'}.`;
}

/** Losses of one group. */
export interface Group {
  readonly label: string;
  readonly files: number;
  readonly bytes: number;
  readonly lost: number;
}

/** Findings whose proper content is not there, without directories: what the groups are made of. */
export function losses(assessment: Assessment): Finding[] {
  return assessment.findings.filter((finding) => {
    if (finding.kind === 'directory') return false;
    const its = fate(finding);
    return its === 'lost' || its === 'restorable';
  });
}

function group(findings: readonly Finding[], labelOf: (finding: Finding) => string): Group[] {
  const groups = new Map<string, { files: number; bytes: number; lost: number }>();
  for (const finding of findings) {
    const label = labelOf(finding);
    const sum = groups.get(label) ?? { files: 0, bytes: 0, lost: 0 };
    sum.files += 1;
    sum.bytes += sizeOf(finding);
    if (fate(finding) === 'lost') sum.lost += 1;
    groups.set(label, sum);
  }
  return [...groups].map(([label, sum]) => ({ label, ...sum }));
}

function byFiles(a: Group, b: Group): number {
  return b.files - a.files || b.bytes - a.bytes || (a.label < b.label ? -1 : 1);
}

/**
 * By the first directory in which the losses differ: where all lie below home/, by the directories in home. Most files
 * first.
 */
export function byTopDirectory(findings: readonly Finding[]): Group[] {
  const parents = findings.map((finding) => finding.path.split('/').slice(0, -1));
  const first = parents[0] ?? [];
  let depth = 0;
  while (depth < first.length && parents.every((parts) => parts.length > depth && parts[depth] === first[depth]))
    depth += 1;
  const label = (finding: Finding): string => {
    const parts = finding.path
      .split('/')
      .slice(0, -1)
      .slice(0, depth + 1);
    return parts.length === 0 ? '(top level)' : `${parts.join('/')}/`;
  };
  return group(findings, label).sort(byFiles);
}

/** By who owned what should be there. */
export function byOwner(findings: readonly Finding[], owners: ReadonlyMap<number, string>): Group[] {
  return group(findings, (finding) => {
    const uid = (finding.expected ?? finding.found)?.uid;
    if (uid === undefined || uid === null) return 'not known';
    const name = owners.get(uid);
    return name === undefined ? `uid ${uid}` : `${name} (uid ${uid})`;
  }).sort(byFiles);
}

const SIZE_CLASSES: readonly (readonly [number, string])[] = [
  [1, 'empty'],
  [10_000, 'under 10 kB'],
  [100_000, '10 kB to 100 kB'],
  [1_000_000, '100 kB to 1 MB'],
  [10_000_000, '1 MB to 10 MB'],
  [100_000_000, '10 MB to 100 MB'],
  [1_000_000_000, '100 MB to 1 GB'],
  [Number.POSITIVE_INFINITY, '1 GB and more'],
];

/** By size, smallest class first; what is no file (links, devices) has a class of its own. */
export function bySize(findings: readonly Finding[]): Group[] {
  const labels = [...SIZE_CLASSES.map(([, label]) => label), 'links and devices'];
  const label = (finding: Finding): string => {
    if (finding.kind !== 'file') return 'links and devices';
    const size = sizeOf(finding);
    return SIZE_CLASSES.find(([below]) => size < below)?.[1] ?? '1 GB and more';
  };
  return group(findings, label).sort((a, b) => labels.indexOf(a.label) - labels.indexOf(b.label));
}

/** Moves as a person thinks of them: a directory of 100,000 files that was renamed is one line. */
export interface Move {
  readonly from: string;
  readonly to: string;
  readonly files: number;
}

export function moves(assessment: Assessment): Move[] {
  const found = new Map<string, { from: string; to: string; files: number; path: string; movedTo: string }>();
  for (const finding of assessment.findings) {
    if (finding.verdict !== 'moved' || finding.movedTo === null || finding.kind === 'directory') continue;
    const a = finding.path.split('/');
    const b = finding.movedTo.split('/');
    let tail = 0;
    while (tail < a.length && tail < b.length && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
    const from = `${a.slice(0, a.length - tail).join('/')}${tail > 0 ? '/' : ''}`;
    const to = `${b.slice(0, b.length - tail).join('/')}${tail > 0 ? '/' : ''}`;
    const key = `${from}\u0000${to}`;
    const move = found.get(key);
    if (move === undefined) found.set(key, { from, to, files: 1, path: finding.path, movedTo: finding.movedTo });
    else move.files += 1;
  }
  return [...found.values()].map((move) =>
    move.files === 1
      ? { from: move.path, to: move.movedTo, files: 1 }
      : { from: move.from, to: move.to, files: move.files },
  );
}

/**
 * The intervals worth a line: bursts and silent losses, else the loss intervals in which something vanished or was
 * damaged.
 */
export function tellingIntervals(timeline: readonly Interval[]): Interval[] {
  const telling = timeline.filter(({ burst, silent }) => burst || silent > 0);
  if (telling.length > 0) return telling;
  return timeline.filter((interval) => interval.inWindow && interval.vanished + interval.damaged > 0);
}
