-- The schema of the catalog, as the migrations leave it. Made by test/catalog/schema.test.ts, which compares it; migrations/ says why things are so.

create table ask (
  task bigint not null,
  n integer not null,
  key text collate "C" not null,
  question text not null,
  answer text,
  PRIMARY KEY (task, n),
  FOREIGN KEY (task) REFERENCES task(id) ON DELETE CASCADE
);

create table assessment (
  id bigint not null generated always as identity,
  volume integer not null,
  live_scan bigint not null,
  scans jsonb not null,
  result jsonb not null,
  bundle text collate "C",
  kept integer,
  created_ms bigint not null,
  PRIMARY KEY (id),
  FOREIGN KEY (volume) REFERENCES volume(id)
);
CREATE INDEX assessment_volume ON assessment USING btree (volume, id);

create table attribute (
  id integer not null generated always as identity,
  kind text not null,
  mode integer not null,
  uid bigint not null,
  gid bigint not null,
  PRIMARY KEY (id),
  UNIQUE (kind, mode, uid, gid)
);

create table audit_log (
  id bigint not null generated always as identity,
  at_ms bigint not null,
  actor text not null,
  action text not null,
  subject text collate "C" not null,
  reason text,
  PRIMARY KEY (id)
);

create table configuration (
  id bigint not null generated always as identity,
  document jsonb not null,
  actor text not null,
  applied_ms bigint not null,
  PRIMARY KEY (id)
);

create table directory (
  id integer not null generated always as identity,
  parent integer not null,
  name text collate "C" not null,
  path text collate "C" not null,
  PRIMARY KEY (id),
  UNIQUE (parent, name)
);

create table donor (
  root integer not null,
  directory integer not null,
  name text collate "C" not null,
  seq bigint not null,
  size bigint not null,
  mtime_ns bigint not null,
  ctime_ns bigint not null,
  inode bigint not null,
  digest bigint not null,
  zero_from bigint
);
CREATE INDEX donor_place ON donor USING btree (directory, root);

create table ending (
  scan bigint not null,
  root integer not null,
  directory integer not null,
  name text collate "C" not null,
  first_seq bigint not null,
  kind text not null,
  reason "char",
  resume_seq bigint,
  digest bigint,
  zero_from bigint,
  read_seq bigint,
  inode bigint,
  ctime_ns bigint,
  btime_ns bigint,
  nlink integer,
  suspect boolean,
  racy boolean,
  CHECK ((kind = ANY (ARRAY['end'::text, 'below'::text, 'proof'::text, 'extend'::text])))
);
CREATE INDEX ending_place ON ending USING btree (scan, directory);

create table finding (
  id bigint not null generated always as identity,
  volume integer not null,
  path text collate "C" not null,
  expected text collate "C" not null,
  observed text collate "C" not null,
  verdict text not null,
  recovery text,
  detail jsonb not null,
  from_seq_ms bigint,
  to_seq_ms bigint,
  state text not null,
  reason text,
  opened_ms bigint not null,
  seen_ms bigint not null,
  closed_ms bigint,
  restored_ms bigint,
  rules integer not null default 1,
  PRIMARY KEY (id),
  CHECK ((state = ANY (ARRAY['open'::text, 'resolved'::text, 'accepted'::text]))),
  FOREIGN KEY (volume) REFERENCES volume(id),
  UNIQUE (volume, path, expected, observed)
);
CREATE INDEX finding_open ON finding USING btree (volume) WHERE (state = 'open'::text);

create table gap (
  scan bigint not null,
  root integer not null,
  directory integer not null,
  name text collate "C" not null,
  status text not null,
  errno text,
  detail text,
  CHECK ((status = ANY (ARRAY['denied'::text, 'io'::text, 'partial'::text, 'boundary'::text, 'unmounted'::text, 'failed'::text, 'unsettled'::text, 'hidden'::text, 'unreachable'::text, 'misplaced'::text])))
);
CREATE INDEX gap_scan ON gap USING btree (scan, directory);

