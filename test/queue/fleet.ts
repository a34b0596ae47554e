// Workers as processes over a Postgres server of the test's own, which may be stopped under them; and what a test asks
// of it all.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type DetachedWork, leave } from '../../services/detach.ts';
import { type Database, openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { taskState, type TaskState } from '../../services/catalog/steer-tasks.ts';
import { type OwnServer, ownServer } from '../support/own-server.ts';
import { until } from '../support/poll.ts';
import { startWorkerProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';

export type { WorkerProcess } from '../support/processes.ts';

/** A worker that ends with its test. */
export function startWorker(settings: Parameters<typeof startWorkerProcess>[0]): WorkerProcess {
  return withTest(startWorkerProcess(settings));
}

export function withTest(worker: WorkerProcess): WorkerProcess {
  onTestFinished(() => stopWorkers([worker]));
  return worker;
}

export async function isUp(worker: WorkerProcess): Promise<void> {
  await until('the worker is up', () => worker.said().includes('worker on') || worker.hasEnded(), 60_000);
}

/** Waits for it to say something, and shows what it has said instead. */
export async function hears(worker: WorkerProcess, pattern: RegExp, limitMs = 30_000): Promise<void> {
  await until(`it says ${String(pattern)}`, () => pattern.test(worker.said()), limitMs).catch((cause: unknown) => {
    throw new Error(`${String(cause)}\n${worker.said()}`, { cause });
  });
}

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-fleet-'));
  // The server's own user passes through here.
  chmodSync(directory, 0o755);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Fleet {
  readonly directory: string;
  readonly server: OwnServer;
  readonly address: { readonly connectionString: string };
  /** Not to be used while the server is away. */
  readonly db: Database;
  rows(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]>;
  leave(work: AskedWork): Promise<bigint>;
  /** Waits until the task is answered, given up or cancelled. */
  answer(id: bigint, limitMs?: number): Promise<TaskState>;
}

type AskedWork =
  | { readonly scan: string; readonly host?: string }
  | { readonly live: string; readonly backups: readonly string[]; readonly outDir: string; readonly host?: string };

export async function openFleet(
  settings: Readonly<Record<string, string>> = {},
  place?: { readonly data: string; readonly wal: string },
  auth?: 'scram-sha-256',
): Promise<Fleet> {
  const directory = temporary();
  const server = await ownServer(place ?? { data: directory }, settings);
  const address = { connectionString: server.connectionString };
  const db = openPool(address, { applicationName: 'rollcall test', connectionsMax: 2 });
  onTestFinished(() => db.close());
  await migrate(db);
  if (auth !== undefined) server.demandPasswords();
  return {
    directory,
    server,
    address,
    db,
    rows: async (sql, ...values) => (await db.pool.query<Record<string, unknown>>(sql, values)).rows,
    leave: (asked) => leave({ db, host: asked.host ?? 'here', nowMs: Date.now }, workOf(asked)),
    async answer(id, limitMs = 60_000) {
      let state: TaskState | null = null;
      const ends = async (): Promise<boolean> => {
        state = await taskState(db.pool, id).catch(() => null);
        return state !== null && ['done', 'failed', 'cancelled'].includes(state.state);
      };
      await until(`task ${id} ends`, ends, limitMs).catch(async (cause: unknown) => {
        const now = await db.pool.query('select * from task where id = $1', [id]).catch(String);
        throw new Error(
          JSON.stringify(now, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
          {
            cause,
          },
        );
      });
      if (state === null) throw new Error('it has ended');
      return state;
    },
  };
}

function workOf(asked: AskedWork): DetachedWork {
  const place = { cwd: '/', stateDir: null, program: 'rollcall' };
  const alike = {
    snapshotsMax: null,
    excludes: [],
    crossMounts: false,
    tz: null,
    reread: false,
    newState: false,
    notGluster: false,
    bricksRescued: false,
  };
  if ('scan' in asked)
    return { kind: 'scan', ...place, scan: { target: asked.scan, role: null, exportFile: null, ...alike } };
  const { live, backups, outDir } = asked;
  return { kind: 'assess', ...place, volumes: [{ live, backups, outDir, sinceMs: null, side: null, ...alike }] };
}

export const SMALL_FILES = 20;

/** A tree of small files, and of large ones of holes, which take time under a limit of bytes a second. */
export function tree(root: string, large: { readonly files: number; readonly bytes: number }): string {
  mkdirSync(join(root, 'small'), { recursive: true });
  for (let index = 0; index < SMALL_FILES; index += 1)
    writeFileSync(join(root, 'small', `f${index}`), `content ${index}`);
  for (let index = 0; index < large.files; index += 1) {
    const path = join(root, `large${index}`);
    writeFileSync(path, '');
    truncateSync(path, large.bytes);
  }
  return root;
}

/** How often each task was told to be answered, over all workers. */
export function answersTold(workers: readonly WorkerProcess[], id: bigint): number {
  const line = new RegExp(`task ${id} \\(\\w+\\) ended with exit code`, 'g');
  return workers.reduce((sum, worker) => sum + (worker.said().match(line)?.length ?? 0), 0);
}
