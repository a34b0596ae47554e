// What the catalog knows of directories that a shard has just listed: one round trip a batch, rows only where the
// listing differs.
import type { ClientBase } from 'pg';
import type { Version } from '../../domain/version.ts';
import { joinedByHash } from './met.ts';
import type { Queryable } from './scans.ts';
import type { ScanContext } from './scan-context.ts';
import { KnownAttributes, unpackedVersionOf, unsigned } from './rows.ts';
import { run, runForArrays } from './statement.ts';

export interface KnownListing {
  /** Signed, as stored. */
  readonly statDigest: bigint;
  /** Null where no file was a hard link; see services/scan/linked.ts. */
  readonly linkDigest: bigint | null;
  readonly contentDigest: bigint | null;
  readonly count: number;
  readonly files: number;
  readonly bytes: number;
  readonly racy: boolean;
  readonly dirInode: bigint;
  readonly dirMtimeNs: bigint;
  readonly dirCtimeNs: bigint;
}

/** The newest listing of each directory that a complete scan wrote (or, with own, the running scan itself). */
export async function knownListings(
  client: Queryable,
  context: ScanContext,
  directories: readonly number[],
): Promise<Map<number, KnownListing>> {
  const found = await run<{
    directory: number;
    stat_digest: bigint;
    link_digest: bigint | null;
    content_digest: bigint | null;
    count: number;
    files: number;
    bytes: bigint;
    racy: boolean;
    dir_inode: bigint;
    dir_mtime_ns: bigint;
    dir_ctime_ns: bigint;
  }>(client, 'known-listings', [context.rootId, directories, context.seq]);
  return new Map(
    found.rows.map((row) => [
      row.directory,
      {
        statDigest: row.stat_digest,
        linkDigest: row.link_digest,
        contentDigest: row.content_digest,
        count: row.count,
        files: row.files,
        bytes: Number(row.bytes),
        racy: row.racy,
        dirInode: row.dir_inode,
        dirMtimeNs: row.dir_mtime_ns,
        dirCtimeNs: row.dir_ctime_ns,
      },
    ]),
  );
}

/** Where the rows of sql/known-rows.sql have the attribute's id. */
const ATTRIBUTE_CELL = 18;

export interface KnownRow {
  now: Version | undefined;
  after: Version | undefined;
  /** The running scan's own row, written before (a directory that is listed again). */
  own: Version | undefined;
  /**
   * The previous scan could not look at it or read it, or found that its replicas are not the same: that its inode
   * stands still proves nothing of its bytes.
   */
  gap: boolean;
}

/** Of a directory of which nothing is known, by name. */
export const NO_ROWS: ReadonlyMap<string, KnownRow> = new Map();

/** Known rows, by directory and name. */
export type KnownRows = Map<number, Map<string, KnownRow>>;

/**
 * Known rows of directories. `names` narrows one directory to a chunk of a huge listing.
 * For a late scan `after` holds the first version of each name that starts behind the scan's seq.
 */
export async function knownRows(
  client: ClientBase,
  context: ScanContext,
  directories: readonly number[],
  names: readonly string[] | null,
): Promise<KnownRows> {
  if (directories.length === 0) return new Map();
  const place = [context.rootId, directories, context.seq];
  const found =
    names === null
      ? await runForArrays(client, 'known-rows', place)
      : await joinedByHash(client, () => runForArrays(client, 'known-rows-of-names', [...place, names]));
  const result = await rowsByName(client, context, found.rows);
  await markGaps(client, context, { directories, names }, result);
  return result;
}

/** Known rows of a few names of each of many directories. */
export async function knownRowsOf(
  client: ClientBase,
  context: ScanContext,
  asked: ReadonlyMap<number, readonly string[]>,
): Promise<KnownRows> {
  const names = [...asked].flatMap(([directory, of]) => of.map((name) => ({ directory, name })));
  if (names.length === 0) return new Map();
  const found = await runForArrays(client, 'known-rows-of-few', [
    context.rootId,
    names.map(({ directory }) => directory),
    context.seq,
    names.map(({ name }) => name),
  ]);
  const result = await rowsByName(client, context, found.rows);
  await markGaps(client, context, { directories: [...asked.keys()], names: null }, result);
  return result;
}

type PackedRow = readonly unknown[];

async function rowsByName(client: ClientBase, context: ScanContext, rows: readonly PackedRow[]): Promise<KnownRows> {
  const result: KnownRows = new Map();
  const attributes = await attributesOf(client, rows);
  for (const raw of rows) {
    const directory = raw[0] as number;
    const name = raw[1] as string;
    const version = unpackedVersionOf(raw, 2, attributes);
    let byName = result.get(directory);
    if (byName === undefined) result.set(directory, (byName = new Map()));
    let row = byName.get(name);
    if (row === undefined) byName.set(name, (row = { now: undefined, after: undefined, own: undefined, gap: false }));
    if (version.firstSeq === context.seq) row.own = version;
    else if (version.firstSeq < context.seq) row.now = version;
    else if (row.after === undefined || version.firstSeq < row.after.firstSeq) row.after = version;
  }
  return result;
}

