import { readdirSync, readFileSync } from 'node:fs';
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Folders whose tests call nothing but functions. */
const PURE = ['domain', 'report', 'typed', 'bench', 'tidy'];
/** Folders whose tests start commands, workers and servers, or harm them. */
const PROCESS = ['cli', 'demo', 'embedded', 'faults', 'process', 'queue', 'fleet'];

const inside = (folders: readonly string[]): string[] => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** Tests of random cases: `npm test` fixes the seed, and `npm run test:long` runs them once more with another one. */
const randomTests = (): string[] =>
  readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    .filter((path) => readFileSync(path, 'utf8').includes('support/random.ts'));

const FIXED_SEED = 20_261_130;

function chosenSeed(mode: string): number {
  const told = process.env['ROLLCALL_TEST_SEED'];
  if (told !== undefined) return Number(told);
  if (mode !== 'long') return FIXED_SEED;
  const seed = Date.now() % 1_000_000_000;
  console.log(`seed of random cases: ROLLCALL_TEST_SEED=${seed}`);
  return seed;
}

// `npm test` runs three projects, each also alone (--project disk); `npm run test:long` what takes minutes: kills,
// mounts, hung servers, sizes; `npm run test:lab` real GlusterFS.
export default defineConfig(({ mode }) => {
  const provide = { seed: chosenSeed(mode), share: mode === 'long' ? 2 : 0.5 };
  const shared = { pool: 'forks', testTimeout: 60_000, hookTimeout: 60_000, provide } as const;
  const projects: TestProjectInlineConfiguration[] =
    mode === 'lab'
      ? [{ test: { ...shared, name: 'lab', include: ['test/lab/*.lab.ts'], testTimeout: 600_000 } }]
      : mode === 'long'
        ? [
            { test: { ...shared, name: 'long', include: ['test/**/*.long.ts'], testTimeout: 600_000 } },
            { test: { ...shared, name: 'random', include: randomTests(), testTimeout: 600_000 } },
          ]
        : [
            { test: { ...shared, name: 'pure', include: inside(PURE), isolate: false } },
            {
              test: {
                ...shared,
                name: 'disk',
                isolate: false,
                include: ['test/**/*.test.ts'],
                exclude: [...configDefaults.exclude, ...inside(PURE), ...inside(PROCESS)],
              },
            },
            { test: { ...shared, name: 'process', include: inside(PROCESS), isolate: false } },
          ];
  return {
    test: {
      // A thread of each test waits for the disk or for children, now and then: four keep two cores busy.
      maxWorkers: mode === 'long' ? 2 : 4,
      globalSetup: ['test/support/cluster.ts'],
      projects,
    },
  };
});
