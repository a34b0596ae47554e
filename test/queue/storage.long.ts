// What fails below workers at work: a file system that goes away, a disk that is full, a call that never comes back.
// Workers live, tell of it and try again; only a thread that hangs costs a slot.
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { LEASES } from '../../services/scan/limits.ts';
import { canMount } from '../support/machine.ts';
import { type Disk, disk } from '../support/disk.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { until } from '../support/poll.ts';
import { type Fleet, hears, isUp, openFleet, startWorker, temporary, tree, type WorkerProcess } from './fleet.ts';

vi.setConfig({ testTimeout: 150_000 });

const LARGE = { files: 3, bytes: 30_000_000 };
const SLOW = 10_000_000;
const ROOMY = { size: '160M', options: ['-b', '4096', '-m', '0'] };

async function isHeld(fleet: Fleet, path: string): Promise<void> {
  await until(
    `a shard of ${path} is held`,
    async () =>
      (
        await fleet.rows(
          `select from shard h join scan_root p on p.scan = h.scan where h.state = 'leased' and p.path = $1`,
          path,
        )
      ).length > 0,
    60_000,
  );
}

async function endsInOrder(worker: WorkerProcess): Promise<void> {
  expect(worker.hasEnded(), worker.said()).toBe(false);
  expect(worker.said()).not.toContain('no thread is left');
  worker.child.kill('SIGTERM');
  expect(await worker.ended, worker.said()).toBe(0);
}

