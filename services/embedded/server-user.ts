// The user that Postgres runs as. It refuses root, and initdb wants a uid that has a name.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { RollcallError } from '../../domain/exit.ts';

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const OWN = 'rollcall';
/** What is logged when it was made. */
export const MADE_USER = `made the system user ${OWN}, which the database runs as (Postgres refuses to run as root)`;

function parsePasswd(text: string, name: string): ServerUser | null {
  for (const line of text.split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && uid !== undefined && gid !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

function lookUp(name: string): ServerUser | null {
  const answer = spawnSync('getent', ['passwd', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  // Without getent (musl) the file is all there is.
  const text = answer.error === undefined ? answer.stdout : readFileSync('/etc/passwd', 'utf8');
  const user = parsePasswd(text, name);
  return user === null || user.uid === 0 ? null : user;
}

function addUser(): SpawnSyncReturns<string> {
  const add = (program: string): SpawnSyncReturns<string> =>
    spawnSync(
      program,
      [
        '--system',
        '--user-group',
        '--no-create-home',
        '--home-dir',
        '/nonexistent',
        '--shell',
        '/usr/sbin/nologin',
        OWN,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
    );
  const found = add('useradd');
  // The PATH of cron, and of a `su` without `-`, has no /usr/sbin.
  return found.error !== undefined ? add('/usr/sbin/useradd') : found;
}

/**
 * As an ordinary user: null, the server runs as who we are. As root: the system user `rollcall`, made (and said so)
 * where it is missing; where it cannot be made an existing `postgres`; never `nobody`, which others share. Else a
 * RollcallError that names DATABASE_URL.
 */
export function chooseServerUser(log: (line: string) => void): ServerUser | null {
  if (process.getuid?.() !== 0) return null;
  const own = lookUp(OWN);
  if (own !== null) return own;
  const made = addUser();
  const fresh = lookUp(OWN);
  if (fresh !== null) {
    if (made.status === 0) log(MADE_USER);
    return fresh;
  }
  const postgres = lookUp('postgres');
  if (postgres !== null) {
    log(`the system user ${OWN} could not be made; the database runs as the user postgres`);
    return postgres;
  }
  const why = made.error?.message ?? made.stderr.trim();
  throw new RollcallError(`Postgres does not run as root, and the system user ${OWN} could not be made: ${why}`, {
    next: `make it (useradd --system ${OWN}), run Rollcall as an ordinary user, or name a server in DATABASE_URL`,
  });
}
