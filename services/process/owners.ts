// Names of users on this machine, for reports: uid 1007 says nothing to a principal.
import { readFileSync } from 'node:fs';
import { encodePath } from '../../domain/path.ts';

/**
 * Names by uid from /etc/passwd, printable; empty where it cannot be read. Users of a directory service are not asked
 * for.
 */
export function ownersOfMachine(): ReadonlyMap<number, string> {
  let text: Buffer;
  try {
    text = readFileSync('/etc/passwd');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return new Map();
  }
  const owners = new Map<number, string>();
  for (const line of text.toString('latin1').split('\n')) {
    const [name, , uid] = line.split(':');
    if (name === undefined || uid === undefined || !/^\d+$/.test(uid) || owners.has(Number(uid))) continue;
    owners.set(Number(uid), encodePath(Buffer.from(name, 'latin1')));
  }
  return owners;
}
