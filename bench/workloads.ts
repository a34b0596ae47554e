// Everything that is measured, in the order in which it is run and told.
import type { Workload } from './ground.ts';
import { cold } from './workloads/cold.ts';
import { generatedRows } from './workloads/generated-rows.ts';
import { hugeDirectory } from './workloads/huge-directory.ts';
import { large } from './workloads/large-files.ts';
import { million, small } from './workloads/small-files.ts';
import { snapshots } from './workloads/snapshots.ts';
import { start } from './workloads/start.ts';
import { usr } from './workloads/usr.ts';
import { workers } from './workloads/workers.ts';

export const WORKLOADS: readonly Workload[] = [
  start,
  small,
  million,
  large,
  hugeDirectory,
  usr,
  cold,
  snapshots,
  generatedRows,
  workers,
];
