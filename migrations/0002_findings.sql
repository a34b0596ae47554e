-- What judging concluded, and what people decided about it.

create table assessment (
  id bigint generated always as identity primary key,
  volume int not null references volume,
  live_scan bigint not null,
  scans jsonb not null,
  result jsonb not null,
  bundle text collate "C",
  -- How many findings are kept whole (kept_finding), so that its bundle can be written from the catalog; null: none, or
  -- not any more.
  kept int,
  created_ms bigint not null
);

-- A finding is (volume, path, LKG version, observed version): accept binds to that pair.
create table finding (
  id bigint generated always as identity primary key,
  volume int not null references volume,
  path text collate "C" not null,
  expected text collate "C" not null,
  observed text collate "C" not null,
  verdict text not null,
  recovery text,
  detail jsonb not null,
  from_seq_ms bigint,
  to_seq_ms bigint,
  state text not null check (state in ('open', 'resolved', 'accepted')),
  reason text,
  opened_ms bigint not null,
  seen_ms bigint not null,
  closed_ms bigint,
  -- A restore list put the expected content back at that time: what lies there now is not a stranger.
  restored_ms bigint,
  -- By which rules of judging it was found last (RULES in services/catalog/findings.ts): what older rules found is
  -- judged anew while it is open.
  rules int not null default 1,
  unique (volume, path, expected, observed)
);
create index finding_open on finding (volume) where state = 'open';

create table audit_log (
  id bigint generated always as identity primary key,
  at_ms bigint not null,
  actor text not null,
  action text not null,
  subject text collate "C" not null,
  reason text
);
