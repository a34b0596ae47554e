// What may stand in REDIS_URL. A message never repeats it: it may hold a password.
import { RollcallError } from '../../domain/exit.ts';

const FORM =
  'write it as redis://USER:PASSWORD@HOST:PORT/NUMBER, rediss:// for TLS, or the path of a socket, with % codes for special characters';

/**
 * @throws RollcallError where the client would take it for something else: what is no URL for the path of a socket,
 *   which it names in its errors
 */
export function refuseRedisUrl(url: string): void {
  const why = problemOf(url);
  if (why !== null) throw new RollcallError(`REDIS_URL cannot be read: ${why}`, { next: FORM });
}

function problemOf(url: string): string | null {
  if (/^\/(?!\/)/.test(url)) return null;
  if (!/^rediss?:\/\//.test(url)) return 'it begins neither with redis:// or rediss://, nor with / as a path does';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'it is not a valid URL';
  }
  if (parsed.hostname === '') return 'it names no host';
  if (!/^\/?\d*$/.test(parsed.pathname)) return 'what follows the host is not the number of a database';
  try {
    decodeURIComponent(`${parsed.username} ${parsed.password}`);
  } catch {
    return 'its user or password holds a % that begins no code';
  }
  return null;
}
