import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Machines are shared: what fails once beside somebody else's load is tried again, and reported as such.
const retry = 1;
const root = join(import.meta.dirname, '..');
/** A directory for a report that a program reads; several runs may write there. */
const results = process.env['PODFERRY_RESULTS'];

export default defineConfig({
  test: {
    reporters: results === undefined ? ['default'] : ['default', 'json'],
    ...(results !== undefined && { outputFile: { json: join(results, `${process.pid}.json`) } }),
    projects: [
      { test: { name: 'unit', root, retry, include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'chart',
          root,
          retry,
          include: ['test/chart/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 30_000,
          // An image that nobody has built yet takes minutes.
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'integration',
          root,
          retry,
          include: ['test/integration/**/*.test.ts'],
          // All files share one lab, and it has two cores.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'flat',
          root,
          retry,
          include: ['test/flat/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'cluster',
          root,
          retry,
          include: ['test/cluster/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'install',
          root,
          // One thing after the other, as an operator does them: none can be done a second time by itself.
          retry: 0,
          bail: 1,
          include: ['test/install/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
