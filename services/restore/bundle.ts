// Writes a restore bundle: a directory that stands alone, without the database, and appears whole or not at all (design.md section 7).
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Assessment, Finding, Tally } from '../../domain/assessment.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { baseName, isWithin, joinPath, parentOf } from '../../domain/path.ts';
import { errnoOf, FileError } from '../files/errors.ts';
import { createHasher } from '../files/hash.ts';
import { bytesOf, futurePathOf, realPathOf } from '../files/location.ts';
import { type ListLine, listFileOf, listFiles, type Lists } from './lists.ts';
import { BUNDLE_FORMAT, findingRecord, manifestRecord } from './manifest.ts';
import { planRestore, type RestorePlan } from './plan.ts';
import type { ReportInput } from './present.ts';
import { type Alternative, proveSources } from './prove.ts';
import { renderReadme } from './readme.ts';
import { renderReport } from './report/report.ts';

export interface BundleInput {
  readonly assessment: Assessment;
  /** Absolute, printable; must not exist, and its parent must. */
  readonly outDir: string;
  /** The bundle as a person would type it, for report and README; outDir if not given. */
  readonly shownAs?: string;
  readonly now: () => number;
  /** How the command is called here: 'rollcall' or './rollcall'. */
  readonly program: string;
  /** Names of owners by uid, for the report. */
  readonly owners: ReadonlyMap<number, string>;
  /** Further sources of a finding, best first, for when its own cannot be read any more. */
  readonly alternatives?: (finding: Finding) => Promise<readonly Alternative[]>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface BundleList {
  /** As in lists/01-missing.files0. */
  readonly file: string;
  /** missing, damaged, older, beside, person and their combinations. */
  readonly list: string;
  readonly needs: readonly string[];
  readonly snapshot: string;
  readonly asOf: string;
  readonly files: number;
  readonly bytes: number;
}

export interface BundleSummary {
  /** Absolute, printable, real path. */
  readonly directory: string;
  /** SHA-256 of SHA256SUMS: who has noted it can tell whether a copy of the bundle is the same. */
  readonly seal: string;
  readonly lists: readonly BundleList[];
  /** What restore.sh does without further options. */
  readonly restored: Tally;
  readonly damaged: Tally;
  readonly older: Tally;
  /** Left out unless --person-deleted. */
  readonly personDeleted: Tally;
  readonly directories: number;
  readonly links: number;
  readonly lost: Tally;
  /** Findings with a recovery that stand in no list, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Names that a checksum file cannot hold. */
  readonly notInXxh64: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** What the report and the terminal say of the plan. */
  readonly report: ReportInput;
}

interface Part {
  readonly name: string;
  readonly mode: number;
  readonly content: () => Iterable<string | Uint8Array>;
}

/** restore.sh lies in services/restore of the package, also when this runs from dist/, where the compiler copies no scripts. */
function restoreScript(): Buffer {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json')))
      return readFileSync(join(directory, 'services/restore/restore.sh'));
    if (directory === dirname(directory)) throw new Error('no package.json above services/restore');
  }
}

/**
 * Reads every source again, and writes the bundle. Throws RollcallError: out directory exists or lies inside a volume, disk full (it says how
 * much was needed; nothing stays behind), interrupted (130).
 */
export async function writeBundle(input: BundleInput): Promise<BundleSummary> {
  const { assessment, now } = input;
  const directory = checkOutDir(input);
  const proved = await proveSources({
    findings: assessment.findings,
    livePath: assessment.livePath,
    hasher: await createHasher(),
    now,
    ...(input.alternatives === undefined ? {} : { alternatives: input.alternatives }),
    ...(input.signal === undefined ? {} : { signal: input.signal }),
    ...(input.onProgress === undefined ? {} : { onProgress: input.onProgress }),
  });
  const plan = planRestore(assessment.findings, proved.proofs, proved.parentState);
  const lists = listFiles(plan);
  const dropped = plan.leftOut.filter(({ sourceFailed }) => sourceFailed).length;
  const counted = { ...countsOf(plan, lists), bytesRead: proved.bytesRead };
  const report = reportInput(input, plan, lists, counted, dropped);
  const parts = partsOf(input, plan, lists, counted, report);
  const written = writeWhole(directory, parts);
  return { directory, ...counted, ...written, report };
}

