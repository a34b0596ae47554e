// kill -9 of restore.sh, of an rsync below it, or of both, at random moments; the next run finishes it. A hundred: restore-kills.long.ts.
import { expect, test } from 'vitest';
import { killRestores } from './violence/restoring.ts';

const SEED = Number(process.env['ROLLCALL_TEST_SEED'] ?? Date.now() % 1_000_000_000);
const MOMENTS = Number(process.env['ROLLCALL_TEST_MOMENTS'] ?? 4);

test(`${MOMENTS} restores killed, from seed ${SEED}, are finished by the next run, with nothing newer overwritten`, async () => {
  const { faults, hits } = await killRestores(SEED, MOMENTS);
  expect(faults).toEqual([]);
  expect(hits).toBeGreaterThan(MOMENTS / 5);
}, 180_000);
