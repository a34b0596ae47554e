// Writes a restore bundle: a directory that stands alone, without the database, and appears whole or not at all
// (docs/design.md#bundle).
import { answerJson } from '../report/json.ts';
import { shipped } from '../process/parts.ts';
import { errnoText } from '../../domain/errno.ts';
import { lstatSync, readFileSync } from 'node:fs';
import type { Assessment, Finding, Tally } from '../../domain/assessment.ts';
import { RollcallError } from '../../domain/exit.ts';
import { isOnHosts } from '../../domain/gluster/named.ts';
import { allNeedsOf, isLeftByDefault } from '../../domain/restore/needs.ts';
import { isWithin, parentOf } from '../../domain/path.ts';
import { errnoOf, FileError } from '../files/errors.ts';
import { createHasher } from '../files/hash.ts';
import { bytesOf, futurePathOf, placesOf, realPathOf } from '../files/location.ts';
import { ownerFiles } from './by-owner.ts';
import type { ListLine } from './list-records.ts';
import { listFileOf, listFiles, type Lists } from './lists.ts';
import { BUNDLE_FORMAT, findingRecord, manifestRecord } from './manifest.ts';
import { planRestore, type RestorePlan } from '../../domain/restore/plan.ts';
import type { Unanswered } from '../judge/hosts.ts';
import type { NextSource } from '../judge/next-source.ts';
import type { BundleCounts, ReportInput } from '../report/present.ts';
import { rescueFiles } from './rescue.ts';
import { type AnsweredProofs, type AskingProofs, proveSources } from './prove.ts';
import { renderReadme } from '../report/readme.ts';
import { renderReport } from '../report/page/report.ts';
import { type Chosen, choose, EVERYTHING, type Part, type Selection } from '../../domain/restore/selection.ts';
import { listOf, reportInput } from './report-input.ts';
import { AlreadyThere, type BundleFile, writeBundleWhole } from './whole-bundle.ts';
import { inertJson, jsonLine } from '../report/wording.ts';

