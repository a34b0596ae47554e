// Where somebody names the mount of a GlusterFS volume, or one of its bricks: the bricks that are on this server are
// proposed in its place. Nothing on the mount is touched.
import { RollcallError } from '../../../domain/exit.ts';
import { brickList } from '../../../domain/gluster/brick-places.ts';
import { isBricks } from '../../../domain/gluster/named.ts';
import { bricksOfVolume, volumeAt } from '../../files/brick-at.ts';
import { brickUnder, isGluster, wayTo } from '../../files/gluster.ts';
import { type KnownVolume, volumeCalled } from '../../files/glusterd-record.ts';
import { meaningsOf, realPathOf } from '../../files/location.ts';
import { type Accepted, refuseGluster } from '../../files/looking.ts';
import { readMounts } from '../../files/mounts.ts';
import { exists } from '../../files/snapshots.ts';

/** What is proposed in the place of what was typed. */
export interface Instead {
  readonly typed: string;
  /** The volume's name. */
  readonly volume: string;
  /** The bricks on this host, as a root. */
  readonly path: string;
  /** Its other bricks, as HOST:/path. */
  readonly elsewhere: readonly string[];
}

/**
 * Null where what was typed is neither a mount nor a brick of a volume that glusterd of this server knows, or where the
 * person says that the bricks behind the mount were rescued.
 * @throws RollcallError (4) for a mount of which no brick is here: with the order of work, and where its bricks are
 */
export function volumeInstead(typed: string, request: Accepted & { readonly cwd: string }): Instead | null {
  const [path] = isBricks(typed) ? [] : meaningsOf(typed, request.cwd);
  if (path === undefined || request.bricksRescued) return null;
  const mounts = readMounts();
  const { met, leads } = wayTo(path, isGluster, mounts);
  if (met !== null) {
    const known = volumeCalled(nameIn(met.source));
    const instead = known === null ? null : insteadOf(path, known);
    if (instead === null) refuseMount(path, request, known);
    return instead;
  }
  if (!exists(leads)) return null;
  const brick = brickUnder([realPathOf(leads)], mounts);
  const known = brick === null ? null : volumeAt(brick);
  return known === null ? null : insteadOf(path, known);
}

/** 'server:/volume', 'server:volume', 'server:/volume/directory'; older kernels: 'glusterfs#server:/volume'. */
function nameIn(source: string): string {
  return /^[^/]*:\/?([^/]*)/.exec(source)?.[1] ?? '';
}

function insteadOf(typed: string, known: KnownVolume): Instead | null {
  const { here, elsewhere } = bricksOfVolume(known);
  return here.length === 0 ? null : { typed, volume: known.name, path: brickList(here), elsewhere };
}

/** As every command does; and says besides where the bricks are. */
function refuseMount(path: string, accepted: Accepted, known: KnownVolume | null): void {
  try {
    refuseGluster(path, accepted, false);
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    const where =
      known === null
        ? 'None of its bricks is known on this server (gluster volume info names them).'
        : `None of its bricks is on this server: ${bricksOfVolume(known).elsewhere.join(', ')}.`;
    throw new RollcallError(`${error.message} ${where}`, {
      exit: error.exit,
      next: `Run rollcall init on a server that has bricks, and name those: rollcall init gluster:/b1/data,/b2/data. ${error.next ?? ''}`,
      cause: error,
    });
  }
}
