// A school from the first audit to a loss that is over, on real trees and a real database: what its incidents are, what
// is told of them and how often, and which snapshots are held meanwhile.
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Context } from '../../cli/command.ts';
import { askBody, listBody as holdsBody } from '../../cli/commands/holds.ts';
import { listBody, muteBody, oneBody } from '../../cli/commands/incidents.ts';
import type { ExitCode } from '../../domain/exit.ts';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { heldBy, holds, rawPath } from '../../services/holds.ts';
import { incident, incidents, mute } from '../../services/incidents.ts';
import { watchLines } from '../../services/report/watch/listed.ts';
import { statusOf } from '../../services/status.ts';
import { acceptFindings } from '../../services/findings.ts';
import { pictureOf } from '../../services/watch/picture.ts';
import { reviewIncidents } from '../../services/watch/incidents.ts';
import { Catalog, HOST } from '../support/catalog.ts';
import { refusal } from '../support/refusal.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
const HOUR = 3_600_000;

const hook = (name: string) => ({ type: 'ping', name, url: 'https://example.org', allowInternal: false }) as const;

function configurationOf(world: Volume, changes: Partial<Configuration> = {}): Configuration {
  return {
    timeZone: 'UTC',
    bundles: null,
    volumes: [
      {
        name: 'school',
        host: HOST,
        path: world.live,
        layout: 'tree',
        backups: ['nightly'],
        excludes: [],
        crossMounts: false,
        notGluster: false,
        bricksRescued: false,
        quick: null,
        scrub: null,
        blindAfterMs: null,
        pings: [],
      },
    ],
    backups: [
      { name: 'nightly', host: HOST, pattern: world.pattern, snapshotsMax: null, tz: null, look: null, pings: [] },
    ],
    maintenance: [],
    digest: null,
    alarms: [{ kinds: [], subjects: [], hooks: ['admins', 'chat'] }],
    hooks: [hook('admins'), hook('chat')],
    keepMessagesDays: 90,
    ...changes,
  };
}

/** The worker of the host is there: its row, and the session that it lives by. */
async function withWorker(): Promise<void> {
  await catalog.db.pool.query(
    `insert into worker (holder, host, version, pid, slots, doing, started_ms, clock_offset_ms, seen, ended)
       values (1, $1, '1', 1, 1, '[]', 0, 0, now(), true) on conflict (holder) do update set seen = now()`,
    [HOST],
  );
}

interface Configured {
  readonly world: Volume;
  /** An hour after the night. */
  readonly now: (night: number) => number;
  readonly configuration: Configuration;
}

/** A furnished volume and nothing else, whose configuration was applied at that night. */
async function configured(appliedNight: number): Promise<Configured> {
  await clear();
  await withWorker();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = (night: number): number => world.nowMs(night) + HOUR;
  const configuration = configurationOf(world);
  await keepConfiguration(catalog.db.pool, { document: configuration, actor: 'jo', appliedMs: now(appliedNight) });
  return { world, now, configuration };
}

async function silentFor(minutes: number): Promise<void> {
  await catalog.db.pool.query('update worker set seen = now() - make_interval(mins => $1)', [minutes]);
}

const reviewed = (configuration: Configuration, nowMs: number): Promise<number> =>
  inTransaction(catalog.db, (client) => reviewIncidents(client, { configuration, nowMs }));

/** Kind, subject, size and whether it is over; oldest first. */
async function shown(nowMs: number): Promise<string[]> {
  const found = await incidents(catalog.db.pool, nowMs);
  return found
    .toSorted((a, b) => Number(a.id - b.id))
    .map(({ kind, subject, size, closedMs, detail }) =>
      [kind, subject, size, ...(closedMs === null ? [] : [`over: ${detail.closed}`])].join(' '),
    );
}

