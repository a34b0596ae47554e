// What --path and --owner name, as a person types it: paths below the live root, users by name or number. A typing
// error must not pass for "nothing is lost".
import { spawnSync } from 'node:child_process';
import type { Assessment } from '../../domain/assessment.ts';
import { RollcallError } from '../../domain/exit.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { encodePath, isWithin } from '../../domain/path.ts';
import { meaningsOf, placesOf } from '../files/location.ts';
import type { Selection } from '../../domain/restore/selection.ts';

/** Plain JSON: a detached request keeps it. */
export interface PartRequest {
  /** As typed. */
  readonly paths: readonly string[];
  readonly owners: readonly string[];
  readonly newestFirst: boolean;
  readonly bytesMax: number | null;
  readonly filesMax: number | null;
}

export function asksForAll(request: PartRequest): boolean {
  const { paths, owners, newestFirst, bytesMax, filesMax } = request;
  return paths.length + owners.length === 0 && !newestFirst && bytesMax === null && filesMax === null;
}

/** What tells a typing error from a path at which all is well. */
export interface KnownPaths {
  /** Asked with printable paths below the root. */
  readonly isKnown: (path: string) => boolean | Promise<boolean>;
  /** What is said of a path that is not known. */
  readonly otherwise: string;
}

/**
 * @param live the volume's root, printable, and the other names that a person may call it by
 * @throws RollcallError for a path outside, one that nobody knows, and an unknown user
 */
export async function selectionOf(
  request: PartRequest,
  live: readonly string[],
  known: KnownPaths,
): Promise<Omit<Selection, 'restOf' | 'uncertainToo'>> {
  const paths: string[] = [];
  for (const path of request.paths) paths.push(await pathBelow(path, live, known));
  const { newestFirst, bytesMax, filesMax } = request;
  return { paths, owners: request.owners.map(uidOf), newestFirst, bytesMax, filesMax };
}

/** The part of an assessment that is there: what it does not know was not found. Null where all of it is asked for. */
export async function selectionIn(
  { livePath }: Pick<Assessment, 'livePath'>,
  part: PartRequest | null,
): Promise<Selection | null> {
  if (part === null || asksForAll(part)) return null;
  const asked = await selectionOf(part, [livePath], { isKnown: () => true, otherwise: '' });
  return { ...asked, uncertainToo: false, restOf: null };
}

async function pathBelow(argument: string, live: readonly string[], known: KnownPaths): Promise<string> {
  const [root = '/'] = live;
  const typed = encodePath(Buffer.from(argument.replaceAll('\0', '')));
  if (argument === '') {
    throw new RollcallError('--path was given an empty path.', {
      next: 'Look for a variable that is not set; a dot (.) names the whole volume.',
    });
  }
  // On bricks: absolute below one of them, or from the top of the volume.
  const names = live.flatMap((name) => (isBricks(name) ? [...placesOf(name), '/'] : [name]));
  const below = names.flatMap((name) =>
    meaningsOf(argument, isBricks(root) ? '/' : root).flatMap((path) =>
      isWithin(name, path) ? [path.slice(name === '/' ? 1 : name.length + 1)] : [],
    ),
  );
  if (below.length === 0) {
    throw new RollcallError(`--path ${typed} is not below ${root}.`, {
      next: 'Give it from the root of the volume (home/anna), or absolute.',
    });
  }
  for (const path of below) if (path === '' || (await known.isKnown(path))) return path;
  throw new RollcallError(`--path ${typed}: ${known.otherwise}.`, {
    next: 'Look for a typing error. Names are written as reports show them; a directory takes in everything below it.',
  });
}

/** The user database may lie on another machine, which may be down. */
const ID_TIMEOUT_MS = 10_000;

function uidOf(argument: string): number {
  if (/^\d{1,10}$/.test(argument)) return Number(argument);
  // Through the system's own switch, which knows directory services, too.
  const asked = spawnSync('id', ['-u', '--', argument], { encoding: 'utf8', timeout: ID_TIMEOUT_MS });
  const uid = asked.stdout?.trim() ?? '';
  if (asked.status === 0 && /^\d+$/.test(uid)) return Number(uid);
  throw new RollcallError(
    `--owner ${encodePath(Buffer.from(argument.replaceAll('\0', '')))}: there is no such user on this machine.`,
    {
      next: 'Give the number (uid) that the files have: the report and by-owner/ in the bundle show it.',
    },
  );
}