create table incident (
  id bigint not null generated always as identity,
  kind text not null,
  subject text collate "C" not null,
  opened_ms bigint not null,
  seen_ms bigint not null,
  closed_ms bigint,
  size bigint not null,
  peak bigint not null,
  told bigint not null,
  clean integer not null default 0,
  detail jsonb not null,
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX incident_open ON incident USING btree (kind, subject) WHERE (closed_ms IS NULL);

create table kept_finding (
  assessment bigint not null,
  n integer not null,
  line text not null,
  PRIMARY KEY (assessment, n),
  FOREIGN KEY (assessment) REFERENCES assessment(id) ON DELETE CASCADE
);

create table listing (
  root integer not null,
  directory integer not null,
  seq bigint not null,
  stat_digest bigint not null,
  link_digest bigint,
  content_digest bigint,
  count integer not null,
  files integer not null,
  bytes bigint not null,
  racy boolean not null,
  dir_inode bigint not null,
  dir_mtime_ns bigint not null,
  dir_ctime_ns bigint not null,
  PRIMARY KEY (directory, root, seq)
);

create table message (
  id bigint not null generated always as identity,
  about text collate "C" not null,
  event text not null,
  hook text collate "C" not null,
  incident bigint,
  body jsonb not null,
  state text not null,
  attempts integer not null default 0,
  not_before_ms bigint not null,
  made_ms bigint not null,
  sent_ms bigint,
  trouble text,
  PRIMARY KEY (id),
  UNIQUE (about, event, hook),
  CHECK ((event = ANY (ARRAY['opened'::text, 'tenfold'::text, 'closed'::text, 'digest'::text, 'start'::text, 'success'::text, 'fail'::text, 'test'::text]))),
  FOREIGN KEY (incident) REFERENCES incident(id) ON DELETE CASCADE,
  CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text])))
);
CREATE INDEX message_waiting ON message USING btree (not_before_ms) WHERE (state = 'waiting'::text);

create table mute (
  id bigint not null generated always as identity,
  incident bigint not null,
  until_ms bigint not null,
  at_size bigint not null,
  reason text not null,
  actor text not null,
  at_ms bigint not null,
  PRIMARY KEY (id),
  FOREIGN KEY (incident) REFERENCES incident(id) ON DELETE CASCADE
);

create table packed_version (
  first_seq bigint not null,
  mtime_ns bigint not null,
  digest bigint,
  end_seq bigint,
  size bigint,
  inode bigint,
  ctime_ns bigint,
  btime_ns bigint,
  zero_from bigint,
  read_seq bigint,
  rdev bigint,
  root integer not null,
  directory integer not null,
  attribute integer not null,
  small_size integer,
  small_inode integer,
  born_before_ns integer,
  nlink integer,
  end_reason "char",
  suspect boolean,
  racy boolean,
  name text collate "C" not null,
  target text collate "C"
);
CREATE INDEX version_begun ON packed_version USING brin (first_seq);
CREATE INDEX version_place ON packed_version USING btree (root, directory);
CREATE INDEX version_sizeless ON packed_version USING btree (root, directory) WHERE (COALESCE(size, (small_size)::bigint) IS NULL);
CREATE INDEX version_touched ON packed_version USING btree (root, directory) WHERE ((end_seq IS NOT NULL) OR (suspect IS TRUE));

create table pause (
  id bigint not null generated always as identity,
  subject text collate "C",
  from_ms bigint not null,
  until_ms bigint not null,
  reason text not null,
  actor text not null,
  PRIMARY KEY (id)
);

create table retired_host (
  host text not null,
  reason text not null,
  at_ms bigint not null,
  PRIMARY KEY (host)
);

create table root (
  id integer not null generated always as identity,
  volume integer not null,
  host text not null,
  path text collate "C" not null,
  identity jsonb,
  changes bigint not null default 0,
  PRIMARY KEY (id),
  FOREIGN KEY (volume) REFERENCES volume(id),
  UNIQUE (volume, host, path)
);

create table scan (
  id bigint not null generated always as identity,
  volume integer not null,
  seq bigint not null,
  snapshot text collate "C",
  as_of_from_ms bigint not null,
  as_of_to_ms bigint not null,
  as_of_source text not null,
  read_only boolean not null default false,
  mode text not null,
  list text,
  exported_ms bigint,
  state text not null,
  reason text,
  pruned text,
  scope jsonb not null,
  open_shards integer not null default 0,
  relist_round integer not null default 0,
  new_state boolean not null default false,
  relist_of bigint,
  totals jsonb,
  started_ms bigint not null,
  progressed_ms bigint not null,
  ended_ms bigint,
  scrub jsonb,
  PRIMARY KEY (id),
  CHECK ((list = ANY (ARRAY['partial'::text, 'complete'::text]))),
  CHECK ((mode = ANY (ARRAY['list'::text, 'read'::text, 'reread'::text]))),
  CHECK ((state = ANY (ARRAY['running'::text, 'complete'::text, 'aborted'::text]))),
  FOREIGN KEY (volume) REFERENCES volume(id)
);
CREATE UNIQUE INDEX scan_one_running ON scan USING btree (volume) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX scan_seq ON scan USING btree (volume, seq) WHERE (state <> 'aborted'::text);

