// An export of another host, written into the catalog: its scans, versions, gaps and listings replace what an earlier
// export of the series brought.
import type { ClientBase } from 'pg';
import { joinPath } from '../../domain/path.ts';
import type { GapStatus } from '../../domain/scan.ts';
import type { EndReason, Metadata, Proof } from '../../domain/version.ts';
import { resolveDirectories } from './directories.ts';
import type { ExportedScan } from './export.ts';
import { AttributeIds, SUMMARIZE } from './rows.ts';
import { type Queryable, recordRoots } from './scans.ts';
import { VersionCopy } from './version-copy.ts';
import { versionsChanged } from './version-sums.ts';
import type { Volume } from './volumes.ts';

/** Recorded as the identity of an imported root: which file it came from. */
export interface ImportMark {
  readonly sha256: string;
  readonly exportedMs: number;
}

export interface ImportedVersion extends Metadata, Proof {
  /** Printable path of the directory below the root. */
  readonly directory: string;
  readonly name: string;
  readonly firstSeq: bigint;
  readonly endSeq: bigint | null;
  readonly endReason: EndReason | null;
}

export interface ImportedGap {
  readonly seq: bigint;
  readonly directory: string;
  readonly name: string;
  readonly status: GapStatus;
  readonly errno: string | null;
  readonly detail: string | null;
}

/** What a directory holds at the newest scan: judging skips whole directories by it. */
export interface ImportedListing {
  readonly directory: string;
  readonly count: number;
  readonly files: number;
  readonly bytes: number;
  /** Signed; null when a file of it is unread. */
  readonly contentDigest: bigint | null;
}

/**
 * Waits for another import of the same volume, and says which export the volume holds; null for none. Must run in a
 * transaction.
 */
export async function lockImported(client: Queryable, volume: Volume): Promise<ImportMark | null> {
  await client.query('select from volume where id = $1 for update', [volume.id]);
  const found = await client.query<{ identity: { export?: ImportMark } | null }>(
    'select identity from root where id = $1',
    [volume.rootId],
  );
  return found.rows[0]?.identity?.export ?? null;
}

/**
 * Takes away what the volume held, and writes the scans; one that was there before keeps its id: assessments name it.
 * @returns ids by seq
 */
async function replaceScans(
  client: Queryable,
  volume: Volume,
  scans: readonly ExportedScan[],
  mark: ImportMark,
): Promise<Map<bigint, bigint>> {
  await client.query('delete from packed_version where root = $1', [volume.rootId]);
  await versionsChanged(client, [volume.rootId]);
  await client.query('delete from listing where root = $1', [volume.rootId]);
  await client.query('delete from gap where root = $1', [volume.rootId]);
  await client.query('delete from scan where volume = $1 and seq <> all ($2)', [volume.id, scans.map((s) => s.seq)]);
  const ids = new Map<bigint, bigint>();
  for (const scan of scans) {
    const written = await client.query<{ id: bigint }>(
      `insert into scan (volume, seq, snapshot, as_of_from_ms, as_of_to_ms, as_of_source, read_only, mode,
                         exported_ms, state, pruned, scope, totals, started_ms, progressed_ms, ended_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'complete', $10, $11, $12, $13, $14, $14)
         on conflict (volume, seq) where state <> 'aborted' do update
            set snapshot = excluded.snapshot, as_of_from_ms = excluded.as_of_from_ms,
                as_of_to_ms = excluded.as_of_to_ms, as_of_source = excluded.as_of_source, read_only = excluded.read_only, mode = excluded.mode,
                exported_ms = excluded.exported_ms, pruned = excluded.pruned, scope = excluded.scope, totals = excluded.totals,
                started_ms = excluded.started_ms, progressed_ms = excluded.progressed_ms, ended_ms = excluded.ended_ms
         returning id`,
      [
        volume.id,
        scan.seq,
        scan.snapshot,
        scan.asOf.fromMs,
        scan.asOf.toMs,
        scan.asOf.source,
        scan.readOnly,
        scan.mode,
        mark.exportedMs,
        scan.pruned,
        JSON.stringify(scan.scope),
        JSON.stringify(scan.totals),
        scan.startedMs,
        scan.endedMs,
      ],
    );
    const row = written.rows[0];
    if (row === undefined) throw new Error(`scan ${scan.seq} was neither inserted nor updated`);
    await recordRoots(client, row.id, [{ rootId: volume.rootId, path: scan.path, identity: scan.identity }]);
    ids.set(scan.seq, row.id);
  }
  await client.query('update root set identity = $2 where id = $1', [volume.rootId, JSON.stringify({ export: mark })]);
  return ids;
}

