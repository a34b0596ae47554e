// Ticks on a real catalog, under a clock of the test's own: whatever it does, and whoever ticks, each due time has one
// run. What workers do to the tasks is done here by hand.
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { ExitCode } from '../../domain/exit.ts';
import { apply as applyFile } from '../../services/apply.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { inTransaction, openPool } from '../../services/catalog/database.ts';
import { keepPause } from '../../services/catalog/pauses.ts';
import { messagesAbout } from '../../services/catalog/messages.ts';
import { forgetOldRuns, newestRuns } from '../../services/catalog/schedule-runs.ts';
import { cancelTask } from '../../services/catalog/steer-tasks.ts';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { taskFor } from '../../services/scheduled.ts';
import { pictureOf } from '../../services/watch/picture.ts';
import { tick, type Ticked, type TickTools } from '../../services/watch/tick.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { watching } from './house.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

const { database, db } = await databaseForFile();
const other = openPool(database.address, { applicationName: 'rollcall test' });
afterAll(() => other.close());

const MONDAY = Date.parse('2026-11-30T12:00:00Z');
const PLACE = { stateDir: null, program: 'rollcall' };
let nowMs = MONDAY;
let said: string[] = [];

beforeEach(async () => {
  await db.pool.query('truncate configuration, schedule_run, pause, task, message cascade');
  nowMs = MONDAY;
  said = [];
});

function tools(changes: Partial<TickTools> = {}): TickTools {
  return {
    db,
    nowMs: () => nowMs,
    taskFor: (configuration, wanted, atMs) => taskFor(PLACE, configuration, wanted, atMs),
    reviewIncidents: async () => null,
    leaveDeliveries: async () => [],
    onError: ({ message }) => void said.push(message),
    log: (line) => void said.push(line),
    ...changes,
  };
}

const ticks = (changes?: Partial<TickTools>): Promise<Ticked> => tick(tools(changes));
const apply = (document: Configuration): Promise<void> =>
  keepConfiguration(db.pool, { document, actor: 'test', appliedMs: nowMs });
const PLACES = { live: '/srv/house', pattern: '/backup/*', bundles: '/srv/bundles' };
/** Of the live volume alone unless told. */
const nightly = watching(PLACES, {
  volume: { quick: { cron: '0 22 * * *', window: null }, backups: [] },
  configuration: { backups: [] },
});

/** A worker answers whatever is open. */
async function answer(exit: ExitCode = 0): Promise<void> {
  await db.pool.query(
    `update task set state = 'done', ended_ms = $1, result = jsonb_build_object('exit', $2::int, 'message', 'looked', 'next', null) where state = 'open'`,
    [nowMs, exit],
  );
}

const at = (ms: number): string => new Date(ms).toISOString().slice(5, 16).replace('T', ' ');
/** Oldest first: what, when it was due, how many it stands for, what became of it. */
async function runs(): Promise<string[]> {
  const kept = await newestRuns(db.pool, { subject: null, max: 1_000 });
  return kept
    .reverse()
    .map((run) => `${run.subject} ${run.kind} ${at(run.dueMs)} +${run.missed} ${run.state} ${run.exit ?? ''}`.trim());
}
const tasks = async (): Promise<number> =>
  (await db.pool.query<{ n: number }>('select count(*)::int as n from task')).rows[0]?.n ?? 0;

test('without a configuration nothing is left, and with one what is due, once, however many tick at once', async () => {
  expect(await ticks()).toEqual({ configuration: null, left: [], isTold: true });
  await apply(watching(PLACES));
  const seen = await Promise.all([ticks(), ticks({ db: other }), ticks(), ticks({ db: other })]);
  expect(seen.flatMap(({ left }) => left.map(({ kind, host }) => `${kind} on ${host}`)).sort()).toEqual([
    'assess on here',
    'scan on here',
  ]);
  expect(await runs()).toEqual(['house quick 11-30 12:00 +0 left', 'nights snapshots 11-30 12:00 +0 left']);
  expect(await tasks()).toBe(2);
});

