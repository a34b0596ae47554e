-- The sums over the versions of some roots, where they are those of its present state (sql/version-sums.sql makes
-- them).
--   $1 int[]  roots
select s.root, s.begun, s.ended from version_sum s join root r on r.id = s.root and r.changes = s.changes where s.root = any ($1)
