// The sums that judging shows are kept, and must be those of the versions as they are, whatever was ingested since they
// were made.
import { expect, test } from 'vitest';
import { sumVersions } from '../../services/catalog/version-sums.ts';
import { clientForFile } from '../support/postgres.ts';
import { allVersions, drive, type DrivenVolume, newVolume } from './drive.ts';
import { traces } from './traces.ts';
import { fc } from '../support/random.ts';

const client = await clientForFile();
const RUNS = 25;

/** Added, changed and vanished by seq, told from the versions; seqs without any are left out. */
async function expected(volume: DrivenVolume): Promise<Record<string, readonly number[]>> {
  const sums = new Map<string, number[]>();
  const add = (seq: bigint, at: number, count: number): void => {
    const sum = sums.get(String(seq)) ?? [0, 0, 0];
    sums.set(String(seq), sum);
    sum[at] = (sum[at] ?? 0) + count;
  };
  for (const version of await allVersions(client, volume)) {
    if (version.kind === 'directory') continue;
    add(version.firstSeq, 0, 1);
    if (version.endSeq === null) continue;
    if (version.endReason === 'changed') {
      add(version.endSeq, 1, 1);
      add(version.endSeq, 0, -1);
    }
    if (version.endReason === 'vanished') add(version.endSeq, 2, 1);
  }
  return Object.fromEntries(
    [...sums]
      .map(([seq, [added = 0, ...rest]]) => [seq, [Math.max(0, added), ...rest]] as const)
      .filter(([, sum]) => sum.some((count) => count > 0)),
  );
}

test('the sums over the versions are those of now, after any scan and between any two', async () => {
  await fc.assert(
    fc.asyncProperty(traces({ reading: 'some', order: 'late', gaps: true, aborts: true }), async (trace) => {
      const volume = await newVolume(client, 'backup');
      let newest = 0n;
      const summed = async (): Promise<Record<string, readonly number[]>> => {
        const root = { root: volume.rootId, live: false, list: false, newestScan: 0n, newestSeq: newest };
        const { changes } = await sumVersions(client, [root], 0);
        return Object.fromEntries(
          [...changes]
            .map(([key, sum]) => [key.split(' ')[1] ?? '', [sum.added, sum.changed, sum.vanished]] as const)
            .filter(([, sum]) => sum.some((count) => count > 0)),
        );
      };
      for (const scan of trace) {
        const before = await expected(volume);
        await drive(client, volume, scan, async () => {
          if (newest > 0n) expect(await summed()).toEqual(before);
        });
        if (scan.state === 'complete' && scan.seq > newest) newest = scan.seq;
        if (newest > 0n) expect(await summed()).toEqual(await expected(volume));
      }
    }),
    { numRuns: RUNS },
  );
});
