// Worker processes over one catalog, what is left for them, and what became of it.
import { join } from 'node:path';
import { openPool, type Database } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { leave, wakeFor } from '../../services/detach.ts';
import { until } from '../../test/support/poll.ts';
import type { Ground } from '../ground.ts';
import { REPOSITORY } from '../rollcall.ts';
import { type Child, startChild } from './child.ts';
import type { Server } from './server.ts';

export const HOST = 'bench';
const UP_MAX_MS = 60_000;
const ANSWER_MAX_MS = 120_000;

export interface Crew {
  readonly workers: readonly Child[];
  readonly database: string;
  /** Of the task. */
  leave(tree: string, wakes?: boolean): Promise<bigint>;
  /** Waits until all of these tasks have ended. Throws where one was not answered with 0. */
  answered(ids: readonly bigint[]): Promise<void>;
  rows<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export interface CrewSize {
  readonly workers: number;
  readonly slots: number;
}

let made = 0;

/** In a catalog of their own. Resolves when all of them have said that they are there. */
export async function openCrew(
  ground: Ground,
  server: Server,
  { workers: count, slots }: CrewSize,
  redisUrl: string | null = null,
): Promise<Crew> {
  const database = `crew_${made++}`;
  await server.ask('postgres', `create database ${database}`);
  const address = { connectionString: server.url(database) };
  const db = openPool(address, { applicationName: 'rollcall bench', connectionsMax: 1 });
  const workers: Child[] = [];
  const crew = newCrew(ground, { workers, database, db, server, redisUrl });
  try {
    await migrate(db);
    for (let n = 0; n < count; n++) workers.push(await startWorker(ground, { address, slots, redisUrl, name: n }));
    const up = async (): Promise<boolean> => {
      ground.signal.throwIfAborted();
      const ended = workers.find((worker) => worker.hasEnded());
      if (ended !== undefined) throw new Error(`a worker has ended: ${ended.said()}`);
      return (await crew.rows('select from worker')).length === count;
    };
    await until('all workers are there', up, UP_MAX_MS);
    return crew;
  } catch (error) {
    await crew.close();
    throw error;
  }
}

function startWorker(ground: Ground, { address, slots, redisUrl, name }: WorkerStart): Promise<Child> {
  const argv = [process.execPath, join(REPOSITORY, 'dist/cli.cjs'), 'worker', '--host', HOST, '--threads', `${slots}`];
  return startChild(argv, {
    output: join(ground.dir, `worker-${name}.log`),
    environment: {
      DATABASE_URL: address.connectionString,
      REDIS_URL: redisUrl ?? undefined,
      ROLLCALL_STATE_DIR: join(ground.dir, 'worker'),
    },
  });
}

interface WorkerStart {
  readonly address: { readonly connectionString: string };
  readonly slots: number;
  readonly redisUrl: string | null;
  readonly name: number;
}

interface Parts {
  readonly workers: Child[];
  readonly database: string;
  readonly db: Database;
  readonly server: Server;
  readonly redisUrl: string | null;
}

function newCrew(ground: Ground, { workers, database, db, server, redisUrl }: Parts): Crew {
  const rows = async <Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> =>
    (await db.pool.query<Row>(sql, [...values])).rows;
  const where = redisUrl === null ? { address: { connectionString: server.url(database) } } : { redisUrl };
  return {
    workers,
    database,
    rows,
    async leave(tree, wakes = true) {
      const id = await leave({ db, host: HOST, nowMs: Date.now }, workOf(tree));
      if (wakes) await wakeFor({ id, kind: 'scan', host: HOST }, where);
      return id;
    },
    async answered(ids) {
      const ended = async (): Promise<boolean> => {
        ground.signal.throwIfAborted();
        const open = await rows(
          `select from task where id = any ($1) and state not in ('done', 'failed', 'cancelled')`,
          [ids],
        );
        return open.length === 0;
      };
      await until(`${ids.length} tasks are answered`, ended, ANSWER_MAX_MS);
      const bad = await rows<{ result: unknown }>(
        `select result from task where id = any ($1) and not (state = 'done' and result->>'exit' = '0')`,
        [ids],
      );
      if (bad[0] !== undefined) throw new Error(`a task was answered so: ${JSON.stringify(bad[0].result)}`);
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
      await db.close();
    },
  };
}

function workOf(target: string): Parameters<typeof leave>[1] {
  const scan = {
    target,
    role: null,
    exportFile: null,
    snapshotsMax: null,
    excludes: [],
    crossMounts: false,
    tz: null,
    reread: false,
    newState: false,
    // What slow-files.ts is: a FUSE mount that nobody has heard of.
    notGluster: true,
    bricksRescued: false,
  };
  return { kind: 'scan', cwd: '/', stateDir: null, program: 'rollcall', scan };
}
