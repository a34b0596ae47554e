// State directories that somebody or something was at: each is refused with what to do, nothing is left running, and
// nothing that was there is touched.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { oneAtATime } from '../../services/embedded/state-directory.ts';
import { until } from '../support/poll.ts';
import { IS_ROOT } from './hold.ts';
import { isServer, serverPid, states } from './states.ts';

// Each starts servers by the handful; a machine that is busy with others takes its time.
vi.setConfig({ testTimeout: 180_000 });

const { directory, used, open } = states();

async function refused(state: string, says: RegExp, next: RegExp): Promise<void> {
  await expect(open(state)).rejects.toMatchObject({
    name: 'RollcallError',
    exit: 2,
    message: expect.stringMatching(says),
    next: expect.stringMatching(next),
  });
  const pid = serverPid(state);
  if (pid !== null) await until('no server is left', () => !isServer(pid, state));
}

const COPY = /put your copy of (the state directory|it) back/;

test('files of the database that are gone, empty or altered', async () => {
  const state = used();
  const at = (name: string) => join(state, 'data', name);
  const without = async (name: string, says: RegExp, text?: string): Promise<void> => {
    renameSync(at(name), join(state, 'aside'));
    if (text !== undefined) writeFileSync(at(name), text);
    await refused(state, says, COPY);
    if (text !== undefined) rmSync(at(name));
    renameSync(join(state, 'aside'), at(name));
  };
  const before = readdirSync(at('.')).sort();
  await without('rollcall.password', /lacks its rollcall.password/);
  await without('rollcall.password', /rollcall.password is empty/, '');
  await without('rollcall.password', /own role or password: password authentication failed/, 'guess\n');
  await without('PG_VERSION', /PG_VERSION is missing/);
  await without('PG_VERSION', /holds no version/, '');
  await without('global/pg_control', /does not start: .*could not find the database system/);
  await without('pg_wal', /does not start: .*pg_wal/);
  expect(readdirSync(at('.')).sort()).toEqual(before);
  await (await open(state)).close();
});

test('a lock file without an id: another server is about to fill it, or a power cut left it', async () => {
  const state = used();
  const lock = join(state, 'data', 'postmaster.pid');
  const refusals = () => readFileSync(join(state, 'postgres.log'), 'utf8').split('is empty').length - 1;
  writeFileSync(lock, '');
  const opening = open(state);
  await until('two starts have met it', () => refusals() >= 2);
  rmSync(lock);
  await (await opening).close();

  writeFileSync(lock, '');
  utimesSync(lock, 0, 0);
  await refused(state, /lock file .*postmaster\.pid is empty/, new RegExp(`remove the file: rm ${lock}$`));
  rmSync(lock);
  await (await open(state)).close();
});

test('a lock of the set-up that cannot be written is told as what is wrong with the state directory', async () => {
  const state = join(directory(), 'taken-away');
  const clock = { now: Date.now, pause: () => Promise.resolve() };
  await expect(oneAtATime(state, clock, () => Promise.resolve())).rejects.toMatchObject({
    name: 'RollcallError',
    message: expect.stringMatching(/^the state directory .*taken-away cannot be made there: ENOENT/),
    next: expect.stringMatching(/--state-dir/),
  });
});

test('a database of another catalog version of the same Postgres', async () => {
  const state = used();
  const file = join(state, 'data', 'global', 'pg_control');
  const control = readFileSync(file);
  // pg_control: system id (8), layout (4), catalog version (4) …, and a CRC-32C of all before it.
  const sum = Array.from({ length: 150 }, (_, index) => 200 + index * 2).find(
    (offset) => crc32c(control.subarray(0, offset)) === control.readUInt32LE(offset),
  );
  if (sum === undefined) throw new Error('pg_control has another form than this test knows');
  control.writeUInt32LE(control.readUInt32LE(12) + 1, 12);
  control.writeUInt32LE(crc32c(control.subarray(0, sum)), sum);
  writeFileSync(file, control);
  await refused(state, /does not start: database files are incompatible/, /ROLLCALL_PG_BIN.*--state-dir/);
});

/** CRC-32C (Castagnoli), as Postgres seals pg_control. */
function crc32c(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

test('modes, links and things in the way', async () => {
  const state = used();
  chmodSync(join(state, 'data'), 0o755);
  await refused(state, /invalid permissions/, /^chmod 700 .*\/data$/);
  chmodSync(join(state, 'data'), 0o700);
  for (const name of ['postgres.log', 'run']) {
    rmSync(join(state, name), { recursive: true });
    symlinkSync('/nonexistent', join(state, name));
    await refused(state, new RegExp(name), /--state-dir/);
    rmSync(join(state, name));
  }
  mkdirSync(join(state, 'postgres.log'));
  await refused(state, /EISDIR/, /--state-dir/);
  rmSync(join(state, 'postgres.log'), { recursive: true });
  const link = join(directory(), 'link');
  symlinkSync('nowhere', link);
  await refused(link, /is a link that leads nowhere/, /--state-dir/);
  expect(readdirSync(directory()).sort()).toEqual(['link', 'state']);
  rmSync(link);
  symlinkSync('state', link);
  await (await open(link)).close();
});

test.runIf(IS_ROOT)('files that were given to root are given back by the command that it names', async () => {
  const state = used();
  const data = join(state, 'data');
  for (const file of [data, join(data, 'PG_VERSION')]) {
    chownSync(file, 0, 0);
    const message = await open(state).then(String, (error: { next?: string }) => error.next ?? '');
    const command = /(chown -R .*)$/.exec(message)?.[1] ?? '';
    expect(command).toContain(data);
    expect(spawnSync('sh', ['-c', command]).status).toBe(0);
  }
  await (await open(state)).close();
});

test('programs of another Postgres, and nonsense in ROLLCALL_PG_BIN', async () => {
  const state = used();
  const bin = join(directory(), 'bin');
  const fake = (text: string, mode = 0o755): void => {
    rmSync(bin, { recursive: true, force: true });
    mkdirSync(bin);
    for (const name of ['postgres', 'initdb']) writeFileSync(join(bin, name), text, { mode });
  };
  const refuses = (says: RegExp) =>
    expect(open(state, { binDir: bin })).rejects.toMatchObject({
      exit: 2,
      message: expect.stringMatching(says),
      next: expect.stringMatching(/leave ROLLCALL_PG_BIN out/),
    });
  await refuses(/where there is no postgres/);
  fake('#!/bin/sh\necho hello\n');
  await refuses(/does not print its version: hello/);
  fake('#!/bin/sh\nexit 3\n');
  await refuses(/does not print its version: it ended with 3/);
  fake('', 0o644);
  await refuses(/does not print its version: .*EACCES/);
  fake('#!/bin/sh\necho "postgres (PostgreSQL) 14.9"\n');
  await refuses(/holds Postgres 14; Rollcall needs 15/);
  fake('#!/bin/sh\necho "postgres (PostgreSQL) 15.9 (Debian 15.9-1)"\n');
  await refuses(/was made by Postgres 18; these programs are version 15/);
  await (await open(state)).close();
});
