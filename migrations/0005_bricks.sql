-- A GlusterFS volume that is read from its bricks: one volume with one root, whose path names all bricks.

alter table volume drop constraint volume_layout_check;
alter table volume add constraint volume_layout_check check (layout in ('tree', 'gluster', 'snapshots'));

-- Names on bricks that are not plain are gaps with the verdict for a status, and what each brick has of them as detail.
-- The name '/' of a gap: names of that directory and below which were not seen may be on a brick that could not be
-- asked. It hides nothing that was seen.
alter table gap drop constraint gap_status_check;
alter table gap add constraint gap_status_check check (
  status in ('denied', 'io', 'partial', 'boundary', 'unmounted', 'failed', 'unsettled', 'hidden', 'unreachable', 'misplaced'));
