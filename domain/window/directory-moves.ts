// Where directories went, as told by their own identity or by most of the files that vanished from them; and what went
// along with them.
import { baseName, joinPath, parentOf } from '../path.ts';
import {
  type Appeared,
  contentKey,
  group,
  lastName,
  mayBeRename,
  type Pair,
  holdsTheSame,
  type Vanished,
} from './pairs.ts';

/**
 * A file whose content stands under its own name in more places than this tells nothing of where its directory went: it
 * follows the others.
 */
const PLACES_MAX = 32;

/**
 * How many of the files that vanished below a directory stand under each other directory, at the same place below it.
 */
interface Votes {
  total: number;
  readonly byPlace: Map<string, number>;
}

/**
 * Directory → where most of the non-empty files went that vanished below it, whether or not it stands itself. A parent
 * is decided before what lies in it, and decides between places that are equally likely for its subdirectories.
 */
export function findPlaces(
  vanished: readonly Vanished[],
  appeared: readonly Appeared[],
  pairs: ReadonlyMap<string, Pair>,
): Map<string, string> {
  const votes = count(vanished, appeared, pairs);
  const own = new Map<string, string>();
  for (const { v, a } of pairs.values()) if (v.kind === 'directory') own.set(v.path, a.path);
  const places = new Map<string, string>();
  const directories = [...new Set([...votes.keys(), ...own.keys()])].toSorted((a, b) => a.length - b.length);
  for (const directory of directories) {
    const place = own.get(directory) ?? elected(directory, votes.get(directory), places);
    if (place !== null) places.set(directory, place);
  }
  return places;
}

function elected(directory: string, votes: Votes | undefined, places: ReadonlyMap<string, string>): string | null {
  if (votes === undefined) return null;
  const most = [...votes.byPlace].filter(([, files]) => files * 2 > votes.total);
  const above = directory === '' ? undefined : places.get(parentOf(directory));
  if (above !== undefined) {
    const along = joinPath(above, baseName(directory));
    if (most.some(([place]) => place === along)) return along;
  }
  const best = Math.max(...most.map(([, files]) => files));
  let likely = most.filter(([, files]) => files === best).map(([place]) => place);
  if (likely.length > 1) likely = likely.filter((place) => baseName(place) === baseName(directory));
  return likely.length === 1 ? (likely[0] ?? null) : null;
}

function count(
  vanished: readonly Vanished[],
  appeared: readonly Appeared[],
  pairs: ReadonlyMap<string, Pair>,
): Map<string, Votes> {
  const byName = group(appeared, keyOf);
  const lost = group(
    vanished.filter((v) => !pairs.has(v.path) && v.how !== 'silent'),
    keyOf,
  );
  // More of them vanished than stand anywhere: which of them moved is what their directories must tell.
  const isContested = (v: Vanished): boolean => {
    const key = keyOf(v);
    if (key === null || pairs.has(v.path)) return false;
    const found = byName.get(key)?.length ?? 0;
    return found > 0 && found < (lost.get(key)?.length ?? 0);
  };
  const votes = new Map<string, Votes>();
  for (const v of vanished) {
    if (v.kind !== 'file' || v.size === 0 || isContested(v)) continue;
    for (let at = v.path.lastIndexOf('/'); ; at = v.path.lastIndexOf('/', at - 1)) {
      const directory = at < 0 ? '' : v.path.slice(0, at);
      const sum = votes.get(directory);
      if (sum === undefined) votes.set(directory, { total: 1, byPlace: new Map() });
      else sum.total++;
      if (at <= 0) break;
    }
    for (const a of targetsOf(v, byName, pairs)) {
      for (const [from, to] of alongside(v.path, a.path)) {
        const byPlace = votes.get(from)?.byPlace;
        byPlace?.set(to, (byPlace.get(to) ?? 0) + 1);
      }
    }
  }
  return votes;
}

function targetsOf(
  v: Vanished,
  byName: ReadonlyMap<string, readonly Appeared[]>,
  pairs: ReadonlyMap<string, Pair>,
): readonly Appeared[] {
  const pair = pairs.get(v.path);
  if (pair !== undefined) return [pair.a];
  const found = byName.get(keyOf(v) ?? '') ?? [];
  return found.length > PLACES_MAX ? [] : found.filter((a) => mayBeRename(v, a));
}

function keyOf(entry: Vanished | Appeared): string | null {
  const content = contentKey(entry);
  return content === null ? null : `${content} ${lastName(entry)}`;
}

/**
 * The directories that a file left and came to, as far up as the names below them are equal: a/b/c/x and d/b/c/x give
 * a/b/c, a/b and a.
 */
function alongside(from: string, to: string): [from: string, to: string][] {
  const directories: [string, string][] = [];
  let [left, right] = [from, to];
  while (left !== '' && right !== '' && baseName(left) === baseName(right)) {
    [left, right] = [parentOf(left), parentOf(right)];
    directories.push([left, right]);
  }
  return directories;
}

/**
 * Where a name stands if it went along with the nearest directory above it that went somewhere; null where none did.
 */
export function companionOf(path: string, places: ReadonlyMap<string, string>): string | null {
  for (let at = path.lastIndexOf('/'); ; at = path.lastIndexOf('/', at - 1)) {
    const directory = at < 0 ? '' : path.slice(0, at);
    const place = places.get(directory);
    if (place !== undefined) return joinPath(place, at < 0 ? path : path.slice(at + 1));
    if (at <= 0) return null;
  }
}

/**
 * Whether what stands at the name's place in the moved directory is what the name was. Without content (empty, a link,
 * a directory) it is, if it is the same. A file is, if its content may be a rename; with other content only where the
 * directory itself is gone, so that it was renamed with all that was in it: the file was changed there, in whatever
 * way.
 */
export function ownFileAt(v: Vanished, a: Appeared, gone: ReadonlySet<string>): 'same' | 'changed' | null {
  const same = holdsTheSame(v, a);
  if (v.kind !== 'file' || v.size === 0) return same ? 'same' : null;
  if (a.kind !== 'file' || !mayBeRename(v, a)) return null;
  if (same) return 'same';
  return gone.has(parentOf(v.path)) ? 'changed' : null;
}
