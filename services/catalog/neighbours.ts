// What stands beside a path that is gone: where its content or its inode stands now, and the directories above it.
import { baseName, parentOf } from '../../domain/path.ts';
import type { Version } from '../../domain/version.ts';
import { columnsOf, type JudgedRoot } from './reconciliation.ts';
import { signed, unsigned, VERSION_COLUMNS, versionOf } from './rows.ts';
import type { Queryable } from './scans.ts';
import { run } from './statement.ts';

/**
 * What identifies something that vanished: content (size > 0 and digest, or size alone where it is unread), or inode
 * and birth time.
 */
export interface LookedFor {
  readonly contents: readonly { readonly size: number; readonly digest: bigint }[];
  readonly sizes: readonly number[];
  readonly identities: readonly { readonly inode: bigint; readonly btimeNs: bigint }[];
}

/**
 * Names that hold at live now and have one of the contents or identities: one pass over the live manifest, joined by
 * hash.
 */
export async function standingNow(
  client: Queryable,
  live: JudgedRoot,
  wanted: LookedFor,
): Promise<{ directory: number; name: string }[]> {
  if (wanted.contents.length + wanted.sizes.length + wanted.identities.length === 0) return [];
  const found = await run<{ directory: number; name: string }>(client, 'standing-now', [
    live.root,
    live.newestSeq,
    wanted.contents.map((c) => c.size),
    wanted.contents.map((c) => signed(c.digest)),
    wanted.sizes,
    wanted.identities.map((i) => i.inode),
    wanted.identities.map((i) => i.btimeNs),
  ]);
  return found.rows;
}

/**
 * What stands live now at each of some printable paths. Reads the dictionary of directories whole: for a few paths, or
 * none.
 */
export async function standingAt(
  client: Queryable,
  live: JudgedRoot,
  paths: readonly string[],
): Promise<Map<string, Version>> {
  if (paths.length === 0) return new Map();
  const found = await client.query({
    rowMode: 'array',
    text: `select n.path, ${VERSION_COLUMNS}
             from unnest($3::text[], $4::text[], $5::text[]) as n (path, directory, name)
             join directory d on d.path = n.directory collate "C"
             join version v on v.root = $1 and v.directory = d.id and v.name = n.name collate "C" and holds_at(v.first_seq, v.end_seq, $2)
            `,
    values: [live.root, live.newestSeq, paths, paths.map(parentOf), paths.map(baseName)],
  });
  const rows = found.rows as unknown as readonly (readonly unknown[])[];
  return new Map(rows.map((row) => [row[0] as string, versionOf(row, 1)]));
}

/**
 * Where printable paths stand in the dictionary, whatever was ever seen there; left out where their directory is not in
 * it.
 */
export async function namesAt(
  client: Queryable,
  paths: readonly string[],
): Promise<{ directory: number; name: string }[]> {
  if (paths.length === 0) return [];
  const found = await client.query<{ directory: number; name: string }>(
    `select d.id as directory, n.name from unnest($1::text[], $2::text[]) as n (directory, name) join directory d on d.path = n.directory collate "C"`,
    [paths.map(parentOf), paths.map(baseName)],
  );
  return found.rows;
}

/**
 * Whether a name with this ending, other than those given, was on one of the roots at or before the scan `seq` of that
 * root. Reads the versions whole: for a few endings.
 */
export async function hadEnding(
  client: Queryable,
  scans: readonly { readonly root: number; readonly seq: bigint }[],
  ending: string,
  others: readonly string[],
): Promise<boolean> {
  const found = await client.query<{ had: boolean }>(
    `select exists (select from version v join unnest($1::int[], $2::bigint[]) as r (root, seq) on r.root = v.root and v.first_seq <= r.seq
        where right(v.name, length($3)) = $3 collate "C" and length(v.name) > length($3)
          and v.name collate "C" not in (select n from unnest($4::text[]) as n)) as had`,
    [scans.map(({ root }) => root), scans.map(({ seq }) => seq), ending, others],
  );
  return found.rows[0]?.had === true;
}

/**
 * Which of the contents, or of the sizes with an exact time, stand live now under any name: as `${size} ${digest}` and
 * `${size} at ${mtimeNs}`.
 */
