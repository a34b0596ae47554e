// Drives the catalog's SQL with the scans of a trace instead of a file system: what the threads do with a listing, one
// directory after another.
import type { ClientBase } from 'pg';
import { changedInSilence, diffGone, diffPresent, type Ending, type Observed } from '../../services/scan/observe.ts';
import { closeScan } from '../../services/catalog/close.ts';
import { resolveDirectories } from '../../services/catalog/directories.ts';
import { knownRows, nextSeen, seenInGoodStanding, standingKey, type KnownRow } from '../../services/catalog/known.ts';
import { AttributeIds, VERSION_COLUMNS, versionOf } from '../../services/catalog/rows.ts';
import { abortScan } from '../../services/catalog/abort-scan.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { loadScanContext, type ScanContext } from '../../services/catalog/scan-context.ts';
import { claimShard } from '../../services/catalog/shards.ts';
import {
  noCounts,
  writeShard,
  type EndingRow,
  type GapRow,
  type ListingRow,
  type ShardResult,
} from '../../services/catalog/shard-result.ts';
import { NewVersions } from '../../services/catalog/version-copy.ts';
import type { Version } from '../../domain/version.ts';
import type { Role } from '../../domain/scan.ts';
import { scanToBegin } from '../support/begin.ts';
import { nameOf, parentOf, type TraceEntry, type TraceScan } from './traces.ts';

export interface DrivenVolume {
  readonly volumeId: number;
  readonly rootId: number;
}

export interface PlacedVersion extends Version {
  readonly path: string;
}

let volumes = 0;

export async function newVolume(client: ClientBase, role: Role): Promise<DrivenVolume> {
  const label = `volume ${process.pid} ${(volumes += 1)}`;
  const layout = role === 'live' ? 'tree' : 'snapshots';
  const volume = await client.query<{ id: number }>(
    'insert into volume (name, role, layout, key, created_ms) values ($1, $2, $3, $1, 0) returning id',
    [label, role, layout],
  );
  const volumeId = volume.rows[0]!.id;
  const root = await client.query<{ id: number }>(
    `insert into root (volume, host, path) values ($1, 'here', $2) returning id`,
    [volumeId, label],
  );
  return { volumeId, rootId: root.rows[0]!.id };
}

/** Begins, writes and ends one scan. `beforeEnd` runs when all is written and nothing is closed yet. */
export async function drive(
  client: ClientBase,
  volume: DrivenVolume,
  scan: TraceScan,
  beforeEnd: () => Promise<void> = async () => undefined,
): Promise<void> {
  const asOfMs = Number(scan.seq);
  const scope = { excludes: scan.excluded, crossMounts: false };
  const begun = scanToBegin({
    ...volume,
    seq: scan.seq,
    path: '/volume',
    snapshot: `s${scan.seq}`,
    mode: scan.mode,
    scope,
  });
  const scanId = await beginScan(client, begun);
  if (scanId === null) throw new Error('the volume has a running scan');
  const context = await loadScanContext(client, scanId, volume);
  const shard = await claimShard(client, { scanId, host: 'here' }, 1);
  if (shard === null) throw new Error('the root’s shard could not be claimed');
  const result = await observe(client, context, scan);
  await writeShard(client, context, shard, result, { last: true, nowMs: asOfMs });
  await beforeEnd();
  if (scan.state === 'aborted') {
    await client.query('begin');
    await abortScan(client, scanId, { reason: 'given up', keepDigests: false, nowMs: asOfMs });
    await client.query('commit');
    return;
  }
  await closeScan(client, context, { nowMs: asOfMs, identity: null, relistOf: null });
  await client.query('update scan set pruned = $2 where id = $1', [scanId, scan.pruned]);
}

interface Collected {
  readonly versions: NewVersions;
  readonly endings: EndingRow[];
  readonly gaps: GapRow[];
  readonly listings: ListingRow[];
  readonly counts: ReturnType<typeof noCounts>;
}

async function observe(client: ClientBase, context: ScanContext, scan: TraceScan): Promise<ShardResult> {
  const to: Collected = {
    versions: new NewVersions(context.rootId, new AttributeIds()),
    endings: [],
    gaps: [],
    listings: [],
    counts: noCounts(),
  };
  const ids = await directoryIds(client, scan);
  for (const gap of scan.gaps) {
    const directory = ids.get(gap.directory);
    if (directory === undefined) throw new Error(`a gap in ${gap.directory}, which was not met`);
    to.gaps.push({ directory, name: gap.name, status: 'denied', errno: 'EACCES', detail: null });
  }
  for (const [path, id] of ids) {
    if (scan.gaps.some((gap) => gap.directory === path && gap.name === '')) continue;
    await observeDirectory(client, context, scan, path, id, to);
  }
  return { ...to, children: [], replaces: [], forgets: [], unsettles: [] };
}

/** Path → id of every directory that the scan met, parents first. */
async function directoryIds(client: ClientBase, scan: TraceScan): Promise<Map<string, number>> {
  const ids = new Map([['', 0]]);
  for (const [path, entry] of scan.tree) {
    if (entry.metadata.kind !== 'directory') continue;
    const [id] = await resolveDirectories(client, [{ parent: ids.get(parentOf(path))!, name: nameOf(path), path }]);
    ids.set(path, id!);
  }
  return ids;
}

