-- The catalog: volumes and their roots, scans and their shards, and the temporal manifest.
-- Rules for readers: a scan counts only when it is complete; every reader goes through manifest().
-- Times of files are bigint nanoseconds, times of scans are bigint milliseconds since 1970 (UTC).
-- Names and paths are the printable text form of domain/path.ts, always collate "C".

create table volume (
  id int generated always as identity primary key,
  name text collate "C" not null unique,
  role text not null check (role in ('live', 'backup')),
  layout text not null check (layout in ('tree', 'snapshots')),
  -- What the volume is, whatever its label: a tree's real path, or a series' literal prefix and last part.
  key text collate "C" not null unique,
  created_ms bigint not null,
  -- What stopped the last audit (scan or assessment) of the volume: {atMs, exit, message, next}. Null once an audit
  -- went through. A guard stops many audits before anything else is written, and a monitor that asks only for findings
  -- would never hear of it.
  trouble jsonb
);

create table root (
  id int generated always as identity primary key,
  volume int not null references volume,
  host text not null,
  path text collate "C" not null,
  -- Recorded identity (file system type, UUID or source, root inode, entered mounts); null until a first scan
  -- completes.
  identity jsonb,
  -- How many transactions have changed its versions: sums of an earlier count are stale.
  changes bigint not null default 0,
  unique (volume, host, path)
);

create table scan (
  id bigint generated always as identity primary key,
  volume int not null references volume,
  -- Orders the scans of a volume by as_of; sparse.
  seq bigint not null,
  snapshot text collate "C",
  as_of_from_ms bigint not null,
  as_of_to_ms bigint not null,
  as_of_source text not null,
  read_only boolean not null default false,
  -- list: bytes are not read; read: read what cannot be carried; reread: every copy is read.
  mode text not null check (mode in ('list', 'read', 'reread')),
  -- A list of names and digests that another tool made (rollcall import) is a scan of a volume of its own, `lists:` and
  -- the key of the volume that it is about: whether it claims to hold every file. Null for a scan that Rollcall, here
  -- or elsewhere, made. Its versions have mtime_ns −2^63 and mode, uid and gid −1: not told. Their size is null where
  -- the list has none.
  list text check (list in ('partial', 'complete')),
  -- An imported or exported scan was read on another host, at that time; null for scans made here.
  exported_ms bigint,
  state text not null check (state in ('running', 'complete', 'aborted')),
  reason text,
  pruned text,
  scope jsonb not null,
  open_shards int not null default 0,
  relist_round int not null default 0,
  -- A person said that the root is what it should be, whatever earlier scans saw (--new-state).
  new_state boolean not null default false,
  -- The scan of a snapshot that this one looks at again.
  relist_of bigint,
  totals jsonb,
  started_ms bigint not null,
  progressed_ms bigint not null,
  ended_ms bigint
);
create unique index scan_seq on scan (volume, seq) where state <> 'aborted';
create unique index scan_one_running on scan (volume) where state = 'running';

-- Each root that a scan looks at, and what it was when the scan began.
create table scan_root (
  scan bigint not null references scan on delete cascade,
  root int not null references root,
  -- Where this state lies on disk: the root's own path, or the snapshot's directory (it moves when a series rotates).
  path text collate "C" not null,
  -- Of a live tree as root.identity; of a snapshot what tells it from another one of the same name.
  identity jsonb,
  primary key (scan, root)
);
create index scan_root_root on scan_root (root);

create table shard (
  id bigint generated always as identity primary key,
  scan bigint not null references scan on delete cascade,
  -- Where its directories lie: workers of that root's host can do it.
  root int not null references root,
  kind text not null check (kind in ('list', 'read', 'relist')),
  work jsonb not null,
  state text not null check (state in ('open', 'leased', 'done')),
  -- The holder's advisory lock key: a lease whose session is gone is over at once, whatever its time.
  holder int,
  lease_until timestamptz,
  fence int not null default 0,
  attempts int not null default 0,
  counts jsonb
);
create index shard_claim on shard (scan, id) where state <> 'done';

-- One dictionary of directories for all volumes, so that live and backup share ids. Root is id 0, path ''.
create table directory (
  id int generated always as identity primary key,
  parent int not null,
  name text collate "C" not null,
  path text collate "C" not null,
  unique (parent, name)
);
insert into directory (id, parent, name, path) overriding system value values (0, -1, '', '');

