// What judging has read is written back beside scans that run: their staged endings name versions by where they begin.
import { expect, test } from 'vitest';
import { recordReadings } from '../../services/catalog/readings.ts';
import { clientForFile } from '../support/postgres.ts';
import { allVersions, drive, newVolume } from './drive.ts';
import type { TraceScan } from './traces.ts';

const client = await clientForFile();

const METADATA = { kind: 'file', mode: 0o644, uid: 0, gid: 0, size: 5, mtimeNs: 1n, target: null, rdev: null } as const;
const FILE = { metadata: METADATA, content: 1n, inode: 1n, ctimeNs: 1n, nlink: 1 };

function scan(seq: bigint, tree: TraceScan['tree']): TraceScan {
  return { seq, mode: 'read', state: 'complete', pruned: null, tree, gaps: [], excluded: [] };
}

test('a reading that would cut a version which a running scan is about to end leaves it alone, and is kept afterwards', async () => {
  const volume = await newVolume(client, 'backup');
  await drive(client, volume, scan(10n, new Map([['f', FILE]])));
  await drive(client, volume, scan(20n, new Map([['f', FILE]])));
  const [version] = await allVersions(client, volume);
  if (version === undefined) throw new Error('f was seen');
  const copy = { digest: 2n, zeroFrom: 2, inode: 2n, ctimeNs: 2n, btimeNs: 2n, nlink: 1, racy: false };
  const read = { root: volume.rootId, seq: 20n, directory: 0, name: 'f', version, ...copy };
  const record = async (): Promise<unknown> => {
    await client.query('begin');
    const recorded = await recordReadings(client, [read]);
    await client.query('commit');
    return recorded;
  };
  await drive(client, volume, scan(30n, new Map()), async () => void (await record()));
  const intervals = async (): Promise<unknown> =>
    (await allVersions(client, volume)).map(({ firstSeq, endSeq }) => [firstSeq, endSeq]);
  expect(await intervals()).toEqual([[10n, 30n]]);
  expect(await record()).toMatchObject({ cut: 1 });
  expect(await intervals()).toEqual([
    [10n, 20n],
    [20n, 30n],
  ]);
});

test('a copy that is read again tells how the content looks where that was not recorded before', async () => {
  const volume = await newVolume(client, 'backup');
  await drive(client, volume, scan(10n, new Map([['f', FILE]])));
  await client.query('update packed_version set zero_from = -1 where root = $1', [volume.rootId]);
  const read = async (digest: bigint, zeroFrom: number): Promise<void> => {
    const [version] = await allVersions(client, volume);
    if (version === undefined) throw new Error('f was seen');
    const copy = { digest, zeroFrom, inode: 1n, ctimeNs: 1n, btimeNs: 0n, nlink: 1, racy: false };
    await client.query('begin');
    await recordReadings(client, [{ root: volume.rootId, seq: 10n, directory: 0, name: 'f', version, ...copy }]);
    await client.query('commit');
  };
  const looks = async (): Promise<unknown> => (await allVersions(client, volume)).map(({ zeroFrom }) => zeroFrom);
  await read(2n, 3);
  expect(await looks()).toEqual([null]);
  await read(1n, 4);
  expect(await looks()).toEqual([4]);
});
