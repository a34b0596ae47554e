// Lists that other tools made, as scans of a volume beside the one that they tell of. Each is kept whole: its versions
// hold from it up to the next list, so that one can come late or be taken back without touching what another said.
import type { ClientBase } from 'pg';
import { LIST_METADATA } from '../../domain/version.ts';
import type { AsOf } from '../../domain/scan.ts';
import { copyVersions, DirectoryIds, type ImportedVersion, insertListings } from './import.ts';
import { AttributeIds } from './rows.ts';
import { type Queryable, recordRoots } from './scans.ts';
import { freeSeq } from './snapshots.ts';
import { ensureVolume, findVolume, type Volume } from './volumes.ts';

export interface ListedFile {
  /** Printable path of the directory below the volume's root. */
  readonly directory: string;
  readonly name: string;
  readonly size: number | null;
  readonly digest: bigint | null;
}

/** What makes two imports the same one. */
export interface ListMark {
  readonly sha256: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly complete: boolean;
  /** How its paths were read: format, root, below, side. */
  readonly reading: string;
}

export interface NewList {
  readonly target: Volume;
  readonly mark: ListMark;
  /** As people call it, printable: the file's name. */
  readonly name: string;
  /** Where the file lay, printable. */
  readonly path: string;
  readonly files: readonly ListedFile[];
  readonly nowMs: number;
}

/** How a list compares with what the catalog knows of its volume. */
export interface Likeness {
  /** Names of the list that the volume ever had. */
  readonly met: number;
  /** Of these, with a digest on both sides; and with an equal one. */
  readonly comparable: number;
  readonly equal: number;
  /** Whether anything is known of the volume. */
  readonly known: boolean;
}

const BATCH = 10_000;
const KEY = 'lists:';

export function isListVolume(volume: Pick<Volume, 'key'>): boolean {
  return volume.key.startsWith(KEY);
}

/** The volumes of lists about any of these volumes. */
export async function listVolumesOf(
  client: Queryable,
  volumeIds: readonly number[],
): Promise<{ readonly id: number; readonly name: string }[]> {
  const found = await client.query<{ id: number; name: string }>(
    `select l.id, l.name from volume v join volume l on l.key = '${KEY}' || v.key where v.id = any ($1) order by l.id`,
    [volumeIds],
  );
  return found.rows;
}

/**
 * Writes a list as a complete scan, and holds it against what is known. Must run in a transaction of `client`; the
 * dictionaries are written through `outside`, committed at once, as they belong to everybody.
 * @returns null where the very same list is known already
 */
export async function writeList(
  client: ClientBase,
  outside: ClientBase,
  list: NewList,
): Promise<{ volume: Volume; likeness: Likeness } | null> {
  const { target, mark, files } = list;
  const volume = await ensureVolume(client, {
    role: 'backup',
    layout: 'snapshots',
    key: `${KEY}${target.key}`,
    name: `${target.name} (lists)`,
    host: target.host,
    path: target.path,
    nowMs: Math.round(list.nowMs),
  });
  await client.query('select from volume where id = $1 for update', [volume.id]);
  const same = await client.query(
    'select from scan s join scan_root p on p.scan = s.id where s.volume = $1 and p.identity = $2',
    [volume.id, JSON.stringify({ list: mark })],
  );
  if ((same.rowCount ?? 0) > 0) return null;
  const seq = await freeSeq(client, volume.id, BigInt(mark.fromMs));
  const next = await client.query<{ seq: bigint | null }>(
    `select min(seq) as seq from scan where volume = $1 and state = 'complete' and seq > $2`,
    [volume.id, seq],
  );
  const endSeq = next.rows[0]?.seq ?? null;
  // The list before this one held up to the next; now it holds up to this one.
  await client.query(
    `update packed_version set end_seq = $2, end_reason = 'v'
      where root = $1 and first_seq = (select max(seq) from scan where volume = $3 and state = 'complete' and seq < $2)`,
    [volume.rootId, seq, volume.id],
  );
  const asOf: AsOf = { fromMs: mark.fromMs, toMs: mark.toMs, source: 'person' };
  const scan = await client.query<{ id: bigint }>(
    `insert into scan (volume, seq, snapshot, as_of_from_ms, as_of_to_ms, as_of_source, read_only, mode, exported_ms,
                       state, pruned, list, scope, totals, started_ms, progressed_ms, ended_ms)
       values ($1, $2, $3, $4, $5, $6, true, 'read', $5, 'complete', 'a list, no files', $7, $8, $9, $10, $10, $10) returning id`,
    [
      volume.id,
      seq,
      list.name,
      Math.round(asOf.fromMs),
      Math.round(asOf.toMs),
      asOf.source,
      mark.complete ? 'complete' : 'partial',
      JSON.stringify({ excludes: [], crossMounts: true }),
      JSON.stringify({ files: files.length }),
      Math.round(list.nowMs),
    ],
  );
  for (const { id } of scan.rows)
    await recordRoots(client, id, [{ rootId: volume.rootId, path: list.path, identity: { list: mark } }]);
  await writeFiles(client, outside, volume, files, { seq, endSeq });
  return { volume, likeness: await likenessOf(client, target, volume, seq) };
}

