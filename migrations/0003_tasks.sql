-- Work that is left for workers: each task is taken by one worker at a time and answered once
-- (services/catalog/tasks.ts). And the workers themselves, as they say that they are there.
create table task (
  id bigint generated always as identity primary key,
  -- Only workers of this host may take it; null for any.
  host text,
  kind text not null,
  -- What it is about: plain JSON, in the shape of its kind (services/queue/catalogue.ts).
  reference jsonb not null,
  -- The task that waits for it.
  parent bigint references task on delete cascade,
  -- Claimed in this order: 0 where a person waits.
  priority smallint not null,
  -- waiting: for the tasks that it has left. done: answered, whatever the answer is. failed: given up, unanswered.
  state text not null check (state in ('open', 'taken', 'waiting', 'done', 'failed', 'cancelled')),
  -- The worker that has it: its advisory lock key. With the fence it names one claim.
  holder int,
  fence int not null default 0,
  lease_until timestamptz,
  -- Times it was taken since it last got on; a delay (a database that restarts, a full disk) is none.
  attempts int not null default 0,
  delays int not null default 0,
  not_before timestamptz not null default now(),
  -- What it has made, kept before the next step, so that a retry goes on from there.
  made jsonb not null default '{}',
  -- What went wrong so far, oldest first: [{atMs, host, why}].
  troubles jsonb not null default '[]',
  result jsonb,
  asked_ms bigint not null,
  ended_ms bigint
);
create index task_to_take on task (priority, id) where state in ('open', 'taken');
create index task_parent on task (parent) where parent is not null;

-- A session keeps the advisory lock (7461, holder) for as long as the worker lives, as for shards.
create table worker (
  holder int primary key,
  host text not null,
  version text not null,
  pid int not null,
  slots int not null,
  -- What each slot does: [{what, sinceMs}].
  doing jsonb not null,
  -- Its clock less that of Postgres.
  clock_offset_ms bigint not null,
  started_ms bigint not null,
  seen timestamptz not null,
  -- It has ended in order.
  ended boolean not null default false
);
create index worker_host on worker (host);

-- After a start of the server all sessions are new, and whoever held a task needs a moment to come back for it.
create function holders_are_back() returns boolean
language sql stable as $$
  select now() > pg_postmaster_start_time() + interval '15 seconds'
$$;

-- Whether a task can be taken: it is due, or whoever has it is gone.
create function can_be_taken(t task) returns boolean
language sql volatile as $$
  select case t.state
    when 'open' then t.not_before <= now()
    when 'taken' then holders_are_back() and (t.lease_until < now() or not holder_lives(t.holder))
    else false end
$$;

-- Hosts that were taken out of service (rollcall hosts remove): nobody misses their workers. A scan there takes them in
-- again.
create table retired_host (
  host text primary key,
  reason text not null,
  at_ms bigint not null
);

-- What a task asks of the disk of its host, and what was answered (services/judge/asks.ts): the texts of both. Answers
-- are kept as they come, so that a task which is taken again goes on from there.
create table ask (
  task bigint not null references task on delete cascade,
  n int not null,
  -- By which whoever asked finds the answer again.
  key text collate "C" not null,
  question text not null,
  answer text,
  primary key (task, n)
);

-- All that an assessment found, as findings.jsonl of its bundle has it: its bundle can be written on any host.
create table kept_finding (
  assessment bigint not null references assessment on delete cascade,
  n int not null,
  line text not null,
  primary key (assessment, n)
);
