// Looking must not destroy (docs/design.md#rule-9): what is refused before anything is touched, and what a person can
// say to open it.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isWithin } from '../../domain/path.ts';
import { brickUnder, isGluster, mayBeGluster, wayTo } from './gluster.ts';
import { type Mount, mountsBelow, readMounts } from './mounts.ts';

/** What the person who runs the command has said. */
export interface Accepted {
  /** --not-gluster: a FUSE mount whose type does not say what it is has no GlusterFS behind it. */
  readonly notGluster: boolean;
  /** --bricks-rescued: the bricks were scanned, and what was hidden on them is safe. */
  readonly bricksRescued: boolean;
}

const ORDER_OF_WORK =
  'Order of work: stop everything that writes, and any rebalance; scan the bricks on every server; rescue the hidden files that they show; only then restore, and verify. ' +
  'When the bricks have been scanned and rescued, add --bricks-rescued.';

/**
 * Refuses a path on a GlusterFS client mount, read-only or not. Goes by the mount table and by the symlinks on the way,
 * so that nothing on such a mount is touched. Throws RollcallError (a guard) with the order of work.
 *
 * @param path absolute, printable; what it names need not exist
 * @param enters whether the mounts below the path are looked into, too
 */
export function refuseGluster(
  path: string,
  accepted: Accepted,
  enters: boolean,
  mounts: readonly Mount[] = readMounts(),
): void {
  if (accepted.bricksRescued) return;
  const isRefused = (mount: Mount): boolean => isGluster(mount) || (!accepted.notGluster && mayBeGluster(mount));
  const { met: own, leads } = wayTo(path, isRefused, mounts);
  const mount = own ?? (enters ? mountsBelow(leads, mounts).find(isRefused) : undefined);
  if (mount === undefined) return;
  const where = `${mount.source} on ${mount.mountPoint}`;
  const place = own === null ? 'holds, and this command enters,' : 'is on';
  if (!isGluster(mount)) {
    throw new RollcallError(
      `${path} ${place} a FUSE mount that may be GlusterFS: its type does not say (${where}). On GlusterFS, looking a name up can delete the last copy of a file.`,
      { exit: EXIT.guard, next: `If it is no GlusterFS, add --not-gluster. If it is: ${ORDER_OF_WORK}` },
    );
  }
  throw new RollcallError(
    `${path} ${place} a GlusterFS mount (${where}). After an interrupted rebalance, looking a name up there can delete the last copy of a file, through a read-only mount too.`,
    { exit: EXIT.guard, next: ORDER_OF_WORK },
  );
}

/**
 * Refuses paths that lie on a brick of a GlusterFS volume: what is there is one server's share of the files, with
 * pointers among them, and nothing may be written to it behind GlusterFS' back. Throws RollcallError (a guard).
 *
 * @param paths real, absolute, printable
 */
export function refuseBrick(paths: readonly string[], mounts: readonly Mount[] = readMounts()): void {
  const brick = brickUnder(paths, mounts);
  if (brick === null) return;
  const path = paths.find((each) => isWithin(brick, each)) ?? paths[0] ?? brick;
  throw new RollcallError(
    `${path} ${path === brick ? 'is' : `is on ${brick}, which is`} a brick of a GlusterFS volume. A brick holds a part of the volume's files, with pointers and copies in the middle of a move among them: it is not a directory tree to audit or restore to.`,
    {
      exit: EXIT.guard,
      next:
        'Never write to a brick. To audit the volume, name all of its bricks: rollcall assess --live gluster:/b1/data,/b2/data … (docs/glusterfs.md). ' +
        'To restore it, rescue what is hidden on them, then name the client mount, with --bricks-rescued.',
    },
  );
}
