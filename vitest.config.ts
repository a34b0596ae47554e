import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Folders whose tests call nothing but functions: these share their workers. */
const PURE = ['domain', 'report', 'typed', 'bench', 'tidy'];
/** Folders whose tests start commands, workers and servers, or harm them. */
const PROCESS = ['cli', 'demo', 'embedded', 'faults', 'process', 'queue'];

const inside = (folders: readonly string[]): string[] => folders.map((folder) => `test/${folder}/**/*.test.ts`);

// `npm test` runs three projects, each also alone (--project disk); `npm run test:long` what takes minutes: kills, mounts, hung servers, sizes.
export default defineConfig(({ mode }) => {
  const shared = { pool: 'forks', testTimeout: 60_000, hookTimeout: 60_000 } as const;
  const projects: TestProjectInlineConfiguration[] =
    mode === 'long'
      ? [{ test: { ...shared, name: 'long', include: ['test/**/*.long.ts'], testTimeout: 600_000 } }]
      : [
          { test: { ...shared, name: 'pure', include: inside(PURE), isolate: false } },
          {
            test: {
              ...shared,
              name: 'disk',
              include: ['test/**/*.test.ts'],
              exclude: [...configDefaults.exclude, ...inside(PURE), ...inside(PROCESS)],
            },
          },
          { test: { ...shared, name: 'process', include: inside(PROCESS) } },
        ];
  return {
    test: {
      // A thread of each test waits for the disk or for children, now and then: three keep two cores busy.
      maxWorkers: mode === 'long' ? 2 : 3,
      globalSetup: ['test/support/cluster.ts'],
      projects,
    },
  };
});