test('the assessment that a scrub asks for is left once, whatever the clocks of those who tick say', async () => {
  await apply(nightly);
  const at = { host: 'here', path: '/srv/house', name: '/srv/house', key: 'tree:here:/srv/house' };
  await ensureVolume(db.pool, { ...at, role: 'live', layout: 'tree', nowMs });
  await db.pool.query(
    `insert into schedule_run (subject, kind, due_ms, state, found, left_ms, ended_ms) values ('house', 'scrub', $1, 'done', 1, $1, $1)`,
    [nowMs],
  );
  await Promise.all([1, 2, 3, 4].map((n) => ticks({ db: n % 2 === 0 ? db : other, nowMs: () => MONDAY + n * 1_000 })));
  expect(await tasks()).toBe(1);
});

test('nights that nobody was there for are made up once', async () => {
  await apply(nightly);
  nowMs = MONDAY + 10 * HOUR_MS;
  await ticks();
  await answer();
  // Tuesday, Wednesday and Thursday night; it is Friday noon.
  nowMs = MONDAY + 4 * DAY_MS;
  for (let n = 0; n < 3; n++) await ticks();
  expect(await runs()).toEqual(['house quick 11-30 22:00 +0 done 0', 'house quick 12-03 22:00 +2 left']);
  expect(said.at(-1)?.replace(/\d+$/, '')).toBe(
    'house: an assessment is due, for 3 times that were due; queued as task ',
  );
});

test('what has not ended is not begun a second time, and is made up for when it has', async () => {
  await apply(nightly);
  nowMs = MONDAY + 10 * HOUR_MS;
  await ticks();
  for (const day of [1, 2]) {
    nowMs = MONDAY + 10 * HOUR_MS + day * DAY_MS;
    await ticks();
  }
  expect(await tasks()).toBe(1);
  await answer(1);
  await ticks();
  expect(await runs()).toEqual(['house quick 11-30 22:00 +0 done 1', 'house quick 12-02 22:00 +1 left']);
});

test('a clock that jumps forward and back again runs nothing twice, and goes on', async () => {
  await apply(watching(PLACES, { volume: { quick: { everyMs: HOUR_MS, window: null } }, backup: { look: null } }));
  const hour = async (hours: number): Promise<void> => {
    nowMs = MONDAY + hours * HOUR_MS;
    await ticks();
    await answer();
  };
  for (const hours of [0, 1, 2]) await hour(hours);
  // Five hours ahead, for two hours; then it is set right.
  for (const hours of [7, 8, 3, 4]) await hour(hours);
  const before = await runs();
  expect(before.map((run) => run.split(' ')[3])).toEqual([
    '12:00',
    '13:00',
    '14:00',
    '15:00',
    '16:00',
    '19:00',
    '20:00',
  ]);
  // The hours that ran ahead of their time do not run again.
  for (const hours of [5, 6, 7, 8, 9]) await hour(hours);
  expect((await runs()).map((run) => run.split(' ')[3])).toEqual([
    '12:00',
    '13:00',
    '14:00',
    '15:00',
    '16:00',
    '17:00',
    '18:00',
    '19:00',
    '20:00',
    '21:00',
  ]);
  expect(await tasks()).toBe(10);
});

test('a clock that was years ahead is forgotten: what is due now is done now', async () => {
  await apply(nightly);
  nowMs = MONDAY + 10 * HOUR_MS;
  await ticks();
  await answer();
  nowMs = Date.parse('2036-01-01T12:00:00Z');
  await ticks();
  await answer();
  nowMs = MONDAY + DAY_MS + 10 * HOUR_MS;
  await ticks();
  expect(await runs()).toEqual(['house quick 11-30 22:00 +0 done 0', 'house quick 12-01 22:00 +0 left']);
  expect(said).toContain('the clock was set back by more than a day: 1 runs that it was ahead for are forgotten');
});

