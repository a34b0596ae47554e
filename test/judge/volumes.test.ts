// What a person decides about a whole volume: that it is to be forgotten, or that it is on another file system now.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forget } from '../../services/forget.ts';
import { rebase, type Rebase } from '../../services/rebase.ts';
import { readAudit } from '../../services/catalog/audit-log.ts';
import { connect, inTransaction } from '../../services/catalog/database.ts';
import { listFindings } from '../../services/catalog/findings.ts';
import { holdLeases } from '../../services/catalog/holders.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { claimShard } from '../../services/catalog/shards.ts';
import { findVolume, listVolumes } from '../../services/catalog/volumes.ts';
import { scanToBegin } from '../support/begin.ts';
import { refusal } from '../support/refusal.ts';
import { verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

/** Twelve files in three directories, a copy of them, and one loss that was found. */
async function lossy(own: string): Promise<Volume> {
  const world = Volume.open(catalog, 20, 'by day');
  for (let i = 0; i < 12; i++) world.write(`shared${i % 2}/${own}/f${i}`, `content of file ${i}`);
  world.snapshot(18);
  await world.judged();
  world.lose(`shared0/${own}/f0`);
  expect(verdicts(await world.judged())).toEqual({ [`shared0/${own}/f0`]: 'missing' });
  return world;
}

const forgotten = (volume: string, nowMs = Date.now()) =>
  forget(catalog.db, { volume, reason: 'scanned by mistake', actor: 'jo', host: 'here', nowMs });

/** Rows of each table that any volume has, and the paths in the dictionary. */
async function rows(): Promise<unknown> {
  const { rows: counted } = await catalog.db.pool.query(
    `select (select count(*)::int from version) as versions, (select count(*)::int from listing) as listings, (select count(*)::int from scan) as scans,
            (select count(*)::int from root) as roots, (select count(*)::int from finding) as findings, (select count(*)::int from assessment) as assessments,
            (select array_agg(path order by path) from directory) as directories`,
  );
  return counted[0];
}

test('a volume that is forgotten leaves nothing behind but an entry of the log; others are as they were, and its path can be scanned anew', async () => {
  const kept = await lossy('kept');
  const before = await rows();
  const world = await lossy('gone');
  const { volume, known } = await forgotten(world.live);
  expect(volume.name).toBe(world.live);
  expect(known).toMatchObject({ scans: 2, findings: 1, openFindings: 1, assessments: 2, lists: 0 });
  await forgotten(join(world.base, 'backup', '*'));
  expect(await rows()).toEqual(before);
  expect(await readAudit(catalog.db.pool, 2)).toMatchObject([
    { action: 'forget', actor: 'jo', reason: 'scanned by mistake', subject: expect.stringContaining('backup') },
    {
      action: 'forget',
      subject: expect.stringMatching(/live \(2 scans, .* file versions, 1 finding \(1 open\), 2 assessments\)$/),
    },
  ]);
  expect(await findVolume(catalog.db.pool, world.live)).toBeNull();
  expect((await refusal(forgotten(world.live))).message).toContain('no volume');

  // What it lost is not remembered: live is what it is, and the backup has one file more.
  const scanned = await world.scan([]);
  expect(scanned.volume.id).toBeGreaterThan(volume.id);
  expect(verdicts(await world.judge(scanned))).toEqual({});
  // The other one still knows its loss.
  expect(verdicts(await kept.judged())).toEqual({ 'shared0/kept/f0': 'missing' });
});

test('forgetting a backup leaves the findings of the live volume open', async () => {
  const world = await lossy('alone');
  const { volume } = await world.scan([]);
  await forgotten(join(world.base, 'backup', '*'));
  rmSync(join(world.base, 'backup'), { recursive: true });
  await world.judged({ series: [] });
  expect(await listFindings(catalog.db.pool, { volumeId: volume.id })).toMatchObject([{ path: 'shared0/alone/f0' }]);
});

test('a volume is forgotten with a reason only, and never while somebody scans it; a scan that was killed is no obstacle', async () => {
  const world = await lossy('busy');
  const { db } = catalog;
  const request = { volume: world.live, actor: 'jo', host: 'here', nowMs: Date.now() };
  expect((await refusal(forget(db, { ...request, reason: ' ' }))).next).toContain('--reason');
  const volume = await findVolume(db.pool, world.live);
  if (volume === null) throw new Error('it was scanned');
  const seq = BigInt(Date.now() + 1_000);
  const scanId = await inTransaction(db, (client) =>
    beginScan(client, scanToBegin({ volumeId: volume.id, rootId: volume.rootId, seq, path: world.live, mode: 'read' })),
  );
  if (scanId === null) throw new Error('nothing else runs');
  const later = Date.now() + 3_600_000;
  const holder = await connect(catalog.address);
  await holdLeases(holder, 4711);
  await claimShard(holder, { scanId, host: volume.host }, 4711);
  // Somebody holds a shard; somebody has just begun; somebody closes it.
  expect(await refusal(forgotten(world.live, later))).toMatchObject({
    exit: 4,
    message: expect.stringContaining('is running'),
  });
  await holder.query('begin');
  await holder.query(`update shard set state = 'open', holder = null where scan = $1`, [scanId]);
  await holder.query('commit');
  expect(await refusal(forgotten(world.live, Date.now()))).toMatchObject({ exit: 4 });
  await holder.query('begin');
  await holder.query('select from scan where id = $1 for update', [scanId]);
  expect(await refusal(forgotten(world.live, later))).toMatchObject({ exit: 4 });
  await holder.query('rollback');
  await holder.end();
  expect(await listFindings(db.pool, { volumeId: volume.id })).toHaveLength(1);
  expect((await forgotten(world.live, later)).known).toMatchObject({ scans: 2 });
  expect((await listVolumes(db.pool)).map(({ name }) => name)).not.toContain(world.live);
});

test('rebase looks at the tree: what is empty or foreign is refused, and what is accepted is said', async () => {
  const world = Volume.open(catalog, 20, 'by day');
  for (const name of ['letters', 'photos', 'music']) world.write(`${name}/one`, name);
  await world.scan([]);
  const moved = join(world.base, 'old disk');
  renameSync(world.live, moved);
  const request: Rebase = {
    volume: world.live,
    reason: 'a new disk',
    actor: 'jo',
    host: 'here',
    nowMs: Date.now(),
    newState: false,
    notGluster: false,
    bricksRescued: false,
  };
  const rebased = (options: Partial<Rebase> = {}) => rebase(catalog.db, { ...request, ...options });
  expect(await refusal(rebased())).toMatchObject({ exit: 2, message: expect.stringContaining('does not exist') });
  mkdirSync(join(world.live, 'lost+found'), { recursive: true });
  expect(await refusal(rebased())).toMatchObject({ exit: 4, message: expect.stringContaining('is empty') });
  writeFileSync(join(world.live, 'another'), 'tree');
  expect(await refusal(rebased())).toMatchObject({
    exit: 4,
    message: expect.stringContaining(
      'of the 3 names that are known at its top (letters, music, photos), none is there',
    ),
    next: expect.stringContaining('--new-state'),
  });
  expect((await readAudit(catalog.db.pool, 1))[0]?.action).not.toBe('rebase');
  expect((await rebased({ newState: true })).seen).toMatchObject({ names: 2, known: 3, found: 0 });
  mkdirSync(join(world.live, 'letters'));
  expect((await rebased()).seen).toEqual({ names: 3, known: 3, found: 1, missing: ['music', 'photos'] });
  expect(await readAudit(catalog.db.pool, 1)).toMatchObject([{ action: 'rebase', reason: 'a new disk' }]);
  expect((await refusal(rebased({ host: 'elsewhere' }))).message).toContain('is on the host here');
});
