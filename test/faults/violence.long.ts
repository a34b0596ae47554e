// Violence, the whole of it: at a hundred random moments of a scan or an assessment something is killed, cut or
// stopped, and the same command is then run to its end. Each blow has a seed of its own: ROLLCALL_TEST_SEED=…
// ROLLCALL_TEST_MOMENTS=1 gives one of them again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { random } from '../../services/demo/random.ts';
import { openStage, type Stage } from './violence/stage.ts';
import { planOf, runTrials } from './violence/trial.ts';

const SEED = Number(process.env['ROLLCALL_TEST_SEED'] ?? Date.now() % 1_000_000_000);
const MOMENTS = Number(process.env['ROLLCALL_TEST_MOMENTS'] ?? 100);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage(['first', 'scan', 'assess']);
}, 900_000);
afterAll(() => stage?.close());

test(`${MOMENTS} blows from seed ${SEED}: what was struck is finished as if nothing had happened`, async () => {
  const seeds = Array.from({ length: MOMENTS }, (_, n) => SEED + n);
  const { outcomes, faults } = await runTrials(
    stage,
    seeds.map((seed) => ({ name: `ROLLCALL_TEST_SEED=${seed}`, plan: planOf(random(seed), stage) })),
  );
  expect(faults).toEqual([]);
  // Blows that fall on nothing prove nothing. One of them alone, to see it again, may.
  if (MOMENTS < 20) return;
  expect(outcomes.filter(({ hit }) => hit).length).toBeGreaterThan(MOMENTS / 3);
  expect(outcomes.filter(({ hit, hitScan }) => hit && hitScan).length).toBeGreaterThan(MOMENTS / 8);
}, 3_600_000);
