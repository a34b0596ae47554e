// Paths with the host that they lie on, as ssh and rsync write them: HOST:/path.
import { RollcallError } from '../../domain/exit.ts';

export interface Placed {
  readonly host: string;
  /** As typed, without its host. */
  readonly path: string;
}

const HOST_AND_PATH = /^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?):(\/.*)$/s;

/**
 * A relative path that looks so is written with ./ before it.
 * @param here the host of whatever names none
 */
export function placed(typed: string, here: string): Placed {
  const [, host, path] = HOST_AND_PATH.exec(typed) ?? [];
  return host === undefined || path === undefined ? { host: here, path: typed } : { host, path };
}

/** What lies on another host is found there: nobody here knows what a relative path would mean. */
export function refuseRelative({ host, path }: Placed, option: string): void {
  if (path.startsWith('/')) return;
  throw new RollcallError(`${option} ${path} is on ${host}, and not absolute.`, {
    next: `Write it from the root: ${host}:/…`,
  });
}
