// What judging read is written back: a digest where the catalog had none, and a version cut in two where a snapshot's
// copy differs.
import type { ClientBase } from 'pg';
import type { Version } from '../../domain/version.ts';
import { seenInGoodStanding, standingKey } from './known.ts';
import { signed } from './rows.ts';
import { versionsChanged } from './version-sums.ts';

/** One copy that was read at the scan `seq` of its root, where `version` holds. */
export interface CopyRead {
  readonly root: number;
  readonly seq: bigint;
  readonly directory: number;
  readonly name: string;
  readonly version: Version;
  readonly digest: bigint;
  /** As Proof.zeroFrom. */
  readonly zeroFrom: number | null;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  readonly btimeNs: bigint;
  readonly nlink: number;
  readonly racy: boolean;
}

/**
 * Proof for versions that had none; a version whose digest is another one is cut at the later of the two copies. A
 * later copy that differs is suspect (its content changed under the same size and mtime) unless that digest was once
 * seen in good standing. An older copy that nobody had read may have rotted at any time: it takes nothing from the
 * standing of the later one, and judging weighs the two. The very copy that was read before proves nothing new about
 * the past: the catalog keeps what was known good. Must run in a transaction.
 *
 * A root with a running scan is left alone: what the scan has staged names versions by where they begin, and a cut
 * would move that. No scan of the others begins before the transaction ends.
 * @returns versions that got a digest, versions that were cut, and readings that were left out, to be made again
 * another time
 */
export async function recordReadings(
  client: ClientBase,
  given: readonly CopyRead[],
): Promise<{ proven: number; cut: number; leftOut: number }> {
  const running = await lockRoots(client, [...new Set(given.map((read) => read.root))]);
  const reads = given.filter((read) => !running.has(read.root));
  const proven = await writeProofs(
    client,
    reads.filter((read) => read.version.digest === null),
  );
  await writeLooks(client, reads);
  // Also what has just been proven may be contradicted by another copy of the same version.
  const digests = new Map<string, Set<bigint>>();
  for (const read of reads) {
    const of = digests.get(versionKey(read)) ?? new Set();
    if (read.version.digest !== null) of.add(read.version.digest);
    digests.set(versionKey(read), of.add(read.digest));
  }
  let cut = 0;
  for (const read of reads) {
    if ((digests.get(versionKey(read))?.size ?? 0) > 1 && (await cutVersion(client, read))) cut++;
  }
  await versionsChanged(client, [...new Set(reads.map((read) => read.root))]);
  return { proven, cut, leftOut: given.length - reads.length };
}

/** A scan that begins refers to its root, and waits for whoever holds that. @returns the roots with a running scan */
async function lockRoots(client: ClientBase, roots: readonly number[]): Promise<ReadonlySet<number>> {
  if (roots.length === 0) return new Set();
  await client.query('select from root where id = any ($1) order by id for update', [roots]);
  const found = await client.query<{ root: number }>(
    `select p.root from scan_root p join scan s on s.id = p.scan and s.state = 'running' where p.root = any ($1)`,
    [roots],
  );
  return new Set(found.rows.map((row) => row.root));
}

function versionKey(read: CopyRead): string {
  return `${read.root} ${read.directory} ${read.version.firstSeq} ${read.name}`;
}

async function writeProofs(client: ClientBase, reads: readonly CopyRead[]): Promise<number> {
  if (reads.length === 0) return 0;
  const first = new Map<string, CopyRead>();
  for (const read of reads) {
    const key = versionKey(read);
    if (!first.has(key)) first.set(key, read);
  }
  const list = [...first.values()];
  const updated = await client.query(
    `update packed_version v set digest = n.digest, zero_from = coalesce(n.zero_from, -1), read_seq = n.seq, inode = n.inode, ctime_ns = n.ctime, btime_ns = n.btime, nlink = n.nlink, racy = n.racy
       from unnest($1::int[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::int[], $11::boolean[], $12::bigint[])
            as n (root, directory, name, first_seq, digest, seq, inode, ctime, btime, nlink, racy, zero_from)
      where v.root = n.root and v.directory = n.directory and v.name = n.name collate "C" and v.first_seq = n.first_seq and v.digest is null`,
    [
      list.map((r) => r.root),
      list.map((r) => r.directory),
      list.map((r) => r.name),
      list.map((r) => r.version.firstSeq),
      list.map((r) => signed(r.digest)),
      list.map((r) => r.seq),
      list.map((r) => r.inode),
      list.map((r) => r.ctimeNs),
      list.map((r) => r.btimeNs),
      list.map((r) => r.nlink),
      list.map((r) => r.racy),
      list.map((r) => r.zeroFrom),
    ],
  );
  return updated.rowCount ?? 0;
}

