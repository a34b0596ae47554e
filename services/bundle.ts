// `bundle`: another part of the last assessment, without another scan. The bundle that `assess` has written holds every
// finding; what stands in the lists of the part is read again, source by source, when it is written
// (docs/design.md#rule-10).
import type { Assessment } from '../domain/assessment.ts';
import { EXIT, RollcallError } from '../domain/exit.ts';
import { brickList, placesIn } from '../domain/gluster/brick-places.ts';
import { isBricks, spelledOn } from '../domain/gluster/named.ts';
import { isWithin, joinPath } from '../domain/path.ts';
import { type LastAssessment, lastAssessments } from './catalog/assessments.ts';
import type { Database } from './catalog/database.ts';
import { FileError } from './files/errors.ts';
import { mayDestroy, wayTo } from './files/gluster.ts';
import { listedIn } from './files/listed-names.ts';
import { futurePathOf, meaningsOf, placesOf } from './files/location.ts';
import { refuseBrick, refuseGluster } from './files/looking.ts';
import { mayLookUp, mountByPath, readMounts } from './files/mounts.ts';
import { exists } from './files/snapshots.ts';
import { type BundleSummary, writeBundle } from './bundle/write.ts';
import { assessAgain, assessCommand } from './report/commands.ts';
import { candidates } from '../domain/restore/eligible.ts';
import { reopenBundle, type Reopened } from './bundle/reopen.ts';
import { choose, type Selection } from '../domain/restore/selection.ts';
import { plural } from './report/wording.ts';
import { freeBundleName } from './assess.ts';
import { placed } from './typed/placed.ts';
import { type PartRequest, selectionOf } from './typed/asked.ts';

const SUMS = 'SHA256SUMS';

export interface CutRequest {
  /** A bundle's directory, a volume's name or the path of its root, as typed; null for the last assessment. */
  readonly from: string | null;
  readonly part: PartRequest;
  /** Only what neither that bundle nor those that it continues hold. */
  readonly rest: boolean;
  /** What statistics alone call lost is restored like the rest. */
  readonly uncertain: boolean;
  /** Null for ./rollcall-TIME. */
  readonly outDir: string | null;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
}

