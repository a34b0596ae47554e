// The budget of a host is one for all of its workers.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { leaveTask } from '../../services/catalog/tasks.ts';
import { isUp, openFleet, startWorker } from '../queue/fleet.ts';
import { until } from '../support/poll.ts';

vi.setConfig({ testTimeout: 120_000 });

const DIRECTORIES = 40;
const FILE_BYTES = 200_000;
const BYTES_PER_SECOND = 1_000_000;

test('two workers read a slice together, and no faster than the budget of their host', async () => {
  const fleet = await openFleet();
  const path = join(fleet.directory, 'tree');
  for (let room = 0; room < DIRECTORIES; room++) {
    mkdirSync(join(path, `room${room}`), { recursive: true });
    writeFileSync(join(path, `room${room}`, 'chair'), Buffer.alloc(FILE_BYTES, `chair ${room}`));
  }
  const workers = [1, 2].map(() => startWorker({ address: fleet.address }));
  await Promise.all(workers.map(isUp));
  const scanned = await fleet.answer(await fleet.leave({ scan: path }));
  expect(scanned.result).toMatchObject({ exit: 0 });
  const [volume] = await fleet.rows('select id from volume');
  // Each knows of the other from its next heartbeat on; and by then no file was read within the last two seconds.
  const [bothUp] = await fleet.rows('select max(seen) as at from worker');
  await until(
    'both have said again that they are there',
    async () => (await fleet.rows('select from worker where seen > $1', bothUp?.['at'])).length === 2,
  );

  const scrub = { withinDays: 1e-4, graceDays: 0, bytesPerSecond: BYTES_PER_SECOND, window: null };
  const plain = { excludes: [], crossMounts: false, notGluster: false, bricksRescued: false, untilMs: null };
  const began = process.hrtime.bigint();
  const id = await leaveTask(fleet.db.pool, {
    host: 'here',
    kind: 'scrub',
    reference: { name: 'house', volumeId: volume?.['id'], path, scrub, ...plain },
    parent: null,
    nowMs: Date.now(),
  });
  const holders = new Set<unknown>();
  await until(
    'both hold shards of it',
    async () => {
      const leased = `select distinct holder from shard where state = 'leased'`;
      for (const { holder } of await fleet.rows(leased)) holders.add(holder);
      return holders.size === 2;
    },
    60_000,
  );
  const { result } = await fleet.answer(id);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  expect(result).toMatchObject({
    exit: 0,
    said: { directories: DIRECTORIES, bytes: DIRECTORIES * FILE_BYTES, suspects: 0 },
  });
  // A quarter of a second may be read in advance.
  expect(seconds).toBeGreaterThan((DIRECTORIES * FILE_BYTES) / BYTES_PER_SECOND - 0.5);
  expect(await fleet.rows('select from scrubbed where read_ms is not null')).toHaveLength(DIRECTORIES);
});
