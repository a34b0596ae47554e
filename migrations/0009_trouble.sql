-- What stopped the last audit (scan or assessment) of a volume: {atMs, exit, message, next}. Null once an audit went through. A guard stops many
-- audits before anything else is written, and a monitor that asks only for findings would never hear of it.
alter table volume add column trouble jsonb;
