// Storage that never answers, and a disk that fills up under the catalog: as a person meets them, with the launcher and
// what is built.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RollcallError } from '../../domain/exit.ts';
import { connect, type Connection } from '../../services/catalog/database.ts';
import { openEmbedded } from '../../services/embedded/embedded.ts';
import { outOfRoom } from '../../services/embedded/start-failure.ts';
import { LEASES } from '../../services/scan/limits.ts';
import { installInto } from '../support/install.ts';
import { disk } from '../support/disk.ts';
import { canFuse, type Fuse, openFuse, PLAIN } from '../support/fuse.ts';
import { until } from '../support/poll.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount } from '../support/machine.ts';

let home: string;

beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-stuck-')));
  installInto(home);
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

interface Command {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly code: Promise<number | null>;
}

function rollcall(state: string, ...args: readonly string[]): Command {
  const child = spawn(join(home, 'rollcall'), ['--state-dir', state, ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    child,
    said: () => said,
    // Not 'close': a process that hangs in the kernel keeps the pipes.
    code: new Promise((resolve) => child.once('exit', resolve)),
  };
}

describe.skipIf(!canFuse)('storage that never answers (skipped where FUSE cannot be mounted)', () => {
  test('names where a system call hangs are gaps, their threads are written off, and the scan ends with all the rest', async () => {
    const catalog = await Catalog.open(2);
    let served: Fuse | null = null;
    try {
      served = await openFuse(catalog.directory(), PLAIN, 'ro');
      await catalog.scan(served.at);
      const before = await catalog.told(served.at);
      served.set({
        ...PLAIN,
        'a/f': { content: 'f', hangs: ['lookup'] },
        'b/sub/h': { content: 'h', hangs: ['open'] },
        'a/g': { content: 'changed' },
      });
      const totals = await catalog.scan(served.at, { mode: 'reread' }, { leases: { ...LEASES, stallMs: 4_000 } });
      expect(totals).toMatchObject({ vanished: 0, belowGone: 0, changed: 1, unknown: 2 });
      expect(await catalog.gaps(served.at)).toEqual(['a/f failed', 'b/sub/h failed']);
      expect(catalog.notices.filter((text) => text.includes('no answer from')).length).toBe(2);
      expect(await catalog.told(served.at)).toEqual({ ...before, 'a/g': expect.stringMatching(/^file 7 /) });
    } finally {
      // Before the catalog: its threads hang until nobody serves them any more.
      await served?.close();
      await catalog.close();
    }
  });

  test('a run with one thread goes on past a name that hangs: that name is a gap, and what else the thread had in hands is done again', async () => {
    const catalog = await Catalog.open();
    let served: Fuse | null = null;
    try {
      const beside = Object.fromEntries(
        Array.from({ length: 300 }, (_, i) => [
          [`d${i}`, { content: null }],
          [`d${i}/f`, { content: `${i}` }],
        ]).flat() as [string, { content: string | null }][],
      );
      served = await openFuse(
        catalog.directory(),
        { ...PLAIN, ...beside, 'a/f': { content: 'f', hangs: ['open'] } },
        'ro',
      );
      const totals = await catalog.scan(served.at, {}, { leases: { ...LEASES, stallMs: 4_000 } });
      expect(totals).toMatchObject({ files: 302, filesRead: 302, gaps: 1 });
      expect(await catalog.gaps(served.at)).toEqual(['a/f failed']);
      expect(catalog.notices.filter((text) => text.includes('no answer from'))).toHaveLength(1);
    } finally {
      await served?.close();
      await catalog.close();
    }
  });

  test.each([
    ['a thread', { 'a/f': { content: 'f', hangs: ['lookup'] } }],
    ['the main thread', { '': { content: null, hangs: ['opendir'] } }],
  ] as const)(
    'one Ctrl-C ends a command of which %s hangs: 130, also where the kernel keeps its process',
    async (_, hanging) => {
      const house = FaultyVolume.open(null, 1);
      const served = await openFuse(house.base, { ...PLAIN, ...hanging }, 'ro', house.live);
      const { child, code, said } = rollcall(join(home, 'state'), 'scan', house.live);
      await until(
        'it hangs',
        () => child.exitCode !== null || served.said().some((line) => line.startsWith('hangs')),
        120_000,
      );
      child.kill('SIGINT');
      expect(await code, said()).toBe(130);
      await served.kill();
    },
  );
});

test.skipIf(!canMount)(
  'a server that recovers and breaks off again because its disk is full: told from one that is killed (skipped where this process may not mount)',
  async () => {
    const medium = disk(home, { name: 'breaks-off', size: '200M', options: ['-m', '0'] });
    const state = join(medium.at, 'state');
    const embedded = await openEmbedded({ stateDir: state, now: Date.now, log: () => {} });
    onTestFinished(() => embedded.close());
    let client = await connect(embedded.address);
    /** The connection breaks; done when the server is there again, or is said not to come back. */
    const breaks = async (blow: () => Promise<unknown>): Promise<RollcallError | null> => {
      const gone = new Promise((resolve) => client.once('end', resolve));
      await blow().catch(() => undefined);
      await gone;
      let trouble: RollcallError | null = null;
      let again: Connection | null = null;
      await until('it is there, or not to come back', async () => {
        trouble = await embedded.trouble();
        again = trouble === null ? await connect(embedded.address).catch(() => null) : null;
        return trouble !== null || again !== null;
      });
      client = again ?? client;
      return trouble;
    };

    const write = (bytes: number): Promise<unknown> =>
      client.query(`select pg_logical_emit_message(true, 'x', repeat('x', $1))`, [bytes]);
    // Into the second file of what is written ahead, where recovering takes no third.
    await write(8_000_000);
    const { bavail, bsize } = statfsSync(medium.at);
    const ballast = join(medium.at, 'ballast');
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 1024 * 1024));
    for (let blow = 0; blow < 3; blow++) {
      const killed = await breaks(async () => {
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
      });
      expect(killed).toBeNull();
    }
    const full = await breaks(() => write(40_000_000));
    // Whether it recovers depends on how far it had come.
    expect(full).toMatchObject({
      exit: 2,
      message: expect.stringMatching(/(stopped|does not start): .*No space left on device/),
      next: expect.stringMatching(/^free space on the file system of/),
    });
    expect(outOfRoom(state)?.message).toMatch(/stopped: .*No space left on device/);
    rmSync(ballast);
    expect(outOfRoom(state)).toBeNull();
    // With room it goes on, and whoever leaves it last stops it.
    await embedded.close();
    await (await openEmbedded({ stateDir: state, now: Date.now, log: () => {} })).close();
    // The launcher does not wait for it.
    await until('the server has stopped', () => !existsSync(join(state, 'data', 'postmaster.pid')));
  },
);