/** Since the last time. */
async function told(): Promise<string[]> {
  const { rows } = await catalog.db.pool.query<{ hook: string; event: string; title: string }>(
    "update message set state = 'sent', sent_ms = 0 where state = 'waiting' returning hook, event, body ->> 'title' as title",
  );
  return rows.map(({ hook, event, title }) => `${hook} ${event}: ${title}`).toSorted();
}

async function clear(): Promise<void> {
  await catalog.db.pool.query(
    'truncate incident, mute, message, configuration, schedule_run, pause, worker, finding cascade',
  );
}

test('a loss opens one incident, is told once, keeps its snapshots, and is over when it is restored and checked', async () => {
  const { world, now, configuration } = await configured(10);

  // Never looked at: blind, whatever else is fine. Nobody is called before a first audit has had its time.
  expect((await pictureOf(catalog.db.pool, configuration, now(10))).volumes).toMatchObject([
    { name: 'school', state: 'blind', auditedMs: null },
    { name: 'nightly', state: 'blind', auditedMs: null },
  ]);
  expect(await reviewed(configuration, now(10))).toBe(0);
  expect(await shown(now(10))).toEqual([]);

  for (const night of [15, 16, 17, 18, 19]) world.snapshot(night);
  await world.assess(20);
  expect(await reviewed(configuration, now(20))).toBe(0);
  const picture = await pictureOf(catalog.db.pool, configuration, now(20));
  expect(picture.volumes).toMatchObject([
    { name: 'school', state: 'ok', open: {}, files: 12 },
    { name: 'nightly', state: 'ok' },
  ]);

  world.snapshot(20);
  world.lose('rooms/0/file0', 'rooms/1/file1', 'rooms/2/file2');
  const { bundle } = await world.assess(21);
  if (bundle === null) throw new Error('a loss has a bundle');
  // Two serves at once, and one of them again: one incident, one message for each hook.
  const second = await inTransaction(catalog.db, async (first) => {
    await reviewIncidents(first, { configuration, nowMs: now(21) });
    const other = reviewed(configuration, now(21));
    await expect
      .poll(
        async () =>
          (
            await catalog.db.pool.query(
              'select from pg_locks l join pg_stat_activity a on a.pid = l.pid where a.datname = current_database() and not l.granted',
            )
          ).rowCount,
      )
      .toBeGreaterThan(0);
    return [other];
  });
  expect(await Promise.all(second)).toEqual([0]);
  await reviewed(configuration, now(21) + 60_000);
  expect(await shown(now(21))).toEqual(['silent-loss school 3']);
  expect(await told()).toEqual([
    'admins opened: school: 3 files lost silently',
    'chat opened: school: 3 files lost silently',
  ]);
  const [loss] = await incidents(catalog.db.pool, now(21));
  expect(loss?.detail).toMatchObject({
    bundle: bundle.directory,
    holds: [{ host: HOST, path: world.snapshotRoot(20) }],
    examples: ['rooms/0/file0', 'rooms/1/file1', 'rooms/2/file2'],
  });

  // The next night's backup carries it on, and an audit finds it again: nothing new is told.
  world.snapshot(21);
  await world.assess(22);
  await reviewed(configuration, now(22));
  expect(await told()).toEqual([]);

  // Held is what has a copy: by its path, by what is above and below it, by its name; not what lacks them.
  const place = { host: HOST, cwd: '/' };
  const answer = async (snapshot: string) => (await heldBy(catalog.db.pool, snapshot, place)).answer;
  const needed = world.snapshotRoot(20);
  for (const typed of [needed, `${needed}/`, `${needed}/rooms`, world.base, world.night(20), `${HOST}:${needed}`])
    expect([typed, await answer(typed)]).toEqual([typed, 'needed']);
  for (const typed of [world.snapshotRoot(21), world.snapshotRoot(15), world.night(21)])
    expect([typed, await answer(typed)]).toEqual([typed, 'not needed']);
  expect(await answer(world.snapshotRoot(22))).toBe('unknown');
  expect(await answer(`other:${needed}`)).toBe('unknown');
  expect((await refusal(heldBy(catalog.db.pool, '/backup/\ufffd', place))).exit).toBe(2);
  expect((await refusal(heldBy(catalog.db.pool, '', place))).exit).toBe(2);

  // Restored, and not checked: it stays open, also while nobody can look.
  expect(world.restore(bundle.directory, '--apply').code).toBe(0);
  await reviewed(configuration, now(23));
  expect(await shown(now(23))).toEqual(['silent-loss school 3']);
  expect(await world.verify(bundle.directory, 23)).toMatchObject({ closed: 3 });
  await reviewed(configuration, now(23) + 60_000);
  await reviewed(configuration, now(23) + 120_000);
  expect(await shown(now(23))).toEqual(['silent-loss school 0 over: settled']);
  expect(await told()).toEqual([
    'admins closed: school: over: 3 files lost silently',
    'chat closed: school: over: 3 files lost silently',
  ]);
  expect(await holds(catalog.db.pool)).toEqual([]);
  expect(await answer(needed)).toBe('not needed');
  expect(loss === undefined ? null : (await incident(catalog.db.pool, loss.id)).messages).toHaveLength(4);
});

