// What a person has typed, before any work: every path is found, placed and held against the others; what would mislead or harm is refused.
import { errnoText } from '../../domain/errno.ts';
import { readdirSync, statSync } from 'node:fs';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { baseName, compareBytes, encodeName, encodePath, isWithin, joinPath, parentOf } from '../../domain/path.ts';
import { isBuiltInSkip } from '../../domain/scope.ts';
import { errnoOf, FileError } from '../files/errors.ts';
import { glusterBelow } from '../files/gluster.ts';
import { identifyRoot, isFileSystemRoot, type RootIdentity } from '../files/identity.ts';
import { bytesOf, futurePathOf, meaningsOf, realPathOf } from '../files/location.ts';
import { type Accepted, refuseBrick, refuseGluster } from '../files/looking.ts';
import { mayLookUp, type Mount, mountByPath, mountOf, mountsBelow, readMounts } from '../files/mounts.ts';
import { absolutePattern, comesTo, expandPattern, isPattern } from '../files/pattern.ts';
import { exists, findSnapshots, type FoundSeries } from '../files/snapshots.ts';

export interface InputRequest extends Accepted {
  /** As typed: the live volume, the patterns of its backups, the bundle's directory (null for none), the state directory (null for none). */
  readonly live: string;
  readonly backups: readonly string[];
  readonly outDir: string | null;
  readonly stateDir: string | null;
  /** What relative arguments start from. */
  readonly cwd: string;
  readonly nowMs: number;
  /** IANA zone of the times in snapshots' names; null for the machine's. */
  readonly tz: string | null;
  /** --snapshots N; null for all. */
  readonly limit: number | null;
  /** Whether other file systems below a root are entered. */
  readonly crossMounts: boolean;
  /** --new-state: an empty volume, or one that shares nothing with its backup, is what it should be. */
  readonly newState: boolean;
}

export interface CheckedInputs {
  /** Real path, printable. */
  readonly live: string;
  readonly identity: RootIdentity;
  readonly mount: Mount | null;
  /** One for each pattern or directory among the backups, in the order given; each with one snapshot at least. */
  readonly series: readonly FoundSeries[];
  /** The patterns of these series, absolute. */
  readonly patterns: readonly string[];
  /** Regular files among the backups: exports that `rollcall scan --export` has made on another host. Real paths, printable. */
  readonly exports: readonly string[];
  /** Where they will lie, symlinks resolved. Printable. */
  readonly outDir: string | null;
  readonly stateDir: string | null;
}

const NAMES_SHOWN_MAX = 8;