/** Directories whose ids are remembered; more are looked up again. */
const REMEMBERED_MAX = 200_000;

/**
 * Ids of directories by path, each added with all above it. Outside the transaction of the import: the dictionary
 * belongs to everybody, and nobody shall wait for its rows until an import has ended.
 */
export class DirectoryIds {
  readonly #client: ClientBase;
  #ids = new Map<string, number>([['', 0]]);

  constructor(client: ClientBase) {
    this.#client = client;
  }

  id(path: string): number {
    const id = this.#ids.get(path);
    if (id === undefined) throw new Error(`directory ${path} was not resolved before it was written`);
    return id;
  }

  async resolve(paths: Iterable<string>): Promise<void> {
    if (this.#ids.size > REMEMBERED_MAX) this.#ids = new Map([['', 0]]);
    const levels: Map<string, { parentPath: string; name: string }>[] = [];
    for (const path of paths) {
      for (let at = path; !this.#ids.has(at); ) {
        const slash = at.lastIndexOf('/');
        const parentPath = slash < 0 ? '' : at.slice(0, slash);
        const level = (levels[at.split('/').length - 1] ??= new Map());
        if (level.has(at)) break;
        level.set(at, { parentPath, name: at.slice(slash + 1) });
        at = parentPath;
      }
    }
    for (const level of levels) {
      if (level === undefined) continue;
      const wanted = [...level].map(([path, { parentPath, name }]) => ({ parent: this.id(parentPath), name, path }));
      const ids = await resolveDirectories(this.#client, wanted);
      wanted.forEach(({ path }, index) => this.#ids.set(path, ids[index] ?? -1));
    }
  }
}

/** Writes one series: begin, any number of batches, finish; all within one transaction of `client`. */
export class SeriesWriter {
  readonly #client: ClientBase;
  readonly #outside: ClientBase;
  readonly #volume: Volume;
  readonly #directories: DirectoryIds;
  readonly #attributes = new AttributeIds();
  #scanIds: ReadonlyMap<bigint, bigint> = new Map();
  #newest = 0n;

  /**
   * @param outside a second connection, for the dictionaries: what they gain is committed at once, and serves whoever
   * else needs it
   */
  constructor(client: ClientBase, outside: ClientBase, volume: Volume) {
    this.#client = client;
    this.#outside = outside;
    this.#volume = volume;
    this.#directories = new DirectoryIds(outside);
  }

  /** @param scans in order of seq, one at least */
  async begin(scans: readonly ExportedScan[], mark: ImportMark): Promise<void> {
    this.#scanIds = await replaceScans(this.#client, this.#volume, scans, mark);
    this.#newest = scans.at(-1)?.seq ?? 0n;
  }

  async write(batch: {
    readonly versions: readonly ImportedVersion[];
    readonly gaps: readonly ImportedGap[];
    readonly listings: readonly ImportedListing[];
  }): Promise<void> {
    const { versions, gaps, listings } = batch;
    const paths = new Set([...versions, ...gaps, ...listings].map(({ directory }) => directory));
    // Also what holds nothing: an empty directory is listed.
    for (const v of versions) if (v.kind === 'directory') paths.add(joinPath(v.directory, v.name));
    await this.#directories.resolve(paths);
    await this.#attributes.resolve(this.#outside, versions);
    await copyVersions(this.#client, this.#volume, versions, this.#directories, this.#attributes);
    await insertListings(this.#client, this.#volume, this.#newest, listings, this.#directories);
    await insertGaps(this.#client, this.#volume, gaps, this.#scanIds, this.#directories);
  }

  async finish(): Promise<void> {
    await listEmptyDirectories(this.#client, this.#volume, this.#newest);
  }
}

export async function copyVersions(
  client: ClientBase,
  volume: Pick<Volume, 'rootId'>,
  versions: readonly ImportedVersion[],
  directories: DirectoryIds,
  attributes: AttributeIds,
): Promise<void> {
  if (versions.length === 0) return;
  const copy = new VersionCopy();
  for (const v of versions) {
    const [directory, attribute] = [directories.id(v.directory), attributes.id(v)];
    copy.add(v, { root: volume.rootId, directory, attribute, name: v.name });
  }
  await copy.write(client);
}

export async function insertListings(
  client: Queryable,
  volume: Pick<Volume, 'rootId'>,
  seq: bigint,
  listings: readonly ImportedListing[],
  directories: DirectoryIds,
): Promise<void> {
  // No scan of this host compares its directories with these: they have no stat digest, and the directory itself no
  // inode here.
  await client.query(
    `insert into listing (root, directory, seq, stat_digest, content_digest, count, files, bytes, racy, dir_inode, dir_mtime_ns, dir_ctime_ns)
       select $1, n.directory, $2, 0, n.content, n.count, n.files, n.bytes, false, 0, 0, 0
         from unnest($3::int[], $4::bigint[], $5::int[], $6::int[], $7::bigint[]) as n (directory, content, count, files, bytes)`,
    [
      volume.rootId,
      seq,
      listings.map((l) => directories.id(l.directory)),
      listings.map((l) => l.contentDigest),
      listings.map((l) => l.count),
      listings.map((l) => l.files),
      listings.map((l) => l.bytes),
    ],
  );
}

/**
 * Directories that hold nothing at the newest scan have no version that speaks of them, and are listed all the same.
 */
async function listEmptyDirectories(client: Queryable, volume: Volume, seq: bigint): Promise<void> {
  await client.query(
    `insert into listing (root, directory, seq, stat_digest, content_digest, count, files, bytes, racy, dir_inode, dir_mtime_ns, dir_ctime_ns)
       select $1, e.id, $2, 0, 0, 0, 0, 0, false, 0, 0, 0
         from (select d.id from manifest($1, $2) m join directory d on d.parent = m.directory and d.name = m.name
                where m.kind = 'directory' union select 0) e
       on conflict do nothing`,
    [volume.rootId, seq],
  );
}

async function insertGaps(
  client: Queryable,
  volume: Volume,
  gaps: readonly ImportedGap[],
  scanIds: ReadonlyMap<bigint, bigint>,
  directories: DirectoryIds,
): Promise<void> {
  await client.query(
    `insert into gap (scan, root, directory, name, status, errno, detail)
       select n.scan, $1, n.directory, n.name, n.status, n.errno, n.detail
         from unnest($2::bigint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[]) as n (scan, directory, name, status, errno, detail)`,
    [
      volume.rootId,
      gaps.map((g) => scanIds.get(g.seq)),
      gaps.map((g) => directories.id(g.directory)),
      gaps.map((g) => g.name),
      gaps.map((g) => g.status),
      gaps.map((g) => g.errno),
      gaps.map((g) => g.detail),
    ],
  );
}

/** Plans for a million rows that came at once are wrong until this. */
export async function analyzeImported(client: Queryable, versions: number): Promise<void> {
  if (versions <= 1_000) return;
  await client.query('analyze packed_version, listing, directory, attribute');
  await client.query(SUMMARIZE);
}