create table scan_root (
  scan bigint not null,
  root integer not null,
  path text collate "C" not null,
  identity jsonb,
  PRIMARY KEY (scan, root),
  FOREIGN KEY (root) REFERENCES root(id),
  FOREIGN KEY (scan) REFERENCES scan(id) ON DELETE CASCADE
);
CREATE INDEX scan_root_root ON scan_root USING btree (root);

create table schedule_run (
  subject text collate "C" not null,
  kind text not null,
  due_ms bigint not null,
  missed integer not null default 0,
  task bigint,
  state text not null,
  exit smallint,
  message text,
  found integer not null default 0,
  left_ms bigint not null,
  ended_ms bigint,
  PRIMARY KEY (subject, kind, due_ms),
  CHECK ((kind = ANY (ARRAY['quick'::text, 'snapshots'::text, 'scrub'::text]))),
  CHECK ((state = ANY (ARRAY['left'::text, 'done'::text, 'failed'::text, 'skipped'::text])))
);
CREATE INDEX schedule_run_left ON schedule_run USING btree (left_ms) WHERE (state = 'left'::text);

create table scrub_choice (
  scan bigint not null,
  directory integer not null,
  names text[] collate "C",
  PRIMARY KEY (scan, directory),
  FOREIGN KEY (scan) REFERENCES scan(id) ON DELETE CASCADE
);

create table scrub_missed (
  root integer not null,
  directory integer not null,
  name text collate "C" not null,
  tried_ms bigint not null,
  PRIMARY KEY (root, directory, name)
);

create table scrub_sum (
  root integer not null,
  changes bigint not null,
  slice bigint,
  read jsonb not null,
  PRIMARY KEY (root),
  FOREIGN KEY (root) REFERENCES root(id)
);

create table scrubbed (
  root integer not null,
  directory integer not null,
  tried_ms bigint not null,
  read_ms bigint,
  PRIMARY KEY (root, directory)
);

create table shard (
  id bigint not null generated always as identity,
  scan bigint not null,
  root integer not null,
  kind text not null,
  work jsonb not null,
  state text not null,
  holder integer,
  lease_until timestamp with time zone,
  fence integer not null default 0,
  attempts integer not null default 0,
  counts jsonb,
  PRIMARY KEY (id),
  CHECK ((kind = ANY (ARRAY['list'::text, 'read'::text, 'relist'::text]))),
  FOREIGN KEY (root) REFERENCES root(id),
  FOREIGN KEY (scan) REFERENCES scan(id) ON DELETE CASCADE,
  CHECK ((state = ANY (ARRAY['open'::text, 'leased'::text, 'done'::text])))
);
CREATE INDEX shard_claim ON shard USING btree (scan, id) WHERE (state <> 'done'::text);

