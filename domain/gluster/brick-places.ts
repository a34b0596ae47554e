// Where a root lies: a directory on its host, or the bricks of a volume, each on its own.
import { compareBytes } from '../path.ts';
import { BRICKS, bricksOf, isBricks } from './named.ts';

/** Printable, absolute; of bricks a list (named.ts). */
export interface Rooted {
  readonly host: string;
  readonly path: string;
}

/** The bricks of a list as they are spelled, or a directory itself. */
export function placesIn(root: string): readonly string[] {
  return isBricks(root) ? bricksOf(root).map(({ spelled }) => spelled) : [root];
}

/** As a root has them: each once, in byte order. */
export function brickList(spelled: Iterable<string>): string {
  return `${BRICKS}${[...new Set(spelled)].sort(compareBytes).join(',')}`;
}

/** All places of a root, each with its host. */
export function placesAt({ host, path }: Rooted): readonly Rooted[] {
  if (!isBricks(path)) return [{ host, path }];
  return bricksOf(path).map((brick) => ({ host: brick.host ?? host, path: brick.path }));
}

/** Those on one host. */
export function pathsOn(root: Rooted, host: string): readonly string[] {
  return placesAt(root).flatMap((place) => (place.host === host ? [place.path] : []));
}

/** Whether two volumes that are read from bricks have one in common. */
export function shareBrick(one: Rooted, other: Rooted): boolean {
  if (!isBricks(one.path) || !isBricks(other.path)) return false;
  const bricks = new Set(placesAt(one).map(({ host, path }) => `${host}:${path}`));
  return placesAt(other).some(({ host, path }) => bricks.has(`${host}:${path}`));
}
