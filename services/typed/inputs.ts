// What a person has typed, before any work: every path is found, placed and held against the others; what would mislead
// or harm is refused.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { baseName, parentOf } from '../../domain/path.ts';
import { ownHost } from '../files/elsewhere.ts';
import { FileError } from '../files/errors.ts';
import { isRegularFile, namesIn } from '../files/glance.ts';
import { identifyRoot, type RootIdentity } from '../files/identity.ts';
import { brickList } from '../../domain/gluster/brick-places.ts';
import { bricksOf, isBricks, type NamedBrick } from '../../domain/gluster/named.ts';
import { meaningsOf, placesOf, realPathOf } from '../files/location.ts';
import { refuseGluster } from '../files/looking.ts';
import { openRoot } from '../files/open-directory.ts';
import { type Mount, mountOf, readMounts } from '../files/mounts.ts';
import { absolutePattern } from '../files/pattern.ts';
import { isPattern } from '../../domain/snapshot-pattern.ts';
import { exists, findSnapshots, type FoundSeries } from '../files/snapshots.ts';
import { refuseOverlap, refuseStrangers } from './compared.ts';
import { placeOutside } from './outside.ts';
import {
  isContent,
  type LookRequest,
  nearest,
  refuseEmpty,
  refuseRoots,
  refuseTyped,
  shown,
  typedText,
} from './refused.ts';

export interface InputRequest extends LookRequest {
  /**
   * As typed: the live volume, the patterns of its backups, the bundle's directory (null for none), the state directory
   * (null for none).
   */
  readonly live: string;
  readonly backups: readonly string[];
  readonly outDir: string | null;
  readonly stateDir: string | null;
  readonly nowMs: number;
  /** IANA zone of the times in snapshots' names; null for the machine's. */
  readonly tz: string | null;
  /** --snapshots N; null for all. */
  readonly limit: number | null;
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
  /**
   * Regular files among the backups: exports that `rollcall scan --export` has made on another host. Real paths,
   * printable.
   */
  readonly exports: readonly string[];
  /** Where they will lie, symlinks resolved. Printable. */
  readonly outDir: string | null;
  readonly stateDir: string | null;
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
  if (isBricks(argument)) return checkBricks(argument, request);
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

/** A volume that is read from its bricks. */
function checkBricks(
  argument: string,
  request: LookRequest & Pick<InputRequest, 'newState'>,
): ReturnType<typeof checkLive> {
  const bricks = bricksOf(argument).map((brick) => brickAt(brick, request));
  const live = brickList(bricks);
  const identity = identifyRoot(live);
  const root = openRoot(live);
  try {
    const names: string[] = [];
    root.list(1_024, (batch) => void names.push(...batch));
    if (!request.newState && names.length === 0) {
      throw new RollcallError(
        `${live} is empty. An empty volume is not a loss: most likely its bricks are not mounted.`,
        {
          exit: EXIT.guard,
          next: 'Check the bricks (findmnt). If the volume really is empty now, say so with --new-state.',
        },
      );
    }
    return { live, identity, mount: null, names };
  } finally {
    root.close();
  }
}

/** One brick with its real path; as it was typed where it is on another host. @throws RollcallError */
function brickAt({ host, path: typed, spelled }: NamedBrick, request: LookRequest): string {
  const mounts = readMounts();
  if (!typed.startsWith('/')) {
    throw new RollcallError(`${typedText(typed)} is no brick: a brick is named by its absolute path.`, {
      next: "Name the bricks like this: 'gluster:/b1/data,/b2/data', or with their hosts: 'gluster:files1:/b1/data,files2:/b1/data' (gluster volume info).",
    });
  }
  if (host !== null && ownHost() === '') {
    throw new RollcallError(`The brick ${typedText(spelled)} is on another host, and bricks are read on their own.`, {
      next: 'Run rollcall worker on each brick host, with one DATABASE_URL for all of them, and here (docs/glusterfs.md). Or run Rollcall on each with the bricks that lie there: it finds what is hidden on them, and calls nothing missing.',
    });
  }
  const [path] = meaningsOf(typed, request.cwd);
  if (path === undefined) throw new RollcallError(`${typedText(typed)} is not a path.`);
  if (host !== null && host !== ownHost()) return `${host}:${path}`;
  refuseTyped(typed, request, mounts);
  // A brick that is away is said to be away, by whoever opens it.
  const real = exists(path) ? realPathOf(path) : path;
  refuseGluster(real, request, false, mounts);
  return host === null ? real : `${host}:${real}`;
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
  if (found.literal && only && isRegularFile(only.path)) return { exportFile: only.path };
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
      next: `Give the pattern in quotes, so that the shell leaves it alone, with one '*' where the snapshots' names are${lastPart === '' ? '' : ` and ${lastPart} below each`}.`,
    },
  );
}

/**
 * Everything that can be known to be wrong before work begins. Touches nothing: it lists directories and looks at what
 * they hold, and that not before a GlusterFS mount has been refused. Throws RollcallError with the next step: exit 2
 * for what cannot be right, exit 4 for what a guard stops and an option accepts.
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
  for (const one of series) for (const place of placesOf(live)) refuseOverlap(place, one, request.crossMounts, mounts);

  const volumes = [
    ...placesOf(live),
    ...series.flatMap((one) => [...one.snapshots, ...one.leftOut].map(({ path }) => path)),
  ];
  const place = (what: string, argument: string | null, option: string): string | null =>
    argument === null ? null : placeOutside({ what, argument, option }, request, { volumes, series });
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
