// A new user's first hour: init, apply, config, pause, with their exit codes and their JSON.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { databaseForFile } from '../support/postgres.ts';
import { runs } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';

const base = mkdtempSync(join(tmpdir(), 'rollcall-apply-'));
chmodSync(base, 0o755);
afterAll(() => rmSync(base, { recursive: true, force: true }));
mkdirSync(join(base, 'live/home'), { recursive: true });
writeFileSync(join(base, 'live/home/a'), 'a');
for (const day of ['2026-11-28', '2026-11-29'])
  cpSync(join(base, 'live'), join(base, 'backup', day, 'data'), { recursive: true });
const file = join(base, 'rollcall.yaml');

const { database, db } = await databaseForFile();
const { host, port, user, password, database: name } = database.address;
const url = `postgres://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
const run = (...words: string[]) =>
  runs([process.execPath, CLI, ...words], {
    env: { ...process.env, ROLLCALL_HOST: 'files', ROLLCALL_STATE_DIR: join(base, 'state'), DATABASE_URL: url },
  });

test('init writes a file that apply takes, and takes over what commands have scanned', async () => {
  const path = join(base, 'live');
  const scanned = { role: 'live', layout: 'tree', host: 'files', nowMs: 1, path, name: path } as const;
  await ensureVolume(db.pool, { ...scanned, key: `tree:files:${path}` });
  const made = await run('init', join(base, 'live'), join(base, 'backup'), '--out', file);
  expect(made).toMatchObject({ status: 0, stdout: expect.stringContaining(`backup/*/data (2 snapshots`) });
  expect(made.stdout).toContain(`apply -f ${file}`);

  const check = await run('apply', '-f', file, '--check');
  expect(check).toMatchObject({ status: 1, stdout: expect.stringContaining('adopts the volume') });
  const applied = await run('apply', '-f', file, '--json');
  expect(applied).toMatchObject({ status: 0 });
  expect(JSON.parse(applied.stdout)).toMatchObject({
    applied: true,
    changes: expect.arrayContaining([
      expect.objectContaining({ change: 'new', what: 'volume', name: 'live', adopts: join(base, 'live') }),
      expect.objectContaining({ change: 'new', what: 'backup', name: 'live-backup', adopts: null }),
    ]),
  });
  const config = await run('config');
  writeFileSync(file, config.stdout, { mode: 0o644 });
  expect(await run('apply', '-f', file, '--check')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^No changes/),
  });
  expect(JSON.parse((await run('config', '--json')).stdout)).toMatchObject({
    configuration: { volumes: [{ name: 'live', host: 'files' }] },
    applied: expect.stringMatching(/Z$/),
  });
}, 60_000);

test('a wrong file is exit 2 with the line of each error, one that others can write exit 4, and nothing is applied', async () => {
  const wrong = join(base, 'wrong.yaml');
  writeFileSync(wrong, `volumes:\n  live: { path: ${base}/live, backup: [] }\n`, { mode: 0o644 });
  const said = await run('apply', '-f', wrong);
  expect(said).toMatchObject({ status: 2, stdout: '' });
  expect(said.stderr).toContain('wrong.yaml:2:3: volumes.live: backups is missing\n');
  expect(said.stderr).toContain('volumes.live.backup: unknown field; did you mean backups?');
  expect(said.stderr).toContain('has 2 errors; nothing was applied');
  const json = await run('apply', '-f', wrong, '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ problems: [{ line: 2, column: 3 }, { line: 2 }] });
  chmodSync(wrong, 0o666);
  expect(await run('apply', '-f', wrong)).toMatchObject({ status: 4, stderr: expect.stringContaining('chmod o-w') });
}, 60_000);

test('pause says what is paused, and what is missing', async () => {
  expect(await run('pause', 'live', '--until', '2h')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--reason'),
  });
  expect(await run('pause', '--until', '2h', '--reason', 'r')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--all'),
  });
  expect(await run('pause', 'live', '--until', '2h', '--end', '--reason', 'r')).toMatchObject({ status: 2 });
  const paused = await run('pause', 'live', '--until', '2h', '--reason', 'the rack moves');
  expect(paused).toMatchObject({ status: 0, stdout: expect.stringMatching(/^live: paused until .*: the rack moves/) });
  expect(await run('pause', 'live', '--end', '--reason', 'done')).toMatchObject({
    status: 0,
    stdout: 'Nothing is paused.\n',
  });
}, 60_000);
