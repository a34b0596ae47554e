// The directory that bundles go to unasked: it is made when the first one comes, and never inside a volume.
import { mkdirSync } from 'node:fs';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { errnoText } from '../../domain/errno.ts';
import { isWithin } from '../../domain/path.ts';
import { errnoOf } from '../files/errors.ts';
import { mayDestroy, wayTo } from '../files/gluster.ts';
import { bytesOf, futurePathOf, realPathOf } from '../files/location.ts';
import { refuseBrick } from '../files/looking.ts';
import { readMounts } from '../files/mounts.ts';

/**
 * Makes it, with what is missing above it, where it is not there.
 *
 * @param roots printable paths of the volumes on this host
 * @throws RollcallError where it is inside a volume, on a brick or on a GlusterFS mount (4), or cannot be made (2)
 */
export function makeBundlesDirectory(directory: string, roots: readonly string[]): void {
  if (wayTo(directory, mayDestroy, readMounts()).met !== null)
    throw refused(
      `The directory of bundles ${directory} is on a GlusterFS mount, where even a look may destroy files.`,
    );
  try {
    const real = futurePathOf(directory);
    const inside = roots.find((root) => isWithin(realOrAsIs(root), real));
    if (inside !== undefined) throw refused(`The directory of bundles ${directory} is inside ${inside}, a volume.`);
    refuseBrick([real]);
    mkdirSync(bytesOf(real), { recursive: true, mode: 0o700 });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw new RollcallError(`The directory of bundles ${directory} cannot be made: ${errnoText(errno)}.`, {
      cause: error,
      next: 'make it, or let its owner be the user of the worker; or name another one in rollcall.yaml (bundles)',
    });
  }
}

function refused(message: string): RollcallError {
  return new RollcallError(message, {
    exit: EXIT.guard,
    next: 'name another one in rollcall.yaml (bundles), and apply it',
  });
}

/** A root that is away now cannot have the directory in it. */
function realOrAsIs(root: string): string {
  const path = root.length > 1 && root.endsWith('/') ? root.slice(0, -1) : root;
  try {
    return realPathOf(path);
  } catch {
    return path;
  }
}