test('a tick that dies half-way has left nothing, and the next one leaves all of it', async () => {
  await apply(watching(PLACES));
  const dying = openPool(database.address, { applicationName: 'rollcall dying' });
  // It waits in the middle, with a run that is kept and a task that is not, and its session ends as by kill -9.
  await inTransaction(db, async (client) => {
    await client.query('lock table task in exclusive mode');
    const dies = expect(ticks({ db: dying })).rejects.toThrow();
    await until('it waits', async () => (await sessions()) === 1);
    await sessions('pg_terminate_backend(pid)');
    await dies;
  });
  await dying.close();
  expect([await runs(), await tasks()]).toEqual([[], 0]);
  await ticks();
  expect([(await runs()).length, await tasks()]).toEqual([2, 2]);
});

/** Of the serve that is to die: their number. */
async function sessions(what = 'pid'): Promise<number> {
  const found = await other.pool.query(
    `select ${what} from pg_stat_activity where application_name = 'rollcall dying' and datname = current_database() and wait_event_type = 'Lock'`,
  );
  return found.rowCount ?? 0;
}

test('what goes wrong with one volume, or with incidents, keeps nobody from auditing and telling the rest', async () => {
  const [house] = watching(PLACES).volumes;
  if (house === undefined) throw new Error('there is one');
  const broken = { ...house, name: 'broken', quick: { cron: 'never', window: null } };
  await apply({ ...watching(PLACES), volumes: [broken, house] });
  let told = 0;
  const ticked = await ticks({
    reviewIncidents: async () => {
      throw new Error('no review');
    },
    leaveDeliveries: async () => {
      told += 1;
      return [];
    },
  });
  expect((await runs()).map((run) => run.split(' ')[0])).toEqual(['house', 'nights']);
  expect(told).toBe(1);
  expect(ticked.isTold).toBe(false);
  expect(said.some((line) => line.startsWith('broken: what is due could not be left: '))).toBe(true);
  expect(said).toContain('no review');
});

test('a pause of one or of all ends by itself, and what was due is made up for once', async () => {
  await apply(watching(PLACES));
  const pause = { fromMs: nowMs, untilMs: nowMs + 3 * HOUR_MS, reason: 'a rebalance', actor: 'test' };
  await keepPause(db.pool, { ...pause, subject: 'house' });
  await ticks();
  expect((await runs()).map((run) => run.split(' ')[0])).toEqual(['nights']);
  await answer();
  await keepPause(db.pool, { ...pause, subject: null });
  nowMs += 2 * HOUR_MS;
  await ticks();
  expect(await tasks()).toBe(1);
  nowMs += HOUR_MS;
  await ticks();
  expect(await runs()).toEqual([
    'nights snapshots 11-30 12:00 +0 done 0',
    'house quick 11-30 12:00 +0 left',
    'nights snapshots 11-30 15:00 +2 left',
  ]);
});

test('a run that a guard stopped has failed, one that was cancelled is skipped, and pings hear of each', async () => {
  const pinged = { ...nightly, volumes: nightly.volumes.map((volume) => ({ ...volume, pings: ['dead-man'] })) };
  await apply(pinged);
  const night = async (exit: ExitCode | 'cancel'): Promise<readonly string[]> => {
    nowMs += nowMs === MONDAY ? 10 * HOUR_MS : DAY_MS;
    const dueMs = nowMs;
    const { left } = await ticks();
    if (exit === 'cancel') await inTransaction(db, (client) => cancelTask(client, left[0]?.id ?? 0n, nowMs));
    else await answer(exit);
    await ticks();
    return (await messagesAbout(db.pool, `run:house/quick/${dueMs}`)).map(({ event, hook }) => `${event} ${hook}`);
  };
  expect(await night(0)).toEqual(['start dead-man', 'success dead-man']);
  expect(await night(1)).toEqual(['start dead-man', 'success dead-man']);
  expect(await night(3)).toEqual(['start dead-man', 'fail dead-man']);
  expect(await night(4)).toEqual(['start dead-man', 'fail dead-man']);
  expect(await night('cancel')).toEqual(['start dead-man', 'fail dead-man']);
  expect((await runs()).map((run) => run.split('+0 ')[1])).toEqual([
    'done 0',
    'done 1',
    'done 3',
    'failed 4',
    'skipped',
  ]);
  // In maintenance nobody is alarmed.
  const whole = { weekdays: [0, 1, 2, 3, 4, 5, 6], window: { fromMinute: 0, untilMinute: 0 } };
  await apply({ ...pinged, maintenance: [{ subjects: ['here'], reason: 'disks', at: whole }] });
  expect(await night(4)).toEqual([]);
  expect(await night(0)).toEqual(['success dead-man']);
});

