// Unchanged directories are skipped by the digest of their newest listing. A listing must never outlive what the
// catalog holds of its directory.
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeScan } from '../../services/catalog/close.ts';
import { AttributeIds } from '../../services/catalog/rows.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { loadScanContext } from '../../services/catalog/scan-context.ts';
import { claimShard } from '../../services/catalog/shards.ts';
import { writeShard } from '../../services/catalog/shard-result.ts';
import { Columns } from '../../services/files/columns.ts';
import { createHasher } from '../../services/files/hash.ts';
import { LinkDigests } from '../../services/scan/link-digests.ts';
import { Whereabouts } from '../../services/scan/whereabouts.ts';
import { runListShard } from '../../services/scan/list-shard.ts';
import { openEnvironment } from '../../services/scan/open-environment.ts';
import { ProgressCounters } from '../../services/scan/progress.ts';
import { scanToBegin } from '../support/begin.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';
import { allVersions, newVolume, type DrivenVolume } from './drive.ts';

let database: TestDatabase | undefined;
let client: Client;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rollcall-listings-'));
  database = await testDatabase();
  client = await database.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.close();
  await rm(directory, { recursive: true, force: true });
});

/** A snapshot with d/f of the given content, all times long past; null for one without d. */
async function snapshot(name: string, content: string | null): Promise<string> {
  const root = join(directory, name);
  await mkdir(root);
  await writeFile(join(root, 'top'), 'top');
  await utimes(join(root, 'top'), 1_000, 1_000);
  if (content !== null) {
    await mkdir(join(root, 'd'));
    await writeFile(join(root, 'd', 'f'), content);
    await utimes(join(root, 'd', 'f'), 2_000 + content.length, 2_000 + content.length);
    await utimes(join(root, 'd'), 3_000, 3_000);
  }
  await utimes(root, 4_000, 4_000);
  return root;
}

/**
 * Scans one snapshot in this thread. Directories in `closed` cannot be looked into (they are taken for mounts that are
 * not entered).
 */
async function scan(volume: DrivenVolume, seq: bigint, path: string, closed: readonly string[] = []): Promise<void> {
  const scanId = await beginScan(client, scanToBegin({ ...volume, seq, path, snapshot: String(seq), mode: 'list' }));
  if (scanId === null) throw new Error('a scan is running');
  const context = await loadScanContext(client, scanId, volume);
  const attributes = new AttributeIds();
  const parts = {
    client,
    attributes,
    context,
    hasher: await createHasher(),
    columns: new Columns(),
    links: new LinkDigests(),
    nowMs: Date.now,
  };
  const thread = { progress: new ProgressCounters(), whereabouts: new Whereabouts(), budget: null, hung: [] };
  const opened = openEnvironment({ ...parts, ...thread });
  if ('quarantine' in opened) throw new Error(opened.quarantine);
  const environment = { ...opened.environment, mountPoints: new Set(closed) };
  for (;;) {
    const shard = await claimShard(client, { scanId, host: 'here' }, 1);
    if (shard === null) break;
    const result = await runListShard(environment, shard, false);
    await writeShard(client, context, shard, result, { last: true, nowMs: Number(seq) });
  }
  opened.environment.close();
  await closeScan(client, context, { nowMs: Number(seq), identity: null, relistOf: null });
}

async function intervals(volume: DrivenVolume, path: string): Promise<string[]> {
  const versions = await allVersions(client, volume);
  return versions.filter((v) => v.path === path).map((v) => `[${v.firstSeq}, ${v.endSeq ?? '∞'}) ${v.size}`);
}

// btrfs snapshots before a change and after a rollback hold the same inodes with the same times; here the same
// directory stands for both.
test('a directory that changed in a late snapshot, behind a gap, is not taken for unchanged after a rollback', async () => {
  const volume = await newVolume(client, 'backup');
  const [old, changed] = [await snapshot('old', 'old'), await snapshot('changed', 'changed')];
  await scan(volume, 1n, old);
  await scan(volume, 5n, old, ['d']);
  await scan(volume, 3n, changed);
  expect(await intervals(volume, 'd/f')).toEqual(['[1, 3) 3', '[3, ∞) 7']);
  await scan(volume, 9n, old);
  expect(await intervals(volume, 'd/f')).toEqual(['[1, 3) 3', '[3, 9) 7', '[9, ∞) 3']);
});

test('a directory that was gone in a late snapshot, behind a gap, is found again after a rollback', async () => {
  const volume = await newVolume(client, 'backup');
  const [old, gone] = [await snapshot('old2', 'old'), await snapshot('gone', null)];
  await scan(volume, 1n, old);
  await scan(volume, 5n, old, ['', 'd']);
  await scan(volume, 3n, gone);
  await scan(volume, 9n, old);
  expect(await intervals(volume, 'd/f')).toEqual(['[1, 3) 3', '[9, ∞) 3']);
});

test('an unchanged snapshot writes nothing, whatever came late between', async () => {
  const volume = await newVolume(client, 'backup');
  const [old, changed] = [await snapshot('old3', 'old'), await snapshot('changed3', 'changed')];
  await scan(volume, 1n, old);
  await scan(volume, 9n, old);
  await scan(volume, 5n, changed);
  await scan(volume, 12n, old);
  expect(await intervals(volume, 'd/f')).toEqual(['[1, 5) 3', '[5, 9) 7', '[9, ∞) 3']);
});
