-- A list of names and digests that another tool made (rollcall import) is a scan of a volume of its own, `lists:` and the key of the volume
-- that it tells of. Whether it claims to hold every file; null for a scan that Rollcall or another Rollcall made.
-- Its versions have mtime_ns −2^63 and mode, uid and gid −1: not told. Their size is null where the list has none.
alter table scan add column list text check (list in ('partial', 'complete'));
