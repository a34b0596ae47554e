// `status` and `log`: what Rollcall is doing, what became of what was left to workers, and who decided what.
import { expect, test } from 'vitest';
import { statusOf } from '../../services/status.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { acceptFinding, storeFindings } from '../../services/catalog/findings.ts';
import { readAudit } from '../../services/catalog/audit-log.ts';
import { recordAssessment, recordBundle } from '../../services/catalog/assessments.ts';
import { holdLeases, newHolder } from '../../services/catalog/holders.ts';
import { endTask, leaveTask, takeTask } from '../../services/catalog/tasks.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { claimShard } from '../../services/catalog/shards.ts';
import { heartbeat } from '../../services/catalog/workers.ts';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { scanToBegin } from '../support/begin.ts';
import { databaseForFile } from '../support/postgres.ts';

const { database, db } = await databaseForFile();

test('status tells what runs and who holds it, requests and their outcome, and what is open; log who decided', async () => {
  expect(await statusOf(db.pool, { nowMs: 10, isShared: false })).toEqual({
    running: [],
    workers: [],
    unserved: [],
    tasks: [],
    assessments: [],
    troubles: [],
    watch: null,
    exit: 0,
  });
  const place = { role: 'live', layout: 'tree', host: 'h', path: '/srv', key: 'tree:h:/srv', name: '/srv' } as const;
  const volume = await ensureVolume(db.pool, { ...place, nowMs: 1 });
  const scanId = await inTransaction(db, (client) =>
    beginScan(client, scanToBegin({ volumeId: volume.id, rootId: volume.rootId, seq: 5n, path: '/srv', mode: 'read' })),
  );
  if (scanId === null) throw new Error('nothing else runs');
  expect((await statusOf(db.pool, { nowMs: 10, isShared: false })).running).toMatchObject([
    { scanId, volume: '/srv', shards: { open: 1, held: 0, done: 0 }, heldBy: [] },
  ]);
  const holder = await database.connect();
  await holdLeases(holder, 4711);
  await claimShard(holder, { scanId, host: volume.host }, 4711);
  expect((await statusOf(db.pool, { nowMs: 10, isShared: false })).running).toMatchObject([
    { shards: { open: 0, held: 1, done: 0 }, heldBy: [{ shards: 1 }], filesExpected: null },
  ]);
  await holder.end();

  const asked = { host: 'h', kind: 'scan', reference: { scan: { target: '/b/*' } }, parent: null } as const;
  const [first, second] = [
    await leaveTask(db.pool, { ...asked, nowMs: 1 }),
    await leaveTask(db.pool, { ...asked, nowMs: 2 }),
  ];
  const worker = await database.connect();
  const taker = { holder: await newHolder(worker), host: 'h', kinds: ['scan'], nowMs: 3 };
  const taken = await takeTask(worker, taker);
  expect([taken?.id, (await takeTask(worker, taker))?.id]).toEqual([first, second]);
  const claim = { id: first, fence: taken!.fence, holder: taker.holder };
  const result = { exit: 3, message: 'half', next: 'look', bundle: null };
  expect(await endTask(worker, claim, { state: 'done', result, nowMs: 9 })).toBe(null);
  expect((await statusOf(db.pool, { nowMs: 10, isShared: false })).tasks).toMatchObject([
    { id: second, state: 'at work', about: ['/b/*'], answer: null },
    { id: first, state: 'done', endedMs: 9, answer: { exit: 3, message: 'half' } },
  ]);
  // Whoever had taken it is gone: it waits again.
  await worker.end();
  await expect
    .poll(async () => (await statusOf(db.pool, { nowMs: 10, isShared: false })).tasks[0]?.state, { timeout: 20_000 })
    .toBe('waiting');

  const row = {
    expected: 'e',
    observed: 'o',
    recovery: 'none',
    detail: '{"flags":[]}',
    fromMs: null,
    toMs: null,
  } as const;
  await inTransaction(db, async (client) => {
    const rows = [
      { ...row, path: 'gone', verdict: 'missing' as const },
      { ...row, path: 'bare', verdict: 'unprotected' as const },
    ];
    await storeFindings(client, { volumeId: volume.id, nowMs: 3, rows, unknown: [], seen: [], spent: new Set() });
    const result = JSON.stringify({
      incomplete: ['x'],
      recovery: { exact: { files: 1 }, older: { files: 0 }, none: { files: 2 } },
    });
    const id = await recordAssessment(client, { volumeId: volume.id, liveScan: scanId, scans: [], result, nowMs: 3 });
    await recordBundle(client, id, '/bundle');
  });
  const [last] = (await statusOf(db.pool, { nowMs: 10, isShared: false })).assessments;
  expect(last).toMatchObject({
    volume: '/srv',
    bundle: '/bundle',
    incomplete: ['x'],
    exact: 1,
    none: 2,
    incident: true,
  });
  expect(last?.open).toEqual({ missing: 1, unprotected: 1 });
  await inTransaction(db, (client) =>
    acceptFinding(
      client,
      { volumeId: volume.id, path: 'gone' },
      { reason: 'moved to the archive', actor: 'anna', nowMs: 4 },
    ),
  );
  expect((await statusOf(db.pool, { nowMs: 10, isShared: false })).assessments[0]).toMatchObject({
    incident: false,
    open: { unprotected: 1 },
  });
  expect(await readAudit(db.pool, 10)).toEqual([
    { atMs: 4, actor: 'anna', action: 'accept', subject: '/srv: gone (missing)', reason: 'moved to the archive' },
  ]);
});

test('a host whose worker is gone is told, and a task for it becomes a matter for a person', async () => {
  const at = (nowMs: number) => statusOf(db.pool, { nowMs, isShared: false });
  await db.pool.query('delete from task');
  await db.pool.query('delete from finding');
  await db.pool.query('delete from assessment');
  const session = await database.connect();
  const holder = await newHolder(session);
  const says = { holder, host: 'h', version: '1', pid: 7, slots: 2, doing: [], startedMs: 1 };
  await heartbeat(session, says, Date.now());
  const asked = { host: 'h', kind: 'scan', reference: { scan: { target: '/b/*' } }, parent: null } as const;
  const id = await leaveTask(db.pool, { ...asked, nowMs: 1 });
  expect(await at(1_000_000)).toMatchObject({ workers: [{ host: 'h', isAlive: true }], unserved: [], exit: 0 });

  await session.end();
  await expect.poll(async () => (await at(1_000)).workers[0]?.isAlive, { timeout: 20_000 }).toBe(false);
  expect(await at(1_000)).toMatchObject({ unserved: [{ host: 'h', path: '/srv' }], exit: 0 });
  expect((await at(1_000_000)).exit).toBe(3);

  // Given up, and seen to by the same task that was done since.
  await db.pool.query(`update task set state = 'failed', result = '{"exit": 2, "message": "m"}' where id = $1`, [id]);
  expect(await at(1_000_000)).toMatchObject({ tasks: [{ unattended: true, served: null }], exit: 1 });
  const again = await leaveTask(db.pool, { ...asked, nowMs: 2 });
  await db.pool.query(`update task set state = 'done', result = '{"exit": 0, "message": "m"}' where id = $1`, [again]);
  expect((await at(1_000_000)).exit).toBe(0);
});