function checkOutDir({ assessment, outDir }: BundleInput): string {
  let directory: string;
  try {
    directory = futurePathOf(outDir);
    lstatSync(bytesOf(parentOf(directory)));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw new RollcallError(`${parentOf(outDir)} cannot be used for the bundle: ${errno}`, {
      cause: error,
      next: 'give --out a directory that can be made',
    });
  }
  if (lstatSync(bytesOf(directory), { throwIfNoEntry: false }) !== undefined) {
    throw new RollcallError(`${directory} exists already; a bundle is never written over another`, {
      next: 'give --out a new name',
    });
  }
  const volumes = [
    assessment.livePath,
    ...assessment.findings.flatMap(({ source }) => (source?.proof === 'read' ? [source.root] : [])),
  ];
  for (const volume of new Set(volumes)) {
    let real: string;
    try {
      real = realPathOf(volume);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      continue;
    }
    if (isWithin(real, directory)) {
      throw new RollcallError(`${directory} lies inside ${real}, and Rollcall never writes inside a volume`, {
        next: 'give --out a directory elsewhere',
      });
    }
  }
  return directory;
}

type Counted = Omit<BundleSummary, 'directory' | 'seal' | 'bytesWritten' | 'report'>;

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
    older: sum((line) => line.needs.includes('older') && !line.needs.includes('person-deleted')),
    personDeleted: sum((line) => line.needs.includes('person-deleted')),
    directories: plan.entries.filter(({ action }) => action === 'directory').length,
    links: plan.entries.filter(({ action }) => action === 'link').length,
    lost: { files: lost.length, bytes: lost.reduce((total, { expected }) => total + (expected?.size ?? 0), 0) },
    leftOut,
    notInXxh64: lists.notInXxh64,
  };
}

function listOf(line: ListLine): BundleList {
  const extension = line.type === 'replace' ? 'files' : line.type;
  return {
    file: `lists/${line.source.nn}-${line.list}.${extension}0`,
    list: line.list,
    needs: line.needs,
    snapshot: line.source.snapshot,
    asOf: line.source.asOf,
    files: line.entries.length,
    bytes: line.bytes,
  };
}

function reportInput(
  input: BundleInput,
  plan: RestorePlan,
  lists: Lists,
  counted: Counted,
  dropped: number,
): ReportInput {
  const asked = lists.lines.filter((line) => !line.needs.includes('person-deleted'));
  return {
    bundle: input.shownAs ?? input.outDir,
    target: input.assessment.livePath,
    program: input.program,
    lists: asked
      .filter((line) => line.type !== 'links')
      .map((line) => ({
        ...listOf(line),
        kind: line.needs.includes('older') ? 'older' : line.needs.includes('damaged') ? 'damaged' : 'missing',
      })),
    directories: counted.directories,
    links: counted.links,
    needed: {
      bytes: asked.reduce((total, line) => total + line.bytes, 0),
      inodes: plan.entries.filter(({ action }) => action === 'copy' || action === 'directory').length,
    },
    free: freeAt(input.assessment.livePath),
    remote: plan.sources.some(({ proof }) => proof === 'export'),
    dropped,
    owners: input.owners,
  };
}

function freeAt(path: string): ReportInput['free'] {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(bytesOf(path));
    return { bytes: bavail * bsize, inodes: files === 0 ? null : ffree };
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each));
}

function partsOf(input: BundleInput, plan: RestorePlan, lists: Lists, counted: Counted, render: ReportInput): Part[] {
  const { assessment } = input;
  const where = new Map<Finding, string>();
  for (const entry of plan.entries) where.set(entry.finding, `lists/${listFileOf(plan, entry)}`);
  for (const { finding, why } of plan.leftOut) where.set(finding, `in no list: ${why}`);
  const left = plan.leftOut.filter(({ sourceFailed }) => sourceFailed).map(({ finding }) => finding);
  const part = (name: string, content: Part['content'], mode = 0o600): Part => ({ name, mode, content });
  return [
    part('README.txt', () => [renderReadme(assessment, render)]),
    part('report.html', () => [renderReport(assessment, render)]),
    part('summary.json', () => [`${JSON.stringify(summaryOf(assessment, plan, counted), null, 2)}\n`]),
    part('findings.jsonl', function* () {
      for (const finding of assessment.findings) yield `${json(findingRecord(finding, where.get(finding) ?? null))}\n`;
    }),
    part('manifest.jsonl', function* () {
      for (const entry of plan.entries) yield `${json(manifestRecord(plan, entry))}\n`;
    }),
    part('lost.jsonl', function* () {
      // A loss whose only source has gone bad since is lost too, until another assessment finds one.
      for (const finding of [...plan.lost, ...left])
        yield `${json(findingRecord(finding, where.get(finding) ?? null))}\n`;
    }),
    part('restore.sh', () => [restoreScript()], 0o700),
    ...lists.files.map(({ name, content }) => part(`lists/${name}`, content)),
  ];
}

