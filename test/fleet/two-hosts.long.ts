// Two hosts that cannot see one another's trees, at the same path on each: scanned, judged, restored over ssh's
// stand-in and verified, while workers are killed, Redis is emptied and away, and Postgres restarts. In the end the
// catalog is that of an undisturbed fleet.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { connect } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { ownServer, type OwnServer } from '../support/own-server.ts';
import { until } from '../support/poll.ts';
import { runs, startWorkerProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';
import { SEED } from '../support/random.ts';
import { REDIS_MISSING, startRedis, type TestRedis } from '../support/redis.ts';
import { school, type School } from './school.ts';
import { machine, type Machine, MACHINES_MISSING, sshStandIn } from './machines.ts';

/** Whole numbers below n, the same ones for the same seed. */
interface Random {
  below(n: number): number;
}

function newRandom(of: string): Random {
  let state = SEED + of.length;
  return {
    below(n) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    },
  };
}

vi.setConfig({ testTimeout: 600_000 });

const HOSTS = ['files', 'vault'] as const;

interface Land {
  readonly world: School;
  /** Where each host has its tree. */
  readonly at: string;
  readonly machines: Readonly<Record<string, Machine>>;
  readonly ssh: string;
  readonly server: OwnServer;
}

async function land(files: number): Promise<Land> {
  const world = school(files);
  onTestFinished(() => world.remove());
  const hosts = join(world.directory, 'hosts');
  for (const host of HOSTS) mkdirSync(join(hosts, host), { recursive: true });
  renameSync(world.live, join(hosts, 'files', 'school'));
  renameSync(join(world.directory, 'nights'), join(hosts, 'vault', 'nights'));
  const at = join(world.directory, 'srv');
  const machines: Record<string, Machine> = {};
  for (const host of HOSTS) {
    const own = await machine(join(hosts, host), at, [hosts]);
    onTestFinished(() => own.close());
    machines[host] = own;
  }
  const data = mkdtempSync(join(inject('memory'), 'rollcall-pg-'));
  chmodSync(data, 0o755);
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const server = await ownServer({ data });
  await migrate({ connectionString: server.connectionString });
  return { world, at, machines, ssh: sshStandIn(world.directory, machines), server };
}

/** Workers of both hosts, two each; whoever is killed is followed by another. */
class Crews {
  readonly #land: Land;
  readonly #redisUrl: string | null;
  readonly #workers: { readonly host: string; worker: WorkerProcess }[] = [];
  readonly #killed = new Set<WorkerProcess>();
  readonly said: string[] = [];