-- (kind, mode, uid, gid) repeats by the million: one small number for each.
create table attribute (
  id int generated always as identity primary key,
  kind text not null,
  mode int not null,
  uid bigint not null,
  gid bigint not null,
  unique (kind, mode, uid, gid)
);

-- A version: what a name was over [first_seq, end_seq). Millions of rows, so what is usual is stored as null; the view
-- `version` gives it back, and every reader reads that. Numbers that are small for nearly every file have a narrow
-- column beside the wide one; the wide one counts where both are set, so that whoever writes may write wide ones only.
-- Columns by alignment: the widest first.
create table packed_version (
  first_seq bigint not null,
  mtime_ns bigint not null,
  digest bigint,
  end_seq bigint,
  size bigint, -- null: small_size
  -- Of the one copy whose bytes were read (or, without a digest, that was listed): inode, times of change and birth,
  -- nlink.
  inode bigint, -- null: small_inode
  ctime_ns bigint, -- null: as mtime_ns
  btime_ns bigint, -- null: ctime_ns, less born_before_ns
  -- The offset in bytes from which the content is nothing but zero bytes. Null: the size, as its last byte is not zero.
  -- −1: nobody knows. It means something only beside a digest.
  zero_from bigint,
  read_seq bigint, -- null: first_seq, where there is a digest
  rdev bigint,
  root int not null,
  directory int not null,
  attribute int not null,
  small_size int,
  small_inode int,
  born_before_ns int, -- null: 0
  nlink int, -- null: 1
  end_reason "char", -- c changed, v vanished, x excluded, r root removed
  suspect boolean, -- null: false
  racy boolean, -- null: false
  name text collate "C" not null,
  target text collate "C"
);
create index version_place on packed_version (root, directory);
-- What ever changed, ended or was suspect: judging looks for the directories that hold any of it.
create index version_touched on packed_version (root, directory) where end_seq is not null or suspect is true;
-- Versions by when they began: rows of one scan lie together, so that a few numbers for each megabyte tell where later
-- ones are.
create index version_begun on packed_version using brin (first_seq);
-- Directories, and the few others that have no size: judging asks for the times of all directories.
create index version_sizeless on packed_version (root, directory) where coalesce(size, small_size) is null;

-- Sums over the versions of a root, as judging shows them. They hold while `changes` is that of the root.
create table version_sum (
  root int primary key references root,
  changes bigint not null,
  -- [{firstSeq, readSeq, names, bytes, clamped}]: by the scans that the versions begin at and were read at; bytes of
  -- those that hold and have a digest.
  begun jsonb not null,
  -- [{seq, changed, vanished}]: how many ended at each scan.
  ended jsonb not null
);

-- Whether a version holds at the scan p_seq. That a gap of that scan covers it is another matter: hidden() tells.
create function holds_at(p_first_seq bigint, p_end_seq bigint, p_seq bigint) returns boolean
language sql immutable parallel safe as $$
  select p_first_seq <= p_seq and (p_end_seq is null or p_end_seq > p_seq)
$$;

-- What everybody reads. The columns from first_seq on are in the order of services/catalog/rows.ts. (A left join, so
-- that it costs nothing where nobody asks for the attribute.)
create view version as
  select v.root, v.directory, v.name, v.first_seq, v.end_seq, v.end_reason, coalesce(v.size, v.small_size) as size, v.mtime_ns, v.digest,
         case when v.digest is null or v.zero_from = -1 then null else coalesce(v.zero_from, v.size, v.small_size) end as zero_from,
         case when v.digest is not null then coalesce(v.read_seq, v.first_seq) end as read_seq,
         coalesce(v.inode, v.small_inode) as inode, coalesce(v.ctime_ns, v.mtime_ns) as ctime_ns,
         coalesce(v.btime_ns, coalesce(v.ctime_ns, v.mtime_ns) - coalesce(v.born_before_ns, 0)) as btime_ns,
         coalesce(v.nlink, 1) as nlink, v.suspect is true as suspect, v.racy is true as racy, v.target, v.rdev,
         a.kind, a.mode, a.uid, a.gid, v.attribute
    from packed_version v left join attribute a on a.id = v.attribute;

