// Live and backup, held against each other before any work: neither may hold the other, and they must have something in
// common.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { joinPath } from '../../domain/path.ts';
import { isBuiltInSkip } from '../../domain/scope.ts';
import { hasName, inodeOf, namesIn } from '../files/glance.ts';
import { glusterBelow } from '../files/gluster.ts';
import { isFileSystemRoot } from '../files/identity.ts';
import { type Mount, readMounts } from '../files/mounts.ts';
import type { FoundSeries } from '../files/snapshots.ts';
import { isContent, isInside, shown } from './refused.ts';

/**
 * Neither may hold the other: a backup inside the volume would be counted as live, and the volume inside the backup as
 * a snapshot.
 */
export function refuseOverlap(live: string, series: FoundSeries, crossMounts: boolean, mounts: readonly Mount[]): void {
  const inode = inodeOf(live);
  const liveIsRoot = inode !== null && isFileSystemRoot(live, inode, mounts);
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

/**
 * No top-level name in common with any snapshot of a series: another volume, another level, or an empty directory below
 * a mount point.
 */
export function refuseStrangers(live: string, names: readonly string[], series: FoundSeries): void {
  const known = new Set(names.filter(isContent));
  // What cannot be listed proves nothing.
  if (series.snapshots.some(({ path }) => hasName(path, (name) => known.has(name)) !== false)) return;
  const path = series.snapshots.at(-1)?.path;
  if (path === undefined) return;
  const there = namesIn(path)?.filter(isContent) ?? [];
  const closed = glusterBelow(path, readMounts());
  const deeper = there.find(
    (name) => !closed.has(joinPath(path, name)) && hasName(joinPath(path, name), (below) => known.has(below)) === true,
  );
  let next = `Check that both are what you mean and that the volume is mounted. If the volume really holds other things now, say so with --new-state.`;
  if (deeper !== undefined && series.literal) {
    next = `Names of the volume are in ${joinPath(path, deeper)}: give --backup '${path}/*' if ${path} holds snapshots, else --backup '${joinPath(path, deeper)}'.`;
  } else if (deeper !== undefined) {
    next = `Names of the volume are in ${joinPath(path, deeper)}: end the pattern with /${deeper}, as in --backup '${series.series.key}/${deeper}'.`;
  }
  throw new RollcallError(
    `${live} (${shown([...known])}) shares no top-level name with its backup ${path} (${shown(there)}). Compared like this, every file would be missing.`,
    { exit: EXIT.guard, next },
  );
}