test('a name that means another place is looked at anew, and nothing that ran for the old one says that it is ok', async () => {
  await db.pool.query(
    `insert into worker (holder, host, version, pid, slots, doing, started_ms, clock_offset_ms, seen, ended)
       values (1, 'here', '1', 1, 1, '[]', 0, 0, now(), true)`,
  );
  const takes = (document: Configuration) =>
    applyFile(db, {
      configuration: document,
      check: false,
      here: { host: 'here', timeZone: 'UTC' },
      actor: 'jo',
      nowMs,
    });
  const daily = (path: string, host = 'here'): Configuration =>
    watching(
      { ...PLACES, live: path },
      { volume: { backups: [], host }, configuration: { backups: [], bundles: null } },
    );
  const state = async (): Promise<string> => {
    const { volumes } = await pictureOf(db.pool, daily('/srv/house'), nowMs);
    return volumes.map(({ state: one }) => one).join();
  };
  await takes(daily('/srv/house'));
  await ticks();
  await answer();
  await ticks();
  expect(await state()).toBe('ok');

  nowMs += HOUR_MS;
  await takes(daily('/srv/other'));
  const { volumes } = await pictureOf(db.pool, daily('/srv/other'), nowMs);
  expect(volumes).toMatchObject([{ state: 'blind', auditedMs: null }]);
  await ticks();
  expect(await runs()).toEqual([
    'house (here:/srv/house) quick 11-30 12:00 +0 done 0',
    'house quick 11-30 13:00 +0 left',
  ]);

  // The run that waits for a host which never comes keeps nobody from looking at the next one.
  nowMs += HOUR_MS;
  await takes(daily('/srv/other', 'elsewhere'));
  await ticks();
  expect((await runs()).slice(1)).toEqual([
    'house (here:/srv/other) quick 11-30 13:00 +0 left',
    'house quick 11-30 14:00 +0 left',
  ]);
  // A backwards clock, and the first place again.
  nowMs = MONDAY;
  await takes(daily('/srv/house'));
  await takes(daily('/srv/other'));
  await takes(daily('/srv/house'));
  await ticks();
  await takes(daily('/srv/other'));
  expect(await runs()).toEqual([
    'house (here:/srv/house) quick 11-30 12:00 +0 left',
    'house (here:/srv/other) quick 11-30 13:00 +0 left',
    'house (elsewhere:/srv/other) quick 11-30 14:00 +0 left',
  ]);
});

test('an answer that no version gives has failed, and holds up no other run', async () => {
  await apply(nightly);
  nowMs = MONDAY + 10 * HOUR_MS;
  for (const result of [
    '{"exit": 99999}',
    '{"exit": 0.5}',
    '{"exit": 0, "said": {"suspects": "all"}}',
    '{"exit": 0, "said": {"suspects": 1e12}}',
  ]) {
    await ticks();
    await db.pool.query(`update task set state = 'done', ended_ms = $1, result = $2 where state = 'open'`, [
      nowMs,
      result,
    ]);
    nowMs += DAY_MS;
  }
  await ticks();
  expect((await runs()).map((run) => run.split('+0 ')[1])).toEqual([
    'failed 2',
    'failed 2',
    'done 0',
    'done 0',
    'left',
  ]);
});

test('old runs are forgotten, but for the newest, from which the next one is counted', async () => {
  await apply(nightly);
  nowMs = MONDAY + 10 * HOUR_MS;
  await ticks();
  await answer();
  nowMs += DAY_MS;
  await ticks();
  await answer();
  nowMs += DAY_MS;
  await ticks();
  await answer();
  nowMs += HOUR_MS;
  await ticks();
  await forgetOldRuns(db.pool, nowMs + 200 * DAY_MS);
  expect(await runs()).toEqual(['house quick 12-02 22:00 +0 done 0']);
});