async function observeDirectory(
  client: ClientBase,
  context: ScanContext,
  scan: TraceScan,
  path: string,
  directory: number,
  to: Collected,
): Promise<void> {
  const known = (await knownRows(client, context, [directory], null)).get(directory) ?? new Map<string, KnownRow>();
  const entries = new Map([...scan.tree].filter(([child]) => parentOf(child) === path).map(([p, e]) => [nameOf(p), e]));
  const names = [...new Set([...known.keys(), ...entries.keys()])];
  const next = context.laterGaps ? await nextSeen(client, context, directory, names) : null;
  const hidden = new Set(scan.gaps.filter((gap) => gap.directory === path).map((gap) => gap.name));
  const excluded = new Set(scan.excluded.filter((top) => parentOf(top) === path).map(nameOf));
  const point = { directory, seq: context.seq, role: context.role, reread: context.mode === 'reread' };
  const { counts } = to;
  for (const name of names) {
    const row = known.get(name) ?? { now: undefined, after: undefined, own: undefined, gap: false };
    const entry = entries.get(name);
    const nextSeq = next === null ? context.next : (next.get(name) ?? null);
    if (row.now !== undefined) counts.known += 1;
    if (entry !== undefined) {
      counts.visited += 1;
      if (row.now === undefined) counts.found += 1;
      else counts.seen += 1;
      const seen = observed(name, entry, context);
      const suspect =
        row.now !== undefined &&
        changedInSilence(row.now, seen, point.seq) &&
        !(await stoodWell(client, directory, seen));
      const tops = nextSeq === null ? [] : (context.laterExcludes.get(nextSeq)?.excludes ?? []);
      const child = path === '' ? name : `${path}/${name}`;
      const leftOut = tops.some((top) => child === top || child.startsWith(`${top}/`));
      const diff = diffPresent(point, row, seen, nextSeq, leftOut ? 'excluded' : 'vanished', suspect);
      if (diff.insert !== null) to.versions.add(diff.insert);
      to.endings.push(...diff.endings.map((ending) => endingRow(directory, ending)));
    } else if (row.now !== undefined && hidden.has(name)) {
      counts.unknown += 1;
    } else if (row.now !== undefined) {
      const reason = excluded.has(name) ? 'excluded' : 'vanished';
      counts[reason] += 1;
      to.endings.push(...diffGone(name, row.now, reason, nextSeq).map((ending) => endingRow(directory, ending)));
    }
  }
  to.listings.push({
    directory,
    statDigest: context.seq,
    linkDigest: null,
    contentDigest: null,
    count: entries.size,
    files: 0,
    bytes: 0,
    racy: false,
    dirInode: 1n,
    dirMtimeNs: scan.tree.get(path)?.metadata.mtimeNs ?? 1n,
    dirCtimeNs: 1n,
  });
}

async function stoodWell(client: ClientBase, directory: number, seen: Observed): Promise<boolean> {
  if (seen.digest === null) return false;
  const standing = await seenInGoodStanding(client, [{ directory, name: seen.name, digest: seen.digest }]);
  return standing.has(standingKey(directory, seen.name, seen.digest));
}

/** Of a made-up content: any offset that tells contents apart does. */
export function looksOf(digest: bigint): number {
  return Number(digest % 1_000_003n);
}

function observed(name: string, entry: TraceEntry, context: ScanContext): Observed {
  const digest = context.mode === 'list' ? null : entry.content;
  return {
    ...entry.metadata,
    name,
    digest,
    zeroFrom: digest === null ? null : looksOf(digest),
    readNow: digest !== null,
    inode: entry.inode,
    ctimeNs: entry.ctimeNs,
    btimeNs: 0n,
    nlink: entry.nlink,
    racy: false,
  };
}

function endingRow(directory: number, ending: Ending): EndingRow {
  return {
    directory,
    name: ending.name,
    firstSeq: ending.firstSeq,
    kind: ending.kind,
    reason: 'reason' in ending ? ending.reason : null,
    resumeSeq: 'resumeSeq' in ending ? ending.resumeSeq : null,
    proof: ending.kind === 'proof' ? ending : null,
  };
}

/**
 * Every version of the volume, by path (code units) and firstSeq, read past manifest(): what the catalog holds, not
 * what a reader sees.
 */
export async function allVersions(client: ClientBase, volume: DrivenVolume): Promise<PlacedVersion[]> {
  return placed(client, 'version', volume, []);
}

/** What a reader of the complete scan at seq sees; 'gap' where something would hold but could not be read. */
export async function manifestAt(
  client: ClientBase,
  volume: DrivenVolume,
  seq: bigint,
): Promise<Map<string, PlacedVersion | 'gap'>> {
  const rows = await placed(client, 'manifest($1, $2)', volume, [seq]);
  const found = new Map<string, PlacedVersion | 'gap'>();
  const hidden = await client.query<{ path: string; name: string }>(
    `select d.path, v.name from manifest($1, $2) v join directory d on d.id = v.directory
      where hidden((select id from scan where volume = $3 and seq = $2 and state = 'complete'), v.directory, v.name)`,
    [volume.rootId, seq, volume.volumeId],
  );
  for (const row of rows) found.set(row.path, row);
  for (const row of hidden.rows) found.set(row.path === '' ? row.name : `${row.path}/${row.name}`, 'gap');
  return found;
}

async function placed(
  client: ClientBase,
  from: 'version' | 'manifest($1, $2)',
  volume: DrivenVolume,
  more: readonly unknown[],
): Promise<PlacedVersion[]> {
  const found = await client.query({
    rowMode: 'array',
    text: `select d.path, v.name, ${VERSION_COLUMNS} from ${from} v
             join directory d on d.id = v.directory where v.root = $1`,
    values: [volume.rootId, ...more],
  });
  const rows = (found.rows as unknown as readonly (readonly unknown[])[]).map((row) => {
    const [directory, name] = [row[0] as string, row[1] as string];
    return { path: directory === '' ? name : `${directory}/${name}`, ...versionOf(row, 2) };
  });
  return rows.sort((a, b) => (a.path === b.path ? Number(a.firstSeq - b.firstSeq) : a.path < b.path ? -1 : 1));
}
