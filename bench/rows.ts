// A catalog of generated rows, made inside Postgres: a series of snapshots with churn and a live volume that equals the
// newest but for some losses. For what is measured without a disk: judging ten million rows, and the room that versions
// take. Everything follows from the numbers given.
import type { ClientBase } from 'pg';

export interface RowsWanted {
  /** On each side. */
  readonly files: number;
  readonly filesPerDirectory: number;
  readonly snapshots: number;
  /**
   * Share of the files that change from one snapshot to the next: a fifth of the files of five times as many
   * directories.
   */
  readonly churn: number;
  /** Share of the directories in which every tenth file is lost on the live volume. */
  readonly lossy: number;
}

export interface RowsMade {
  readonly live: { readonly volumeId: number; readonly rootId: number; readonly path: string };
  readonly series: { readonly volumeId: number; readonly rootId: number };
}

const DAY_MS = 86_400_000n;
const FIRST_MS = 1_790_000_000_000n;
const BATCH_DIRECTORIES = 20_000;
const DIRECTORIES_PER_PARENT = 200;

/** 0 to 999,999, for a directory: a share of them that is another one for each salt. */
const LOT = (directory: string, salt: string): string =>
  `(hashint8extended(${directory}, ${salt}) & 9223372036854775807) % 1000000`;

/** Fills an empty catalog. Each statement commits by itself. */
export async function makeRows(client: ClientBase, wanted: RowsWanted): Promise<RowsMade> {
  const series = await makeVolume(client, 'backup', '/backup');
  const live = { ...(await makeVolume(client, 'live', '/live')), path: '/live' };
  const directories = Math.ceil(wanted.files / wanted.filesPerDirectory);
  await makeDirectories(client, directories);
  const first = FIRST_MS;
  await addScan(client, series, first, 's1');
  await firstSnapshot(client, series.rootId, directories, wanted.filesPerDirectory);
  for (let n = 2; n <= wanted.snapshots; n++) {
    const seq = first + BigInt(n) * DAY_MS;
    await addScan(client, series, seq, `s${n}`);
    await nextSnapshot(client, series.rootId, seq, wanted.churn);
  }
  const liveSeq = first + BigInt(wanted.snapshots + 1) * DAY_MS;
  await addScan(client, live, liveSeq, null);
  await liveRows(client, live.rootId, series.rootId, { seq: liveSeq, directories, lossy: wanted.lossy });
  await client.query('analyze packed_version, listing, directory, attribute, scan, scan_root');
  return { live, series };
}

async function makeVolume(
  client: ClientBase,
  role: 'live' | 'backup',
  path: string,
): Promise<{ volumeId: number; rootId: number }> {
  const made = await client.query<{ volumeId: number; rootId: number }>(
    `with v as (insert into volume (name, role, layout, key, created_ms)
                  values ($2, $1, case when $1 = 'live' then 'tree' else 'snapshots' end, $2, 0) returning id)
     insert into root (volume, host, path) select id, 'bench', $2 from v returning volume as "volumeId", id as "rootId"`,
    [role, path],
  );
  const row = made.rows[0];
  if (row === undefined) throw new Error('an insert that returns has a row');
  return row;
}

async function addScan(
  client: ClientBase,
  volume: { readonly volumeId: number; readonly rootId: number },
  seq: bigint,
  snapshot: string | null,
): Promise<void> {
  await client.query(
    `with s as (insert into scan (volume, seq, snapshot, as_of_from_ms, as_of_to_ms, as_of_source, read_only, mode, state, scope, totals,
                                  started_ms, progressed_ms, ended_ms)
                  values ($1, $2, $3, $2, $2, 'name', true, 'read', 'complete', '{"excludes": [], "crossMounts": false}', '{}', $2, $2, $2) returning id)
     insert into scan_root (scan, root, path, identity) select s.id, r.id, r.path, 'null' from s, root r where r.id = $4`,
    [volume.volumeId, seq, snapshot, volume.rootId],
  );
}

/** Directory d has the id d; above the leaves are the parents, whose ids follow. */
async function makeDirectories(client: ClientBase, directories: number): Promise<void> {
  const parents = Math.ceil(directories / DIRECTORIES_PER_PARENT);
  await client.query(
    `insert into directory (id, parent, name, path) overriding system value
       select $1 + p, 0, 'area-' || p, 'area-' || p from generate_series(1, $2) p`,
    [directories, parents],
  );
  await client.query(
    `insert into directory (id, parent, name, path) overriding system value
       select d, p.id, 'folder-' || d, p.path || '/folder-' || d
         from generate_series(1, $1) d join directory p on p.id = $1 + (d - 1) / ${DIRECTORIES_PER_PARENT} + 1`,
    [directories],
  );
  await client.query(`select setval(pg_get_serial_sequence('directory', 'id'), (select max(id) from directory))`);
  await client.query(
    `insert into attribute (kind, mode, uid, gid) values ('directory', 493, 0, 0), ('file', 420, 1000, 1000) on conflict do nothing`,
  );
}

const KIND = (kind: 'file' | 'directory'): string => `(select id from attribute where kind = '${kind}')`;

