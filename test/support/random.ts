// Randomness that can be had again: `npm test` takes the same cases each time, `npm run test:long` others each time,
// and prints their seed. ROLLCALL_TEST_SEED repeats a run; the path that fast-check prints with a failure, put into the
// assert's parameters, repeats one case.
import * as fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of vitest.config.ts. */
    seed: number;
    /** How many of a test's random cases are played, 1 being all. */
    share: number;
  }
}

export const SEED = inject('seed');

/** So many of a test's cases: half of them in `npm test`, twice as many in `npm run test:long`. */
export function cases(runs: number): number {
  return Math.ceil(runs * inject('share'));
}

fc.configureGlobal({ seed: SEED });

export { fc };