/** What was read before looks were recorded has the same looks as any copy with its digest. */
async function writeLooks(client: ClientBase, reads: readonly CopyRead[]): Promise<void> {
  const news = reads.filter(
    ({ version, digest, zeroFrom }) => version.zeroFrom === null && version.digest === digest && zeroFrom !== null,
  );
  if (news.length === 0) return;
  await client.query(
    `update packed_version v set zero_from = n.zero_from
       from unnest($1::int[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as n (root, directory, name, first_seq, digest, zero_from)
      where v.root = n.root and v.directory = n.directory and v.name = n.name collate "C" and v.first_seq = n.first_seq and v.digest = n.digest`,
    [
      news.map((r) => r.root),
      news.map((r) => r.directory),
      news.map((r) => r.name),
      news.map((r) => r.version.firstSeq),
      news.map((r) => signed(r.digest)),
      news.map((r) => r.zeroFrom),
    ],
  );
}

async function cutVersion(client: ClientBase, read: CopyRead): Promise<boolean> {
  const found = await client.query<{
    first_seq: bigint;
    digest: bigint;
    read_seq: bigint;
    inode: bigint;
    ctime_ns: bigint;
    suspect: boolean;
  }>(
    `select first_seq, digest, coalesce(read_seq, first_seq) as read_seq, coalesce(inode, small_inode) as inode, coalesce(ctime_ns, mtime_ns) as ctime_ns, suspect is true as suspect
       from packed_version where root = $1 and directory = $2 and name = $3 and holds_at(first_seq, end_seq, $4) and digest <> $5 for update`,
    [read.root, read.directory, read.name, read.seq, signed(read.digest)],
  );
  const held = found.rows[0];
  if (held === undefined || held.read_seq === read.seq) return false;
  if (held.inode === read.inode && held.ctime_ns === read.ctimeNs) return false;
  const earlierIsNew = read.seq < held.read_seq;
  const cutAt = earlierIsNew ? held.read_seq : read.seq;
  if (cutAt <= held.first_seq) return false;
  const key = [read.root, read.directory, read.name, held.first_seq, cutAt] as const;
  const laterDigest = earlierIsNew ? BigInt.asUintN(64, held.digest) : read.digest;
  const suspect = earlierIsNew ? held.suspect : !(await wasGood(client, read, laterDigest));
  await client.query(
    `insert into packed_version (first_seq, end_seq, size, mtime_ns, digest, zero_from, read_seq, inode, ctime_ns, btime_ns, rdev, root, directory, attribute, nlink, end_reason, suspect, racy, name, target)
       select $5, end_seq, size, mtime_ns, $6, coalesce(case when $7 then zero_from else $12 end, -1), $5, case when $7 then inode else $8 end, case when $7 then ctime_ns else $9 end, case when $7 then btime_ns else $10 end,
              rdev, root, directory, attribute, nlink, end_reason, $11, racy, name, target
         from version where root = $1 and directory = $2 and name = $3 and first_seq = $4`,
    [...key, signed(laterDigest), earlierIsNew, read.inode, read.ctimeNs, read.btimeNs, suspect, read.zeroFrom],
  );
  await client.query(
    `update packed_version set end_seq = $5, end_reason = 'c', digest = case when $6 then $7 else digest end, read_seq = case when $6 then $8 else read_seq end,
            inode = case when $6 then $9 else inode end, ctime_ns = case when $6 then $10 else ctime_ns end,
            btime_ns = case when $6 then $11 else btime_ns end, zero_from = case when $6 then coalesce($12, -1) else zero_from end
      where root = $1 and directory = $2 and name = $3 and first_seq = $4`,
    [...key, earlierIsNew, signed(read.digest), read.seq, read.inode, read.ctimeNs, read.btimeNs, read.zeroFrom],
  );
  await client.query('update listing set content_digest = null where root = $1 and directory = $2', [
    read.root,
    read.directory,
  ]);
  return true;
}

async function wasGood(client: ClientBase, { directory, name }: CopyRead, digest: bigint): Promise<boolean> {
  const good = await seenInGoodStanding(client, [{ directory, name, digest }]);
  return good.has(standingKey(directory, name, digest));
}
