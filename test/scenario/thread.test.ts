// The whole thread as a person runs it: the built command line in processes of its own, on a database that it brings
// along.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { installInto } from '../support/install.ts';
import { until } from '../support/poll.ts';
import { memoryDirectory } from '../support/memory.ts';
import { Volume } from '../support/volume.ts';

const CAN_MOUNT = process.geteuid?.() === 0;

/** A built checkout, and the state of all commands of this file. */
let home: string;
let main: string;
let house: Volume;
const running = new Set<ChildProcess>();

beforeAll(() => {
  home = memoryDirectory('rollcall-thread-');
  main = installInto(home);
});

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

beforeEach(() => {
  house = new Volume(null, 6);
});

afterEach(async () => {
  for (const child of running) {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  running.clear();
  house.close();
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts a command; `done` waits for its end, and `said` is what standard error holds so far. */
function start(...args: readonly string[]): { child: ChildProcess; said: () => string; done: Promise<Ran> } {
  const child = spawn(process.execPath, [main, '--state-dir', join(home, 'state'), ...args], {
    cwd: join(house.base, 'bundles'),
    env: { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const done = new Promise<Ran>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code, out, err });
    });
  });
  return { child, said: () => err, done };
}

const rollcall = (...args: readonly string[]): Promise<Ran> => start(...args).done;
const assess = (...args: readonly string[]): Promise<Ran> =>
  rollcall('assess', '--live', house.live, '--backup', house.pattern, ...args);
const bundle = (name: string): string => join(house.base, 'bundles', name);

function fill(files: number): void {
  for (let i = 0; i < files; i++)
    house.write(`rooms/${i % 7}/file${i}`, `what stands in file ${i} `.repeat(1 + (i % 9)));
}

interface Answer {
  readonly universe: { readonly files: number; readonly directories: number };
  readonly verdicts: Readonly<Record<string, { readonly files: number; readonly directories: number }>>;
  readonly recovery: Readonly<Record<string, { readonly files: number }>>;
  readonly window: { readonly reason: string };
  readonly bundle: { readonly path: string; readonly lists: readonly { readonly files: number }[] } | null;
}

test('assess, restore, verify, assess: the codes and the answers that scripts rely on', async () => {
  fill(60);
  house.write('desk/emptied', 'words '.repeat(100));
  for (let night = 1; night <= 4; night++) house.snapshot(night);

  const quiet = await assess();
  expect(quiet).toMatchObject({ code: 0 });
  expect(quiet.out + quiet.err).not.toContain('\r');
  expect(readdirSync(bundle('.'))).toEqual([]);

  house.lose('rooms/3/file3', 'rooms/4');
  house.write('desk/emptied', '', 4.5);
  const found = await assess('--json', '--out', bundle('first'));
  expect(found.code).toBe(1);
  expect(found.err).not.toContain('\r');
  const answer = JSON.parse(found.out) as Answer;
  const verdicts = Object.values(answer.verdicts);
  expect(verdicts.reduce((sum, { files }) => sum + files, 0)).toBe(answer.universe.files);
  expect(verdicts.reduce((sum, { directories }) => sum + directories, 0)).toBe(answer.universe.directories);
  expect(answer.universe).toMatchObject({ files: 61, directories: 9 });
  expect(answer.verdicts).toMatchObject({
    missing: { files: 9, directories: 1 },
    truncated: { files: 1 },
    intact: { files: 51, directories: 8 },
  });
  expect(answer.recovery).toMatchObject({ exact: { files: 10 }, older: { files: 0 }, none: { files: 0 } });
  expect(answer.bundle?.lists.reduce((sum, { files }) => sum + files, 0)).toBe(10);

  const there = await assess('--out', bundle('first'));
  expect(there).toMatchObject({ code: 2, out: '' });
  expect(there.err).toContain('exists already');
  expect(there.err).toContain('next: ');

  const waiting = await rollcall('verify', bundle('first'));
  expect(waiting.code).toBe(1);
  expect(waiting.out).toContain(`Next: sh ${bundle('first')}/restore.sh --apply --damaged ${house.live} `);
  expect(house.restore(bundle('first'), '--apply', '--damaged')).toMatchObject({ code: 0 });
  const proof = await rollcall('verify', bundle('first'), '--json');
  expect(proof.code).toBe(0);
  expect(JSON.parse(proof.out)).toMatchObject({ exit: 0, closed: 11, counts: { restored: { files: 11 } } });
  // Proven once more, it is still so, and closes nothing that was closed.
  expect(JSON.parse((await rollcall('verify', bundle('first'), '--json')).out)).toMatchObject({ exit: 0, closed: 0 });
  expect(await assess()).toMatchObject({ code: 0 });
  expect(await rollcall('findings')).toMatchObject({ code: 0 });

  // What is gone and was left out on purpose is no finding, and not said to be back.
  rmSync(join(house.live, 'desk/emptied'));
  expect(await assess()).toMatchObject({ code: 0 });
  const since = new Date(house.nowMs(1)).toISOString();
  expect(await assess('--since', since, '--out', bundle('person'))).toMatchObject({ code: 1 });
  const left = await rollcall('verify', bundle('person'));
  expect(left.code).toBe(0);
  expect(left.out).not.toContain('Everything');
  expect(left.out).toContain(`sh ${bundle('person')}/restore.sh --apply --person-deleted ${house.live}`);
});