test('a loss that only audits no longer find takes two complete ones; blind time and an incomplete one count for nothing', async () => {
  const { world, now, configuration } = await configured(10);
  for (const night of [17, 18, 19]) world.snapshot(night);
  await world.assess(20);
  world.lose('rooms/0/file0');
  await world.assess(21);
  await reviewed(configuration, now(21));
  expect(await told()).toEqual([
    'admins opened: school: 1 file lost silently',
    'chat opened: school: 1 file lost silently',
  ]);

  // Unmounted for a night: blind, and never another loss, nor the end of this one.
  renameSync(world.live, `${world.live}.away`);
  mkdirSync(world.live);
  expect((await refusal(world.assess(22))).exit).toBe(4);
  await reviewed(configuration, now(22));
  expect(await shown(now(22))).toEqual(['silent-loss school 1', 'blind school 1']);
  expect(await told()).toEqual(['admins opened: school: cannot be audited', 'chat opened: school: cannot be audited']);
  await reviewed(configuration, now(22) + 20 * HOUR);
  expect(await shown(now(22))).toContain('silent-loss school 1');
  rmSync(world.live, { recursive: true });
  renameSync(`${world.live}.away`, world.live);

  // Somebody puts it back as it was, and tells nobody.
  cpSync(join(world.snapshotRoot(19), 'rooms/0/file0'), world.path('rooms/0/file0'), { preserveTimestamps: true });
  world.stamp('rooms/0', 0);
  await world.assess(23);
  await reviewed(configuration, now(23));
  expect(await shown(now(23))).toEqual(['silent-loss school 0', 'blind school 0 over: over']);
  expect((await holds(catalog.db.pool)).length).toBeGreaterThan(0);
  expect(await told()).toEqual([
    'admins closed: school: over: cannot be audited',
    'chat closed: school: over: cannot be audited',
  ]);
  await catalog.db.pool.query(
    `insert into assessment (volume, live_scan, scans, result, created_ms)
       select volume, live_scan, scans, jsonb_set(result, '{incomplete}', '["a could not be read"]'), $1 from assessment order by id desc limit 1`,
    [now(24)],
  );
  await reviewed(configuration, now(24));
  expect(await shown(now(24))).toContain('silent-loss school 0');
  await world.assess(25);
  await reviewed(configuration, now(25));
  expect(await shown(now(25))).toContain('silent-loss school 0 over: clean');
  expect(await told()).toEqual([
    'admins closed: school: over: 1 file lost silently',
    'chat closed: school: over: 1 file lost silently',
  ]);
});