/** Fills it but for some bytes. @returns what makes room again */
function fill({ at }: Pick<Disk, 'at'>, but: number): () => void {
  const ballast = join(at, 'ballast');
  const fd = openSync(ballast, 'w');
  let size = 0;
  try {
    for (const chunk of [Buffer.alloc(1 << 20), Buffer.alloc(4_096)])
      try {
        for (;;) size += writeSync(fd, chunk);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    ftruncateSync(fd, Math.max(0, size - but));
  } finally {
    closeSync(fd);
  }
  return () => rmSync(ballast);
}

describe.skipIf(!canMount)('with file systems of their own (skipped where this process may not mount)', () => {
  test('one volume is unmounted while it is scanned: its task is answered so, the other volume is scanned, the worker lives', async () => {
    const fleet = await openFleet();
    const medium = disk(fleet.directory, ROOMY);
    tree(join(medium.at, 'volume'), LARGE);
    const other = tree(join(fleet.directory, 'other'), LARGE);
    const worker = startWorker({ address: fleet.address, slots: 2, bytesPerSecond: SLOW });
    await isUp(worker);
    const gone = await fleet.leave({ scan: join(medium.at, 'volume') });
    const stays = await fleet.leave({ scan: other });
    await isHeld(fleet, join(medium.at, 'volume'));
    await isHeld(fleet, other);
    medium.unmount('lazily');
    expect((await fleet.answer(stays)).result, worker.said()).toMatchObject({ exit: 0 });
    expect(await fleet.answer(gone), worker.said()).toMatchObject({ state: 'done', result: { exit: 4 } });
    medium.mount();
    const again = await fleet.leave({ scan: join(medium.at, 'volume') });
    expect((await fleet.answer(again)).result, worker.said()).toMatchObject({ exit: 0 });
    await endsInOrder(worker);
  });

  test('no room for the bundle: the assessment waits and is answered when there is', async () => {
    const fleet = await openFleet();
    const medium = disk(fleet.directory, { size: '16M', options: ['-b', '4096', '-m', '0'] });
    const live = tree(join(fleet.directory, 'live'), { files: 0, bytes: 0 });
    mkdirSync(join(fleet.directory, 'snapshots'));
    cpSync(live, join(fleet.directory, 'snapshots/2026-11-20'), { recursive: true, preserveTimestamps: true });
    rmSync(join(live, 'small', 'f7'));
    const free = fill(medium, 8_192);
    const worker = startWorker({ address: fleet.address });
    const outDir = join(medium.at, 'bundle');
    const id = await fleet.leave({ live, backups: [join(fleet.directory, 'snapshots/*')], outDir });
    await hears(worker, /the disk is full/);
    await until('it waits', async () => (await fleet.rows('select from task where delays > 1')).length === 1, 60_000);
    free();
    expect(await fleet.answer(id), worker.said()).toMatchObject({ state: 'done', result: { exit: 1, bundle: outDir } });
    expect(readFileSync(join(outDir, 'findings.jsonl'), 'utf8')).toContain('small/f7');
    await endsInOrder(worker);
  });

  test('no room for the catalog: the scan waits and is answered when there is', async () => {
    const place = temporary();
    const medium = disk(place, { size: '96M', options: ['-b', '4096', '-m', '0'] });
    const roomy = temporary();
    const fleet = await openFleet({}, { data: medium.at, wal: roomy });
    const root = join(fleet.directory, 'many');
    for (let directory = 0; directory < 60; directory += 1) {
      mkdirSync(join(root, `d${directory}`), { recursive: true });
      for (let index = 0; index < 100; index += 1) writeFileSync(join(root, `d${directory}`, `f${index}`), `${index}`);
    }
    const worker = startWorker({ address: fleet.address, slots: 2 });
    await isUp(worker);
    const id = await fleet.leave({ scan: root });
    const free = fill(medium, 200_000);
    await hears(worker, /the disk of the database is full/);
    free();
    expect((await fleet.answer(id)).result, worker.said()).toMatchObject({
      exit: 0,
      message: expect.stringContaining('6,000 files'),
    });
    await endsInOrder(worker);
  });
});

describe.skipIf(!canFuse)('storage that never answers (skipped where FUSE cannot be mounted)', () => {
  const leases = { ...LEASES, stallMs: 3_000 };

  test('a call that hangs costs one slot; the others scan what is left', async () => {
    const fleet = await openFleet();
    const worker = startWorker({ address: fleet.address, slots: 2, leases });
    await isUp(worker);
    const served = await openFuse(fleet.directory, { ...PLAIN, 'a/f': { content: 'f', hangs: ['open'] } }, 'ro');
    const hung = await fleet.leave({ scan: served.at });
    expect((await fleet.answer(hung)).result, worker.said()).toMatchObject({ exit: 3 });
    await hears(worker, /a thread hangs/);
    const id = await fleet.leave({ scan: tree(join(fleet.directory, 'other'), { files: 0, bytes: 0 }) });
    expect((await fleet.answer(id)).result, worker.said()).toMatchObject({ exit: 0 });
    expect(worker.hasEnded()).toBe(false);
    expect(worker.said()).not.toContain('no thread is left');
    await served.close();
    await endsInOrder(worker);
  });

  test('where every thread hangs the worker ends, loudly, and the next one goes on', async () => {
    const fleet = await openFleet();
    const hangs = { content: 'f', hangs: ['open' as const] };
    const worker = startWorker({ address: fleet.address, slots: 1, leases });
    const next = startWorker({ address: fleet.address, slots: 3, host: 'other', leases });
    for (const one of [worker, next]) await isUp(one);
    // Closed first, for it holds those in the kernel that hang in it.
    const served = await openFuse(join(fleet.directory), { ...PLAIN, 'a/f': hangs }, 'ro');
    await fleet.leave({ scan: served.at });
    await hears(worker, /no thread is left/);
    const other = await fleet.leave({
      scan: tree(join(fleet.directory, 'other'), { files: 0, bytes: 0 }),
      host: 'other',
    });
    expect((await fleet.answer(other)).result, next.said()).toMatchObject({ exit: 0 });
    await served.close();
    expect(await worker.ended, worker.said()).toBe(2);
  });

  test('a server of a file system that dies is a failed root: the task is answered, the worker lives', async () => {
    const fleet = await openFleet();
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, { content: `${i}` }]));
    const served = await openFuse(join(fleet.directory), { ...PLAIN, ...many }, 'ro');
    const worker = startWorker({ address: fleet.address, slots: 2, bytesPerSecond: 500 });
    await isUp(worker);
    const id = await fleet.leave({ scan: served.at });
    await isHeld(fleet, served.at);
    await served.kill();
    const { state, result } = await fleet.answer(id);
    expect([state, [3, 4].includes(Number(result?.['exit']))], worker.said()).toEqual(['done', true]);
    const other = await fleet.leave({ scan: tree(join(fleet.directory, 'other'), { files: 0, bytes: 0 }) });
    expect((await fleet.answer(other)).result, worker.said()).toMatchObject({ exit: 0 });
    await endsInOrder(worker);
  });
});
