// `history PATH`: every version of a path, live and in each snapshot, and where a good copy is.
import { errnoText } from '../domain/errno.ts';
import { EXIT, RollcallError } from '../domain/exit.ts';
import { badVersions } from '../domain/judge/standing.ts';
import type { Scan } from '../domain/scan.ts';
import type { Version } from '../domain/version.ts';
import { expectedOf, historyOf } from './catalog/history.ts';
import type { VolumeHistory } from './catalog/history.ts';
import type { Queryable } from './catalog/scans.ts';
import { visible } from './report/wording.ts';
import { type PathMeant, pathsMeant } from './typed/path-named.ts';
import { volumeNamed } from './typed/volume-named.ts';

/** A stretch of consecutive scans that saw the same of the path. */
export interface Stretch {
  /** 'absent', 'unknown' (under a gap) or a version. */
  readonly state: Version | 'absent' | 'unknown';
  readonly first: Scan;
  readonly last: Scan;
  readonly scans: number;
  /** Why nothing is known. */
  readonly why: string | null;
  /** The newest scan of the stretch whose copy is still on disk; null for live trees and where all are pruned. */
  readonly copy: Scan | null;
  /**
   * A version that nobody should take for good: other copies of the same size and mtime outvote it, or it became zeros.
   */
  readonly isBad: boolean;
}

export interface PathHistory {
  readonly path: string;
  readonly volumes: readonly {
    readonly volume: string;
    readonly role: 'live' | 'backup';
    readonly stretches: readonly Stretch[];
  }[];
}

/**
 * @param path as typed: below a volume's root, or absolute below the root of a live volume or inside a snapshot;
 *   relative ones are tried
 *   as they are first, then from options.cwd
 * @throws RollcallError when no volume has ever met it, or there is no such volume
 */
export async function history(
  client: Queryable,
  path: string,
  options: { readonly volume: string | null; readonly host: string; readonly cwd: string },
): Promise<PathHistory> {
  const only = options.volume === null ? null : (await volumeNamed(client, options.volume, options)).name;
  const meant = await pathsMeant(client, path, options);
  // A root has no name of its own in the catalog.
  const candidates = [...new Set(meant.map((one) => one.path))].filter((candidate) => candidate !== '');
  let below = candidates[0] ?? visible(path);
  let histories: VolumeHistory[] = [];
  for (const candidate of candidates) {
    below = candidate;
    histories = (await historyOf(client, candidate)).filter(
      (one) => (only === null || one.volume === only) && !isOfOtherHost(one, meant, candidate),
    );
    if (histories.some((one) => one.versions.length > 0 || one.gaps.size > 0)) break;
    histories = [];
  }
  const all = histories.map((one) => ({ volume: one.volume, role: one.role, stretches: stretchesOf(one) }));
  const seen = all
    .flatMap(({ stretches }) => stretches)
    .flatMap(({ state, first }) => (typeof state === 'string' ? [] : [{ state, first }]))
    .toSorted((a, b) => a.first.asOf.fromMs - b.first.asOf.fromMs);
  const live = histories.find(({ role }) => role === 'live')?.versions.at(-1) ?? null;
  const bad = badVersions(
    seen.map(({ state }) => state),
    live?.endSeq === null ? live : null,
    await expectedOf(client, below),
  );
  const volumes = all.map((one) => ({
    ...one,
    stretches: one.stretches.map((stretch) => ({
      ...stretch,
      isBad: typeof stretch.state !== 'string' && bad.has(stretch.state),
    })),
  }));
  if (volumes.length === 0) {
    refuseRoot(path, meant);
    throw new RollcallError(`${visible(below)} does not appear in any scan.`, {
      exit: EXIT.failure,
      next: 'Give the path from the root of the volume (docs/a.txt) or absolute; rollcall volumes lists the volumes.',
    });
  }
  return { path: below, volumes };
}

/** A whole path names one live volume: what others have at the same place below their roots is another file. */
function isOfOtherHost({ role, host }: VolumeHistory, meant: readonly PathMeant[], path: string): boolean {
  const named = meant.filter((one) => one.path === path);
  return role === 'live' && named.every(({ volume }) => volume !== null && volume.host !== host);
}

/** @throws RollcallError for a path that is a root, or none */
function refuseRoot(typed: string, meant: readonly PathMeant[]): void {
  const roots = meant.filter(({ path }) => path === '');
  if (roots.length === 0 && typed !== '') return;
  const volume = roots.find((one) => one.volume !== null)?.volume ?? null;
  if (volume === null) {
    throw new RollcallError('The path is empty, or the root of a volume, which has no versions.', {
      next: 'Name a path below it, or look for a variable that is not set; rollcall volumes lists the volumes.',
    });
  }
  throw new RollcallError(
    volume.layout !== 'snapshots'
      ? `${visible(volume.path)} is the root of the volume ${visible(volume.name)}.`
      : `${visible(typed)} is a snapshot of the volume ${visible(volume.name)}.`,
    { next: 'Name a path below it; rollcall volumes and rollcall status describe the volume as a whole.' },
  );
}

function stretchesOf(one: VolumeHistory): Omit<Stretch, 'isBad'>[] {
  const stretches: Omit<Stretch, 'isBad'>[] = [];
  for (const scan of one.scans) {
    const gap = one.gaps.get(scan.id);
    const holding = one.versions.find((v) => v.firstSeq <= scan.seq && (v.endSeq === null || v.endSeq > scan.seq));
    const notListed = holding === undefined && scan.list === 'partial';
    const state = gap === undefined && !notListed ? (holding ?? 'absent') : 'unknown';
    const why =
      gap === undefined
        ? notListed
          ? 'not in that list'
          : null
        : `${gap.status}${gap.errno === null ? '' : `, ${errnoText(gap.errno)}`}`;
    const before = stretches.at(-1);
    const copy = scan.pruned === null && scan.snapshot !== null && typeof state !== 'string' ? scan : null;
    if (before !== undefined && before.state === state && before.why === why) {
      stretches[stretches.length - 1] = { ...before, last: scan, scans: before.scans + 1, copy: copy ?? before.copy };
    } else {
      stretches.push({ state, first: scan, last: scan, scans: 1, why, copy });
    }
  }
  // What a backup had not seen yet says nothing; that a live volume lacks the path does.
  return one.role === 'backup' && stretches[0]?.state === 'absent' ? stretches.slice(1) : stretches;
}