test('a worker that is gone is told once for its host; maintenance silences it, and what is left of it is told after', async () => {
  await clear();
  await withWorker();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = (night: number): number => world.nowMs(night) + HOUR;
  const quiet = { fromMs: now(21) - HOUR, untilMs: now(21) };
  const configuration = configurationOf(world, {
    maintenance: [{ subjects: [HOST], reason: 'a new disk', at: quiet }],
    digest: { atMinute: 0, hooks: ['admins'] },
  });
  await keepConfiguration(catalog.db.pool, { document: configuration, actor: 'jo', appliedMs: now(20) });
  for (const night of [17, 18, 19]) world.snapshot(night);
  await world.assess(20);
  await silentFor(4);
  await reviewed(configuration, now(20));
  expect(await told()).toEqual(['admins digest: Rollcall: 2 ok']);
  await silentFor(6);
  // Once more on the same day: there is one digest.
  await reviewed(configuration, now(21) - 1);
  expect(await shown(now(21))).toEqual(['blind here 2']);
  expect((await pictureOf(catalog.db.pool, configuration, now(21) - 1)).volumes).toMatchObject([
    { state: 'blind', inMaintenance: true },
    { state: 'blind', inMaintenance: true },
  ]);
  expect((await told()).filter((one) => !one.includes('digest'))).toEqual([]);
  await reviewed(configuration, now(21));
  await reviewed(configuration, now(21) + 60_000);
  expect(await told()).toEqual(['admins opened: here: cannot be audited', 'chat opened: here: cannot be audited']);
  await withWorker();
  await reviewed(configuration, now(21) + 120_000);
  expect(await shown(now(21))).toEqual(['blind here 0 over: over']);

  // Muted, it may come and go; what is muted is said.
  await silentFor(6);
  await reviewed(configuration, now(21) + 180_000);
  await told();
  const [open] = await incidents(catalog.db.pool, now(21));
  if (open === undefined) throw new Error('it is open again');
  const words = { id: open.id, actor: 'jo', nowMs: now(21), reason: 'a new disk' };
  await mute(catalog.db, { ...words, until: '3 days' });
  await withWorker();
  await reviewed(configuration, now(21) + 240_000);
  await told();
  await silentFor(6);
  await reviewed(configuration, now(21) + 300_000);
  expect(await told()).toEqual([]);
  expect((await refusal(mute(catalog.db, { ...words, until: '3 days' }))).message).toContain('is over');
  expect((await refusal(mute(catalog.db, { ...words, id: 999n, until: '3 days' }))).message).toContain(
    'no incident 999',
  );
  expect((await refusal(mute(catalog.db, { ...words, until: 'yesterday' }))).message).toContain('not understood');
  expect((await refusal(mute(catalog.db, { ...words, until: '2001-01-01' }))).message).toContain('has passed');
  expect((await refusal(mute(catalog.db, { ...words, until: '1 day', reason: ' ' }))).message).toContain('reason');
});

test('a muted loss is told when another file is lost, also while as many are; accepting the last one ends it', async () => {
  const { world, now, configuration } = await configured(20);
  for (const night of [17, 18, 19]) world.snapshot(night);
  await world.assess(20);
  world.lose('rooms/0/file0');
  await world.assess(21);
  await reviewed(configuration, now(21));
  await told();
  const [loss] = await incidents(catalog.db.pool, now(21));
  if (loss === undefined) throw new Error('there is a loss');
  await mute(catalog.db, { id: loss.id, until: '9 days', reason: 'known', actor: 'jo', nowMs: now(21) });
  const accept = (path: string, night: number): Promise<unknown> =>
    acceptFindings(catalog.db, {
      findings: [join(world.live, path)],
      volume: null,
      host: HOST,
      cwd: '/',
      reason: 'not needed',
      actor: 'jo',
      nowMs: now(night),
    });
  await accept('rooms/0/file0', 22);
  world.lose('rooms/1/file1');
  await world.assess(22);
  await reviewed(configuration, now(22));
  expect(await shown(now(22))).toEqual(['silent-loss school 1']);
  expect(await told()).toEqual([
    'admins tenfold: school: 1 file lost silently (getting worse)',
    'chat tenfold: school: 1 file lost silently (getting worse)',
  ]);
  await accept('rooms/1/file1', 22);
  await reviewed(configuration, now(22));
  expect(await shown(now(22))).toEqual(['silent-loss school 0 over: settled']);
});

