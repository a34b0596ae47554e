// Scans that are interrupted, killed, doubled, stopped, cut off from the catalog, or cannot be done in part, seen from
// inside. The command line under the same treatment, its database too: test/faults/violence-points.long.ts.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { RollcallError } from '../../domain/exit.ts';
import { connect } from '../../services/catalog/database.ts';
import { loadScanContext } from '../../services/catalog/scan-context.ts';
import { giveUpScan } from '../../services/catalog/abort-scan.ts';
import { beginScan, scanState } from '../../services/catalog/scans.ts';
import { finishScan } from '../../services/scan/finish.ts';
import { LEASES } from '../../services/scan/limits.ts';
import type { Leases } from '../../services/scan/limits.ts';
import { treeVolume } from '../../services/scan/scan-tree.ts';
import { identifyRoot } from '../../services/files/identity.ts';
import { until } from '../support/poll.ts';
import { noCounts } from '../../services/catalog/shard-result.ts';
import { program } from '../support/programs.ts';
import { HOST, Catalog } from '../support/catalog.ts';
import { remove, truthOf, write } from '../support/tree.ts';

/** Processes are started: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 300_000 });

const catalog = await Catalog.forFile(2);
const children: ChildProcess[] = [];

// Before the catalog closes: what is registered last comes first.
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

interface Scanner {
  readonly child: ChildProcess;
  /** Exit code, or null after a signal. */
  readonly ended: Promise<number | null>;
  readonly said: () => string;
}

