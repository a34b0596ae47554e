// --bwlimit and --idle: a process that reads a busy server's disks and leaves room for its users.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rate, size } from '../../services/typed/size.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { createHasher } from '../../services/files/hash.ts';
import { limitReading } from '../../services/process/pace.ts';
import { readContent } from '../../services/files/read.ts';
import { program } from '../support/programs.ts';

let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-gentle-'));
});
afterEach(() => {
  limitReading(null);
  rmSync(base, { recursive: true, force: true });
});

test('a file is read no faster than the limit, and gives signs of life while it waits', async () => {
  const hasher = await createHasher();
  writeFileSync(join(base, 'large'), Buffer.alloc(3_000_000, 7));
  const root = openRoot(base);
  const read = (): { ms: number; signs: number } => {
    let signs = 0;
    const began = process.hrtime.bigint();
    const onProgress = (bytes: number): void => void (signs += bytes === 0 ? 1 : 0);
    const result = readContent({ hasher, onProgress, nowMs: Date.now }, root, 'large', { attempts: 1 });
    expect(result.ok && result.bytes).toBe(3_000_000);
    return { ms: Number(process.hrtime.bigint() - began) / 1e6, signs };
  };
  limitReading(2_000_000);
  const slow = read();
  // A quarter of a second may be read in advance.
  expect(slow.ms).toBeGreaterThanOrEqual(1_240);
  expect(slow.signs).toBeGreaterThanOrEqual(3);
  limitReading(null);
  expect(read().signs).toBe(0);
  root.close();
});

test('all threads keep one limit together', async () => {
  const pace = limitReading(1_000_000);
  const threads = [1, 2, 3].map(() => new Worker(program('process/paced-child'), { workerData: pace }));
  const inAll = (pieces: number): Promise<unknown> =>
    Promise.all(
      threads.map(async (thread) => {
        const done = once(thread, 'message');
        thread.postMessage({ pieces, bytes: 125_000 });
        await done;
      }),
    );
  // The threads are there before the time is taken.
  await inAll(0);
  const began = process.hrtime.bigint();
  await inAll(4);
  expect(Number(process.hrtime.bigint() - began) / 1e6).toBeGreaterThanOrEqual(1_240);
  await Promise.all(threads.map((thread) => thread.terminate()));
});

test.skipIf(spawnSync('ionice', ['-c3', 'true']).status !== 0)(
  'with --idle this process and the threads that it starts come after everybody else (needs ionice: apt-get install util-linux)',
  () => {
    const { stdout } = spawnSync(process.execPath, [program('process/idle-child')], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual({ lacks: null, main: '19 idle', threads: ['19 idle'] });
  },
);

test('sizes and rates are written as rsync and rclone have them', () => {
  expect(['700', '4K', '1.5M', '2GiB', '200KB', '3mb', '7B', '1T'].map(size)).toEqual([
    700, 4096, 1_572_864, 2_147_483_648, 200_000, 3_000_000, 7, 1_099_511_627_776,
  ]);
  expect(['500', '1M', '10kb', '0', '100B'].map(rate)).toEqual([512_000, 1_048_576, 10_000, 0, 100]);
  for (const wrong of ['', 'much', '-1', '1X', '1 000', '0', '0.1B', '9999999T']) expect(() => size(wrong)).toThrow();
});
