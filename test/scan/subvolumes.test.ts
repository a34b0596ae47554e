// Nested subvolumes of a real btrfs: a snapshot holds an empty directory for each, whose times the kernel makes up.
// Skipped where no btrfs can be made and mounted.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sameSnapshot } from '../../domain/snapshot-identity.ts';
import { findSnapshots, type FoundSnapshot } from '../../services/files/snapshots.ts';
import { type Disk, disk } from '../support/disk.ts';
import { Catalog } from '../support/catalog.ts';
import { hasBtrfs, run } from '../support/machine.ts';
import { age, remove, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

/** `data` with docs/ and a nested subvolume vm/, and where its snapshots go. */
function nested(): { btrfs: Disk; data: string; snapshot: (name: string, ...options: string[]) => void; all: string } {
  const btrfs = disk(catalog.directory(), { type: 'btrfs' });
  const data = join(btrfs.at, 'data');
  run('btrfs', 'subvolume', 'create', data);
  run('btrfs', 'subvolume', 'create', join(data, 'vm'));
  mkdirSync(join(btrfs.at, 'snaps'));
  write(data, { 'docs/d1': '1', 'docs/d2': '2', 'vm/v1': 'one', 'vm/deep/v2': 'two' });
  age(data);
  return {
    btrfs,
    data,
    snapshot: (name, ...options) =>
      void run('btrfs', 'subvolume', 'snapshot', ...options, data, join(btrfs.at, 'snaps', name)),
    all: join(btrfs.at, 'snaps', '*'),
  };
}

const found = async (pattern: string): Promise<readonly FoundSnapshot[]> =>
  (await findSnapshots(pattern, { nowMs: Date.now(), tz: 'UTC' })).snapshots;

describe.runIf(hasBtrfs)('a nested subvolume in the snapshots of the one above', () => {
  test('changes neither which snapshot one is nor what is known of it, whatever times the kernel gives it after a reboot', async () => {
    const { btrfs, snapshot, all } = nested();
    snapshot('2026-11-20', '-r');
    snapshot('2026-11-21');
    await catalog.scanSnapshots(all);
    const [before, versions, told] = [await found(all), await catalog.versions(all), await catalog.told(all)];
    btrfs.unmount();
    btrfs.mount();
    const after = await found(all);
    expect(after.map(({ identity }) => identity.fingerprint)).toEqual(
      before.map(({ identity }) => identity.fingerprint),
    );
    expect(after.map((one, at) => sameSnapshot(before[at]!.identity, one.identity))).toEqual([true, true]);
    // The writable one is the newest: it is listed again, and is as it was.
    const { plan, totals } = await catalog.scanSnapshots(all);
    expect(plan.steps.map(({ snapshot: { name } }) => name)).toEqual(['2026-11-21']);
    expect(totals).toMatchObject([{ inserted: 0, staged: 0 }]);
    expect(await catalog.versions(all)).toEqual(versions);
    expect(await catalog.told(all)).toEqual(told);
    expect((await catalog.scans(all)).map(({ pruned }) => pruned)).toEqual([null, null]);
  });

  test('is a boundary there: what was a plain directory before does not end, and the scan has nothing that moved', async () => {
    const { data, snapshot, all } = nested();
    remove(join(data, 'vm/v1'), join(data, 'vm/deep'));
    run('btrfs', 'subvolume', 'delete', join(data, 'vm'));
    write(data, { 'vm/v1': 'one', 'vm/deep/v2': 'two' });
    age(data);
    snapshot('2026-11-18', '-r');
    await catalog.scanSnapshots(all);
    const before = await catalog.told(all);
    cpSync(join(data, 'vm'), join(data, 'old'), { recursive: true, preserveTimestamps: true });
    remove(join(data, 'vm'));
    run('btrfs', 'subvolume', 'create', join(data, 'vm'));
    cpSync(join(data, 'old'), join(data, 'vm'), { recursive: true, preserveTimestamps: true });
    remove(join(data, 'old'));
    snapshot('2026-11-19', '-r');
    snapshot('2026-11-20', '-r');
    const { totals } = await catalog.scanSnapshots(all);
    expect(totals.map(({ vanished, belowGone, belowUnknown }) => [vanished, belowGone, belowUnknown])).toEqual([
      [0, 0, 3],
      [0, 0, 3],
    ]);
    expect(await catalog.gaps(all)).toEqual(['vm/ boundary']);
    const after = await catalog.told(all);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(after).toMatchObject({ 'vm/v1': before['vm/v1'], 'vm/deep/v2': before['vm/deep/v2'] });
  });
});