  constructor(of: Land, redisUrl: string | null) {
    this.#land = of;
    this.#redisUrl = redisUrl;
    for (const host of HOSTS) for (let n = 0; n < 2; n++) this.#workers.push({ host, worker: this.#start(host) });
    onTestFinished(() => stopWorkers(this.#workers.map(({ worker }) => worker)));
  }

  #start(host: string): WorkerProcess {
    const { server, machines } = this.#land;
    const address = { connectionString: server.connectionString };
    const settings = { address, redisUrl: this.#redisUrl, host, silentMs: 120_000 };
    return startWorkerProcess(settings, machines[host]?.enter);
  }

  async killOne(random: Random): Promise<void> {
    const place = this.#workers[random.below(this.#workers.length)]!;
    this.#killed.add(place.worker);
    place.worker.child.kill('SIGKILL');
    await place.worker.ended;
    this.said.push(place.worker.said());
    place.worker = this.#start(place.host);
  }

  /** Workers that ended and were not killed, with what they said. */
  async lost(): Promise<string[]> {
    const lost = this.#workers.filter(({ worker }) => worker.hasEnded() && !this.#killed.has(worker));
    return Promise.all(lost.map(async ({ worker }) => `${await worker.ended}: ${worker.said()}`));
  }

  all(): string {
    return [...this.said, ...this.#workers.map(({ worker }) => worker.said())].join('');
  }
}

/** A command on a host, or on a desk that sees neither tree. */
function rollcall(
  of: Land,
  words: readonly string[],
  more: { readonly host?: string; readonly redisUrl?: string | null } = {},
): ReturnType<typeof runs> {
  const { host = 'desk', redisUrl = null } = more;
  const enter = of.machines[host]?.enter ?? [];
  const env = {
    ...process.env,
    DATABASE_URL: of.server.connectionString,
    ROLLCALL_HOST: host,
    RSYNC_RSH: of.ssh,
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
  };
  return runs([...enter, process.execPath, CLI, ...words], { env, cwd: of.world.directory });
}

/** What the catalog knows of every path: of complete scans, by host and volume. */
async function known(of: Land): Promise<string[]> {
  const client = await connect({ connectionString: of.server.connectionString });
  try {
    const found = await client.query<{ line: string }>(
      `select concat_ws(' ', r.host, v.kind, d.path || '/' || v.name, v.size,
                case when v.kind = 'file' then v.mtime_ns end, v.digest, v.target, v.end_reason) as line
         from version v join root r on r.id = v.root join directory d on d.id = v.directory order by 1`,
    );
    return found.rows.map(({ line }) => line);
  } finally {
    await client.end();
  }
}

interface TaskRow {
  readonly id: bigint;
  /** Times it was taken. */
  readonly fence: number;
  readonly kind: string;
  readonly state: string;
  readonly result: { readonly exit?: number } | null;
}

async function tasks(of: Land): Promise<TaskRow[]> {
  const client = await connect({ connectionString: of.server.connectionString });
  try {
    return (await client.query<TaskRow>('select id, fence, kind, state, result from task order by id')).rows;
  } finally {
    await client.end();
  }
}

const assessment = (of: Land, ...more: string[]): string[] => [
  'assess',
  '--live',
  `files:${of.at}/school`,
  '--backup',
  `vault:${of.at}/nights/*`,
  '--tz',
  'UTC',
  ...more,
];

/** Leaves assessments one after another, each reading everything again, and waits until all are answered. */
async function leaveMany(of: Land, redisUrl: string | null, many: number): Promise<void> {
  for (let n = 0; n < many; n++) {
    const left = await rollcall(of, assessment(of, '--reread', '--detach', '--json'), { redisUrl });
    expect(left, left.stderr).toMatchObject({ status: 0 });
  }
}

async function allAnswered(of: Land, crews: Crews): Promise<void> {
  await until(
    'every task is answered',
    async () => {
      const rows = await tasks(of).catch(() => null);
      return rows !== null && rows.every(({ state }) => state === 'done');
    },
    240_000,
  ).catch(async (error: unknown) => {
    const rows = (await tasks(of)).map(({ id, kind, state }) => `${id} ${kind} ${state}`);
    throw new Error(`${String(error)}\n${rows.join('\n')}\n${crews.all()}`);
  });
}

async function expectAnsweredOnce(of: Land, crews: Crews): Promise<void> {
  expect(await crews.lost()).toEqual([]);
  for (const { kind, result } of await tasks(of))
    if (kind === 'assess-hosts' || kind === 'judge') expect(result, crews.all()).toMatchObject({ exit: 1 });
  const ends = [...crews.all().matchAll(/task (\d+) \([a-z-]+\) ended with/g)].map(([, id]) => id);
  expect(ends.length).toBe(new Set(ends).size);
}

/**
 * Else nothing was harmed in the middle of its work: tasks that never wait are taken once, but for what was done to
 * them.
 */
async function expectDisturbed(of: Land): Promise<void> {
  const again = (await tasks(of)).filter(({ kind, fence }) => !LEADS.has(kind) && fence > 1);
  expect(again.length).toBeGreaterThan(0);
}

const LEADS: ReadonlySet<string> = new Set(['assess-hosts', 'judge', 'prove']);

describe.skipIf(MACHINES_MISSING !== null)(`two hosts (skipped: ${MACHINES_MISSING})`, () => {
  test('lost on one, kept on the other: found, restored over ssh and verified, and then nothing is left to report', async () => {
    const here = await land(40);
    const crews = new Crews(here, null);
    const out = join(here.world.directory, 'bundle');
    const found = await rollcall(here, assessment(here, '--out', out, '--json'));
    expect(found.status, found.stderr + crews.all()).toBe(1);
    const verdicts = readFileSync(join(out, 'findings.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { path: string; verdict: string });
    expect(Object.fromEntries(verdicts.map(({ path, verdict }) => [path, verdict]))).toEqual(here.world.harm);

    const files = here.machines['files']!.enter;
    const command = [...files, join(out, 'restore.sh'), '--apply', '--damaged', join(here.at, 'school')];
    const restored = await runs(command, { env: { ...process.env, RSYNC_RSH: here.ssh }, cwd: '/' });
    expect(restored.status, restored.stdout + restored.stderr).toBe(0);
    const verified = await rollcall(here, ['verify', out, join(here.at, 'school')], { host: 'files' });
    expect(verified.status, verified.stdout + verified.stderr).toBe(0);
    const again = await rollcall(here, assessment(here, '--out', `${out}-2`, '--json'));
    expect(again.status, again.stdout + again.stderr).toBe(0);
    // By its name: what was judged before.
    const named = await rollcall(here, ['assess', `files:${here.at}/school`, '--json']);
    expect(named.status, named.stdout + named.stderr).toBe(0);
    expect(await crews.lost()).toEqual([]);
  });

  test.skipIf(REDIS_MISSING !== null)(
    `everything is harmed at random on Redis, and the catalog is that of an undisturbed fleet${REDIS_MISSING ?? ''}`,
    async () => {
      const redis: TestRedis = await startRedis();
      onTestFinished(() => redis.close());
      const here = await land(1_200);
      const crews = new Crews(here, redis.redisUrl);
      const random = newRandom('two hosts');
      await leaveMany(here, redis.redisUrl, 4);
      const kill = async (times: number): Promise<void> => {
        for (let n = 0; n < times; n++) {
          await pause(300 + random.below(1_500));
          await crews.killOne(random);
        }
      };
      await kill(4);
      await redis.command('FLUSHALL');
      await kill(2);
      await here.server.stop('fast');
      await here.server.start();
      await kill(2);
      await redis.kill();
      const away = pause(40_000);
      await kill(3);
      await here.server.stop('immediate');
      await here.server.start();
      await kill(2);
      await away;
      await redis.start();
      await leaveMany(here, redis.redisUrl, 2);
      await kill(1);
      await here.server.stop('fast');
      await pause(60_000);
      await here.server.start();
      await allAnswered(here, crews);
      await expectAnsweredOnce(here, crews);
      await expectDisturbed(here);
      const harmed = await known(here);

      const there = await land(1_200);
      const calm = new Crews(there, redis.redisUrl);
      await leaveMany(there, redis.redisUrl, 7);
      await allAnswered(there, calm);
      expect(harmed).toEqual(await known(there));
    },
  );

  test('the same on Postgres alone', async () => {
    const here = await land(200);
    const crews = new Crews(here, null);
    const random = newRandom('two hosts on Postgres');
    await leaveMany(here, null, 3);
    for (let n = 0; n < 3; n++) {
      await pause(300 + random.below(1_500));
      await crews.killOne(random);
      await here.server.stop(n === 1 ? 'immediate' : 'fast');
      await pause(random.below(4_000));
      await here.server.start();
    }
    await allAnswered(here, crews);
    await expectAnsweredOnce(here, crews);
    const there = await land(200);
    const calm = new Crews(there, null);
    await leaveMany(there, null, 3);
    await allAnswered(there, calm);
    expect(await known(here)).toEqual(await known(there));
  });
});