export interface CutTools {
  /** Of this process. */
  readonly host: string;
  readonly cwd: string;
  readonly nowMs: () => number;
  readonly program: string;
  readonly owners: ReadonlyMap<number, string>;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * The catalog is opened (by `open`) only where no bundle's directory is named: a bundle stands alone.
 * @throws RollcallError where there is no bundle to cut from, nothing fits what was asked, or a guard refuses (4)
 */
export async function cutBundle(
  tools: CutTools,
  request: CutRequest,
  open: () => Promise<Database>,
): Promise<{ readonly assessment: Assessment; readonly bundle: BundleSummary }> {
  const from = await reopenBundle(
    (await bundleNamed(tools, request)) ?? (await bundleOfLast(tools, request.from, await open())),
  );
  const { assessment } = from;
  const outDir =
    request.outDir === null
      ? () => freeBundleName(tools)
      : (meaningsOf(request.outDir, tools.cwd)[0] ?? request.outDir);
  refuseLooking(tools, request, from, typeof outDir === 'string' ? outDir : tools.cwd);
  const selection = await selectionIn(from, request);
  refuseNothing(tools, from, selection);
  const bundle = await writeBundle({
    assessment,
    host: tools.host,
    selection,
    outDir,
    backupRoots: from.backupRoots,
    now: tools.nowMs,
    program: tools.program,
    owners: tools.owners,
    signal: tools.signal,
    onProgress: tools.onProgress,
  });
  return { assessment, bundle };
}

/** The volume and the snapshots are read, and the bundle is written: none of them on a GlusterFS mount or a brick. */
function refuseLooking(
  { host }: CutTools,
  request: CutRequest,
  { assessment, backupRoots }: Reopened,
  outDir: string,
): void {
  const mounts = readMounts();
  // Of another host nothing is read here.
  const isHere = assessment.liveHost === null || assessment.liveHost === host;
  const read = isHere ? [...placesOf(assessment.livePath), ...backupRoots] : [];
  for (const path of [...read, outDir]) refuseGluster(path, request, false, mounts);
  // A volume that is read from its bricks lies on them; nothing else may.
  const isOnBricks = isHere && isBricks(assessment.livePath);
  refuseBrick([...(isOnBricks ? backupRoots : read), outDir].map(placeOf), mounts);
}

/** Real as far as it can be told. What cannot be read is not read either. */
function placeOf(path: string): string {
  try {
    return futurePathOf(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return path;
  }
}

async function selectionIn({ bundle, assessment, held, failed }: Reopened, request: CutRequest): Promise<Selection> {
  const selection = await selectionOf(request.part, [assessment.livePath], {
    isKnown: (path) => assessment.findings.some((finding) => isWithin(path, finding.path)),
    otherwise: 'nothing there was found to be other than intact',
  });
  return { ...selection, uncertainToo: request.uncertain, restOf: request.rest ? { bundle, held, failed } : null };
}

function refuseNothing({ program }: CutTools, { bundle, assessment }: Reopened, selection: Selection): void {
  const { parts, beyond, elsewhere, failed } = choose(assessment.findings, selection);
  if ([...parts.values()].includes('this')) return;
  if (failed.files > 0 && beyond.files + elsewhere.files === 0) {
    throw new RollcallError(
      `${plural(failed.files, 'file')} could not be read at their source when ${bundle}, or a part before it, was written. They are not restored, and not given up.`,
      {
        exit: EXIT.incomplete,
        next: `${assessAgain(program, assessment)} looks for other copies.`,
      },
    );
  }
  const { restOf, paths, owners } = selection;
  const all = candidates(assessment.findings).length;
  throw new RollcallError(
    all === 0
      ? `${bundle} comes from an assessment that found nothing to restore.`
      : restOf !== null && beyond.files + elsewhere.files === 0
        ? `Nothing is left: every loss that can be restored is in ${bundle}, or in the parts before it.`
        : `Nothing that can be restored is ${[
            ...(paths.length > 0 ? [`below ${paths.join(' or ')}`] : []),
            ...(owners.length > 0 ? [`of uid ${owners.join(' or ')}`] : []),
          ].join(' and ')}${restOf === null ? '' : ' and in no part yet'}.`,
    { next: `report.html in ${bundle} shows whose and where the losses are` },
  );
}

/** What was named may be the root of a volume: no absent name is looked up where that may destroy. */
export function isBundle(path: string): boolean {
  const mounts = readMounts();
  const { met, leads } = wayTo(path, mayDestroy, mounts);
  if (met !== null) return false;
  return mayLookUp(mountByPath(leads, mounts)) ? exists(joinPath(leads, SUMS)) : listedIn(leads, SUMS);
}

/** Null where the argument names no bundle's directory. */
async function bundleNamed(tools: CutTools, { from }: CutRequest): Promise<string | null> {
  if (from === null) return null;
  return meaningsOf(from, tools.cwd).find(isBundle) ?? null;
}

/** A path is that of this host's volume where there is one, HOST:/path that of the other host's. */
function assessedAs(
  all: readonly LastAssessment[],
  from: string,
  place: { readonly host: string; readonly cwd: string },
): readonly LastAssessment[] {
  const { host, path } = placed(from, place.host);
  const paths = isBricks(path) ? [brickList(placesIn(path))] : meaningsOf(path, place.cwd);
  const at = all.filter((one) => paths.includes(one.path));
  const here = at.filter((one) => one.host === host);
  if (here.length > 0 || path !== from) return here;
  const named = all.filter(({ volume }) => volume === from);
  return named.length > 0 && !from.startsWith('/') ? named : [...new Set([...named, ...at])];
}

async function bundleOfLast({ program, host, cwd }: CutTools, from: string | null, db: Database): Promise<string> {
  const all = await lastAssessments(db.pool);
  const fitting = from === null ? all : assessedAs(all, from, { host, cwd });
  const [last, another] = fitting;
  if (last === undefined) {
    throw new RollcallError(
      from === null ? 'Nothing was assessed yet.' : `${from} is neither a bundle nor a volume that was assessed.`,
      { next: 'rollcall status lists what was assessed; rollcall assess --live PATH --backup PATTERN begins.' },
    );
  }
  if (another !== undefined) {
    throw new RollcallError(
      `Several volumes were assessed: ${fitting.map((one) => (from === null ? one.volume : spelledOn(one.host ?? host, one.path))).join(', ')}.`,
      {
        next: 'Say which: rollcall bundle VOLUME (or HOST:/PATH), or the directory of its bundle.',
      },
    );
  }
  const when = new Date(last.createdMs).toISOString();
  if (last.bundle === null && last.losses) {
    // The catalog keeps the findings, and not all that a bundle says of them.
    throw new RollcallError(
      `The bundle of the last assessment of ${last.volume} (${when}) was not written: its disk was full, or it was interrupted.`,
      {
        next: `${assessCommand(program, last.path, last.patterns)} writes one; what did not change is not read again.`,
      },
    );
  }
  if (last.bundle === null) {
    throw new RollcallError(`The last assessment of ${last.volume} (${when}) found nothing to restore.`, {
      next: 'An older bundle can be named by its directory.',
    });
  }
  if (!exists(joinPath(last.bundle, SUMS))) {
    throw new RollcallError(`The bundle of the last assessment of ${last.volume} is no longer at ${last.bundle}.`, {
      next: 'Name the directory where it is now, or assess again: what did not change is not read again.',
    });
  }
  return last.bundle;
}
