// Violence at chosen points: at each, a scan or an assessment is killed, cut or stopped, and the same command is then
// run to its end. A hundred random ones: violence.long.ts.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Probe } from './violence/probe.ts';
import { openStage, type Stage } from './violence/stage.ts';
import { afterwards, nothingRuns, reach, runTrials, type Plan } from './violence/trial.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage(['scan', 'assess']);
}, 900_000);
afterAll(() => stage?.close());

const PLANS: readonly Plan[] = [
  { what: 'scan', moment: { at: 'shards', scans: 0, done: 1, ms: 0 }, blow: 'kill both' },
  { what: 'assess', moment: { at: 'bundle', files: 3 }, blow: 'kill both' },
  { what: 'scan', moment: { at: 'lock', scans: 0, done: 1, table: 'ending' }, blow: 'kill child' },
  { what: 'scan', moment: { at: 'lock', scans: 0, done: 1, table: 'donor' }, blow: 'kill both' },
  { what: 'scan', moment: { at: 'shards', scans: 0, done: 2, ms: 0 }, blow: 'kill postmaster' },
  { what: 'assess', moment: { at: 'lock', scans: 4, done: 0, table: 'finding' }, blow: 'kill parent', beside: true },
  { what: 'scan', moment: { at: 'shards', scans: 0, done: 1, ms: 0 }, blow: 'interrupt twice' },
  { what: 'scan', moment: { at: 'shards', scans: 0, done: 1, ms: 0 }, blow: 'cut all' },
  { what: 'scan', moment: { at: 'lock', scans: 0, done: 2, table: 'ending' }, blow: 'kill backend' },
];

test('a scan or an assessment that is killed, cut off or stopped is finished by the next run as if nothing had happened', async () => {
  const { outcomes, faults } = await runTrials(
    stage,
    PLANS.map((plan) => ({ name: JSON.stringify(plan), plan })),
  );
  expect(faults).toEqual([]);
  // Each is held where it is to be struck.
  expect(outcomes.filter(({ hit }) => hit).length).toBe(PLANS.length);
}, 600_000);

const SCRIPT_MISSING =
  spawnSync('script', ['--version']).status === 0 ? '' : ' (no script here: apt-get install bsdutils)';

test.skipIf(SCRIPT_MISSING !== '')(
  `a scan whose terminal is closed ends in order, its database too, and is finished by the next run${SCRIPT_MISSING}`,
  async () => {
    const place = stage.trial('scan');
    const probe = new Probe(place.state);
    probe.holdAt(0, 1);
    try {
      const terminal = stage.startOnTerminal(place.state, place.cwd, stage.arguments('scan'));
      const command = { pid: terminal.pid ?? 0, isOver: () => terminal.exitCode !== null };
      expect(await reach(probe, command, { at: 'lock', scans: 0, done: 1, table: 'ending' }, place.cwd)).toBe(true);
      terminal.kill('SIGKILL');
    } finally {
      await probe.close();
    }
    await nothingRuns(place.state);
    expect(await stage.start(place.state, place.cwd, stage.arguments('scan')).done).toMatchObject({ code: 0 });
    expect(await afterwards(stage, 'scan', place)).toEqual([]);
  },
  600_000,
);