create table task (
  id bigint not null generated always as identity,
  host text,
  kind text not null,
  reference jsonb not null,
  parent bigint,
  priority smallint not null,
  state text not null,
  holder integer,
  fence integer not null default 0,
  lease_until timestamp with time zone,
  attempts integer not null default 0,
  delays integer not null default 0,
  not_before timestamp with time zone not null default now(),
  made jsonb not null default '{}'::jsonb,
  troubles jsonb not null default '[]'::jsonb,
  result jsonb,
  asked_ms bigint not null,
  ended_ms bigint,
  PRIMARY KEY (id),
  FOREIGN KEY (parent) REFERENCES task(id) ON DELETE CASCADE,
  CHECK ((state = ANY (ARRAY['open'::text, 'taken'::text, 'waiting'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE INDEX task_parent ON task USING btree (parent) WHERE (parent IS NOT NULL);
CREATE INDEX task_to_take ON task USING btree (priority, id) WHERE (state = ANY (ARRAY['open'::text, 'taken'::text]));

create table version_sum (
  root integer not null,
  changes bigint not null,
  begun jsonb not null,
  ended jsonb not null,
  PRIMARY KEY (root),
  FOREIGN KEY (root) REFERENCES root(id)
);

create table volume (
  id integer not null generated always as identity,
  name text collate "C" not null,
  role text not null,
  layout text not null,
  key text collate "C" not null,
  created_ms bigint not null,
  trouble jsonb,
  PRIMARY KEY (id),
  UNIQUE (key),
  CHECK ((layout = ANY (ARRAY['tree'::text, 'gluster'::text, 'snapshots'::text]))),
  UNIQUE (name),
  CHECK ((role = ANY (ARRAY['live'::text, 'backup'::text])))
);

create table worker (
  holder integer not null,
  host text not null,
  version text not null,
  pid integer not null,
  slots integer not null,
  doing jsonb not null,
  clock_offset_ms bigint not null,
  started_ms bigint not null,
  seen timestamp with time zone not null,
  ended boolean not null default false,
  PRIMARY KEY (holder)
);
CREATE INDEX worker_host ON worker USING btree (host);

create view version as
 SELECT v.root,
    v.directory,
    v.name,
    v.first_seq,
    v.end_seq,
    v.end_reason,
    COALESCE(v.size, (v.small_size)::bigint) AS size,
    v.mtime_ns,
    v.digest,
        CASE
            WHEN ((v.digest IS NULL) OR (v.zero_from = '-1'::integer)) THEN NULL::bigint
            ELSE COALESCE(v.zero_from, v.size, (v.small_size)::bigint)
        END AS zero_from,
        CASE
            WHEN (v.digest IS NOT NULL) THEN COALESCE(v.read_seq, v.first_seq)
            ELSE NULL::bigint
        END AS read_seq,
    COALESCE(v.inode, (v.small_inode)::bigint) AS inode,
    COALESCE(v.ctime_ns, v.mtime_ns) AS ctime_ns,
    COALESCE(v.btime_ns, (COALESCE(v.ctime_ns, v.mtime_ns) - COALESCE(v.born_before_ns, 0))) AS btime_ns,
    COALESCE(v.nlink, 1) AS nlink,
    (v.suspect IS TRUE) AS suspect,
    (v.racy IS TRUE) AS racy,
    v.target,
    v.rdev,
    a.kind,
    a.mode,
    a.uid,
    a.gid,
    v.attribute
   FROM (packed_version v
     LEFT JOIN attribute a ON ((a.id = v.attribute)));

CREATE OR REPLACE FUNCTION can_be_taken(t task)
 RETURNS boolean
 LANGUAGE sql
AS $function$
  select case t.state
    when 'open' then t.not_before <= now()
    when 'taken' then holders_are_back() and (t.lease_until < now() or not holder_lives(t.holder))
    else false end
$function$

CREATE OR REPLACE FUNCTION hidden(p_scan bigint, p_directory integer, p_name text)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  with recursive chain (directory, name) as (
    select p_directory, p_name collate "C"
    union all
    select d.parent, d.name from chain c join directory d on d.id = c.directory where d.parent >= 0
  )
  select exists (select from chain c join gap g on g.scan = p_scan and g.directory = c.directory and g.name in ('', c.name))
$function$

CREATE OR REPLACE FUNCTION holder_lives(p_holder integer)
 RETURNS boolean
 LANGUAGE sql
AS $function$
  select exists (
    select from pg_locks l where l.locktype = 'advisory' and l.objsubid = 2 and l.classid = 7461::oid and l.objid = p_holder::oid and l.granted
       and l.database = (select oid from pg_database where datname = current_database()))
$function$

CREATE OR REPLACE FUNCTION holders_are_back()
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select now() > pg_postmaster_start_time() + interval '15 seconds'
$function$

CREATE OR REPLACE FUNCTION holds_at(p_first_seq bigint, p_end_seq bigint, p_seq bigint)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select p_first_seq <= p_seq and (p_end_seq is null or p_end_seq > p_seq)
$function$

CREATE OR REPLACE FUNCTION manifest(p_root integer, p_seq bigint)
 RETURNS SETOF version
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select * from version where root = p_root and holds_at(first_seq, end_seq, p_seq)
$function$

CREATE OR REPLACE FUNCTION next_seen(p_volume integer, p_seq bigint, p_directory integer, p_name text)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select min(s.seq) from scan s
  where s.volume = p_volume and s.state = 'complete' and s.seq > p_seq and not hidden(s.id, p_directory, p_name)
$function$

CREATE OR REPLACE FUNCTION subtree(p_directories integer[])
 RETURNS TABLE(id integer)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  with recursive below as (
    select d.id from directory d where d.id = any (p_directories)
    union
    select d.id from below b join directory d on d.parent = b.id
  )
  select id from below
$function$

CREATE OR REPLACE FUNCTION surviving_read(p_volume integer, p_digest bigint, p_read_seq bigint, p_from bigint, p_to bigint, p_directory integer, p_name text)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select case
    when p_digest is null then null
    when p_read_seq >= p_from and (p_to is null or p_read_seq < p_to) then p_read_seq
    else (select min(s.seq) from scan s
          where s.volume = p_volume and s.state = 'complete' and s.mode = 'reread' and s.seq >= p_from and (p_to is null or s.seq < p_to)
            and not hidden(s.id, p_directory, p_name))
  end
$function$
