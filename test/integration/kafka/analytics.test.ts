/** The analysis of two recorded days, read by the Python program from the real topic, finds what was put there. */
import { beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { SchemaRegistryEngine } from '../../../engines/schema-registry/schema-registry-engine.ts';
import { openKafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { openSchemaRegistry } from '../../../src/adapters/schema-registry/open-schema-registry.ts';
import { RegistryClient } from '../../../src/adapters/schema-registry/registry-client.ts';
import type { EventLog, LogRecord } from '../../../src/event-log/event-log.ts';
import { AnalyticsProgram } from '../../support/analytics-program.ts';
import { compacted, compactingAtOnce, createTopic, withAdmin } from '../../support/kafka-topic.ts';
import type { TestTopicOptions } from '../../support/kafka-topic.ts';
import { recordedDays } from '../../support/recorded-days.ts';

const SETUP_MS_MAX = 600_000;
const APPEND_RECORDS = 20;
/** The days lie in the past: with Kafka's clock they may be compacted, with this lag they may not. */
const KEPT_FOR_YEARS = { 'min.compaction.lag.ms': `${20 * 365 * 86_400_000}` };

const brokers = [inject('kafkaAddress')];
const { records, answers } = recordedDays();
const window = ['--since', answers.from, '--at', answers.to];
const parsedAnswers = z.looseObject({
  completeFrom: z.string(),
  connectionsPerHour: z.array(z.object({ hour: z.string(), connections: z.number() })),
  offline: z.array(z.looseObject({ clientId: z.string() })),
});

let program: AnalyticsProgram;

beforeAll(async () => {
  program = await AnalyticsProgram.prepare();
}, SETUP_MS_MAX);

test('its own tests pass with the packages it pins', async () => {
  await program.test();
});

test('four partitions give the answers, and no consumer group is left behind', async () => {
  const { topic, log } = await openTopic({ partitions: 4, configuration: KEPT_FOR_YEARS });
  await appendAll(log, records);
  const { completeFrom, ...found } = await answersOf(topic);
  expect(found).toEqual(answers);
  expect(Date.parse(completeFrom)).toBeLessThan(Date.parse(answers.from));
  const { groups } = await withAdmin(brokers, (admin) => admin.listGroups());
  expect(groups.map(({ groupId }) => groupId)).not.toContain('spoke-analytics');
});

test('what compaction leaves still tells who is offline, and the text says what it no longer tells', async () => {
  const { topic, log } = await openTopic({ partitions: 1, configuration: compactingAtOnce(16_384) });
  await appendAll(log, records);
  await compacted(inject('kafkaDirectory'), topic);
  const found = await answersOf(topic);
  // A tombstone is forgotten some time: that a session has expired is not.
  const waiting = (list: readonly { readonly clientId: string }[]) =>
    list.filter(({ clientId }) => clientId !== 'bike-99');
  expect(waiting(found.offline)).toEqual(waiting(answers.offline));
  expect(connectionsOf(found)).toBeLessThan(connectionsOf(answers));
  const text = await program.answers(['--kafka', brokers.join(), '--topic', topic, ...window]);
  expect(text).toContain('Compaction may have taken events from before');
});

test('a topic that is not there is told in one line', async () => {
  const failing = program.answers(['--kafka', brokers.join(), '--topic', 'nowhere', ...window]);
  await expect(failing).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^topic nowhere at .*Check address, topic and credentials.*\n$/) as string,
  });
});

test('--client chooses, and lines of text are for people', async () => {
  const { topic, log } = await openTopic({ partitions: 2, configuration: KEPT_FOR_YEARS });
  await appendAll(log, records);
  const text = await program.answers([
    '--kafka',
    brokers.join(),
    '--topic',
    topic,
    '--client',
    'gate*',
    ...window,
  ]);
  expect(text).toContain('1 clients');
  expect(text).toContain('no connection ended, 1 still open');
});

test('one partition, chosen by tenant and client, holds everything about a client', async () => {
  const { log } = await openTopic({ partitions: 4, configuration: KEPT_FOR_YEARS });
  const positions = await log.append(records.slice(0, 100));
  const partitionsOf = new Map<string, Set<number>>();
  for (const [index, { partition }] of positions.entries()) {
    const { partitionKey } = records[index]!;
    partitionsOf.set(partitionKey, (partitionsOf.get(partitionKey) ?? new Set()).add(partition));
  }
  expect([...partitionsOf.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set(positions.map(({ partition }) => partition)).size).toBeGreaterThan(1);
});

test('a registry that came later gives the ids from then on', { timeout: SETUP_MS_MAX }, async () => {
  const registry = await SchemaRegistryEngine.start();
  onTestFinished(() => registry.stop());
  // It came first: our ids are not the built-in ones, but one of them is that of another record.
  await new RegistryClient(registry.url, SETUP_MS_MAX).register('foreign', '{"type":"string"}');
  const framing = await openSchemaRegistry({ url: registry.url, register: true });
  const { topic, log } = await openTopic({ partitions: 3, configuration: KEPT_FOR_YEARS });
  const half = Math.floor(records.length / 2);
  await appendAll(log, records.slice(0, half));
  await appendAll(framing(log), records.slice(half));

  const { completeFrom, ...found } = await answersOf(topic, ['--registry', registry.url]);
  expect(found).toEqual(answers);
  expect(completeFrom).toBeDefined();
  await expect(answersOf(topic)).rejects.toMatchObject({
    stderr: expect.stringMatching(/no spokemq.SessionState has the schema id 2.*--registry/s) as string,
  });
});

async function openTopic(
  options: TestTopicOptions,
): Promise<{ readonly topic: string; readonly log: EventLog }> {
  const topic = await createTopic(brokers, options);
  onTestFinished(() => topic.remove());
  const connection = { brokers, clientId: 'analytics-test' };
  const log = await openKafkaEventLog({ connection, topic: topic.name });
  onTestFinished(() => log.close());
  return { topic: topic.name, log };
}

async function appendAll(log: EventLog, all: readonly LogRecord[]): Promise<void> {
  for (let at = 0; at < all.length; at += APPEND_RECORDS) {
    await log.append(all.slice(at, at + APPEND_RECORDS));
  }
}

async function answersOf(topic: string, more: readonly string[] = []) {
  const args = ['--kafka', brokers.join(), '--topic', topic, '--json', ...window, ...more];
  return parsedAnswers.parse(JSON.parse(await program.answers(args)));
}

function connectionsOf({ connectionsPerHour }: Pick<typeof answers, 'connectionsPerHour'>): number {
  return connectionsPerHour.reduce((sum, { connections }) => sum + connections, 0);
}
