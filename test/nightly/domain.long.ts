// Nightly use over a thousand nights, on the domain alone. More of it: ROLLCALL_TEST_SERVERS=300
// ROLLCALL_TEST_SEED=1000
import { expect, test } from 'vitest';
import { gatherFigures, NIGHTS, tableOf } from './figures.ts';

const SERVERS = Number(process.env['ROLLCALL_TEST_SERVERS'] ?? 36);
const SEED = Number(process.env['ROLLCALL_TEST_SEED'] ?? 1);

test('a quiet night is quiet, and what went in silence from a directory that nobody touched is found at the first run', () => {
  const figures = gatherFigures(Array.from({ length: SERVERS }, (_, i) => SEED + i));
  console.log(`${SERVERS} servers of ${NIGHTS} nights, seeds from ${SEED} on\n${tableOf(figures)}`);
  expect(figures.missed).toEqual([]);
  expect(figures.quiet.found / figures.quiet.of, figures.told.join('\n')).toBeLessThanOrEqual(1 / 200);
});
