// kill -9 of restore.sh, of an rsync below it, or of both, at a hundred random moments. ROLLCALL_TEST_SEED=…
// ROLLCALL_TEST_MOMENTS=1 gives one again.
import { expect, test } from 'vitest';
import { killRestores } from './violence/restoring.ts';

const SEED = Number(process.env['ROLLCALL_TEST_SEED'] ?? Date.now() % 1_000_000_000);
const MOMENTS = Number(process.env['ROLLCALL_TEST_MOMENTS'] ?? 100);

test(`${MOMENTS} restores killed, from seed ${SEED}, are finished by the next run, with nothing newer overwritten`, async () => {
  const { faults, hits } = await killRestores(SEED, MOMENTS);
  expect(faults).toEqual([]);
  expect(hits).toBeGreaterThan(MOMENTS / 3);
}, 1_800_000);
