// Randomness that can be had again: `npm test` takes the same cases each time, `npm run test:long` others each time,
// and prints their seed. ROLLCALL_TEST_SEED repeats a run; the path that fast-check prints with a failure, put into the
// assert's parameters, repeats one case.
import * as fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of vitest.config.ts. */
    seed: number;
  }
}

export const SEED = inject('seed');

fc.configureGlobal({ seed: SEED });

export { fc };