test('snapshots with hostile names are held, asked for and printed as the bytes that they are', async () => {
  await clear();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const series = "nightly\n$HOME ';x \u202e-z";
  for (const night of [17, 18, 19]) world.snapshot(night, { series });
  await world.judged({ series: [series] });
  world.lose('rooms/0/file0');
  await world.judged({ series: [series] });
  const raw = world.snapshotRoot(19, series);
  const [held, ...others] = await holds(catalog.db.pool);
  if (held === undefined) throw new Error('a loss needs a snapshot');
  expect(others).toEqual([]);
  // Without a configuration, and without a serve.
  expect(held.path).not.toMatch(/[\n\u202e]/);
  expect(Buffer.from(rawPath(held)).toString()).toBe(raw);
  const answer = async (snapshot: string) => (await heldBy(catalog.db.pool, snapshot, { host: HOST, cwd: '/' })).answer;
  expect([await answer(raw), await answer(held.path), await answer(world.snapshotRoot(18, series))]).toEqual([
    'needed',
    'needed',
    'not needed',
  ]);
  // A link that leads to it, as many scripts name the newest one.
  symlinkSync(raw, join(world.base, 'latest'));
  expect(await answer(join(world.base, 'latest'))).toBe('needed');
});

test('status says how all is that is watched, and ends with 3 while anything is blind or overdue', async () => {
  await clear();
  await withWorker();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = (night: number): number => world.nowMs(night) + HOUR;
  const exits = async (atMs: number) => {
    const { watch, exit } = await statusOf(catalog.db.pool, { nowMs: atMs, isShared: false });
    return [exit, ...(watch === null ? [] : watchLines(watch, 'rollcall'))];
  };
  await catalog.db.pool.query(
    "update volume set trouble = null; delete from assessment where result -> 'incomplete' <> '[]'",
  );
  const [scheduled] = configurationOf(world).volumes;
  if (scheduled === undefined) throw new Error('there is one');
  const configuration = configurationOf(world, {
    volumes: [{ ...scheduled, quick: { cron: '0 2 * * 1-5', window: null } }],
  });
  await keepConfiguration(catalog.db.pool, { document: configuration, actor: 'jo', appliedMs: now(20) - 25 * HOUR });
  for (const night of [17, 18, 19]) world.snapshot(night);
  const [exit, school] = await exits(now(20));
  expect([exit, school]).toEqual([3, 'school: blind (never audited completely)']);
  await world.assess(20);
  const dueMs = (await pictureOf(catalog.db.pool, configuration, now(20))).volumes[0]?.dueMs;
  // Two o'clock of a working day has passed, and nothing has begun; or it is a weekend.
  const late = [0, 1].includes(new Date(now(20)).getUTCDay()) ? now(20) + 2 * 24 * HOUR : now(20);
  const [overdueExit, overdue, why] = (await exits(late)).map(String);
  expect(dueMs).not.toBe(null);
  expect([overdueExit, overdue?.split(' (')[0], why?.replace(/\d+ \w+ ago/, 'some time ago')]).toEqual([
    '3',
    'school: overdue',
    '  the run that was due some time ago has not begun: check that rollcall serve runs',
  ]);
  const run = (state: string, left: number) =>
    catalog.db.pool.query(
      `insert into schedule_run (subject, kind, due_ms, state, left_ms, ended_ms, exit, message) values ('school', 'quick', $1, $2, $1, $3, $4, $5)`,
      [left, state, state === 'left' ? null : left + 1, state === 'failed' ? 2 : 0, 'the disk is full'],
    );
  await run('left', late - 60_000);
  expect((await exits(late))[1]).toMatch(/^(school|nightly): ok/);
  expect((await exits(late + 5 * 24 * HOUR)).join()).toContain('has not ended');
  await catalog.db.pool.query('delete from schedule_run');
  await run('failed', late - 60_000);
  expect((await exits(late)).join()).toContain('the last audit was stopped: the disk is full');
});

