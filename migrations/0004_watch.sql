-- The watch (rollcall serve): what is to be watched, which audits were due, incidents, and messages about them.

-- What rollcall apply has taken, whole. The newest row holds; the earlier ones are its history.
create table configuration (
  id bigint generated always as identity primary key,
  -- In the shape of domain/watch/configuration.ts. Secrets are references (env:NAME, file:PATH), never values.
  document jsonb not null,
  actor text not null,
  applied_ms bigint not null
);

-- A run that was due, once, whoever saw it first: two serves that see the same minute insert one row.
create table schedule_run (
  -- The name of the volume or backup in the configuration, and what was due of it.
  subject text collate "C" not null,
  kind text not null check (kind in ('quick', 'snapshots', 'scrub')),
  due_ms bigint not null,
  -- Times that were due meanwhile and that this run stands for: a night that was missed is made up for once.
  missed int not null default 0,
  task bigint,
  state text not null check (state in ('left', 'done', 'failed', 'skipped')),
  -- Exit code of what was done, and a line about it; null while it runs.
  exit smallint,
  message text,
  -- Files that read differently than was known: they ask for an assessment.
  found int not null default 0,
  left_ms bigint not null,
  ended_ms bigint,
  primary key (subject, kind, due_ms)
);
create index schedule_run_left on schedule_run (left_ms) where state = 'left';

-- A pause that ends by itself. subject null: everything.
create table pause (
  id bigint generated always as identity primary key,
  subject text collate "C",
  from_ms bigint not null,
  until_ms bigint not null,
  reason text not null,
  actor text not null
);

-- What the scrub has read again: a directory is marked, not its rows (docs/design.md#scrub).
create table scrubbed (
  root int not null,
  directory int not null,
  -- When the last slice began that chose it, whatever came of it: what cannot be read does not come first for ever.
  tried_ms bigint not null,
  -- When the slice began that read all of its files again, but for those that were missed; null: none has.
  read_ms bigint,
  primary key (root, directory)
);
-- Files that a slice chose, by name or with their directory, and could not read.
create table scrub_missed (
  root int not null,
  directory int not null,
  name text collate "C" not null,
  tried_ms bigint not null,
  primary key (root, directory, name)
);

-- Of a slice of the scrub, which is a scan that reads some files again: {bytesPerSecond, chosenBytes}, and after its
-- end {bytes}: what it has read of these. Null for all other scans.
alter table scan add column scrub jsonb;
create table scrub_choice (
  scan bigint not null references scan on delete cascade,
  directory int not null,
  -- Of a directory that is more than a slice may read; null: all of it.
  names text[] collate "C",
  primary key (scan, directory)
);

-- How many files of a root were read when: [{readMs, sinceMs, files, bytes}], by the hour. It holds while `changes` is
-- that of the root, and while no later slice is complete.
create table scrub_sum (
  root int primary key references root,
  changes bigint not null,
  slice bigint,
  read jsonb not null
);

-- Something that needs a person: of one kind, on one volume or host.
create table incident (
  id bigint generated always as identity primary key,
  -- domain/watch/incident.ts
  kind text not null,
  -- The name of a volume or backup in the configuration, or of a host, or empty for the watch itself.
  subject text collate "C" not null,
  opened_ms bigint not null,
  seen_ms bigint not null,
  closed_ms bigint,
  -- How many (what its kind counts), now, at most, and at the last message about it (0: nobody was told).
  size bigint not null,
  peak bigint not null,
  told bigint not null,
  -- Complete audits that found nothing more; it closes after two, or at once by verify.
  clean int not null default 0,
  -- Assessments that found it, snapshots that must not be pruned: [{host, path}], bundle, examples of paths, reasons.
  detail jsonb not null
);
create unique index incident_open on incident (kind, subject) where closed_ms is null;

-- Nobody is told of an incident until then, unless it gets worse than it was. The newest one of an incident holds.
create table mute (
  id bigint generated always as identity primary key,
  incident bigint not null references incident on delete cascade,
  until_ms bigint not null,
  -- The incident's size when it was muted.
  at_size bigint not null,
  reason text not null,
  actor text not null,
  at_ms bigint not null
);

-- Assessments by volume: how the newest ones went is asked each minute.
create index assessment_volume on assessment (volume, id);

-- The outbox: one message for each (what it is about, event, hook), whoever makes it.
create table message (
  id bigint generated always as identity primary key,
  -- incident:7, run:school/quick/1764460800000, digest:2026-11-30, test:5
  about text collate "C" not null,
  event text not null check (event in ('opened', 'tenfold', 'closed', 'digest', 'start', 'success', 'fail', 'test')),
  hook text collate "C" not null,
  incident bigint references incident on delete cascade,
  -- domain/watch/message.ts
  body jsonb not null,
  state text not null check (state in ('waiting', 'sent', 'failed')),
  attempts int not null default 0,
  not_before_ms bigint not null,
  made_ms bigint not null,
  sent_ms bigint,
  -- Why the last attempt failed.
  trouble text,
  unique (about, event, hook)
);
create index message_waiting on message (not_before_ms) where state = 'waiting';