test('what cannot be: exit 2 and what to do; what a guard stops: exit 4', async () => {
  fill(3);
  house.snapshot(1);
  const nothing = await rollcall('assess', '--live', house.live, '--backup', join(house.base, 'nowhere/*'));
  expect(nothing).toMatchObject({ code: 2, out: '' });
  expect(nothing.err).toContain('next: ');
  const empty = join(house.base, 'empty');
  mkdirSync(empty);
  const guard = await rollcall('assess', '--live', empty, '--backup', house.pattern, '--json');
  expect(guard.code).toBe(4);
  expect(JSON.parse(guard.out)).toMatchObject({ error: { exit: 4 } });
});

test('Ctrl-C in the middle is 130, and the next run ends well', async () => {
  fill(800);
  for (let night = 1; night <= 5; night++) house.snapshot(night);
  house.lose('rooms/3/file3');
  const { child, said, done } = start('assess', '--live', house.live, '--backup', house.pattern);
  // The order of the snapshots is said when the live tree is done, before the first of them.
  await until('the order of the snapshots', () => said().includes(house.night(1)));
  child.kill('SIGINT');
  const interrupted = await done;
  expect(interrupted.code, interrupted.err).toBe(130);
  expect(interrupted.err).toContain('next: ');
  expect(readdirSync(bundle('.'))).toEqual([]);
  const next = await assess('--out', bundle('after'));
  expect(next.code, next.err).toBe(1);
  expect(existsSync(join(bundle('after'), 'restore.sh'))).toBe(true);
});

test('two at once on one volume both end well, and alike', async () => {
  fill(400);
  for (let night = 1; night <= 3; night++) house.snapshot(night);
  house.lose('rooms/3/file3', 'rooms/5');
  const both = await Promise.all(['one', 'two'].map((name) => assess('--json', '--out', bundle(name))));
  const [one, two] = both.map(({ code, out, err }) => {
    expect(code, err).toBe(1);
    const { verdicts, recovery, universe } = JSON.parse(out) as Answer;
    return { verdicts, recovery, universe };
  });
  expect(one).toEqual(two);
  expect(one?.verdicts).toMatchObject({ missing: { files: 58, directories: 1 } });
  for (const name of ['one', 'two']) expect(house.restore(bundle(name)).code).toBe(0);
});

test('a reader who goes away is no failure', async () => {
  fill(30);
  house.snapshot(1);
  house.lose('rooms/3/file3');
  const { child, done } = start('assess', '--live', house.live, '--backup', house.pattern, '--out', bundle('unread'));
  child.stdout?.destroy();
  const { code, err } = await done;
  expect(code, err).toBe(1);
  expect(err).not.toContain('EPIPE');
  expect(existsSync(join(bundle('unread'), 'restore.sh'))).toBe(true);
});

test.skipIf(!CAN_MOUNT)('a full disk: no half bundle, exit 2, and another place does (needs root)', async (context) => {
  fill(300);
  house.snapshot(1);
  for (let i = 0; i < 300; i += 2) house.lose(`rooms/${i % 7}/file${i}`);
  const small = join(house.base, 'small');
  mkdirSync(small);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48k,mode=700', 'tmpfs', small]).status === 0;
  if (!mounted) context.skip('nothing can be mounted here: run as root with CAP_SYS_ADMIN');
  try {
    const full = await assess('--out', join(small, 'bundle'));
    expect(full.code, full.err).toBe(2);
    expect(full.err).toMatch(/ENOSPC|no space|full/i);
    expect(full.err).toContain('next: ');
    expect(readdirSync(small)).toEqual([]);
    const elsewhere = await assess('--out', bundle('elsewhere'));
    expect(elsewhere.code, elsewhere.err).toBe(1);
  } finally {
    spawnSync('umount', ['-l', small]);
  }
});

test.skipIf(!CAN_MOUNT)(
  'a file system that is not mounted any more is incomplete, exit 3, and no loss (needs root)',
  async (context) => {
    fill(5);
    house.directory('attic');
    const attic = join(house.live, 'attic');
    if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', attic]).status !== 0)
      context.skip('nothing can be mounted here: run as root with CAP_SYS_ADMIN');
    try {
      house.write('attic/chest', 'old things');
      house.snapshot(1);
      expect(await assess('--cross-mounts')).toMatchObject({ code: 0 });
    } finally {
      spawnSync('umount', ['-l', attic]);
    }
    const { code, out } = await assess('--cross-mounts', '--json', '--out', bundle('attic'));
    expect(code).toBe(3);
    const { verdicts } = JSON.parse(out) as Answer;
    expect(verdicts).toMatchObject({
      missing: { files: 0 },
      unreadable: { files: 1, directories: 1 },
      intact: { files: 5 },
    });
  },
);
