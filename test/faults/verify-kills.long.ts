// kill -9 of a verify: while it reads, while it closes findings, and right before it commits. The next one gives the
// answer of an undisturbed one.
import { spawn } from 'node:child_process';
import type { PoolClient } from 'pg';
import { expect, test } from 'vitest';
import { verifyBundle } from '../../services/bundle/verify.ts';
import { until } from '../support/poll.ts';
import type { VerifyOrder } from './verify-child.ts';
import { program } from '../support/programs.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';

const LOST = 20;
const DAMAGED = 3;

const catalog = await Catalog.forFile();

/** A house whose losses are back, but for one file; the damaged ones wait for their option. */
async function restored(): Promise<{ house: FaultyVolume; bundle: string }> {
  const house = FaultyVolume.open(catalog, 2);
  house.fill(4, 40);
  for (const night of [1, 2]) house.snapshot(night);
  await house.assess(2);
  house.lose(...Array.from({ length: LOST }, (_, file) => `rooms/2/file${file}`));
  for (let file = 0; file < DAMAGED; file++)
    house.rot(`rooms/1/file${file}`, (content) => Buffer.from(content.map((byte) => byte ^ 1)));
  const { bundle } = await house.assess(3, { reread: true });
  if (bundle === null) throw new Error('there is no bundle');
  if (house.restore(bundle.directory, '--apply').code !== 0) throw new Error('restore.sh failed');
  house.lose('rooms/2/file7');
  return { house, bundle: bundle.directory };
}

const backends = async (state: string): Promise<number> => {
  const { rows } = await catalog.db.pool.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where datname = current_database() and application_name = 'verify child' and ${state}`,
  );
  return rows[0]?.count ?? 0;
};

/** Runs one until `holds`, and kills it. */
async function killed(
  order: Omit<VerifyOrder, 'address'>,
  holds: (entriesRead: number) => boolean | Promise<boolean>,
): Promise<void> {
  const address = catalog.address;
  const child = spawn(process.execPath, [program('faults/verify-child'), JSON.stringify({ ...order, address })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let read = 0;
  child.stdout.on('data', (data: Buffer) => (read += data.toString().split('\n').length - 1));
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  try {
    await until('it is where it is to be killed', () => holds(read), 60_000);
  } finally {
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
  }
}

async function locked<T>(table: string, act: () => Promise<T>): Promise<T> {
  const client: PoolClient = await catalog.db.pool.connect();
  try {
    await client.query('begin');
    await client.query(`lock table ${table} in share mode`);
    return await act();
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function known(house: FaultyVolume): Promise<{ findings: unknown[]; audit: number }> {
  const { rows } = await catalog.db.pool.query<{ line: string }>(
    `select concat_ws(' ', f.path, f.verdict, f.state, f.restored_ms is not null, f.closed_ms is not null) as line
       from finding f join volume v on v.id = f.volume where v.key = $1 order by 1`,
    [`tree:here:${house.live}`],
  );
  const audit = await catalog.db.pool.query<{ count: number }>(
    `select count(*)::int as count from audit_log where action = 'restored' and subject like $1`,
    [`${house.base}%`],
  );
  return { findings: rows.map(({ line }) => line), audit: audit.rows[0]?.count ?? 0 };
}

test('a verify that is killed while it reads, writes or is about to commit has closed nothing, and the next one closes each finding once', async () => {
  const { house, bundle } = await restored();
  const before = await known(house);
  expect(before.findings.length).toBe(LOST + DAMAGED);
  const order = { bundle, nowMs: house.nowMs(4) };
  const answer = async (): Promise<unknown> => {
    const { bytesRead, counts, exit, items } = await verifyBundle({
      bundleDir: bundle,
      target: null,
      notGluster: false,
      bricksRescued: false,
      now: () => house.nowMs(4),
    });
    return { bytesRead, counts, exit, items };
  };
  const undisturbed = await answer();
  expect(undisturbed).toMatchObject({
    exit: 1,
    counts: { restored: { files: LOST - 1 }, missing: { files: 1 }, waiting: { files: DAMAGED } },
  });

  await killed(order, (read) => read > 5);
  for (const table of ['finding', 'audit_log'])
    await locked(table, () => killed(order, async () => (await backends(`wait_event_type = 'Lock'`)) > 0));
  await until('Postgres has let go of it', async () => (await backends('true')) === 0);
  expect(await known(house)).toEqual(before);
  expect(await answer()).toEqual(undisturbed);

  const first = await house.verify(bundle, 5);
  expect([first.closed, first.result.counts.restored.files]).toEqual([LOST - 1, LOST - 1]);
  const after = await known(house);
  expect(after.audit).toBe(1);
  expect(after.findings.filter((line) => String(line).includes('resolved')).length).toBe(LOST - 1);
  expect(after.findings.filter((line) => !String(line).includes('resolved'))).toEqual(
    before.findings.filter((line) => /file7 |rooms\/1\//.test(String(line))),
  );
  // Once more says the same, and changes nothing that was closed.
  const closedAt = async (): Promise<unknown[]> =>
    (
      await catalog.db.pool.query(
        'select path, closed_ms from finding f join volume v on v.id = f.volume where v.key = $1 order by 1',
        [`tree:here:${house.live}`],
      )
    ).rows;
  const times = await closedAt();
  expect((await house.verify(bundle, 6)).closed).toBe(0);
  expect(await closedAt()).toEqual(times);
  expect((await known(house)).findings).toEqual(after.findings);
});