async function markGaps(
  client: Queryable,
  { previous }: ScanContext,
  asked: { readonly directories: readonly number[]; readonly names: readonly string[] | null },
  rows: KnownRows,
): Promise<void> {
  if (previous?.nameGaps !== true) return;
  const gaps = await client.query<{ directory: number; name: string }>(
    `select directory, ltrim(name, '/') as name from gap
      where scan = $1 and directory = any ($2) and name <> '' and status <> 'boundary'
        and (name not like '/%' or detail ~ '"(replicas differ|signature broken|replica unread)"') and ($3::text[] is null or ltrim(name, '/') = any ($3))`,
    [previous.scanId, asked.directories, asked.names],
  );
  for (const { directory, name } of gaps.rows) {
    const row = rows.get(directory)?.get(name);
    if (row !== undefined) row.gap = true;
  }
}

/** By connection: a database of its own has ids of its own. */
const knownAttributes = new WeakMap<ClientBase, KnownAttributes>();

async function attributesOf(client: ClientBase, rows: readonly (readonly unknown[])[]): Promise<KnownAttributes> {
  let attributes = knownAttributes.get(client);
  if (attributes === undefined) knownAttributes.set(client, (attributes = new KnownAttributes()));
  await attributes.meet(
    client,
    rows.map((row) => row[ATTRIBUTE_CELL] as number),
  );
  return attributes;
}

/** next_seen() for many names of one directory; only called for a late scan behind which some scan has gaps. */
export async function nextSeen(
  client: Queryable,
  context: ScanContext,
  directory: number,
  names: readonly string[],
): Promise<Map<string, bigint | null>> {
  const found = await client.query<{ name: string; next: bigint | null }>(
    'select n.name, next_seen($1, $2, $3, n.name) as next from unnest($4::text[]) as n (name)',
    [context.volumeId, context.seq, directory, names],
  );
  return new Map(found.rows.map((row) => [row.name, row.next]));
}

export interface Donor {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  readonly digest: bigint;
  readonly zeroFrom: number | null;
}

/** Digests of an aborted scan, by directory and name. */
export async function knownDonors(
  client: Queryable,
  context: ScanContext,
  directories: readonly number[],
): Promise<Map<number, Map<string, Donor>>> {
  const result = new Map<number, Map<string, Donor>>();
  if (!context.donors || directories.length === 0) return result;
  const found = await client.query<{
    directory: number;
    name: string;
    size: bigint;
    mtime_ns: bigint;
    ctime_ns: bigint;
    inode: bigint;
    digest: bigint;
    zero_from: bigint | null;
  }>(
    'select directory, name, size, mtime_ns, ctime_ns, inode, digest, zero_from from donor where root = $1 and directory = any ($2) order by seq',
    [context.rootId, directories],
  );
  for (const row of found.rows) {
    let byName = result.get(row.directory);
    if (byName === undefined) result.set(row.directory, (byName = new Map()));
    byName.set(row.name, {
      size: Number(row.size),
      mtimeNs: row.mtime_ns,
      ctimeNs: row.ctime_ns,
      inode: row.inode,
      digest: unsigned(row.digest) ?? 0n,
      zeroFrom: row.zero_from === null ? null : Number(row.zero_from),
    });
  }
  return result;
}

/**
 * Which (name, digest) pairs of the paths were seen in good standing, in any volume: a file that went back to them is
 * not suspect.
 */
export async function seenInGoodStanding(
  client: Queryable,
  pairs: readonly { directory: number; name: string; digest: bigint }[],
): Promise<Set<string>> {
  if (pairs.length === 0) return new Set();
  const found = await client.query<{ directory: number; name: string; digest: bigint }>(
    `select distinct n.directory, n.name, n.digest from unnest($1::int[], $2::text[], $3::bigint[]) as n (directory, name, digest)
       cross join root r join version v on v.root = r.id and v.directory = n.directory and v.name = n.name collate "C" and v.digest = n.digest and not v.suspect`,
    [pairs.map((p) => p.directory), pairs.map((p) => p.name), pairs.map((p) => BigInt.asIntN(64, p.digest))],
  );
  return new Set(found.rows.map((row) => standingKey(row.directory, row.name, unsigned(row.digest) ?? 0n)));
}

export function standingKey(directory: number, name: string, digest: bigint): string {
  return `${directory} ${digest} ${name}`;
}
