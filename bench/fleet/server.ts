// A Postgres of the benchmark's own, as an operator runs one for workers: default settings (max_connections 100), its
// processor time and what it wrote.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../services/catalog/database.ts';
import { until } from '../../test/support/poll.ts';
import type { Ground } from '../ground.ts';
import { emptyState } from '../rollcall.ts';
import { type Child, startChild } from './child.ts';

export interface Server {
  readonly url: (database: string) => string;
  /** One statement in a connection of its own: the rows. */
  ask<Row extends object>(database: string, sql: string): Promise<Row[]>;
  /** fast: in order, as for an update; immediate: as by a lack of power. */
  stop(how: 'fast' | 'immediate'): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** Of all its processes, those that have ended among them, since it was started. */
  cpuSeconds(): number;
}

const TICKS = 100;

export async function openServer(ground: Ground): Promise<Server> {
  const made = await emptyState(ground, 'programs');
  const version = readdirSync(made).find((name) => name.startsWith('postgres-'));
  if (version === undefined) throw new Error(`${made} holds no Postgres`);
  const bin = join(made, version, 'bin');
  const { uid, gid } = statSync(join(made, 'data'));
  const as = process.getuid?.() === 0 ? { uid, gid } : {};
  // Read by the user of the server.
  chmodSync(made, 0o711);
  const data = join(ground.dir, 'pg');
  mkdirSync(data, { mode: 0o700 });
  if (as.uid !== undefined && as.gid !== undefined) chownSync(data, as.uid, as.gid);
  const initdb = ['-D', data, '-U', 'rollcall', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  const done = spawnSync(join(bin, 'initdb'), initdb, { ...as, cwd: '/', encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  const settings = ['listen_addresses=', `unix_socket_directories=${data}`].flatMap((setting) => ['-c', setting]);
  const url = (database: string): string => `postgresql://rollcall@/${database}?host=${encodeURIComponent(data)}`;
  let child: Child | null = null;
  const ask = async <Row extends object>(database: string, sql: string): Promise<Row[]> => {
    const client = await connect({ connectionString: url(database) }, { applicationName: 'rollcall bench' });
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    url,
    ask,
    async stop(how) {
      await child?.end(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
      child = null;
    },
    async start() {
      const argv = [join(bin, 'postgres'), '-D', data, ...settings];
      child = await startChild(argv, { output: join(ground.dir, 'postgres.log'), as });
      const answers = (): Promise<boolean> =>
        ask('postgres', 'select').then(
          () => true,
          () => false,
        );
      await until('Postgres answers', answers, 60_000);
    },
    cpuSeconds: () => (child === null ? 0 : cpuSeconds(child.pid)),
  };
}

/** utime, stime, and of the postmaster also those of the children that have ended. */
function cpuSeconds(postmaster: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let fields: readonly string[];
    try {
      fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    } catch {
      // It has just ended.
      continue;
    }
    // Behind the name: state, ppid, … utime, stime, cutime, cstime as the 12th to 15th.
    const of = (at: number): number => Number(fields[at]);
    if (Number(name) === postmaster) ticks += of(11) + of(12) + of(13) + of(14);
    else if (of(1) === postmaster) ticks += of(11) + of(12);
  }
  return ticks / TICKS;
}
