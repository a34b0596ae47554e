// The whole watch, under a clock that the test moves: a fortnight of quiet nights, then a silent loss that the backup
// carries on, restored and verified; a night without the volume; and a host that falls silent. Once in peace, and once
// with serves killed, Redis emptied and Postgres restarted all the time: the same incidents, and each message once.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { type Database, type DatabaseAddress, openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { exposure } from '../../services/exposure.ts';
import { holds } from '../../services/holds.ts';
import { preflight } from '../../services/preflight.ts';
import { verify } from '../../services/verify.ts';
import { ownServer } from '../support/own-server.ts';
import { until } from '../support/poll.ts';
import { testDatabase } from '../support/postgres.ts';
import { startServeProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { REDIS_MISSING, startRedis, type TestRedis } from '../support/redis.ts';
import { makeDirectory, removeTree } from '../support/tree.ts';
import { Volume } from '../support/volume.ts';
import { type MailReceiver, type Receiver, startMailReceiver, startReceiver } from './hooks/receivers.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

vi.setConfig({ testTimeout: 600_000 });

const QUIET = 14;
const LOST = 7;
const DESKS = 10;
/** The night whose morning is now. */
const TODAY = 18;
const LIMIT_MS = 90_000;

interface World {
  readonly address: DatabaseAddress;
  readonly redis: TestRedis | null;
  /** Null in peace: else something is broken while a morning is waited for. */
  readonly violence: ((story: Story) => Promise<void>) | null;
}

class Story {
  readonly house = new Volume(null, TODAY);
  readonly annex = makeDirectory('rollcall-annex-');
  readonly db: Database;
  readonly #world: World;
  readonly #mail: MailReceiver;
  readonly #web: Receiver;
  #serve: WorkerProcess;
  #others: WorkerProcess[] = [];
  #said = '';
  #violence: Promise<void> | null = null;

  constructor(world: World, mail: MailReceiver, web: Receiver) {
    this.#world = world;
    this.#mail = mail;
    this.#web = web;
    this.db = openPool(world.address, { applicationName: 'rollcall test' });
    mkdirSync(this.bundles);
    this.clock(0);
    this.#serve = this.#start();
  }

  get bundles(): string {
    return join(this.house.base, 'written');
  }

  get #clockFile(): string {
    return join(this.house.base, 'clock');
  }

  #aheadMs = 0;
  /** Six in the morning after a night, and so much later. */
  clock(night: number, laterMs = 0): void {
    this.#aheadMs = this.house.nowMs(night) + laterMs - Date.now();
    // Whole or not at all: a serve that reads it half written would be at another time.
    writeFileSync(`${this.#clockFile}.new`, String(this.#aheadMs));
    renameSync(`${this.#clockFile}.new`, this.#clockFile);
  }

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  #start(host = 'here'): WorkerProcess {
    const { address, redis } = this.#world;
    return startServeProcess({ address, redisUrl: redis?.redisUrl ?? null, clockFile: this.#clockFile, host });
  }

  startOther(): void {
    this.#others.push(this.#start('files'));
  }

  async stopOthers(): Promise<void> {
    await stopWorkers(this.#others.splice(0));
  }

  async killServe(): Promise<void> {
    await stopWorkers([this.#serve]);
    this.#said += this.#serve.said();
    this.#serve = this.#start();
  }

  async close(): Promise<void> {
    await stopWorkers([this.#serve, ...this.#others]);
    await this.#violence;
    await this.db.close();
    this.house.close();
    removeTree(this.annex);
  }

  async rows(sql: string, ...values: readonly unknown[]): Promise<Record<string, unknown>[]> {
    return (await this.db.pool.query<Record<string, unknown>>(sql, [...values])).rows;
  }

  /** Waits for it, with something breaking meanwhile where that is the story. */
  async until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    await this.#violence;
    this.#violence = this.#world.violence?.(this) ?? null;
    await this.untilCalm(what, holds);
  }

  /** Nothing breaks any more. */
  async untilCalm(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    await until(what, async () => Promise.resolve(holds()).catch(() => false), LIMIT_MS).catch(
      async (error: unknown) => {
        const incidents = await this.rows(
          'select kind, subject, opened_ms, closed_ms, size, detail from incident order by id',
        );
        const runs = await this.rows(`select * from schedule_run order by due_ms desc limit 6`);
        const unsent = await this.rows(`select * from message where state <> 'sent' order by id`);
        const lines = [[this.nowMs()], unsent, incidents, runs].map((rows) =>
          JSON.stringify(rows, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
        );
        throw new Error([String(error), ...lines, this.#said, this.#serve.said()].join('\n'), { cause: error });
      },
    );
  }

  async calm(): Promise<void> {
    await this.#violence;
  }

  /** A morning comes, and all that is due has ended and was looked at. */
  async morning(night: number): Promise<void> {
    await this.calm();
    this.clock(night);
    await this.until(`the morning after night ${night}`, async () => {
      const [row] = await this.rows(
        `select (select count(*)::int from schedule_run where state = 'left') as left,
                exists (select from schedule_run where subject = 'house' and ended_ms >= $1) as done,
                exists (select from message where event = 'digest' and made_ms >= $1) as told,
                (select count(*)::int from message where state = 'waiting') as waiting`,
        this.house.nowMs(night),
      );
      return row?.['left'] === 0 && row['done'] === true && row['told'] === true && row['waiting'] === 0;
    });
  }

  async apply(): Promise<void> {
    const { house, annex, bundles } = this;
    const every = { everyMs: DAY_MS, window: null };
    const common = {
      layout: 'tree',
      excludes: [],
      crossMounts: false,
      notGluster: false,
      bricksRescued: false,
      scrub: null,
      blindAfterMs: null,
      pings: [],
    } as const;
    const minute = Math.floor(((house.startMs + 5 * HOUR_MS) % DAY_MS) / 60_000);
    const document: Configuration = {
      timeZone: 'UTC',
      bundles: { host: 'here', directory: bundles },
      volumes: [
        { ...common, name: 'house', host: 'here', path: house.live, backups: ['nights'], quick: every },
        { ...common, name: 'annex', host: 'files', path: annex, backups: [], quick: every },
      ],
      backups: [
        {
          name: 'nights',
          host: 'here',
          pattern: house.pattern,
          snapshotsMax: null,
          tz: 'UTC',
          look: every,
          pings: [],
        },
      ],
      maintenance: [],
      digest: { atMinute: minute, hooks: ['mail'] },
      // That the clock of the test is not that of the database is true, and not part of the story.
      alarms: [
        { kinds: ['trouble'], subjects: [], hooks: [] },
        { kinds: [], subjects: [], hooks: ['mail', 'web'] },
      ],
      hooks: [
        {
          type: 'mail',
          name: 'mail',
          from: 'rollcall@example.org',
          to: ['admin@example.org'],
          server: `smtp://127.0.0.1:${this.#mail.port}`,
          user: null,
          password: null,
        },
        {
          type: 'webhook',
          name: 'web',
          url: `http://127.0.0.1:${this.#web.port}/`,
          template: 'json',
          secret: null,
          token: null,
          allowInternal: true,
        },
      ],
      keepMessagesDays: 90,
    };
    await keepConfiguration(this.db.pool, { document, actor: 'test', appliedMs: this.nowMs() });
  }

  /** Incidents of the story: by kind and subject, in the order in which they opened. */
  async incidents(): Promise<string[]> {
    const found = await this.rows(
      `select kind, subject, peak, closed_ms from incident where kind <> 'trouble' order by id`,
    );
    return found.map(
      ({ kind, subject, peak, closed_ms }) =>
        `${String(kind)} ${String(subject)} ${String(peak)} ${closed_ms === null ? 'open' : 'closed'}`,
    );
  }

  /** Messages that were made, but for digests: the incident, the event and the hook. */
  async messages(): Promise<string[]> {
    const found = await this.rows(
      `select i.kind, i.subject, m.event, m.hook from message m join incident i on i.id = m.incident order by i.id, m.id`,
    );
    return found.map(({ kind, subject, event, hook }) => [kind, subject, event, hook].join(' ')).toSorted();
  }

  async digests(): Promise<number> {
    const [row] = await this.rows(`select count(*)::int as n from message where event = 'digest'`);
    return Number(row?.['n']);
  }

  /** What the mail server got, each message once however often it was sent. */
  mails(): readonly string[] {
    return [...new Map(this.#mail.mails.map(({ mail }) => [mail.messageId, mail.subject ?? ''])).values()];
  }

  posts(): readonly string[] {
    const byId = new Map(this.#web.received.map(({ headers, body }) => [headers['idempotency-key'] ?? body, body]));
    return [...byId.values()];
  }
}

/** Ordinary work of a day: rename, delete, edit, import. */
function work(house: Volume, night: number): void {
  const desk = `home/desk${night % DESKS}`;
  house.rename(`${desk}/b`, `${desk}/renamed in ${night}`, night);
  if (night % 3 === 0) house.remove(`${desk}/c`, night);
  house.write(`${desk}/a`, `edited in night ${night} `.repeat(20), night);
  house.write(`home/import${night}/photo`, `a photo of night ${night} `.repeat(50), night);
  house.write(`${desk}/b`, `new in night ${night} `.repeat(10), night);
  if (night % 3 === 2) house.write(`${desk}/c`, `again in night ${night} `.repeat(10), night);
}

function furnish(house: Volume, annex: string): void {
  for (let n = 0; n < DESKS; n++)
    for (const name of 'abc') house.write(`home/desk${n}/${name}`, `${name} of desk ${n} `.repeat(30));
  for (let n = 0; n < 30; n++) house.write(`archive/${n % 3}/file${n}`, `what stands in file ${n} `.repeat(40));
  writeFileSync(join(annex, 'one'), 'a file of the annex');
}

interface Told {
  readonly incidents: readonly string[];
  readonly messages: readonly string[];
}

async function play(world: World): Promise<Told> {
  const story = new Story(world, await startMailReceiver(), await startReceiver());
  const { house } = story;
  try {
    furnish(house, story.annex);
    story.startOther();
    house.snapshot(0);
    await story.apply();
    await story.until(
      'the first audits',
      async () => (await story.rows(`select from schedule_run where state = 'done' and kind = 'quick'`)).length === 2,
    );
    for (let night = 1; night <= QUIET; night++) {
      work(house, night);
      house.snapshot(night);
      await story.morning(night);
    }
    expect(await story.incidents()).toEqual([]);
    expect(await story.messages()).toEqual([]);
    expect(readdirSync(story.bundles)).toEqual([]);
    // One a day, that of the first included.
    expect(await story.digests()).toBe(QUIET + 1);
    const coverage = { volume: 'house', backups: [], readSinceMs: null, host: 'here', cwd: '/' };
    const ahead = { ...coverage, withinDays: 30, program: 'rollcall' };
    expect((await exposure(story.db, coverage)).exit).toBe(0);
    expect((await preflight(story.db, { ...ahead, nowMs: story.nowMs() })).exit).toBe(0);

    // Seven files vanish, after that night's backup.
    const lost = Array.from({ length: LOST }, (_, n) => `archive/${n % 3}/file${n}`);
    house.snapshot(QUIET + 1);
    house.lose(...lost);
    await story.morning(QUIET + 1);
    await story.until('it is told', async () => (await story.messages()).length === 2);
    expect(await story.incidents()).toEqual([`silent-loss house ${LOST} open`]);
    expect(await story.messages()).toEqual(['silent-loss house opened mail', 'silent-loss house opened web']);
    const held = (): Promise<string[]> => holds(story.db.pool).then((all) => all.map(({ path }) => path));
    expect(await held()).toEqual([house.snapshotRoot(QUIET + 1)]);
    const [bundle = ''] = readdirSync(story.bundles).map((name) => join(story.bundles, name));
    expect(readdirSync(bundle)).toContain('restore.sh');

    // The next backup carries it on: the same incident, and nobody is told again.
    house.snapshot(QUIET + 2);
    await story.morning(QUIET + 2);
    expect(await story.incidents()).toEqual([`silent-loss house ${LOST} open`]);
    expect(await story.messages()).toHaveLength(2);
    expect(await held()).toEqual([house.snapshotRoot(QUIET + 1)]);
    // What is lost is not exposed any more than what is there.
    expect((await exposure(story.db, coverage)).exit).toBe(0);

    // Restored and verified: the incident closes by itself, and says so.
    expect(house.restore(bundle, '--apply').code).toBe(0);
    const verified = await verify(
      {
        bundle,
        target: null,
        notGluster: false,
        bricksRescued: false,
        cwd: '/',
        actor: 'test',
        nowMs: () => story.nowMs(),
        signal: new AbortController().signal,
        onProgress: () => {},
      },
      () => Promise.resolve(story.db),
    );
    expect(verified.closed).toBe(LOST);
    await story.until('the incident is closed', async () => (await story.messages()).length === 4);
    expect(await story.incidents()).toEqual([`silent-loss house ${LOST} closed`]);
    expect(await held()).toEqual([]);

    // A night without the volume: blind, and no loss.
    const away = join(house.base, 'away');
    renameSync(house.live, away);
    mkdirSync(house.live);
    story.clock(QUIET + 3);
    await story.until('the volume is not there', async () => (await story.incidents()).length === 2);
    expect((await story.incidents()).at(-1)).toMatch(/^blind house \d+ open$/);
    rmdirSync(house.live);
    renameSync(away, house.live);
    house.snapshot(QUIET + 3);
    story.clock(QUIET + 3, 2 * HOUR_MS);
    // The next audit by hand or by schedule sees it again.
    await story.morning(TODAY);
    await story.until('it is seen again', async () => (await story.incidents()).at(-1)?.endsWith('closed') === true);

    // The worker of a host falls silent, and comes back.
    await story.stopOthers();
    // How long it is silent is told by the clock of Postgres, which a test cannot move.
    await story.rows(`update worker set seen = seen - interval '6 minutes' where host = 'files'`);
    await story.until('its host is blind', async () => (await story.incidents()).length === 3);
    expect((await story.incidents()).at(-1)).toMatch(/^blind files \d+ open$/);
    story.startOther();
    await story.until('it is back', async () => (await story.incidents()).at(-1)?.endsWith('closed') === true);
    // A delivery that was killed is taken up again after a while.
    await story.calm();
    story.clock(TODAY, HOUR_MS);
    await story.untilCalm(
      'all was sent',
      async () => (await story.rows(`select from message where state = 'waiting'`)).length === 0,
    );
    const messages = await story.messages();
    expect(story.posts()).toHaveLength(messages.filter((one) => one.endsWith(' web')).length);
    expect(story.mails()).toHaveLength(
      messages.filter((one) => one.endsWith(' mail')).length + (await story.digests()),
    );
    return { incidents: await story.incidents(), messages };
  } finally {
    await story.close();
  }
}

let played: Promise<Told> | null = null;

/** Once, whichever tests are run. */
function inPeace(): Promise<Told> {
  played ??= (async () => {
    const database = await testDatabase();
    try {
      return await play({ address: database.address, redis: null, violence: null });
    } finally {
      await database.close();
    }
  })();
  return played;
}

test('a fortnight of quiet nights, a silent loss, a night without the volume, a silent host', async () => {
  expect((await inPeace()).messages).toHaveLength(12);
});

test.skipIf(REDIS_MISSING !== null)(
  `the same while serves are killed, Redis is emptied and Postgres restarts${REDIS_MISSING === null ? '' : ` (${REDIS_MISSING})`}`,
  async () => {
    const directory = makeDirectory('rollcall-story-');
    chmodSync(directory, 0o711);
    const redis = await startRedis();
    try {
      const server = await ownServer({ data: directory });
      const address = { connectionString: server.connectionString };
      await migrate(address);
      let turn = 0;
      const told = await play({
        address,
        redis,
        violence: async (story) => {
          turn++;
          await redis.command('FLUSHALL').catch(() => undefined);
          await story.killServe();
          if (turn % 5 !== 0) return;
          await server.stop(turn % 2 === 0 ? 'fast' : 'immediate');
          await server.start();
        },
      });
      expect(told).toEqual(await inPeace());
    } finally {
      await redis.close();
      removeTree(directory);
    }
  },
);