export interface BundleInput {
  readonly assessment: Assessment;
  /**
   * Absolute, printable; must not exist, and its parent must. Where nobody named it, what gives a free name: asked
   * again when another bundle, which was begun in the same second, has taken it.
   */
  readonly outDir: string | (() => string);
  readonly now: () => number;
  /**
   * The words that run Rollcall on this machine, from any directory, for a shell: 'rollcall', '/opt/rollcall/rollcall'.
   */
  readonly program: string;
  /** Names of owners by uid, for the report. */
  readonly owners: ReadonlyMap<number, string>;
  /** What of it the bundle is to hold; everything unless given. */
  readonly selection?: Selection;
  /** Of this process: the bundle is written there. */
  readonly host: string;
  /**
   * What other hosts have answered; with it every host is asked in rounds, this one too. Left out, what lies on this
   * host is read, and what lies on others is in no list.
   */
  readonly answered?: AnsweredProofs;
  /**
   * Printable, real: directories of snapshots on the volume's host that no finding names as its source. restore.sh
   * writes into none of either.
   */
  readonly backupRoots: readonly string[];
  /** The next best source of a finding, for when its own cannot be read any more. */
  readonly nextSource?: NextSource;
  /** The task that asked for it: a retry of it knows its own bundle again, and takes no other for it. */
  readonly taskId?: bigint;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What is written at a place that was found. */
type Placed = Omit<BundleInput, 'outDir'> & { readonly outDir: string };

export interface BundleSummary extends BundleCounts {
  /** Absolute, printable, real path. */
  readonly directory: string;
  /** SHA-256 of SHA256SUMS: who has noted it can tell whether a copy of the bundle is the same. */
  readonly seal: string;
  readonly directories: number;
  readonly links: number;
  /** Findings with a recovery that stand in no list, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly bytesWritten: number;
  /** What the report and the terminal say of the plan. */
  readonly report: ReportInput;
  /** One more sentence on what could not be read; null where every source was read. */
  readonly unread: string | null;
}

/** As writeBundleInRounds, where no other host is asked. */
export async function writeBundle(input: BundleInput): Promise<BundleSummary> {
  const answered = input.answered === undefined ? {} : { answered: { ...input.answered, isLast: true } };
  const result = await writeBundleInRounds({ ...input, ...answered });
  if ('wanted' in result) throw new Error('the bundle waits for hosts that nobody will ask');
  return result;
}

/**
 * Has every source read again, and writes the bundle; or says what other hosts are to be asked first, and has written
 * nothing. Answers are kept as those of reconcileInRounds. Throws RollcallError: out directory exists or is inside a
 * volume, disk full (it says how much was needed; nothing stays behind), interrupted (130).
 */
export async function writeBundleInRounds(input: BundleInput): Promise<BundleSummary | AskingProofs> {
  const { now } = input;
  if (typeof input.outDir === 'string') checkOutDir(input, input.outDir);
  const chosen = choose(input.assessment.findings, input.selection ?? EVERYTHING);
  const proved = await proveSources({
    findings: chosen.findings,
    livePath: input.assessment.livePath,
    liveHost: input.assessment.liveHost,
    host: input.answered === undefined ? input.host : null,
    ...(input.answered === undefined ? {} : { answered: input.answered }),
    hasher: await createHasher(),
    now,
    ...(input.nextSource === undefined ? {} : { nextSource: input.nextSource }),
    ...(input.signal === undefined ? {} : { signal: input.signal }),
    ...(input.onProgress === undefined ? {} : { onProgress: input.onProgress }),
  });
  if ('wanted' in proved) return proved;
  const plan = planRestore(chosen.findings, {
    proved: proved.proofs,
    parentState: proved.parentState,
    all: input.assessment.findings,
    ages: chosen.ages,
    uncertainToo: input.selection?.uncertainToo ?? false,
  });
  const unread = unreadSources(plan, proved.unanswered);
  const assessment = withUnread(input.assessment, unread);
  const lists = listFiles(plan, {
    livePath: assessment.livePath,
    liveHost: assessment.liveHost,
    liveRoot: proved.target.facts,
    program: input.program,
    backupRoots: [...input.backupRoots, ...snapshotRoots(assessment, assessment.liveHost)],
  });
  const counted = { ...countsOf(plan, lists), bytesRead: proved.bytesRead };
  for (;;) {
    const outDir = typeof input.outDir === 'string' ? input.outDir : input.outDir();
    try {
      const directory = checkOutDir(input, outDir);
      const placed = { ...input, assessment, outDir };
      const report = reportInput({ ...placed, room: proved.target.room }, chosen, plan, lists);
      const written = writeBundleWhole(directory, filesOf(placed, { chosen, plan, lists, counted, report }));
      return { directory, ...counted, ...written, report, unread };
    } catch (error) {
      if (typeof input.outDir === 'string' || !(error instanceof AlreadyThere)) throw error;
    }
  }
}

/** Of the snapshots on a host that findings name as their source. */
function snapshotRoots({ findings }: Pick<Assessment, 'findings'>, host: string | null): string[] {
  return findings.flatMap(({ source }) =>
    source === null || source.proof !== 'read' || source.inTarget || !isOn(source.host, host) ? [] : [source.root],
  );
}

/** Bundles of versions before fleets name no host: everything was on one. */
function isOn(place: string | null, host: string | null): boolean {
  return place === null || host === null || place === host;
}

/** The assessment with one more sentence on what could not be read. */
export function withUnread(assessment: Assessment, unread: string | null): Assessment {
  return unread === null ? assessment : { ...assessment, incomplete: [...assessment.incomplete, unread] };
}

/** A backup that went away since it was scanned: what it holds is promised by nobody, and not given up either. */
function unreadSources(plan: RestorePlan, unanswered: readonly Unanswered[]): string | null {
  const sentences = [
    ...unanswered.map(
      ({ host }) => `No answer from ${host} when the lists were written: what only it can tell is in none of them.`,
    ),
    ...failedSources(plan),
  ];
  return sentences.length === 0 ? null : sentences.join(' ');
}

function failedSources(plan: RestorePlan): string[] {
  const unread = plan.leftOut.filter(({ sourceFailed }) => sourceFailed);
  const [first] = unread;
  if (first === undefined || first.finding.source === null) return [];
  const others = unread.length - 1;
  const more = others === 0 ? '' : `, and ${others === 1 ? 'one more' : `${others} more`}`;
  return [
    `backup: the copy of ${first.finding.path} in ${first.finding.source.snapshot} failed when the lists were written (${first.why})${more}. ` +
      'Not restored: check that the backup is mounted, and run again.',
  ];
}

function checkOutDir(
  { assessment, backupRoots, host }: Pick<BundleInput, 'assessment' | 'backupRoots' | 'host'>,
  outDir: string,
): string {
  let directory: string;
  try {
    directory = futurePathOf(outDir);
    lstatSync(bytesOf(parentOf(directory)));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw new RollcallError(`${parentOf(outDir)} cannot be used for the bundle: ${errnoText(errno)}`, {
      cause: error,
      next: 'give --out a directory that can be made',
    });
  }
  if (lstatSync(bytesOf(directory), { throwIfNoEntry: false }) !== undefined) {
    throw new AlreadyThere(directory);
  }
  // What lies on another host cannot be written to from here, and a path of that name here is another thing.
  const { livePath, liveHost } = assessment;
  const ofLive = isOn(liveHost, host) || isOnHosts(livePath) ? [...placesOf(livePath, host), ...backupRoots] : [];
  const volumes = [...ofLive, ...snapshotRoots(assessment, host)];
  for (const volume of new Set(volumes)) {
    let real: string;
    try {
      real = realPathOf(volume);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      continue;
    }
    if (isWithin(real, directory)) {
      throw new RollcallError(`${directory} is inside ${real}, and Rollcall never writes inside a volume`, {
        next: 'give --out a directory elsewhere',
      });
    }
  }
  return directory;
}

type Counted = Omit<BundleSummary, 'directory' | 'seal' | 'bytesWritten' | 'report' | 'unread'>;

function countsOf(plan: RestorePlan, lists: Lists): Omit<Counted, 'bytesRead'> {
  const sum = (chosen: (line: ListLine) => boolean): Tally => {
    const lines = lists.lines.filter(chosen);
    return {
      files: lines.reduce((total, line) => total + line.entries.length, 0),
      bytes: lines.reduce((total, line) => total + line.bytes, 0),
    };
  };
  const leftOut: Record<string, number> = {};
  for (const { why } of plan.leftOut) leftOut[why] = (leftOut[why] ?? 0) + 1;
  const lost = plan.lost.filter(({ kind }) => kind !== 'directory');
  return {
    lists: lists.lines.map(listOf),
    restored: sum((line) => line.needs.length === 0),
    damaged: sum((line) => line.needs.includes('damaged') && !line.needs.includes('older')),
    older: sum((line) => line.needs.includes('older') && !isLeftByDefault(line.needs)),
    personDeleted: sum((line) => line.needs.includes('person-deleted')),
    uncertain: sum((line) => line.needs.includes('uncertain') && !line.needs.includes('person-deleted')),
    directories: plan.entries.filter(({ action }) => action === 'directory').length,
    links: plan.entries.filter(({ action }) => action === 'link').length,
    lost: { files: lost.length, bytes: lost.reduce((total, { expected }) => total + (expected?.size ?? 0), 0) },
    leftOut,
    sources: plan.sources,
    notInXxh64: lists.notInXxh64,
  };
}

const ELSEWHERE: Readonly<Record<Part, string>> = {
  this: 'its source was not checked',
  earlier: 'it is in an earlier part',
  left: 'it is left for another part',
  failed: 'its source failed when an earlier part was written',
};

function askedBy({ taskId }: Placed): { readonly task?: string } {
  return taskId === undefined ? {} : { task: String(taskId) };
}

interface Made {
  readonly chosen: Chosen;
  readonly plan: RestorePlan;
  readonly lists: Lists;
  readonly counted: Counted;
  readonly report: ReportInput;
}

function filesOf(input: Placed, { chosen, plan, lists, counted, report }: Made): BundleFile[] {
  const { assessment } = input;
  const where = new Map<Finding, string>();
  for (const [finding, part] of chosen.parts) where.set(finding, `in no list: ${ELSEWHERE[part]}`);
  const needs = new Map<Finding, readonly string[]>();
  for (const entry of plan.entries) {
    where.set(entry.finding, `lists/${listFileOf(plan, entry)}`);
    needs.set(entry.finding, entry.needs);
  }
  const inNoList = new Map(plan.leftOut.map(({ finding, why }) => [finding, `in no list: ${why}`]));
  for (const [finding, why] of inNoList) where.set(finding, why);
  const left = new Set(plan.leftOut.filter(({ sourceFailed }) => sourceFailed).map(({ finding }) => finding));
  const file = (name: string, content: BundleFile['content'], mode = 0o600): BundleFile => ({ name, mode, content });
  const record = (finding: Finding): string =>
    `${jsonLine(
      findingRecord(finding, {
        restore: where.get(finding) ?? null,
        needs: needs.get(finding) ?? allNeedsOf(finding),
        part: left.has(finding) ? 'failed' : (chosen.parts.get(finding) ?? null),
      }),
    )}\n`;
  return [
    file('README.txt', () => [renderReadme(assessment, report)]),
    file('report.html', () => [renderReport(assessment, report)]),
    file('summary.json', () => [
      `${inertJson(JSON.stringify({ format: BUNDLE_FORMAT, ...askedBy(input), ...answerJson(assessment, { ...counted, report }) }, null, 2))}\n`,
    ]),
    file('findings.jsonl', function* () {
      for (const finding of assessment.findings) yield record(finding);
    }),
    file('manifest.jsonl', function* () {
      for (const entry of plan.entries) yield `${jsonLine(manifestRecord(plan, entry))}\n`;
    }),
    file('lost.jsonl', function* () {
      // A loss whose only source has gone bad since is lost too, until another assessment finds one.
      for (const finding of [...plan.lost, ...left]) yield record(finding);
    }),
    file('restore.sh', () => [readFileSync(shipped('services/bundle/restore.sh'))], 0o700),
    ...lists.files.map(({ name, content }) => file(`lists/${name}`, content)),
    ...rescueFiles(assessment, input.host),
    ...ownerFiles(assessment, input.owners, input.selection ?? null, inNoList).map(({ name, content }) =>
      file(`by-owner/${name}`, content),
    ),
  ];
}
