import { defineConfig } from 'vitest/config';
import { missingHAProxy } from './engines/haproxy/haproxy-binary.ts';
import { missingJava } from './engines/java.ts';
import { missingMySql } from './engines/mysql/mysql-engine.ts';
import { missingRedis } from './engines/redis/redis-engine.ts';
import { missingMosquitto } from './test/clients/support/mosquitto-commands.ts';
import { helmBinary } from './test/support/helm-binary.ts';
import { missingPython } from './test/support/python-environment.ts';
import { missingContainers } from './testcontainers/container-runtime.ts';

const HBASE_CONTRACTS = 'test/contract/**/*hbase*.test.ts';
/**
 * HBase in a container is the HBase that the group `hbase` has talked to, packed differently: what the packing can spoil is asked, and
 * SPOKE_CONTAINER_CONTRACTS=all asks the rest again.
 */
const CONTAINER_CONTRACTS =
  process.env['SPOKE_CONTAINER_CONTRACTS'] === 'all'
    ? { include: [HBASE_CONTRACTS], env: {} }
    : {
        include: ['test/contract/{durable-queue-hbase,hbase-session-ids}.test.ts'],
        env: { SPOKE_HBASE_HISTORIES: '1' },
      };
const KAFKA_CONTRACTS = 'test/contract/**/*kafka*.test.ts';

/**
 * Crash tests start and kill broker processes: they run by themselves, one after the other. Behind them, one after the other
 * too, come the tests that need other people's servers.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/{unit,contract,property,conformance,simulation}/**/*.test.ts'],
          exclude: [HBASE_CONTRACTS, KAFKA_CONTRACTS],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'broker',
          include: ['test/{integration,fleet,fuzz,chaos}/**/*.test.ts'],
          exclude: ['test/integration/{hbase,kafka,cluster,haproxy,helm,engines}/**'],
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
      {
        // Other people's clients, as far as they are there, against a broker that is killed.
        test: {
          name: 'clients',
          include: [
            'test/clients/mqtt-js.test.ts',
            ...unlessMissing(missingPython(), 'the tests with Eclipse Paho', ['test/clients/paho.test.ts']),
            ...unlessMissing(missingMosquitto(), 'the tests with mosquitto’s clients', [
              'test/clients/mosquitto.test.ts',
            ]),
          ],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 9 },
        },
      },
      ...unlessMissing(missingHAProxy(), 'the tests behind HAProxy', [
        {
          test: {
            name: 'haproxy',
            include: ['test/integration/haproxy/**/*.test.ts'],
            testTimeout: 120_000,
            fileParallelism: false,
            sequence: { groupOrder: 7 },
          },
        },
      ]),
      ...(helmBinary() === undefined
        ? []
        : [
            {
              // Where Helm is. The chart as it is rendered without is among the fast tests.
              test: {
                name: 'helm',
                include: ['test/integration/helm/**/*.test.ts'],
                testTimeout: 60_000,
                sequence: { groupOrder: 9 },
              },
            },
          ]),
      ...unlessMissing(missingRedis() ?? missingMySql(), 'the tests of Redis and MySQL', [
        {
          test: {
            name: 'engines',
            include: ['test/integration/engines/**/*.test.ts'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
            fileParallelism: false,
            sequence: { groupOrder: 10 },
          },
        },
      ]),
      ...unlessMissing(missingJava(), 'the tests against Kafka', [
        {
          // One Kafka for all of them.
          test: {
            name: 'kafka',
            include: ['test/integration/kafka/**/*.test.ts', KAFKA_CONTRACTS],
            globalSetup: ['test/support/kafka-group.ts'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
            fileParallelism: false,
            sequence: { groupOrder: 6 },
          },
        },
        {
          // Brokers over both.
          test: {
            name: 'cluster',
            include: ['test/integration/cluster/**/*.test.ts'],
            globalSetup: ['test/support/cluster-group.ts'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
            fileParallelism: false,
            sequence: { groupOrder: 8 },
          },
        },
      ]),
      ...unlessMissing(missingJava(), 'the tests against HBase', [
        {
          // One HBase for all of them.
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
          // Each starts its own, and breaks it.
          test: {
            name: 'faults',
            include: ['test/faults/**/*.test.ts'],
            testTimeout: 900_000,
            hookTimeout: 300_000,
            fileParallelism: false,
            sequence: { groupOrder: 4 },
          },
        },
      ]),
      ...unlessMissing(missingContainers() ?? missingJava(), 'the tests in containers', [
        {
          test: {
            name: 'containers',
            include: ['testcontainers/**/*.test.ts', ...CONTAINER_CONTRACTS.include],
            env: CONTAINER_CONTRACTS.env,
            globalSetup: ['testcontainers/hbase/hbase-container.ts'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
            fileParallelism: false,
            sequence: { groupOrder: 5 },
          },
        },
      ]),
    ],
  },
});

/** Leaves a group out with one line that says why. In CI it stays, and fails by itself with the same words. */
function unlessMissing<Project>(
  missing: string | undefined,
  group: string,
  projects: readonly Project[],
): readonly Project[] {
  if (missing === undefined || process.env['CI'] === 'true') return projects;
  process.stderr.write(`Without ${group}: ${missing}\n`);
  return [];
}