function scanner(path: string, leases: Leases = LEASES): Scanner {
  const order = JSON.stringify({ address: catalog.address, path, threads: 1, leases });
  const child = spawn(process.execPath, [program('scan/child'), order], { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  child.stdout.on('data', (data) => (said += String(data)));
  child.stderr.on('data', (data) => (said += String(data)));
  return { child, said: () => said, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
}

/** A tree with enough directories that its scan has many shards. */
function wideTree(): string {
  const tree = catalog.directory();
  for (let d = 0; d < 60; d++) {
    const files: Record<string, string> = {};
    for (let f = 0; f < 25; f++) files[`d${d}/e${f % 3}/f${f}`] = `content ${d} ${f}`.repeat(20);
    write(tree, files);
  }
  return tree;
}

async function shardsDone(tree: string): Promise<number> {
  const [row] = await catalog.rows(
    `select count(*)::int as n from shard h join scan s on s.id = h.scan join scan_root p on p.scan = s.id where p.path = $1 and h.state = 'done' and s.state = 'running'`,
    tree,
  );
  return Number(row?.['n']);
}

async function isRunning(tree: string): Promise<boolean> {
  return (
    (await catalog.rows(`select from scan join scan_root on scan = id where path = $1 and state = 'running'`, tree))
      .length > 0
  );
}

test('a scan whose process is killed is continued by another, and the catalog is as if nothing had happened', async () => {
  const tree = wideTree();
  await catalog.scan(tree);
  for (let d = 0; d < 60; d += 2) write(tree, { [`d${d}/e1/f1`]: `changed ${d}`, [`d${d}/new/x`]: 'x' });
  remove(join(tree, 'd1'), join(tree, 'd3/e0'));
  for (const shards of [0, 2, 5]) {
    const one = scanner(tree);
    // It may be done before that is seen: then there is nothing to kill.
    await until(
      'the child has done some shards',
      async () => one.child.exitCode !== null || ((await isRunning(tree)) && (await shardsDone(tree)) >= shards),
      120_000,
    );
    one.child.kill('SIGKILL');
    await one.ended;
  }
  const totals = await catalog.scan(tree);
  expect(totals.known).toBe(
    totals.seen + totals.vanished + totals.unknown + totals.excluded + totals.belowGone + totals.belowUnknown,
  );
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(await catalog.gaps(tree)).toEqual([]);
  const doubled = await catalog.rows(
    `select directory, name, first_seq from version v join root r on r.id = v.root where r.path = $1 group by 1, 2, 3 having count(*) > 1`,
    tree,
  );
  expect(doubled).toEqual([]);
});

test('two processes share one scan, and both return', async () => {
  const tree = wideTree();
  const [one, two] = [scanner(tree), scanner(tree)];
  expect([await one.ended, await two.ended], one.said() + two.said()).toEqual([0, 0]);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  const complete = (await catalog.scans(tree)).filter((scan) => scan.state === 'complete');
  expect(complete.length).toBeGreaterThanOrEqual(1);
  expect(complete.length).toBeLessThanOrEqual(2);
  expect(await isRunning(tree)).toBe(false);
});

test.each(['while it reads', 'in the middle of a write'])(
  'a process that is stopped %s for longer than its lease costs its shards only, and ends well when it goes on',
  async (when) => {
    const tree = wideTree();
    const leases: Leases = { leaseMs: 1_000, renewEveryMs: 200, stallMs: 120_000 };
    const stopped = scanner(tree, leases);
    await until('a shard is done', async () => (await isRunning(tree)) && (await shardsDone(tree)) > 0, 60_000);
    const client = await catalog.db.pool.connect();
    try {
      await client.query('begin');
      if (when !== 'while it reads') {
        await client.query('lock table packed_version in share mode');
        await until(
          'it waits for the lock',
          async () => (await catalog.rows('select from pg_locks where not granted')).length > 0,
        );
      }
      stopped.child.kill('SIGSTOP');
    } finally {
      await client.query('rollback');
      client.release();
    }
    const other = scanner(tree, leases);
    expect(await other.ended, other.said()).toBe(0);
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
    stopped.child.kill('SIGCONT');
    expect(await stopped.ended, stopped.said()).toBe(0);
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
    expect(await catalog.gaps(tree)).toEqual([]);
    expect(await isRunning(tree)).toBe(false);
  },
);

test('Ctrl-C ends with 130 within a moment, and the next run continues', async () => {
  const tree = wideTree();
  const interrupt = new AbortController();
  const running = catalog.scan(tree, {}, { signal: interrupt.signal });
  await until('a shard is done', async () => (await shardsDone(tree)) > 0);
  interrupt.abort();
  const error = await running.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RollcallError);
  expect(error).toMatchObject({ exit: 130 });
  expect(await isRunning(tree)).toBe(true);
  // Interrupting blames no shard, however often it is done.
  expect(
    await catalog.rows(
      `select from shard h join scan s on s.id = h.scan join scan_root p on p.scan = s.id where p.path = $1 and h.state <> 'done' and h.attempts > 0`,
      tree,
    ),
  ).toEqual([]);
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(await catalog.scans(tree)).toHaveLength(1);
});

test('every connection to the catalog is cut in the middle of a scan, and the scan completes', async () => {
  const tree = wideTree();
  const running = catalog.scan(tree);
  const outcome = running.then(
    () => 'complete',
    (error: unknown) => error,
  );
  await until('a shard is done', async () => (await shardsDone(tree)) > 0);
  const cut = await catalog.rows(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name in ('rollcall drain', 'rollcall thread')`,
  );
  expect(cut.length).toBeGreaterThan(0);
  expect(await outcome).toBe('complete');
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(await catalog.gaps(tree)).toEqual([]);
});

test('where it is known why the connections broke, and that waiting does not help, the scan stops with that, and is continued', async () => {
  const tree = wideTree();
  const full = new RollcallError('the database stopped: No space left on device', { next: 'free space' });
  const running = catalog.scan(tree, {}, { db: { ...catalog.db, trouble: () => Promise.resolve(full) } });
  const outcome = running.catch((error: unknown) => error);
  await until('a shard is done', async () => (await shardsDone(tree)) > 0);
  await catalog.rows(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name in ('rollcall drain', 'rollcall thread')`,
  );
  expect(await outcome).toBe(full);
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(await catalog.scans(tree)).toHaveLength(1);
});

test('a database that refuses to write stops the scan with advice, and leaves no gap behind', async () => {
  const tree = wideTree();
  await catalog.rows(
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no space left' using errcode = '53100'; end $$`,
  );
  await catalog.rows(
    `create trigger refuse before insert on packed_version for each statement execute function refuse()`,
  );
  const error = await catalog.scan(tree).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  await catalog.rows('drop trigger refuse on packed_version');
  expect(error).toBeInstanceOf(RollcallError);
  expect(error).toMatchObject({ exit: 2, message: expect.stringContaining('the disk of the database is full') });
  await catalog.scan(tree);
  expect(await catalog.gaps(tree)).toEqual([]);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

async function begin(tree: string): Promise<bigint> {
  const volume = await treeVolume(catalog.tools(), tree);
  const client = await catalog.db.pool.connect();
  try {
    const scanId = await beginScan(client, {
      volumeId: volume.id,
      roots: [{ rootId: volume.rootId, path: tree, identity: identifyRoot(tree) }],
      seq: BigInt(Date.now()),
      snapshot: null,
      asOf: { fromMs: 0, toMs: 0, source: 'scan' },
      readOnly: false,
      mode: 'read',
      scope: { excludes: [], crossMounts: false },
      startedMs: Date.now(),
      exportedMs: null,
      relistOf: null,
      newState: false,
    });
    if (scanId === null) throw new Error('a scan was running');
    return scanId;
  } finally {
    client.release();
  }
}

test('a directory that fails whoever tries becomes a gap, everything beside it is scanned, and nothing below it ends', async () => {
  const tree = catalog.directory();
  write(tree, { 'good/f': 'f', 'bad/g': 'g', 'bad/deep/h': 'h', 'also/i': 'i' });
  await catalog.scan(tree);
  const before = await catalog.told(tree);
  const scanId = await begin(tree);
  const ids = new Map(
    (await catalog.rows(`select name, id from directory where parent = 0 and name in ('good', 'bad', 'also')`)).map(
      (row) => [row['name'], row['id']],
    ),
  );
  // A path that nothing can open: not a finding, but a fault in the thread.
  const directories = [...ids].map(([name, id]) => ({
    id,
    path: name === 'bad' ? '../bad' : name,
    inode: null,
    device: null,
  }));
  await catalog.rows(
    `insert into shard (scan, root, kind, work, state) select scan, root, 'list', $2, 'open' from scan_root where scan = $1`,
    scanId,
    JSON.stringify({ directories, generation: 0 }),
  );
  // The root's own shard is done already, its entries seen.
  const counts = { ...noCounts(), seen: 3, visited: 3 };
  await catalog.rows(
    `update shard set state = 'done', counts = $2 where scan = $1 and work -> 'directories' -> 0 ->> 'path' = '' `,
    scanId,
    JSON.stringify(counts),
  );
  const notices = catalog.notices.length;
  expect(await catalog.scan(tree)).toMatchObject({ belowUnknown: 3, vanished: 0, gaps: 1 });
  expect(await catalog.gaps(tree)).toEqual(['bad/ failed']);
  expect(await catalog.told(tree)).toEqual(before);
  expect(catalog.notices.slice(notices).join('\n')).toContain('..');
  expect(await catalog.scan(tree)).toMatchObject({ belowUnknown: 0, gaps: 0 });
});

test('sums that do not add up stop the run once: the next one begins anew', async () => {
  const tree = catalog.directory();
  write(tree, { 'a/f': 'f' });
  await catalog.scan(tree);
  const scanId = await begin(tree);
  await catalog.rows(`update shard set state = 'done', counts = '{"seen": 7, "visited": 7}' where scan = $1`, scanId);
  await catalog.rows(`update scan set open_shards = 0 where id = $1`, scanId);
  await expect(catalog.scan(tree)).rejects.toThrow('do not add up');
  expect(await catalog.scan(tree)).toMatchObject({ seen: 2, vanished: 0 });
});

test('a scan that another process aborts while this one ends it is told as aborted, not as complete', async () => {
  const tree = catalog.directory();
  write(tree, { f: 'f' });
  await catalog.scan(tree);
  const scanId = await begin(tree);
  await catalog.rows(`update scan set open_shards = 0 where id = $1`, scanId);
  const client = await connect(catalog.address);
  try {
    const [context, state] = [await loadScanContext(client, scanId, { host: HOST }), await scanState(client, scanId)];
    await giveUpScan(catalog.db, scanId, { reason: 'because', nowMs: Date.now() });
    const finish = { db: catalog.db, client, context, nowMs: Date.now };
    expect(await finishScan(finish, state)).toEqual({ outcome: 'aborted', reason: 'because' });
  } finally {
    await client.end();
  }
});

test('a scan whose last shard was done a moment ago is ended, not aborted, by a run with other options', async () => {
  const tree = catalog.directory();
  write(tree, { f: 'f' });
  await catalog.scan(tree);
  const scanId = await begin(tree);
  const counts = { ...noCounts(), seen: 1, visited: 1 };
  await catalog.rows(`update shard set state = 'done', counts = $2 where scan = $1`, scanId, JSON.stringify(counts));
  await catalog.rows(`update scan set open_shards = 0 where id = $1`, scanId);
  await catalog.scan(tree, { scope: { excludes: ['*.tmp'], crossMounts: false } });
  expect((await catalog.scans(tree)).map(({ state }) => state)).toEqual(['complete', 'complete', 'complete']);
});

test('a scan that was left with other excludes is not taken for the one that is wanted', async () => {
  const tree = wideTree();
  const interrupt = new AbortController();
  const running = catalog.scan(tree, {}, { signal: interrupt.signal });
  const rejected = expect(running).rejects.toMatchObject({ exit: 130 });
  await until('a shard is done', async () => (await shardsDone(tree)) > 0);
  interrupt.abort();
  await rejected;
  await catalog.scan(tree, { scope: { excludes: ['/d7/'], crossMounts: false } });
  const told = await catalog.told(tree);
  expect(Object.keys(told).filter((path) => path.startsWith('d7/') || path === 'd7')).toEqual([]);
  expect(told).toHaveProperty('d6/e0/f0');
});
