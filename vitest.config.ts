import { defineConfig } from 'vitest/config';
import { missingJava } from './engines/java.ts';

const HBASE_CONTRACTS = 'test/contract/**/*hbase*.test.ts';

const missing = missingJava();
/** In CI a group that cannot run fails by itself, with the same words. */
const skipped = missing !== undefined && process.env['CI'] !== 'true';
if (skipped) process.stderr.write(`Skipping the tests against HBase: ${missing}\n`);

/**
 * Crash tests start and kill broker processes: they run by themselves, one after the other. Behind them, one after the other too, come
 * the tests that need HBase.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/{unit,contract,property,conformance,simulation}/**/*.test.ts'],
          exclude: [HBASE_CONTRACTS],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'broker',
          include: ['test/{integration,fleet}/**/*.test.ts'],
          exclude: ['test/integration/hbase/**'],
          testTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          testTimeout: 900_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      ...(skipped ? [] : hbaseProjects()),
    ],
  },
});

/** One HBase for the first project; tests of the second start their own, and break it. */
function hbaseProjects() {
  return [
    {
      test: {
        name: 'hbase',
        include: ['test/integration/hbase/**/*.test.ts', HBASE_CONTRACTS],
        globalSetup: ['test/support/hbase-group.ts'],
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        sequence: { groupOrder: 3 },
      },
    },
    {
      test: {
        name: 'faults',
        include: ['test/faults/**/*.test.ts'],
        testTimeout: 900_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        sequence: { groupOrder: 4 },
      },
    },
  ];
}
