// A configuration that changes while something is wrong: with other hooks, and with other excludes than the last audit.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { pictureOf } from '../../services/watch/picture.ts';
import { reviewIncidents } from '../../services/watch/incidents.ts';
import { Catalog, HOST } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';
import { watching } from './house.ts';

const catalog = await Catalog.forFile();
const HOUR = 3_600_000;

const hook = (name: string) => ({ type: 'ping', name, url: 'https://example.org', allowInternal: false }) as const;

function configurationOf(world: Volume, changes: Partial<Configuration> = {}): Configuration {
  return watching(
    { live: world.live, pattern: world.pattern, bundles: world.base },
    {
      volume: { name: 'school', host: HOST, quick: null },
      backup: { host: HOST, look: null },
      configuration: { bundles: null, ...changes },
    },
  );
}

async function withWorker(): Promise<void> {
  await catalog.db.pool.query(
    `insert into worker (holder, host, version, pid, slots, doing, started_ms, clock_offset_ms, seen, ended)
       values (1, $1, '1', 1, 1, '[]', 0, 0, now(), true) on conflict (holder) do update set seen = now()`,
    [HOST],
  );
}

const reviewed = (configuration: Configuration, nowMs: number): Promise<number> =>
  inTransaction(catalog.db, (client) => reviewIncidents(client, { configuration, nowMs }));

/** Since the last time. */
async function told(): Promise<string[]> {
  const { rows } = await catalog.db.pool.query<{ hook: string; event: string; title: string }>(
    "update message set state = 'sent', sent_ms = 0 where state = 'waiting' returning hook, event, body ->> 'title' as title",
  );
  return rows.map(({ hook: name, event, title }) => `${name} ${event}: ${title}`).toSorted();
}

test('a loss that no hook took before all of them were replaced is told to those that came, also under an old name', async () => {
  await withWorker();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = (night: number): number => world.nowMs(night) + HOUR;
  const to = (...names: readonly string[]): Configuration =>
    configurationOf(world, {
      alarms: [{ kinds: [], subjects: [], hooks: names }],
      hooks: names.map(hook),
    });
  for (const night of [17, 18, 19]) world.snapshot(night);
  await world.assess(20);
  world.lose('rooms/0/file0');
  await world.assess(21);
  await reviewed(to('mail'), now(21));
  // Its server is away. The administrator takes it out, and the delivery finds no such hook.
  await catalog.db.pool.query("update message set state = 'failed', trouble = 'no hook mail any more', attempts = 3");
  await reviewed(to(), now(21));
  await reviewed(to('chat'), now(21));
  expect(await told()).toEqual(['chat opened: school: 1 file lost silently']);
  await reviewed(to('mail', 'chat'), now(21));
  expect(await told()).toEqual([]);
  await catalog.db.pool.query("update message set state = 'failed' where hook = 'chat'");
  await reviewed(to(), now(22));
  await reviewed(to('mail'), now(22));
  expect(await told()).toEqual(['mail opened: school: 1 file lost silently']);
  // A hook has taken it: whoever comes after it gets no message.
  await reviewed(to('phone'), now(22));
  expect(await told()).toEqual([]);
});

test('an audit that left out what the configuration does not is no audit of it', async () => {
  await withWorker();
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = world.nowMs(20) + HOUR;
  const excluding = (...excludes: readonly string[]): Configuration => {
    const configuration = configurationOf(world);
    return { ...configuration, volumes: configuration.volumes.map((volume) => ({ ...volume, excludes })) };
  };
  const school = async (configuration: Configuration): Promise<string[]> => {
    const [{ state, reasons } = { state: 'none', reasons: [] }] = (await pictureOf(catalog.db.pool, configuration, now))
      .volumes;
    return [state, ...reasons.map(({ text }) => text)];
  };
  for (const night of [17, 18, 19]) world.snapshot(night);
  await world.assess(20, { excludes: ['/rooms/1/', '*.tmp'] });
  expect(await school(excluding('/rooms/1/', '*.tmp'))).toEqual(['ok']);
  expect(await school(excluding('/rooms/1/', '/more/', '*.tmp'))).toEqual(['ok']);
  expect(await school(excluding('*.tmp'))).toEqual([
    'blind',
    'the last audit is incomplete: it left out /rooms/1/, and the configuration does not',
  ]);
  expect(await school(excluding('/rooms/1/', '*.tmp', '!keep.tmp'))).toEqual([
    'blind',
    'the last audit is incomplete: it left out what !keep.tmp brings back, and the configuration does not',
  ]);
  expect((await school(excluding('*.tmp', '/rooms/1/')))[0]).toBe('blind');
});

test('what is lost after the first files are back is told, also before anybody has looked twice, and however few', async () => {
  await catalog.db.pool.query('truncate incident, mute, message, finding cascade');
  const world = Volume.open(catalog, 20);
  world.furnish();
  const now = (night: number): number => world.nowMs(night) + HOUR;
  const configuration = configurationOf(world, {
    alarms: [{ kinds: [], subjects: [], hooks: ['mail'] }],
    hooks: [hook('mail')],
  });
  for (const night of [16, 17, 18]) world.snapshot(night);
  await world.assess(19);
  const lost = [0, 1].map((n) => `rooms/${n}/file${n}`);
  world.lose(...lost);
  await world.assess(20);
  await reviewed(configuration, now(20));
  expect(await told()).toEqual(['mail opened: school: 2 files lost silently']);
  for (const path of lost)
    cpSync(join(world.snapshotRoot(18), path), join(world.live, path), { preserveTimestamps: true });
  await world.assess(21);
  await reviewed(configuration, now(21));
  expect(await told()).toEqual([]);
  world.lose('rooms/2/file2');
  await world.assess(22);
  await reviewed(configuration, now(22));
  expect(await told()).toEqual(['mail tenfold: school: 1 file lost silently (getting worse)']);
  // Told once, whoever looks again.
  await reviewed(configuration, now(22) + HOUR);
  expect(await told()).toEqual([]);
});

test('an assessment against another backup is no look at this one', async () => {
  const world = Volume.open(catalog, 20);
  world.furnish();
  const both = configurationOf(world);
  const [nights] = both.backups;
  const [school] = both.volumes;
  if (nights === undefined || school === undefined) throw new Error('there is one of each');
  const vault = { ...nights, name: 'vault', pattern: world.patternOf('vault') };
  const configuration = {
    ...both,
    volumes: [{ ...school, backups: ['nights', 'vault'] }],
    backups: [nights, vault],
  };
  for (const night of [17, 18]) for (const series of ['backup', 'vault']) world.snapshot(night, { series });
  const backups = [world.pattern, world.patternOf('vault')];
  await world.assess(19, { backups });
  const audited = async (): Promise<boolean[]> => {
    const { volumes } = await pictureOf(catalog.db.pool, configuration, world.nowMs(25));
    return volumes.map(({ auditedMs }) => auditedMs !== null && auditedMs > world.nowMs(24));
  };
  await world.assess(24, { backups: [world.pattern] });
  expect(await audited()).toEqual([true, true, false]);
  await world.assess(24, { backups });
  expect(await audited()).toEqual([true, true, true]);
});
