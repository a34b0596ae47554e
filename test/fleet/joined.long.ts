// A live volume on one host is judged against its backup on another: by workers as processes, one for each host.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { leaveJoined } from '../../services/joined.ts';
import type { JoinedRequest } from '../../services/joined-request.ts';
import { bundleOfAssessment } from '../../services/joined-work.ts';
import { endSilent, taskState } from '../../services/catalog/steer-tasks.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { runs, startWorkerProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';
import { plainRequest } from '../support/request.ts';
import { school } from './school.ts';

vi.setConfig({ testTimeout: 120_000 });

const { database, db } = await databaseForFile();
const world = school();
const workers: WorkerProcess[] = [];
afterEach(async () => {
  await stopWorkers(workers.splice(0));
});
afterAll(() => world.remove());

const start = (host: string): void => void workers.push(startWorkerProcess({ address: database.address, host }));

const { outDir: _, ...options } = plainRequest('', [], null);
const request: JoinedRequest = {
  ...options,
  live: { host: 'files', path: world.live },
  backups: [{ host: 'vault', pattern: world.pattern }],
  part: null,
  program: 'rollcall',
  out: null,
};

const tasks = async (): Promise<string> =>
  (await db.pool.query<{ t: string }>(`select to_jsonb(t)::text as t from task t order by id`)).rows
    .map(({ t }) => t.slice(0, 600))
    .join('\n');
const said = (): string => workers.map((worker) => worker.said()).join('');

/** The answer of an assessment. @param meanwhile done again and again until it is there */
async function answerTo(asked: JoinedRequest, meanwhile: () => Promise<unknown> = async () => {}) {
  const id = await leaveJoined(db.pool, asked, Date.now());
  const isDone = async (): Promise<boolean> => {
    await meanwhile();
    return (await taskState(db.pool, id))?.state === 'done';
  };
  await until('it is answered', isDone, 60_000).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${said()}\n${await tasks()}`);
  });
  return (await taskState(db.pool, id))?.result;
}

/** As workers do it, but for hosts that say nothing for a second. */
const forgetSilent = () => inTransaction(db, (client) => endSilent(client, 1_000, Date.now()));

test('what was lost on one host is found by its backup on another, and the bundle names where it lies', async () => {
  start('files');
  start('vault');
  const result = await answerTo(request);
  expect(result, said()).toMatchObject({ exit: 1, wantsBundle: true });
  const outDir = join(world.directory, 'bundle');
  const signal = new AbortController().signal;
  const tools = { db, host: 'desk', nowMs: Date.now, owners: new Map(), signal, program: 'rollcall' };
  const { assessment, bundle } = await bundleOfAssessment(tools, {
    id: BigInt(String(result?.['assessment'])),
    outDir,
    part: null,
  });
  expect(Object.fromEntries(assessment.findings.map(({ path, verdict }) => [path, verdict]))).toEqual(world.harm);
  expect(assessment.incomplete).toEqual([]);
  expect(bundle.unread).toBe(null);
  expect(existsSync(join(outDir, 'restore.sh'))).toBe(true);
  const manifest = readFileSync(join(outDir, 'manifest.jsonl'), 'utf8');
  for (const path of Object.keys(world.harm)) expect(manifest).toContain(path);
  expect(manifest).toContain('vault');
});

test('a backup whose host says nothing is judged by what is known of it, and never calmly', async () => {
  start('files');
  const answer = await answerTo(request, forgetSilent);
  expect(answer, said()).toMatchObject({ exit: expect.any(Number) });
  expect([1, 3]).toContain(answer?.['exit']);
});

test('a live volume whose host says nothing is not judged', async () => {
  start('vault');
  const answer = await answerTo(request, forgetSilent);
  expect(answer).toMatchObject({
    exit: 3,
    message: expect.stringContaining('files did not answer'),
  });
});

test('scan of another host is done there; without one catalog, or at a pace of its own, it is refused', async () => {
  start('files');
  const { host, user, password, database: name } = database.address;
  const url = `postgresql://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}`;
  const run = (words: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    runs([process.execPath, CLI, 'scan', ...words], {
      env: { ...process.env, ROLLCALL_HOST: 'desk', DATABASE_URL: url, ...more },
    });
  const path = join(world.directory, 'live');
  const there = await run([`files:${path}`, '--json']);
  expect([there.status, JSON.parse(there.stdout)], there.stderr).toMatchObject([0, { exit: 0 }]);
  const named = await run(['--host', 'files', path]);
  expect(named, named.stderr).toMatchObject({ status: 0, stdout: expect.stringContaining('exit code 0') });
  const hosts = await db.pool.query<{ host: string }>('select distinct host from root where path = $1', [path]);
  expect(hosts.rows).toEqual([{ host: 'files' }]);
  for (const [words, why] of [
    [[`files:${path}`, '--threads', '2'], 'the process that reads'],
    [[`files:${path}`, '--export', 'x'], 'where the snapshots are'],
    [['--host', 'files', 'relative'], 'not absolute'],
  ] as const)
    expect(await run(words)).toMatchObject({ status: 2, stderr: expect.stringContaining(why) });
  const alone = await run([`files:${path}`], { DATABASE_URL: '' });
  expect(alone).toMatchObject({ status: 2, stderr: expect.stringContaining('one catalog') });
});
