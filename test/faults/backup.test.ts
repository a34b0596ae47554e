// A backup that goes away while it is looked at: a snapshot is no loss, and what cannot be read is no source.
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount } from '../support/machine.ts';

const catalog = await Catalog.forFile();

function filled(): FaultyVolume {
  const house = FaultyVolume.open(catalog, 3);
  house.fill(4, 40);
  for (const night of [1, 2, 3]) house.snapshot(night);
  house.lose('rooms/2/file7');
  return house;
}

const LOSS = {
  verdicts: { missing: 1, intact: 159 },
  recovery: { exact: 1 },
  findings: { 'rooms/2/file7': 'missing exact from night 3 silent' },
};

test('a snapshot that is pruned in the middle of its scan is left out and said; the others tell', async () => {
  const house = filled();
  let shards = 0;
  house.onShard = () => {
    // The live tree takes its shards first; the oldest snapshot comes next.
    if (++shards > 2 && house.notices.length === 0) rmSync(house.snapshotRoot(1), { recursive: true, force: true });
  };
  expect(house.report(await house.assess(3))).toMatchObject({ exit: 1, ...LOSS });
  house.onShard = () => {};
  expect(house.report(await house.assess(3.1))).toMatchObject({ exit: 1, ...LOSS });
});

test('snapshots that are renamed in the middle of a scan: the next run knows them again', async () => {
  const house = filled();
  let turned = false;
  house.onShard = () => {
    if (turned) return;
    turned = true;
    renameSync(house.snapshotRoot(1), `${house.snapshotRoot(1)}-old`);
    renameSync(house.snapshotRoot(2), house.snapshotRoot(1));
  };
  await house.assess(3).catch((error: unknown) => expect(error).toMatchObject({ exit: 4 }));
  house.onShard = () => {};
  expect(house.report(await house.assess(3.1))).toMatchObject({ exit: 1, ...LOSS });
});

describe.skipIf(!canMount)('a backup on a file system of its own (skipped where this process may not mount)', () => {
  function onTmpfs(): { house: FaultyVolume; unmount: () => void } {
    const house = FaultyVolume.open(catalog, 3);
    const unmount = house.tmpfs('backup');
    house.fill(4, 40);
    for (const night of [1, 2, 3]) house.snapshot(night);
    house.lose('rooms/2/file7');
    return { house, unmount };
  }

  test('that is unmounted in the middle of a scan is exit 4 and says where to look', async () => {
    const { house, unmount } = onTmpfs();
    let shards = 0;
    house.onShard = () => {
      if (++shards === 6) unmount();
    };
    await expect(house.assess(3)).rejects.toMatchObject({
      exit: 4,
      next: expect.stringContaining('backup'),
    });
  });

  test('that is unmounted between the scan and the bundle: nothing is promised from it', async () => {
    const { house, unmount } = onTmpfs();
    const result = await house.assess(3, {}, (phase) => {
      if (phase.startsWith('judging')) unmount();
    });
    expect(house.report(result)).toMatchObject({
      exit: 1,
      verdicts: { missing: 1, intact: 159 },
      lists: { lost: ['rooms/2/file7'] },
      incomplete: [expect.stringMatching(/rooms\/2\/file7 .*check that the backup is mounted/)],
    });
    const summary = JSON.parse(readFileSync(join(result.bundle?.directory ?? '', 'summary.json'), 'utf8')) as object;
    expect(summary).toMatchObject({ incomplete: result.assessment.incomplete });
  });
});