-- Every change that a running scan makes to an older row waits here; the close applies it, an abort drops it.
-- kind: end (of one version at its scan's seq), below (ends all below directory/name), proof, extend (first_seq back to
-- the scan's seq).
create table ending (
  scan bigint not null,
  root int not null,
  directory int not null,
  name text collate "C" not null,
  first_seq bigint not null,
  kind text not null check (kind in ('end', 'below', 'proof', 'extend')),
  reason "char",
  -- A late scan cuts a version in two: the second part begins here.
  resume_seq bigint,
  digest bigint,
  zero_from bigint,
  read_seq bigint,
  inode bigint,
  ctime_ns bigint,
  btime_ns bigint,
  nlink int,
  suspect boolean,
  racy boolean
);
create index ending_place on ending (scan, directory);

-- name '' means the directory itself and all below it.
create table gap (
  scan bigint not null,
  root int not null,
  directory int not null,
  name text collate "C" not null,
  status text not null check (status in ('denied', 'io', 'partial', 'boundary', 'unmounted', 'failed', 'unsettled')),
  errno text,
  detail text
);
create index gap_scan on gap (scan, directory);

-- What each directory looked like at its newest listing; a row stays while nothing in it changes.
create table listing (
  root int not null,
  directory int not null,
  seq bigint not null,
  stat_digest bigint not null,
  -- In directories of snapshots that share files by hard links: as stat_digest without the ctimes of files, which a
  -- further link changes, and without what is no file. Null: none of them is a hard link.
  link_digest bigint,
  content_digest bigint,
  count int not null,
  files int not null,
  bytes bigint not null,
  racy boolean not null,
  dir_inode bigint not null,
  dir_mtime_ns bigint not null,
  dir_ctime_ns bigint not null,
  primary key (directory, root, seq)
);

-- The versions whose interval contains a complete scan. Gaps are not subtracted here: hidden() tells them. (Functions
-- are parallel safe, or no query that names one is shared among processes.)
create function manifest(p_root int, p_seq bigint) returns setof version
language sql stable parallel safe as $$
  select * from version where root = p_root and holds_at(first_seq, end_seq, p_seq)
$$;

-- Digests of a live scan that was aborted: they serve for names with equal size, mtime, ctime and inode until the next
-- scan completes.
create table donor (
  root int not null,
  directory int not null,
  name text collate "C" not null,
  seq bigint not null,
  size bigint not null,
  mtime_ns bigint not null,
  ctime_ns bigint not null,
  inode bigint not null,
  digest bigint not null,
  zero_from bigint
);
create index donor_place on donor (directory, root);

-- A directory with all directories below it.
create function subtree(p_directories int[]) returns table (id int)
language sql stable parallel safe as $$
  with recursive below as (
    select d.id from directory d where d.id = any (p_directories)
    union
    select d.id from below b join directory d on d.parent = b.id
  )
  select id from below
$$;

-- Whether a gap of this scan hides the name: a gap on it, on its directory, or on anything above.
create function hidden(p_scan bigint, p_directory int, p_name text) returns boolean
language sql stable parallel safe as $$
  with recursive chain (directory, name) as (
    select p_directory, p_name collate "C"
    union all
    select d.parent, d.name from chain c join directory d on d.id = c.directory where d.parent >= 0
  )
  select exists (select from chain c join gap g on g.scan = p_scan and g.directory = c.directory and g.name in ('', c.name))
$$;

-- The first complete scan after p_seq that saw the name or its absence; null when there is none.
create function next_seen(p_volume int, p_seq bigint, p_directory int, p_name text) returns bigint
language sql stable parallel safe as $$
  select min(s.seq) from scan s
  where s.volume = p_volume and s.state = 'complete' and s.seq > p_seq and not hidden(s.id, p_directory, p_name)
$$;

-- A part [p_from, p_to) of a divided version keeps its digest only if the copy that was read lies in it, or a scan in
-- it read every copy.
create function surviving_read(p_volume int, p_digest bigint, p_read_seq bigint, p_from bigint, p_to bigint, p_directory int, p_name text) returns bigint
language sql stable parallel safe as $$
  select case
    when p_digest is null then null
    when p_read_seq >= p_from and (p_to is null or p_read_seq < p_to) then p_read_seq
    else (select min(s.seq) from scan s
          where s.volume = p_volume and s.state = 'complete' and s.mode = 'reread' and s.seq >= p_from and (p_to is null or s.seq < p_to)
            and not hidden(s.id, p_directory, p_name))
  end
$$;

-- Whether the session of a holder still lives: it keeps an advisory lock on (7461, holder) for as long
-- (services/catalog/holders.ts).
create function holder_lives(p_holder int) returns boolean
language sql volatile as $$
  select exists (
    select from pg_locks l where l.locktype = 'advisory' and l.objsubid = 2 and l.classid = 7461::oid and l.objid = p_holder::oid and l.granted
       and l.database = (select oid from pg_database where datname = current_database()))
$$;
