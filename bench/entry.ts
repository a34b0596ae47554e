// What one workload gave in one run, as it is in results.json.
import type { Findings } from './ground.ts';
import type { Machine, Versions } from './machine.ts';

/** When, where and how a workload was run. */
export interface Occasion {
  readonly date: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly fileSystem: string;
  /** Over the minute before, and over its last minute. */
  readonly load: readonly [number, number];
  readonly machine: Machine;
  readonly versions: Versions;
}

export interface Entry {
  readonly workload: string;
  readonly occasion: Occasion;
  /** Null where the workload failed as a whole: trouble says why. */
  readonly findings: Findings | null;
  readonly trouble: string | null;
}
