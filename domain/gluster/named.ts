// How a volume is named by its bricks: `gluster:/b1/data,/b2/data`, or with the host of each where they lie on several.

/** What such a name begins with. */
export const BRICKS = 'gluster:';

/** Whether a root is the bricks of a volume, and not a directory. */
export function isBricks(path: string): boolean {
  return path.startsWith(BRICKS);
}

/** The root of a brick. */
export interface NamedBrick {
  /** Null: it is of the host of the volume's root. */
  readonly host: string | null;
  /** As typed, or absolute and printable. */
  readonly path: string;
  /** Both, as it is named. */
  readonly spelled: string;
}

export function bricksOf(root: string): readonly NamedBrick[] {
  const spelled = root.slice(BRICKS.length).split(',');
  return spelled.map((one) => ({ ...withHost(one), spelled: one }));
}

const HOST_AND_PATH = /^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?):(\/.*)$/s;

/** `HOST:/path`, as ssh and rsync write it. */
export function withHost(typed: string): { readonly host: string | null; readonly path: string } {
  const [, host = null, path = typed] = HOST_AND_PATH.exec(typed) ?? [];
  return { host, path };
}

/** Whether a volume has bricks that are named with a host: they lie on several. */
export function isOnHosts(root: string): boolean {
  return isBricks(root) && bricksOf(root).some(({ host }) => host !== null);
}

/** A root as it is typed on another host. */
export function spelledOn(host: string, root: string): string {
  if (!isBricks(root)) return `${host}:${root}`;
  return `${BRICKS}${bricksOf(root)
    .map((brick) => `${brick.host ?? host}:${brick.path}`)
    .join(',')}`;
}
