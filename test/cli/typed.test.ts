// Commands as they are typed, in processes of their own on a catalog: that each option does what it says, and that
// every user can decide.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';
import { CLI } from '../support/programs.ts';
import { memoryDirectory } from '../support/memory.ts';

let base: string;
let database: TestDatabase;

beforeAll(async () => {
  base = memoryDirectory('rollcall-typed-');
  // Another user passes through here.
  chmodSync(base, 0o755);
  database = await testDatabase();
});
afterAll(async () => {
  await database.close();
  rmSync(base, { recursive: true, force: true });
});

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function urlAt(host: string, port: number): string {
  const { user, password, database: name } = database.address;
  return `postgresql://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
}

function rollcall(args: readonly string[], as: { readonly uid?: number; readonly url?: string } = {}): Promise<Answer> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: base,
    env: {
      PATH: process.env['PATH'],
      HOME: base,
      DATABASE_URL: as.url ?? urlAt(database.address.host, database.address.port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(as.uid === undefined ? {} : { uid: as.uid, gid: as.uid }),
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...said }));
  });
}

function write(path: string, content: string): string {
  const whole = join(base, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

test('import --forget takes a list back, also where --as-of was left standing', async () => {
  const file = write('listed/letter', 'a letter');
  const list = write('list', '');
  const volume = dirname(file);
  expect(await rollcall(['scan', volume])).toMatchObject({ status: 0 });
  const exported = await rollcall(['export', volume]);
  writeFileSync(list, exported.stdout);
  const typed = ['import', list, '--volume', volume, '--as-of', '1 minute ago'];
  expect(await rollcall(typed)).toMatchObject({ status: 0, stdout: expect.stringContaining('1 file') });
  expect(await rollcall([...typed, '--forget'])).toMatchObject({
    status: 0,
    stdout: `1 list of ${volume} removed.\n`,
  });
});

test('history says where a copy lies that is not suspect, as a word for a shell', async () => {
  const name = "a 'letter";
  for (const [night, content] of [
    ['2026-10-01', 'what was written'],
    ['2026-10-02', 'what was WRITTEN'],
  ] as const)
    utimesSync(write(`nights/${night}/${name}`, content), 1_700_000_000, 1_700_000_000);
  expect(await rollcall(['scan', join(base, 'nights/*'), '--reread'])).toMatchObject({ status: 0 });
  const { stdout } = await rollcall(['history', name]);
  expect(stdout).toMatch(/^ {2}2026-10-02: .*SUSPECT/m);
  expect(stdout).toContain(
    `Newest copy in a snapshot that is not suspect: '${base}/nights/2026-10-01/a '\\''letter'\n`,
  );
  rmSync(join(base, 'nights/2026-10-01'), { recursive: true });
  await rollcall(['scan', join(base, 'nights/*')]);
  expect((await rollcall(['history', name])).stdout).toContain(
    'No snapshot on disk holds a copy that is not suspect.\n',
  );
});

test('a pattern that the shell expanded is told as such, with the pattern to quote', async () => {
  const words = ['/b/2026-11-26/data', '/b/2026-11-27/data'];
  for (const typed of [
    ['scan', ...words],
    ['assess', '--live', base, '--backup', ...words],
  ]) {
    const { status, stderr } = await rollcall(typed);
    expect([status, stderr]).toEqual([2, expect.stringContaining("'/b/*/data'")]);
    expect(stderr).toContain('Did the shell expand a pattern?');
  }
});

test('volumes forget takes a volume out of the catalog and says what was forgotten; the log keeps it', async () => {
  const volume = dirname(write('mistaken/letter', 'a letter'));
  expect(await rollcall(['scan', volume])).toMatchObject({ status: 0 });
  const typed = ['volumes', 'forget', volume];
  expect(await rollcall(typed)).toMatchObject({ status: 2, stderr: expect.stringContaining('--reason') });
  const { status, stdout, stderr } = await rollcall([...typed, '--reason', 'a typing error']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`Forgot ${volume}: 1 scan, 1 file version, 0 findings, 0 assessments.\n`);
  expect((await rollcall(['volumes'])).stdout).not.toContain(volume);
  expect((await rollcall(['log'])).stdout).toMatch(/forget.*mistaken[^]*a typing error/);
  expect((await rollcall(['scan', volume, '--json'])).status).toBe(0);
  expect(JSON.parse((await rollcall([...typed, '--reason', 'again', '--json'])).stdout)).toMatchObject({
    volume,
    role: 'live',
    forgotten: { scans: 1, openFindings: 0 },
  });
});

test('worker --threads is 32 at most, however many are asked for', async () => {
  const { status, stderr } = await rollcall(['worker', '--once', '--threads', '1000']);
  expect(status).toBe(0);
  const slots = Number(/ (\d+) slots/.exec(stderr)?.[1]);
  expect(slots).toBeGreaterThan(0);
  expect(slots).toBeLessThanOrEqual(32);
});

test.skipIf(process.getuid?.() !== 0)(
  'a user without an entry in passwd can decide, and the log says which (skipped when not run as root)',
  async () => {
    const volume = dirname(write('rebased/letter', 'a letter'));
    expect(await rollcall(['scan', volume])).toMatchObject({ status: 0 });
    // The socket of the tests' server is closed to other users; a port that leads to it is not.
    const { host, port } = database.address;
    const door = createServer((client) => {
      const server = connect(`${host}/.s.PGSQL.${port}`);
      client.pipe(server).pipe(client);
      for (const one of [client, server]) one.on('error', () => one.destroy());
    });
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    const address = door.address();
    const as = { uid: 12_345, url: urlAt('127.0.0.1', typeof address === 'object' ? (address?.port ?? 0) : 0) };
    try {
      expect(await rollcall(['volumes', 'rebase', volume, '--reason', 'a new disk'], as)).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect((await rollcall(['findings', 'accept', '1', '--reason', 'it is well'], as)).stderr).not.toContain(
        'should not have happened',
      );
    } finally {
      door.close();
    }
    expect((await rollcall(['log'])).stdout).toContain('uid 12345');
  },
);
