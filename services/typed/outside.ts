// Where outputs and state will lie: never inside a volume or a backup (docs/design.md#rule-1).
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import { errnoOf, FileError } from '../files/errors.ts';
import { futurePathOf, meaningsOf } from '../files/location.ts';
import { refuseBrick, refuseGluster } from '../files/looking.ts';
import { readMounts } from '../files/mounts.ts';
import { expandPattern } from '../files/pattern.ts';
import { isPattern } from '../../domain/snapshot-pattern.ts';
import { exists, type FoundSeries } from '../files/snapshots.ts';
import { isInside, type LookRequest, refuseEmpty, refuseTyped } from './refused.ts';

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

interface Output {
  /** How a message calls it: 'output directory', 'state directory'. */
  readonly what: string;
  /** As typed, and the option that names it. */
  readonly argument: string;
  readonly option: string;
}

interface Taken {
  /** Real paths, printable: the live roots and the snapshots. */
  readonly volumes: readonly string[];
  readonly series: readonly FoundPlaces[];
}

/**
 * Where an output or state directory will lie, refused inside any volume: Rollcall never writes there.
 * @throws RollcallError
 */
export function placeOutside(
  { what, argument, option }: Output,
  { cwd, crossMounts, bricksRescued }: Pick<LookRequest, 'cwd' | 'crossMounts' | 'bricksRescued'>,
  { volumes, series }: Taken,
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

/**
 * By its text where it cannot be read (a mount whose server is gone): what is wrong with it is said when it is checked.
 */
function placeOr(path: string): string {
  try {
    return futurePathOf(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return path;
  }
}

/**
 * Refuses a state directory inside a volume or backup. To be asked before the embedded database is opened, which would
 * make the directory and write into it; checkInputs asks again, and says what else is wrong. Lists what the patterns
 * name, and that not on a GlusterFS mount. Throws RollcallError.
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
  const { cwd } = request;
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
  const state = { what: 'state directory', argument: request.stateDir, option: '--state-dir' };
  placeOutside(state, request, { volumes, series });
}
