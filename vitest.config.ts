import { defineConfig } from 'vitest/config';

// Two sizes: what `npm test` runs, and with `--mode long` what takes minutes (npm run test:long).
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'long' ? 'test/**/*.long.ts' : 'test/**/*.test.ts'],
    testTimeout: mode === 'long' ? 600_000 : 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 3,
    globalSetup: ['test/support/cluster.ts'],
  },
}));