test('the commands list, show, mute and ask; losses end with 1, and what keeps from looking with 3', async () => {
  await clear();
  await withWorker();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = (night: number): number => world.nowMs(night) + HOUR;
  const configuration = configurationOf(world);
  await keepConfiguration(catalog.db.pool, { document: configuration, actor: 'jo', appliedMs: now(19) });
  const lines: string[] = [];
  const commandAt = (night: number): Context => ({
    config: { host: HOST, program: 'rollcall' } as Context['config'],
    output: {
      line: (text = '') => void lines.push(text),
      json: (value: unknown) => void lines.push(JSON.stringify(value)),
    } as Context['output'],
    now: () => now(night),
    signal: new AbortController().signal,
    session: () => Promise.resolve({ db: catalog.db, address: catalog.address, close: () => Promise.resolve() }),
  });
  const said = async (body: (context: Context) => Promise<ExitCode>, night = 21): Promise<[ExitCode, string]> => {
    const exit = await body(commandAt(night));
    return [exit, lines.splice(0).join('\n')];
  };
  expect(await said((context) => listBody(context, false))).toEqual([
    0,
    'No incident is open. rollcall status shows whether every volume was audited recently.',
  ]);
  for (const night of [17, 18, 19]) world.snapshot(night);
  await world.assess(20);
  await silentFor(9);
  await reviewed(configuration, now(20));
  expect(await said((context) => listBody(context, false))).toEqual([
    3,
    expect.stringMatching(/here: cannot be audited; since/),
  ]);
  await withWorker();
  world.lose('rooms/0/file0');
  await world.assess(21);
  await reviewed(configuration, now(21));
  const [loss] = await incidents(catalog.db.pool, now(21));
  if (loss === undefined) throw new Error('there is a loss');
  const until = { until: '2h', reason: 'a \u001b[31mnew\u202e disk' };
  expect(await said((context) => muteBody(context, loss.id, until))).toEqual([
    0,
    expect.stringContaining('muted until'),
  ]);
  const [exit, shownOf] = await said((context) => oneBody(context, loss.id, false));
  expect(exit).toBe(1);
  for (const part of [
    'school: 1 file lost silently',
    'for example: rooms/0/file0',
    `keep the snapshot ${HOST}:${world.snapshotRoot(19)}`,
    'restore bundle: ',
    'message to admins (opened): waiting',
    'a \\x1b[31mnew\\xe2\\x80\\xae disk',
    'Next: less ',
  ])
    expect(shownOf).toContain(part);
  const [jsonExit, json] = await said((context) => oneBody(context, loss.id, true));
  expect([jsonExit, JSON.parse(json)]).toMatchObject([
    1,
    { incident: { kind: 'silent-loss', size: 1 }, messages: [{}, {}] },
  ]);

  const held = world.snapshotRoot(19);
  expect(await said((context) => holdsBody(context, {}))).toEqual([1, `${HOST}:${held}`]);
  expect(await said((context) => askBody(context, held, {}))).toEqual([1, `needed: ${HOST}:${held}`]);
  expect(await said((context) => askBody(context, world.snapshotRoot(18), {}))).toEqual([
    0,
    'not needed: no open loss needs this snapshot',
  ]);
  expect(await said((context) => askBody(context, world.snapshotRoot(20), { json: true }))).toEqual([
    3,
    JSON.stringify({ snapshot: world.snapshotRoot(20), answer: 'unknown', holds: [] }),
  ]);
});
