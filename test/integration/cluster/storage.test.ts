/** `spoke storage` where the event log is in Kafka: topics and tables are made and checked together. */
import { tmpdir } from 'node:os';
import { describe, expect, inject, it } from 'vitest';
import { openKafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { decodeAuditEntry } from '../../../src/audit/audit-event-codec.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { withAdmin } from '../../support/kafka-topic.ts';
import { CliHarness, type CliRun } from '../../unit/cli/cli-harness.ts';

const NAME = 'storage_test';
const TOPICS = [`${NAME}.session-events`, `${NAME}.retained`, `${NAME}.audit`];
const TABLES = ['queues', 'sessions', 'retained', 'checkpoints', 'counters'].map(
  (table) => `${NAME}:${table}`,
);

function spoke(words: string, environment: Record<string, string> = {}): Promise<CliRun> {
  const harness = new CliHarness({
    directory: tmpdir(),
    environment: {
      SPOKE_EVENT_LOG_STORE: 'kafka',
      SPOKE_KAFKA_BROKERS: inject('kafkaAddress'),
      SPOKE_KAFKA_TOPIC_PREFIX: NAME,
      SPOKE_KAFKA_PARTITIONS: '2',
      SPOKE_QUEUES_STORE: 'hbase',
      SPOKE_HBASE_ZOOKEEPER_QUORUM: inject('zookeeperQuorum'),
      SPOKE_HBASE_NAMESPACE: NAME,
      ...environment,
    },
  });
  return harness.run(...words.split(' '));
}

describe('spoke storage', () => {
  it('says which topics and tables are missing', async () => {
    const { code, err } = await spoke('storage check');
    expect(code).toBe(1);
    for (const topic of TOPICS) expect(err).toContain(`topic ${topic} does not exist`);
    for (const table of TABLES) expect(err).toContain(`table ${table} does not exist`);
    expect(err).toContain('Run "spoke storage apply"');
  });

  it('makes all of them, and has nothing to do the next time', async () => {
    const made = await spoke('storage apply');
    expect(made).toMatchObject({ code: 0 });
    for (const name of [...TOPICS, ...TABLES]) expect(made.out).toContain(`${name} is ready.`);
    const log = await openKafkaEventLog({
      connection: { brokers: [inject('kafkaAddress')], clientId: 'test' },
      topic: `${NAME}.audit`,
    });
    const entries = (await log.read(0, 0 as Offset, 10)).map(decodeAuditEntry);
    expect(entries).toMatchObject([{ event: { who: 'command', action: 'storage.apply', outcome: 'begun' } }]);
    await log.close();
    const again = await spoke('storage apply');
    expect(again.code).toBe(0);
    expect(again.err).not.toMatch(/creating|changing/);
    expect(await spoke('storage check')).toMatchObject({ code: 0, err: '' });
  });

  it('finds what the configuration wants otherwise, and says what cannot be changed', async () => {
    const lag = { SPOKE_EVENT_LOG_COMPACTION_LAG_MS: '60000' };
    expect((await spoke('storage check', lag)).err).toContain(
      'min.compaction.lag.ms is "604800000", should be "60000"',
    );
    expect((await spoke('storage apply', lag)).code).toBe(0);
    expect((await spoke('storage check', lag)).code).toBe(0);
    const { code, err } = await spoke('storage apply', { ...lag, SPOKE_KAFKA_PARTITIONS: '3' });
    expect(code).toBe(1);
    expect(err).toContain('has 2 partitions, should have 3');
    const { topics } = await withAdmin([inject('kafkaAddress')], (admin) =>
      admin.fetchTopicMetadata({ topics: TOPICS }),
    );
    const counts = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
    expect(TOPICS.map((topic) => counts.get(topic))).toEqual([2, 2, 1]);
  });

  it('names Kafka when it does not answer', async () => {
    const { code, err } = await spoke('storage check', { SPOKE_KAFKA_BROKERS: '127.0.0.1:1' });
    expect(code).toBe(1);
    expect(err).toContain('Kafka at 127.0.0.1:1 is unavailable');
  });
});