export async function standingAlike(
  client: Queryable,
  live: JudgedRoot,
  wanted: readonly { readonly size: number; readonly digest: bigint | null; readonly mtimeNs: bigint }[],
): Promise<ReadonlySet<string>> {
  if (wanted.length === 0) return new Set();
  const read = wanted.filter(({ digest }) => digest !== null);
  const found = await run<{ size: bigint; digest: bigint | null; mtime_ns: bigint }>(client, 'standing-alike', [
    live.root,
    live.newestSeq,
    read.map(({ size }) => size),
    read.map(({ digest }) => signed(digest)),
    wanted.map(({ size }) => size),
    wanted.map(({ mtimeNs }) => mtimeNs),
  ]);
  return new Set(
    found.rows.flatMap((row) => [`${row.size} ${unsigned(row.digest)}`, `${row.size} at ${row.mtime_ns}`]),
  );
}

/** The size of what stands live now with each digest; left out where two sizes have it. */
export async function sizesNow(
  client: Queryable,
  live: JudgedRoot,
  digests: readonly bigint[],
): Promise<Map<bigint, number>> {
  if (digests.length === 0) return new Map();
  const found = await client.query<{ digest: bigint; size: bigint }>(
    `select m.digest, min(m.size) as size from manifest($1, $2) m where m.size > 0 and m.digest = any ($3::bigint[])
      group by m.digest having min(m.size) = max(m.size)`,
    [live.root, live.newestSeq, digests.map((digest) => signed(digest))],
  );
  return new Map(found.rows.map((row) => [unsigned(row.digest) ?? 0n, Number(row.size)]));
}

/**
 * Every version with one of the contents on one of the roots: where the content of a lost path stood under another
 * name.
 */
export async function copiesOf(
  client: Queryable,
  roots: readonly JudgedRoot[],
  contents: readonly { readonly size: number; readonly digest: bigint }[],
): Promise<{ root: number; directory: number; name: string; version: Version }[]> {
  if (contents.length === 0) return [];
  const columns = await columnsOf(client, roots);
  const found = await client.query({
    rowMode: 'array',
    text: `with r as (select * from unnest($1::int[], $2::bigint[], $3::bigint[]) as r (root, newest, running))
           select v.directory, v.name, v.root, ${VERSION_COLUMNS} from version v join r on r.root = v.root
            where v.first_seq <= r.newest and v.first_seq is distinct from r.running and not v.suspect and v.size > 0
              and v.digest = any ($5::bigint[]) and (v.size, v.digest) in (select * from unnest($4::bigint[], $5::bigint[]))
            order by v.first_seq desc, v.directory, v.name`,
    values: [
      columns.roots,
      columns.newest,
      columns.running,
      contents.map((c) => c.size),
      contents.map((c) => signed(c.digest)),
    ],
  });
  return (found.rows as unknown as readonly (readonly unknown[])[]).map((raw) => ({
    directory: raw[0] as number,
    name: raw[1] as string,
    root: raw[2] as number,
    version: versionOf(raw, 3),
  }));
}

/** Where a directory stands as an entry of its parent. */
export interface DirectoryEntry {
  readonly path: string;
  readonly parent: number;
  readonly name: string;
}

/** The directories given and all above them, by path; the root of a volume has no entry. */
export async function entriesAbove(client: Queryable, ids: readonly number[]): Promise<Map<string, DirectoryEntry>> {
  if (ids.length === 0) return new Map();
  const found = await client.query<{ path: string; parent: number; name: string }>(
    `with recursive up as (
       select id, parent, name, path from directory where id = any ($1)
       union select d.id, d.parent, d.name, d.path from up join directory d on d.id = up.parent)
     select path, parent, name from up where parent >= 0`,
    [ids],
  );
  return new Map(found.rows.map((row) => [row.path, row]));
}

/**
 * Names on one root that are hard links of the inodes given, with the versions that say so. How many links a version
 * has is not asked: the last name that is left has one.
 */
export async function linkedNames(
  client: Queryable,
  root: JudgedRoot,
  inodes: readonly bigint[],
): Promise<{ directory: number; name: string; version: Version }[]> {
  if (inodes.length === 0) return [];
  const columns = await columnsOf(client, [root]);
  const found = await client.query({
    rowMode: 'array',
    text: `select v.directory, v.name, ${VERSION_COLUMNS} from version v
            where v.root = $1 and v.first_seq <= $2 and v.first_seq is distinct from $3 and v.kind = 'file' and v.inode = any ($4)`,
    values: [root.root, root.newestSeq, columns.running[0] ?? null, inodes],
  });
  return (found.rows as unknown as readonly (readonly unknown[])[]).map((raw) => ({
    directory: raw[0] as number,
    name: raw[1] as string,
    version: versionOf(raw, 2),
  }));
}
