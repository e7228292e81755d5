import { defineConfig } from 'vitest/config';

/** The full suite: real pipelines, servers and browsers. One file at a time: they share ports, CPUs and apt's tools. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.{ts,tsx}'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    fileParallelism: false,
    maxConcurrency: 2,
  },
});