async function writeFiles(
  client: ClientBase,
  outside: ClientBase,
  volume: Volume,
  files: readonly ListedFile[],
  run: { readonly seq: bigint; readonly endSeq: bigint | null },
): Promise<void> {
  const directories = new DirectoryIds(outside);
  const attributes = new AttributeIds();
  const counts = new Map<string, number>();
  for (let at = 0; at < files.length; at += BATCH) {
    const versions = files.slice(at, at + BATCH).map((file) => versionOf(file, run));
    for (const { directory } of versions) counts.set(directory, (counts.get(directory) ?? 0) + 1);
    await directories.resolve(new Set(versions.map(({ directory }) => directory)));
    await attributes.resolve(outside, versions);
    await copyVersions(client, volume, versions, directories, attributes);
  }
  // Without a digest of their own these never pass for unchanged; they say where judging has to look.
  const listings = [...counts].map(([directory, count]) => ({
    directory,
    count,
    files: count,
    bytes: 0,
    contentDigest: null,
  }));
  for (let at = 0; at < listings.length; at += BATCH) {
    const some = listings.slice(at, at + BATCH);
    await directories.resolve(some.map(({ directory }) => directory));
    await insertListings(client, volume, run.seq, some, directories);
  }
}

function versionOf(file: ListedFile, run: { readonly seq: bigint; readonly endSeq: bigint | null }): ImportedVersion {
  return {
    ...file,
    ...LIST_METADATA,
    kind: 'file',
    firstSeq: run.seq,
    endSeq: run.endSeq,
    endReason: run.endSeq === null ? null : 'vanished',
    target: null,
    rdev: null,
    zeroFrom: null,
    readSeq: file.digest === null ? null : run.seq,
    inode: 0n,
    ctimeNs: 0n,
    btimeNs: 0n,
    nlink: 1,
    suspect: false,
    racy: false,
  };
}

async function likenessOf(client: Queryable, target: Volume, lists: Volume, seq: bigint): Promise<Likeness> {
  const found = await client.query<{ met: number; comparable: number; equal: number; known: boolean }>(
    `select count(*)::int as met, (count(*) filter (where comparable))::int as comparable, (count(*) filter (where equal))::int as equal,
            exists (select from version where root = $2) as known
       from (select bool_or(n.digest is not null and v.digest is not null) as comparable, bool_or(v.digest = n.digest) as equal
               from version n join version v on v.directory = n.directory and v.root = $2 and v.name = n.name
              where n.root = $1 and n.first_seq = $3 group by n.directory, n.name) m`,
    [lists.rootId, target.rootId, seq],
  );
  return found.rows[0] ?? { met: 0, comparable: 0, equal: 0, known: false };
}

/** Takes back every import of a file about this volume. @returns how many there were */
export async function removeLists(client: Queryable, target: Volume, sha256: string): Promise<number> {
  const volume = await findVolume(client, `${KEY}${target.key}`);
  if (volume === null) return 0;
  await client.query('select from volume where id = $1 for update', [volume.id]);
  const scans = await client.query<{ id: bigint; seq: bigint }>(
    `select s.id, s.seq from scan s join scan_root p on p.scan = s.id
      where s.volume = $1 and p.identity -> 'list' ->> 'sha256' = $2 order by s.seq`,
    [volume.id, sha256],
  );
  for (const { id, seq } of scans.rows) {
    await client.query('delete from packed_version where root = $1 and first_seq = $2', [volume.rootId, seq]);
    await client.query('delete from listing where root = $1 and seq = $2', [volume.rootId, seq]);
    await client.query('delete from scan where id = $1', [id]);
    // What held up to it holds up to the list after it.
    await client.query(
      `update packed_version set end_seq = n.seq, end_reason = case when n.seq is not null then 'v'::"char" end
         from (select min(seq) as seq from scan where volume = $2 and state = 'complete' and seq > $3) n
        where root = $1 and end_seq = $3`,
      [volume.rootId, volume.id, seq],
    );
  }
  return scans.rows.length;
}