function summaryOf(assessment: Assessment, plan: RestorePlan, counted: Counted): Record<string, unknown> {
  const { window, timeline, universe, verdicts, directories, recovery, incomplete, conditions } = assessment;
  return {
    format: BUNDLE_FORMAT,
    volume: assessment.volume,
    livePath: assessment.livePath,
    liveScan: { id: String(assessment.liveScan.id), asOf: assessment.liveScan.asOf },
    created: new Date(assessment.createdMs).toISOString(),
    series: assessment.series,
    window,
    timeline,
    universe,
    verdicts,
    directories,
    recovery,
    incomplete,
    conditions,
    bytesRead: assessment.bytesRead,
    bytesTrusted: assessment.bytesTrusted,
    trustedSince: assessment.trustedSince,
    bundle: {
      ...counted,
      sources: plan.sources.map((source) => ({ ...source, proofAt: new Date(source.proofAtMs).toISOString() })),
    },
  };
}

const BUFFERED_BYTES = 1024 * 1024;

/** In a directory beside the final one, which is renamed when everything is on disk. */
function writeWhole(directory: string, parts: readonly Part[]): { seal: string; bytesWritten: number } {
  const partial = joinPath(parentOf(directory), `${baseName(directory).slice(0, 100)}.partial-${process.pid}`);
  const at = (name: string): Buffer => Buffer.concat([bytesOf(partial), Buffer.from(name === '' ? '' : `/${name}`)]);
  try {
    mkdirSync(at(''), { mode: 0o700 });
    mkdirSync(at('lists'), { mode: 0o700 });
    let bytesWritten = 0;
    let sums = '';
    for (const { name, mode, content } of parts) {
      const { sha256, bytes } = writePart(at(name), mode, content());
      sums += `${sha256}  ${name}\n`;
      bytesWritten += bytes;
    }
    const { sha256: seal, bytes } = writePart(at('SHA256SUMS'), 0o600, [sums]);
    syncDirectory(at('lists'));
    syncDirectory(at(''));
    renameSync(at(''), bytesOf(directory));
    syncDirectory(bytesOf(parentOf(directory)));
    return { seal, bytesWritten: bytesWritten + bytes };
  } catch (error) {
    rmSync(at(''), { recursive: true, force: true });
    const errno = errnoOf(error);
    if (errno === null) throw error;
    const full = errno === 'ENOSPC' || errno === 'EDQUOT';
    throw new RollcallError(
      full
        ? `the disk is full: the bundle needs ${sizeOf(parts)} bytes at ${parentOf(directory)}; nothing was left behind`
        : `the bundle could not be written to ${parentOf(directory)}: ${errno}; nothing was left behind`,
      {
        exit: EXIT.failure,
        cause: error,
        next: 'give --out a directory on another disk; the assessment itself is kept, and the next run is quick',
      },
    );
  }
}

function writePart(
  path: Buffer,
  mode: number,
  content: Iterable<string | Uint8Array>,
): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  let bytes = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const fd = openSync(path, 'wx', mode);
  const flush = (): void => {
    const whole = Buffer.concat(held);
    for (let done = 0; done < whole.length; ) done += writeSync(fd, whole, done);
    hash.update(whole);
    bytes += whole.length;
    held = [];
    heldBytes = 0;
  };
  try {
    for (const piece of content) {
      const raw = typeof piece === 'string' ? Buffer.from(piece) : piece;
      held.push(raw);
      heldBytes += raw.length;
      if (heldBytes >= BUFFERED_BYTES) flush();
    }
    flush();
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { sha256: hash.digest('hex'), bytes };
}

function syncDirectory(path: Buffer): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const BLOCK_BYTES = 4096;

/** What the bundle takes on disk, in whole blocks. */
function sizeOf(parts: readonly Part[]): number {
  let total = BLOCK_BYTES * 3;
  for (const { name, content } of parts) {
    let bytes = 0;
    for (const piece of content()) bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
    total += Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES + name.length + 68;
  }
  return total;
}
