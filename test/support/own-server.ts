// A Postgres server of a test's own, as an operator runs one for DATABASE_URL: its data and what it writes ahead lie
// where the test wants them.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { connect } from '../../services/catalog/database.ts';
import { until } from './poll.ts';

export interface OwnServer {
  readonly connectionString: string;
  /** In order, as a restart for an update does; or at once, as by a lack of power. */
  stop(how?: 'fast' | 'immediate'): Promise<void>;
  /** From now on: nobody has one that is right. */
  demandPasswords(): void;
  /** Again, after stop. Resolves when it takes connections. */
  start(): Promise<void>;
}

/** Postgres of the run's cluster, and who it runs as. */
function programs(): { readonly bin: string; readonly as: { readonly uid?: number; readonly gid?: number } } {
  const cluster = inject('cluster');
  if (typeof cluster === 'string') throw new Error(`no Postgres for tests: ${cluster}`);
  const state = dirname(cluster.host);
  const version = readdirSync(state).find((name) => name.startsWith('postgres-'));
  if (version === undefined) throw new Error(`${state} holds no Postgres`);
  const { uid, gid } = statSync(join(state, 'data'));
  return { bin: join(state, version, 'bin'), as: process.getuid?.() === 0 ? { uid, gid } : {} };
}

/**
 * @param place.data an empty directory on some file system
 * @param place.wal another one; beside the data unless given
 */
export async function ownServer(
  place: { readonly data: string; readonly wal?: string },
  more: Readonly<Record<string, string>> = {},
): Promise<OwnServer> {
  const { bin, as } = programs();
  const own = (path: string): string => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    if (as.uid !== undefined && as.gid !== undefined) chownSync(path, as.uid, as.gid);
    return path;
  };
  const data = own(join(place.data, 'pg'));
  const wal = place.wal === undefined ? [] : ['-X', own(join(place.wal, 'wal'))];
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'rollcall', '--auth=trust', '--encoding=UTF8', '--locale=C', '--wal-segsize=1', ...wal],
    { ...as, cwd: '/', encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(made.stderr);
  const settings = {
    listen_addresses: '',
    unix_socket_directories: data,
    shared_buffers: '16MB',
    min_wal_size: '2MB',
    max_wal_size: '1GB',
    fsync: 'off',
    ...more,
  };
  const connectionString = `postgresql://rollcall@/postgres?host=${encodeURIComponent(data)}`;
  let server: { readonly child: ChildProcess; readonly ended: Promise<unknown> } | null = null;
  const stop = async (how: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    server?.child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await server?.ended;
    server = null;
  };
  const start = async (): Promise<void> => {
    const child = spawn(
      join(bin, 'postgres'),
      ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...as, cwd: '/', stdio: 'ignore' },
    );
    server = { child, ended: new Promise((resolve) => child.once('exit', resolve)) };
    await until('the server is ready', () =>
      connect({ connectionString }).then(
        async (client) => {
          await client.end();
          return true;
        },
        () => false,
      ),
    );
  };
  onTestFinished(() => stop('immediate'));
  await start();
  const demandPasswords = (): void => {
    writeFileSync(join(data, 'pg_hba.conf'), 'local all all scram-sha-256\n');
    server?.child.kill('SIGHUP');
  };
  return { connectionString, stop, start, demandPasswords };
}