/**
 * Rows as VersionCopy packs them: read by this scan, one link, neither suspect nor racy. rsync made the copies: each of
 * their times is another.
 */
async function firstSnapshot(
  client: ClientBase,
  root: number,
  directories: number,
  filesPerDirectory: number,
): Promise<void> {
  for (let from = 1; from <= directories; from += BATCH_DIRECTORIES) {
    const to = Math.min(directories, from + BATCH_DIRECTORIES - 1);
    await client.query(
      `insert into packed_version (first_seq, mtime_ns, small_inode, small_size, digest, ctime_ns, born_before_ns, root, directory, attribute, name)
         select $1::bigint, 1600000000000000000 + n * 1000000007, n + 1000, 100 + n % 20000, hashint8extended(n, 0),
                $1::bigint * 1000000 + n * 1009, 250000, $2, d, ${KIND('file')}, 'file-' || n || '.dat'
           from generate_series($3::bigint, $4::bigint) d, generate_series((d - 1) * $5::bigint + 1, d * $5::bigint) n`,
      [FIRST_MS, root, from, to, filesPerDirectory],
    );
  }
  await client.query(
    `insert into packed_version (first_seq, mtime_ns, small_inode, ctime_ns, born_before_ns, root, directory, attribute, nlink, name)
       select $1::bigint, 1700000000000000000 + id, 900000000 + id, $1::bigint * 1000000 + id, 250000, $2, parent, ${KIND('directory')}, 2, name
         from directory where id > 0`,
    [FIRST_MS, root],
  );
  await client.query(
    `insert into listing (root, directory, seq, stat_digest, content_digest, count, files, bytes, racy, dir_inode, dir_mtime_ns, dir_ctime_ns)
       select $2, d.id, $1::bigint, hashint8extended(d.id, 1), hashint8extended(d.id, 2), coalesce(c.children, 0) + case when d.id between 1 and $3::int then $4::int else 0 end,
              case when d.id between 1 and $3::int then $4::int else 0 end, case when d.id between 1 and $3::int then $4::int * 10000::bigint else 0 end, false,
              900000000 + d.id, 1700000000000000000 + d.id, $1::bigint * 1000000 + d.id
         from directory d left join (select parent, count(*)::int as children from directory group by parent) c on c.parent = d.id`,
    [FIRST_MS, root, directories, filesPerDirectory],
  );
}

/**
 * As a scan and its close write: new versions, ends of the ones before them, the listings of the directories that
 * changed.
 */
async function nextSnapshot(client: ClientBase, root: number, seq: bigint, churn: number): Promise<void> {
  const changing = `select l.directory from listing l where l.root = $1 and l.files > 0 and ${LOT('l.directory', '$2::bigint')} < $3`;
  const lot = Math.round(churn * 5 * 1_000_000);
  await client.query(
    `insert into packed_version (first_seq, mtime_ns, small_inode, small_size, digest, ctime_ns, born_before_ns, root, directory, attribute, name)
       select $2::bigint, $2::bigint * 1000000, v.small_inode, v.small_size + 1, hashint8extended(v.small_inode, $2::bigint), $2::bigint * 1000000 + 1009, 250, root, directory, attribute, name
         from packed_version v where v.root = $1 and v.end_seq is null and v.digest is not null and v.directory in (${changing}) and v.small_inode % 5 = ($2::bigint / 86400000) % 5`,
    [root, seq, lot],
  );
  await client.query(
    `update packed_version o set end_seq = $2::bigint, end_reason = 'c' from packed_version n
      where o.root = $1 and o.end_seq is null and o.first_seq < $2::bigint and n.root = $1 and n.first_seq = $2::bigint and n.directory = o.directory and n.name = o.name`,
    [root, seq],
  );
  await client.query(
    `with gone as (delete from listing l where l.root = $1 and l.directory in (${changing}) returning l.*)
     insert into listing select root, directory, $2::bigint, stat_digest + 1, content_digest + 1, count, files, bytes, racy, dir_inode, dir_mtime_ns, dir_ctime_ns from gone`,
    [root, seq, lot],
  );
}

async function liveRows(
  client: ClientBase,
  root: number,
  backup: number,
  { seq, directories, lossy }: { readonly seq: bigint; readonly directories: number; readonly lossy: number },
): Promise<void> {
  const lot = Math.round(lossy * 1_000_000);
  const isLossy = (directory: string): string => `(${directory} <= $4::int and ${LOT(directory, '7')} < $5::bigint)`;
  await client.query(
    `insert into packed_version (first_seq, mtime_ns, small_inode, small_size, digest, born_before_ns, root, directory, attribute, nlink, name)
       select $1::bigint, mtime_ns, small_inode, small_size, digest, 250000, $2, directory, attribute, nlink, name
         from packed_version where root = $3 and end_seq is null and not (${isLossy('directory')} and small_inode % 10 = 0)`,
    [seq, root, backup, directories, lot],
  );
  await client.query(
    `insert into listing
       select $2, directory, $1::bigint, stat_digest, case when ${isLossy('directory')} then -content_digest else content_digest end, count, files, bytes, racy,
              dir_inode, dir_mtime_ns, dir_ctime_ns from listing where root = $3`,
    [seq, root, backup, directories, lot],
  );
}
