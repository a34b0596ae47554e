// The shards of one scan are for all slots of its host, in whichever process they are.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { wakeFor } from '../../services/detach.ts';
import { until } from '../support/poll.ts';
import { isUp, openFleet, startWorker } from './fleet.ts';

vi.setConfig({ testTimeout: 120_000 });

test.each([
  { workers: 2, slots: 1 },
  { workers: 1, slots: 2 },
])(
  '$workers workers with $slots slots each hold shards of the same scan at once, as many',
  async ({ workers, slots }) => {
    const fleet = await openFleet();
    const root = join(fleet.directory, 'tree');
    for (let folder = 0; folder < 40; folder += 1) {
      mkdirSync(join(root, `folder${folder}`), { recursive: true });
      for (let file = 0; file < 10; file += 1)
        writeFileSync(join(root, `folder${folder}`, `f${file}`), `${folder} ${file} `.repeat(10_000));
    }
    // Nobody looks for work unasked: who has something to do was told.
    const alike = { address: fleet.address, slots, bytesPerSecond: 4_000_000, lookEveryMs: 600_000 };
    const started = Array.from({ length: workers }, () => startWorker(alike));
    await Promise.all(started.map(isUp));
    await until('all are known', async () => (await fleet.rows('select from worker')).length === workers);
    const id = await fleet.leave({ scan: root });
    const held = async (): Promise<number[]> =>
      (await fleet.rows(`select count(*)::int as n from shard where state = 'leased' group by holder`)).map(({ n }) =>
        Number(n),
      );
    let seen: number[][] = [];
    expect(await wakeFor({ id, kind: 'scan', host: 'here' }, { address: fleet.address })).toBeNull();
    await until(
      'two slots hold two shards each',
      async () => {
        const now = await held();
        seen = [...seen.slice(-20), now];
        if ((await fleet.rows(`select from task where state = 'done'`)).length > 0)
          throw new Error(`it ended, and these were held: ${JSON.stringify(seen)}`);
        return JSON.stringify(now) === '[2,2]';
      },
      60_000,
    );
    const { result } = await fleet.answer(id);
    expect(result).toMatchObject({ exit: 0 });
  },
);
