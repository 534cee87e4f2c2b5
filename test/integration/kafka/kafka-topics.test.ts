/** `KafkaTopics` against real Kafka: what it makes, what it finds wrong, what it mends and what it says it cannot. */
import { randomUUID } from 'node:crypto';
import { ConfigResourceTypes } from 'kafkajs';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { KafkaTopics } from '../../../src/adapters/kafka/topics/kafka-topics.ts';
import type { KafkaTopicsAdminOptions } from '../../../src/adapters/kafka/topics/kafka-topics.ts';
import { changeTopic, removeTopics, withAdmin } from '../../support/kafka-topic.ts';

const brokers = [inject('kafkaAddress')];
const DAY_MS = 86_400_000;

let options: KafkaTopicsAdminOptions;
let told: string[];
let events: string;
let retained: string;
let tenants: string;
let audit: string;

beforeEach(() => {
  told = [];
  options = {
    connection: { brokers, clientId: 'test' },
    topicPrefix: `test-${randomUUID()}`,
    partitions: 3,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    compactionLagMs: 7 * DAY_MS,
    auditRetention: { ageMsMax: 30 * DAY_MS, bytesMax: 160_000_000 },
    messageBytesMax: 2_000_000,
    progress: (line) => told.push(line),
  };
  events = `${options.topicPrefix}.session-events`;
  retained = `${options.topicPrefix}.retained`;
  tenants = `${options.topicPrefix}.tenants`;
  audit = `${options.topicPrefix}.audit`;
});

afterEach(async () => {
  const topics = await withAdmin(brokers, (admin) => admin.listTopics());
  const own = topics.filter((topic) => topic.startsWith(options.topicPrefix));
  if (own.length > 0) await removeTopics(brokers, own);
});

test('check tells what is missing, apply makes it, and a second apply changes nothing', async () => {
  const topics = new KafkaTopics(options);
  expect(await topics.check()).toEqual([
    `topic ${events} does not exist`,
    `topic ${retained} does not exist`,
    `topic ${tenants} does not exist`,
    `topic ${audit} does not exist`,
  ]);
  expect(await topics.apply()).toEqual([]);
  expect(told).toHaveLength(4);
  expect(await topics.apply()).toEqual([]);
  expect(told).toHaveLength(4);
  expect(await topics.check()).toEqual([]);
});

test('the audit trail is one partition, deleted by age and size', async () => {
  await new KafkaTopics(options).apply();
  const settings = await settingsOf(audit);
  expect(settings.get('cleanup.policy')).toBe('delete');
  expect(settings.get('retention.ms')).toBe(`${30 * DAY_MS}`);
  expect(settings.get('retention.bytes')).toBe('160000000');
  const { topics } = await withAdmin(brokers, (admin) => admin.fetchTopicMetadata({ topics: [audit] }));
  expect(topics[0]?.partitions).toHaveLength(1);
});

test('the topics keep every record for the lag and the latest of every key for ever', async () => {
  await new KafkaTopics(options).apply();
  const settings = await settingsOf(events);
  expect(settings.get('cleanup.policy')).toBe('compact');
  expect(settings.get('min.compaction.lag.ms')).toBe(`${7 * DAY_MS}`);
  expect(settings.get('min.insync.replicas')).toBe('1');
});

test('a setting that was changed is found and mended; one of the operator stays', async () => {
  const topics = new KafkaTopics(options);
  await topics.apply();
  await changeTopic(brokers, retained, { 'cleanup.policy': 'delete', 'flush.messages': '1000' });
  const found = await topics.check();
  expect(found).toContain(`topic ${retained}: cleanup.policy is "delete", should be "compact"`);
  told = [];
  expect(await topics.apply()).toEqual([]);
  expect(told).toContain(`changing topic ${retained}: cleanup.policy is "delete", should be "compact"`);
  expect((await settingsOf(retained)).get('flush.messages')).toBe('1000');
});

test('a number of partitions that differs is told and left alone', async () => {
  await new KafkaTopics(options).apply();
  const other = new KafkaTopics({ ...options, partitions: 4 });
  const left = await other.apply();
  // Those of tenants and of the audit trail have one partition, whatever is configured.
  expect(left).toHaveLength(2);
  expect(left[0]).toMatch(/has 3 partitions, should have 4: this cannot be changed/);
});

test('what Kafka does not make is told with its reason', async () => {
  const apply = new KafkaTopics({ ...options, replicationFactor: 3 }).apply();
  await expect(apply).rejects.toThrow(/Topic creation errors: .*[Rr]eplication/);
});

test('two that apply at once both succeed', async () => {
  const results = await Promise.all([new KafkaTopics(options).apply(), new KafkaTopics(options).apply()]);
  expect(results).toEqual([[], []]);
});

test('without Kafka it rejects and says where it looked', async () => {
  const connection = { ...options.connection, brokers: ['127.0.0.1:1'], connectTimeoutMs: 200 };
  const check = new KafkaTopics({ ...options, connection }).check();
  await expect(check).rejects.toThrow(StoreUnavailableError);
  await expect(check).rejects.toThrow(/127\.0\.0\.1:1/);
});

async function settingsOf(topic: string): Promise<Map<string, string>> {
  const { resources } = await withAdmin(brokers, (admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
    }),
  );
  const entries = resources[0]?.configEntries ?? [];
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
}