function namesIn(directory: string): readonly string[] | null {
  try {
    return readdirSync(bytesOf(directory), { encoding: 'buffer' }).map(encodeName).sort(compareBytes);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

function shown(items: readonly string[], separator = ', '): string {
  const more = items.length - NAMES_SHOWN_MAX;
  return items.slice(0, NAMES_SHOWN_MAX).join(separator) + (more > 0 ? `${separator}and ${more} more` : '');
}

/** The nearest directory that exists on the way to a path, and what it holds: where a typing error becomes visible. */
function nearest(path: string): string {
  let directory = path;
  for (;;) {
    const names = namesIn(directory);
    if (names !== null) return `${directory} exists and holds ${names.length === 0 ? 'nothing' : shown(names)}.`;
    if (directory === '/') return 'Nothing on the way there can be read.';
    directory = parentOf(directory);
  }
}

/** Names that say nothing of what a volume holds: every fresh ext4 has lost+found. */
function isContent(name: string): boolean {
  return name !== 'lost+found' && !isBuiltInSkip(name, true);
}

type LookRequest = Pick<InputRequest, 'cwd' | 'crossMounts'> & Accepted;

/** An argument on a GlusterFS mount, or a pattern that leads to one, is refused before anything is touched. */
function refuseTyped(argument: string, request: LookRequest, mounts: readonly Mount[]): void {
  for (const meaning of meaningsOf(argument, request.cwd)) refuseGluster(meaning, request, request.crossMounts, mounts);
  if (!isPattern(argument)) return;
  for (const { mountPoint } of mounts)
    if (comesTo(argument, mountPoint, request.cwd)) refuseGluster(mountPoint, request, false, mounts);
}

/** What a root turned out to be: on no GlusterFS mount, and on no brick; of local mounts that are entered, too. */
function refuseRoots(roots: readonly string[], request: LookRequest, mounts: readonly Mount[]): void {
  for (const root of roots) refuseGluster(root, request, request.crossMounts, mounts);
  const entered = request.crossMounts ? roots.flatMap((root) => mountsBelow(root, mounts)) : [];
  refuseBrick([...roots, ...entered.filter(mayLookUp).map(({ mountPoint }) => mountPoint)], mounts);
}

/** By components, and on the same mount unless others are entered: what lies on a mount below a volume is no part of it otherwise. */
function isInside(volume: string, path: string, crossMounts: boolean, mounts: readonly Mount[]): boolean {
  if (!isWithin(volume, path)) return false;
  return crossMounts || mountByPath(volume, mounts)?.id === mountByPath(path, mounts)?.id;
}

/** An argument as a message may show it: a pasted newline or escape sequence must not speak to the terminal. */
function typedText(argument: string): string {
  return encodePath(Buffer.from(argument));
}

/** An unset variable of a script ("$LIVE") is an empty argument, and must not mean the current directory. */
function refuseEmpty(option: string, argument: string): void {
  if (argument !== '') return;
  throw new RollcallError(`${option} was given an empty path.`, {
    next: 'Look for a variable that is not set; a dot (.) names the current directory.',
  });
}

/** The live volume: its real path, its identity, and that it holds something. */
export function checkLive(
  argument: string,
  request: LookRequest & Pick<InputRequest, 'newState'>,
): {
  readonly live: string;
  readonly identity: RootIdentity;
  readonly mount: Mount | null;
  readonly names: readonly string[];
} {
  refuseEmpty('--live', argument);
  const mounts = readMounts();
  const meanings = meaningsOf(argument, request.cwd);
  refuseTyped(argument, request, mounts);
  const typed = meanings.find(exists);
  if (typed === undefined) {
    if (isPattern(argument)) {
      throw new RollcallError(`--live takes one directory, and ${typedText(argument)} is a pattern.`, {
        next: 'Name the directory at the top of the live volume; several volumes are several --live, each followed by its --backup.',
      });
    }
    const path = meanings[0];
    if (path === undefined) throw new RollcallError(`${JSON.stringify(argument)} is not a path.`);
    throw new RollcallError(`The live volume ${path} does not exist. ${nearest(path)}`, {
      next: 'Check the path, and that the file system that holds it is mounted (findmnt). Nothing was concluded.',
    });
  }
  let live = typed;
  try {
    live = realPathOf(typed);
  } catch (error) {
    // A link that leads nowhere, or a parent that may not be entered: identifyRoot() says which.
    if (!(error instanceof FileError)) throw error;
  }
  refuseRoots([live], request, mounts);
  const identity = identifyRoot(live);
  const names = namesIn(live);
  if (names === null)
    throw new RollcallError(`${live} cannot be listed.`, { next: 'Check the mount and the kernel log.' });
  if (!request.newState && !names.some(isContent)) {
    throw new RollcallError(
      `${live} is empty${names.length > 0 ? ` but for ${shown(names)}` : ''}. An empty volume is not a loss: most likely it is not mounted.`,
      {
        exit: EXIT.guard,
        next: `Check findmnt ${live}, and mount the volume. If it really is empty now, say so with --new-state.`,
      },
    );
  }
  return { live, identity, mount: mountOf(live, mounts), names };
}

/** One --backup: its snapshots, or the export file that it names. */
export async function checkBackup(
  argument: string,
  request: LookRequest & Pick<InputRequest, 'nowMs' | 'tz' | 'limit'>,
): Promise<FoundSeries | { readonly exportFile: string }> {
  refuseEmpty('--backup', argument);
  const mounts = readMounts();
  refuseTyped(argument, request, mounts);
  const found = await findSnapshots(argument, request);
  refuseRoots(
    found.snapshots.map(({ path }) => path),
    request,
    mounts,
  );
  const [only] = found.leftOut;
  if (found.literal && only && statSync(bytesOf(only.path)).isFile()) return { exportFile: only.path };
  if (found.snapshots.length > 0) return found;
  if (found.leftOut.length > 0) {
    const reasons = found.leftOut.map(({ path, reason }) => `  ${path}: ${reason}`);
    throw new RollcallError(`${typedText(argument)} names no finished snapshot:\n${shown(reasons, '\n')}`, {
      next: 'Wait until the backup has finished, or name the directories of the snapshots themselves.',
    });
  }
  const { literalPrefix, lastPart } = found.series;
  const [what, beginning] = found.literal ? ['does not exist', literalPrefix] : ['matches nothing', literalPrefix];
  throw new RollcallError(
    `The backup ${typedText(argument)} ${what}. ${nearest(beginning.endsWith('/') && beginning !== '/' ? beginning.slice(0, -1) : beginning)}`,
    {
      next: `Give the pattern in quotes, so that the shell leaves it alone, with one '*' where the snapshots' names stand${lastPart === '' ? '' : ` and ${lastPart} below each`}.`,
    },
  );
}

/** Neither may hold the other: a backup inside the volume would be counted as live, and the volume inside the backup as a snapshot. */
function refuseOverlap(live: string, series: FoundSeries, crossMounts: boolean, mounts: readonly Mount[]): void {
  const liveIsRoot = isFileSystemRoot(live, statSync(bytesOf(live), { bigint: true }).ino, mounts);
  for (const { path } of [...series.snapshots, ...series.leftOut]) {
    if (isInside(path, live, crossMounts, mounts)) {
      throw new RollcallError(
        live === path
          ? `${live} is named as the live volume and as a snapshot.`
          : `The live volume ${live} is inside the backup (${path}).`,
        {
          next: 'Name the volume that people work on with --live, and write the pattern of --backup so that it does not match it.',
        },
      );
    }
    if (!isInside(live, path, crossMounts, mounts)) continue;
    const top = path.slice(live === '/' ? 1 : live.length + 1).split('/')[0] ?? '';
    if (isBuiltInSkip(top, liveIsRoot)) continue;
    throw new RollcallError(`The live volume ${live} holds the backup (${path}).`, {
      next: 'Name the directory of the live files alone with --live: a backup among them would be counted as live files.',
    });
  }
}

/** No top-level name in common with any snapshot of a series: another volume, another level, or an empty directory below a mount point. */
function refuseStrangers(live: string, names: readonly string[], series: FoundSeries): void {
  const known = new Set(names.filter(isContent));
  let newest: { readonly path: string; readonly names: readonly string[] } | null = null;
  for (const { path } of series.snapshots.toReversed()) {
    const there = namesIn(path)?.filter(isContent);
    // What cannot be listed proves nothing.
    if (there === undefined || there.some((name) => known.has(name))) return;
    newest ??= { path, names: there };
  }
  if (newest === null) return;
  const { path } = newest;
  const closed = glusterBelow(path, readMounts());
  const deeper = newest.names.find(
    (name) =>
      !closed.has(joinPath(path, name)) &&
      namesIn(joinPath(path, name))?.some((below) => isContent(below) && known.has(below)),
  );
  let next = `Check that both are what you mean and that the volume is mounted. If the volume really holds other things now, say so with --new-state.`;
  if (deeper !== undefined && series.literal) {
    next = `Names of the volume are in ${joinPath(path, deeper)}: give --backup '${path}/*' if ${path} holds snapshots, else --backup '${joinPath(path, deeper)}'.`;
  } else if (deeper !== undefined) {
    next = `Names of the volume are in ${joinPath(path, deeper)}: end the pattern with /${deeper}, as in --backup '${series.series.key}/${deeper}'.`;
  }
  throw new RollcallError(
    `${live} (${shown([...known])}) shares no top-level name with its backup ${path} (${shown(newest.names)}). Compared like this, every file would be missing.`,
    { exit: EXIT.guard, next },
  );
}

/** Where a series lies: what FoundSeries says of it, before anything is known of its snapshots. */
type FoundPlaces = Pick<FoundSeries, 'series' | 'literal'> & {
  readonly snapshots: readonly { readonly path: string }[];
};

/** Whether the pattern of a series would take a directory that comes to lie there, or one above it, for a snapshot. */
function wouldBeSnapshot({ series, literal, snapshots }: FoundPlaces, path: string): boolean {
  const depth = snapshots[0]?.path.split('/').length;
  if (literal || depth === undefined) return false;
  const names = path.split('/');
  const ancestor = names.slice(0, depth).join('/');
  return names.length >= depth && ancestor.startsWith(series.literalPrefix) && ancestor.endsWith(series.lastPart);
}

/**
 * Where an output or state directory will lie, refused inside any volume: Rollcall never writes there. Throws RollcallError.
 *
 * @param what how the message calls it: 'output directory', 'state directory'
 * @param volumes real paths, printable: the live roots and the snapshots
 */
export function placeOutside(
  what: string,
  argument: string,
  option: string,
  cwd: string,
  volumes: readonly string[],
  series: readonly FoundPlaces[],
  crossMounts: boolean,
  bricksRescued = false,
): string {
  refuseEmpty(option, argument);
  const typed = meaningsOf(argument, cwd)[0];
  if (typed === undefined) throw new RollcallError(`${JSON.stringify(argument)} is not a path.`);
  // Whether something of that name is there already is a lookup.
  refuseGluster(typed, { notGluster: true, bricksRescued }, false);
  let path: string;
  try {
    path = futurePathOf(typed);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === null) throw cause;
    throw new RollcallError(`The ${what} ${typed} cannot be used (${errnoText(errno)}).`, {
      next: `Choose another with ${option}.`,
      cause,
    });
  }
  const mounts = readMounts();
  refuseBrick([path], mounts);
  const volume = volumes.find((candidate) => isInside(candidate, path, crossMounts, mounts));
  const taken = series.find((candidate) => wouldBeSnapshot(candidate, path));
  if (volume !== undefined || taken !== undefined) {
    throw new RollcallError(
      volume === undefined
        ? `The ${what} ${path} would be taken for a snapshot of ${taken?.series.key}.`
        : `The ${what} ${path} is inside the volume ${volume}. Rollcall never writes inside a volume.`,
      { next: `Choose a place outside of all volumes and backups with ${option}.` },
    );
  }
  return path;
}

/** By its text where it cannot be read (a mount whose server is gone): what is wrong with it is said when it is checked. */
function placeOr(path: string): string {
  try {
    return futurePathOf(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return path;
  }
}

/**
 * Refuses a state directory inside a volume or backup. To be asked before the embedded database is opened, which would make the directory
 * and write into it; checkInputs asks again, and says what else is wrong. Lists what the patterns name, and that not on a GlusterFS
 * mount. Throws RollcallError.
 *
 * @param request.trees live volumes as typed
 * @param request.patterns backups as typed
 */
export async function refuseStateInside(
  request: LookRequest & {
    readonly stateDir: string;
    readonly trees: readonly string[];
    readonly patterns: readonly string[];
  },
): Promise<void> {
  const { cwd, crossMounts } = request;
  const mounts = readMounts();
  const volumes: string[] = [];
  const series: FoundPlaces[] = [];
  for (const argument of [...request.trees, ...request.patterns].filter((each) => each !== '')) {
    refuseTyped(argument, request, mounts);
    for (const meaning of meaningsOf(argument, cwd)) {
      if (exists(meaning)) volumes.push(placeOr(meaning));
    }
  }
  for (const argument of request.patterns.filter(isPattern)) {
    const expanded = await expandPattern(argument, cwd);
    series.push({ ...expanded, snapshots: expanded.matches });
    volumes.push(...expanded.matches.map(({ path }) => path));
  }
  placeOutside(
    'state directory',
    request.stateDir,
    '--state-dir',
    cwd,
    volumes,
    series,
    crossMounts,
    request.bricksRescued,
  );
}

/**
 * Everything that can be known to be wrong before work begins. Touches nothing: it lists directories and looks at what they hold, and that
 * not before a GlusterFS mount has been refused.
 * Throws RollcallError with the next step: exit 2 for what cannot be right, exit 4 for what a guard stops and an option accepts.
 */
export async function checkInputs(request: InputRequest): Promise<CheckedInputs> {
  const { live, identity, mount, names } = checkLive(request.live, request);
  const series: FoundSeries[] = [];
  const patterns: string[] = [];
  const exports: string[] = [];
  for (const argument of request.backups) {
    const found = await checkBackup(argument, request);
    if ('exportFile' in found) exports.push(found.exportFile);
    else if (!series.some((other) => other.series.key === found.series.key)) {
      series.push(found);
      patterns.push(absolutePattern(argument, request.cwd));
    }
  }
  const mounts = readMounts();
  for (const one of series) refuseOverlap(live, one, request.crossMounts, mounts);

  const volumes = [live, ...series.flatMap((one) => [...one.snapshots, ...one.leftOut].map(({ path }) => path))];
  const place = (what: string, argument: string | null, option: string): string | null =>
    argument === null
      ? null
      : placeOutside(what, argument, option, request.cwd, volumes, series, request.crossMounts, request.bricksRescued);
  const stateDir = place('state directory', request.stateDir, '--state-dir');
  const outDir = place('output directory', request.outDir, '--out');
  if (outDir !== null && exists(outDir)) {
    throw new RollcallError(`The output directory ${outDir} exists already.`, {
      next: `Choose a new name with --out; Rollcall makes the directory ${baseName(outDir)} itself and overwrites nothing.`,
    });
  }
  if (outDir !== null && namesIn(parentOf(outDir)) === null) {
    throw new RollcallError(
      `${parentOf(outDir)}, where the output directory should be, does not exist. ${nearest(parentOf(outDir))}`,
      { next: 'Make it first (mkdir -p), or choose another place with --out.' },
    );
  }
  if (!request.newState) for (const one of series) refuseStrangers(live, names, one);
  return { live, identity, mount, series, patterns, exports, outDir, stateDir };
}
