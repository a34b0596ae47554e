// Looking must not destroy (design.md section 3, rule 9): on a GlusterFS volume a lookup through a read-write mount can delete the last copy of a
// file, and NFS or SMB may have GlusterFS behind them.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isWithin } from '../../domain/path.ts';
import { futurePathOf } from '../files/location.ts';
import { type Mount, mountByPath, mountOf, mountsBelow, readMounts } from '../files/mounts.ts';

/** As restore.sh has it: FUSE on a block device too, for who answers there is a process. */
const RISKY = /^(fuse|fuseblk|fuse\..*|nfs|nfs4|cifs|smb3|smbfs)$/;

function isRisky(mount: Mount): boolean {
  return RISKY.test(mount.fsType) && !mount.readOnly;
}

/**
 * The mounts for which restore.sh and `verify` refuse a target: the one that it lies on, as far as that can be told without a lookup below a mount,
 * and those below it. `target` is absolute and printable.
 */
function riskyMounts(target: string, mounts: readonly Mount[] = readMounts()): Mount[] {
  // By the text of the path first: the way to the target may itself lead through such a mount, and even asking is a lookup.
  const written = mountByPath(target, mounts);
  if (written !== null && isRisky(written)) return [written];
  const real = futurePathOf(target);
  const own = mountOf(real, mounts);
  const below = mountsBelow(real, mounts).filter((mount) => isWithin(real, mount.mountPoint));
  return [...(own === null ? [] : [own]), ...below].filter(isRisky);
}

/** Throws RollcallError with exit 4 and the order of work, unless a person has said that it is safe. */
export function refuseRiskyTarget(target: string, allowed: boolean, mounts: readonly Mount[] = readMounts()): void {
  if (allowed) return;
  const [mount] = riskyMounts(target, mounts);
  if (mount === undefined) return;
  throw new RollcallError(
    `${target} is, or holds, a read-write ${mount.fsType} mount (${mount.mountPoint}); if GlusterFS is behind it, merely looking a name up can delete the last copy of a file`,
    {
      exit: EXIT.guard,
      next: 'order of work: stop all writers and any rebalance; scan the bricks; rescue the hidden files from the bricks; restore; verify. When the bricks are done add --bricks-rescued, or --not-gluster when there is no GlusterFS behind it',
    },
  );
}
