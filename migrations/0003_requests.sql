-- What --detach leaves for the workers of a host: the arguments as they were typed, and in the end what came of it.
create table request (
  id bigint generated always as identity primary key,
  host text not null,
  kind text not null check (kind in ('scan', 'assess')),
  arguments jsonb not null,
  state text not null check (state in ('open', 'taken', 'done')),
  -- The holder's advisory lock key: a request whose holder's session is gone can be taken again.
  holder int,
  attempts int not null default 0,
  -- Exit code, message, next step, bundle: once it is done.
  answer jsonb,
  asked_ms bigint not null,
  ended_ms bigint
);
create index request_open on request (host, id) where state <> 'done';
