// `hosts`: a machine that has another name now keeps its volumes; one that is no more is not missed.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CLI } from '../support/programs.ts';
import { runs } from '../support/processes.ts';

const base = mkdtempSync(join(tmpdir(), 'rollcall-hosts-'));
chmodSync(base, 0o755);
afterAll(() => rmSync(base, { recursive: true, force: true }));
const live = join(base, 'live');
mkdirSync(join(live, 'a'), { recursive: true });
for (const n of [1, 2, 3]) writeFileSync(join(live, 'a', `file ${n}`), `content ${n}`);

const run = (host: string, ...words: string[]) =>
  runs([process.execPath, CLI, ...words], {
    env: { ...process.env, ROLLCALL_HOST: host, ROLLCALL_STATE_DIR: join(base, 'state'), DATABASE_URL: '' },
  });

test('a renamed host goes on with its volumes; names that are not known, or taken, are refused', async () => {
  expect(await run('one', 'scan', live)).toMatchObject({ status: 0 });
  expect(await run('one', 'hosts', 'rename', 'nobody', 'two', '--reason', 'r')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('There are: one.'),
  });
  expect(await run('one', 'hosts', 'rename', 'one', 'two')).toMatchObject({ status: 2 });
  expect(await run('one', 'hosts', 'rename', 'one', 'a b', '--reason', 'r')).toMatchObject({ status: 2 });
  const renamed = await run('two', 'hosts', 'rename', 'one', 'two', '--reason', 'new hardware', '--json');
  expect([renamed.status, JSON.parse(renamed.stdout)], renamed.stderr).toEqual([
    0,
    { from: 'one', to: 'two', volumes: 1, in_configuration: false },
  ]);

  const again = await run('two', 'scan', live, '--json');
  expect(JSON.parse(again.stdout), again.stderr).toMatchObject({ totals: { found: 0, changed: 0 } });
  const volumes = await run('two', 'volumes', '--json');
  expect(JSON.parse(volumes.stdout)).toMatchObject({ volumes: [{ host: 'two', key: `tree:two:${live}`, scans: 2 }] });
  const log = await run('two', 'log', '--json');
  expect(log.stdout).toContain('new hardware');

  // The old name comes again with a tree of its own at the same path: two volumes, and neither may take the other's
  // key.
  expect(await run('one', 'scan', live)).toMatchObject({ status: 0 });
  const taken = await run('two', 'hosts', 'rename', 'one', 'two', '--reason', 'r');
  expect(taken, taken.stdout).toMatchObject({ status: 4, stderr: expect.stringContaining('already') });
}, 60_000);

test('what was queued for a host that is no more is cancelled, and status says so', async () => {
  const queued = await run('two', 'scan', live, '--detach', '--json');
  const { task } = JSON.parse(queued.stdout) as { task: number };
  const removed = await run('one', 'hosts', 'remove', 'two', '--reason', 'sold', '--json');
  expect(JSON.parse(removed.stdout), removed.stderr).toEqual({ host: 'two', tasks_ended: 1 });
  const status = await run('one', 'status', '--json');
  expect((JSON.parse(status.stdout) as { tasks: unknown[] }).tasks).toMatchObject([
    { task, state: 'cancelled', answer: null },
  ]);
  expect((await run('one', 'status')).stdout).toMatch(/task \d+ .*: cancelled/);
  expect(await run('two', 'scan', live)).toMatchObject({ status: 0 });
}, 60_000);

test('a host that is no more is listed as such, and a scan there takes it in again', async () => {
  const removed = await run('two', 'hosts', 'remove', 'one', '--reason', 'sold', '--json');
  expect([removed.status, JSON.parse(removed.stdout)], removed.stderr).toEqual([0, { host: 'one', tasks_ended: 0 }]);
  const retired = async (): Promise<(string | null)[]> => {
    const { stdout } = await run('two', 'hosts', '--json');
    return (JSON.parse(stdout) as { hosts: { retired: string | null }[] }).hosts.map((host) => host.retired);
  };
  expect(await retired()).toEqual(['sold', null]);
  expect((await run('two', 'hosts')).stdout).toContain('one: out of service: sold; 1 volume');
  expect(await run('one', 'scan', live)).toMatchObject({ status: 0 });
  expect(await retired()).toEqual([null, null]);
}, 60_000);
