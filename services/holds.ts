// `holds`: the snapshots that must not be pruned, because open losses need them. Asked by whoever prunes, so a doubt is
// never "not needed".
import { EXIT, RollcallError } from '../domain/exit.ts';
import { isWithin } from '../domain/path.ts';
import { type Hold, holdsOfIncidents, holdsOfLosses, scannedSnapshots } from './catalog/holds.ts';
import { areLossesOpen } from './catalog/losses.ts';
import type { Queryable } from './catalog/scans.ts';
import { realWithoutHarm } from './files/gluster.ts';
import { bytesOf, meaningsOf } from './files/location.ts';
import { visible } from './report/wording.ts';
import { placed } from './typed/placed.ts';

export type { Hold } from './catalog/holds.ts';

/** By host and path. Of open findings as they are now, and of incidents of which nobody has looked twice yet. */
export async function holds(client: Queryable): Promise<Hold[]> {
  const all = [...(await holdsOfLosses(client, null)), ...(await holdsOfIncidents(client))];
  const found = new Map(all.map(({ host, path }) => [`${host}\0${path}`, { host, path }]));
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, hold]) => hold);
}

/** The path of a snapshot on this host as its bytes, for scripts. */
export function rawPath({ path }: Hold): Uint8Array {
  return bytesOf(path);
}

export interface HeldAnswer {
  readonly answer: 'needed' | 'not needed' | 'unknown';
  /** Held snapshots that it is, holds, or is a part of. */
  readonly holds: readonly Hold[];
}

/**
 * Whether a snapshot is needed: what is typed is its path, that of a directory above or below it, HOST:/path, or the
 * last or any other name of its path (a snapshot of ZFS).
 * unknown: losses are open, and no scan has looked at it: it may hold what nobody has found yet.
 * @throws RollcallError for what cannot be a path
 */
export async function heldBy(
  client: Queryable,
  typed: string,
  place: { readonly host: string; readonly cwd: string },
): Promise<HeldAnswer> {
  const { host, path } = placed(typed, place.host);
  const isHere = host === place.host;
  const meanings = typed === '' ? [] : meaningsOf(path, place.cwd);
  // Node has made U+FFFD of bytes that are not UTF-8: nobody knows which snapshot was meant.
  if (meanings.length === 0 || path.includes('\ufffd'))
    throw new RollcallError(`${JSON.stringify(typed)} is no path that Rollcall can read.`, {
      next: 'Keep the snapshot. Write the path as rollcall holds prints it, or compare with the bytes of: rollcall holds -z.',
      exit: EXIT.failure,
    });
  const real = (one: string): readonly string[] => (isHere ? [one, realWithoutHarm(one)] : [one]);
  const wanted = [...new Set(meanings.flatMap(real))];
  const names = new Set(path.includes('/') ? [] : meanings.map((one) => one.slice(one.lastIndexOf('/') + 1)));
  const isMeant = (snapshot: string): boolean =>
    snapshot.split('/').some((name) => names.has(name)) ||
    real(snapshot).some((one) => wanted.some((other) => isWithin(other, one) || isWithin(one, other)));
  const held = await holds(client);
  const needed = held.filter((hold) => hold.host === host && isMeant(hold.path));
  if (needed.length > 0) return { answer: 'needed', holds: needed };
  // With nothing lost nothing is needed, whatever it is.
  if (held.length === 0 && !(await areLossesOpen(client))) return { answer: 'not needed', holds: [] };
  const isKnown = (await scannedSnapshots(client, host)).some(isMeant);
  return { answer: isKnown ? 'not needed' : 'unknown', holds: [] };
}

export function unknownText(typed: string): string {
  return `Losses are open, and Rollcall has never scanned ${visible(typed)}: it may hold a copy that nobody has found yet. Keep it, or scan it first.`;
}
