// Paths with the host that they lie on, as ssh and rsync write them: HOST:/path.
import { RollcallError } from '../../domain/exit.ts';
import { BRICKS, bricksOf, isBricks, withHost } from '../../domain/gluster/named.ts';

export interface Placed {
  readonly host: string;
  /** As typed, without its host. */
  readonly path: string;
}

/**
 * A relative path that looks so is written with ./ before it.
 * @param here the host of whatever names none
 */
export function placed(typed: string, here: string): Placed {
  if (isBricks(typed)) return placedBricks(typed, here);
  const { host, path } = withHost(typed);
  return { host: host ?? here, path };
}

/** Bricks of one host are named by their paths alone; on several hosts each has its own, and the first reads them. */
function placedBricks(typed: string, here: string): Placed {
  const bricks = bricksOf(typed);
  const hosts = [...new Set(bricks.map(({ host }) => host ?? here))];
  const [first = here] = hosts;
  const spelled = bricks.map(({ host, path }) => (hosts.length === 1 ? path : `${host ?? here}:${path}`));
  return { host: first, path: `${BRICKS}${spelled.join(',')}` };
}

/** The hosts that the bricks of a volume lie on; its own for all others. */
export function hostsOf({ host, path }: Placed): readonly string[] {
  return isBricks(path) ? [...new Set(bricksOf(path).map((brick) => brick.host ?? host))] : [host];
}

/** What lies on another host is found there: nobody here knows what a relative path would mean. */
export function refuseRelative({ host, path }: Placed, option: string): void {
  if (path.startsWith('/') || (isBricks(path) && bricksOf(path).every((brick) => brick.path.startsWith('/')))) return;
  throw new RollcallError(`${option} ${path} is on ${host}, and not absolute.`, {
    next: `Write it from the root: ${host}:/…`,
  });
}