test.skipIf(!canMount)(
  'a file system that fills up under the catalog: exit 2 with the cause, nothing is published, and after room is made the same command goes on (skipped where this process may not mount)',
  async () => {
    const house = FaultyVolume.open(null, 1);
    const files = 40_000;
    for (let d = 0; d < 100; d++) {
      mkdirSync(join(house.live, `d${d}`));
      for (let f = 0; f < files / 100; f++)
        writeFileSync(join(house.live, `d${d}/file-with-a-rather-long-name-${f}`), `${d} ${f}`);
    }
    mkdirSync(join(house.base, 'small'));
    writeFileSync(join(house.base, 'small/one'), 'one');
    const medium = disk(home, { name: 'small-disk', size: '200M', options: ['-m', '0'] });
    const state = join(medium.at, 'state');
    const scan = (path: string): Command => rollcall(state, 'scan', path, '--json');
    expect(await scan(join(house.base, 'small')).code).toBe(0);

    const ballast = join(medium.at, 'ballast');
    const fill = (leave: number): void => {
      const { bavail, bsize } = statfsSync(medium.at);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize - leave));
    };
    // Enough for the database to start, and not for what is found.
    fill(20 * 1024 * 1024);
    const full = scan(house.live);
    expect(await full.code, full.said()).toBe(2);
    expect(full.said()).toMatch(/No space left on device/);
    expect(full.said()).toMatch(/next: free space/);

    // Not even enough to start, perhaps; that depends on how far what is written ahead had come.
    truncateSync(ballast, 0);
    fill(512 * 1024);
    const fuller = scan(house.live);
    expect(await fuller.code, fuller.said()).toBe(2);
    expect(fuller.said()).toMatch(/No space left on device/);
    expect(fuller.said()).toMatch(/next: free space/);

    rmSync(ballast);
    const again = scan(house.live);
    expect(await again.code, again.said()).toBe(0);
    expect(again.said()).toContain('continuing the scan that began');
    expect(again.said()).toMatch(/"files": 40000/);
    // The launcher does not wait for it.
    await until('the server has stopped', () => !existsSync(join(state, 'data', 'postmaster.pid')));
    expect(readFileSync(join(state, 'VERSION'), 'utf8')).not.toBe('');
  },
);
