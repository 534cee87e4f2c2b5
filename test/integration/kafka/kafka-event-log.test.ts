/** The log on real Kafka where other writers, administrators and limits come in; what every log promises is in its contract. */
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { openKafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import type { KafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import type { LogEntry, Offset } from '../../../src/event-log/event-log.ts';
import { readAll, record } from '../../contract/event-log-contract.ts';
import { createTopic, withAdmin } from '../../support/kafka-topic.ts';
import type { TestTopic } from '../../support/kafka-topic.ts';

const brokers = [inject('kafkaAddress')];
const START = 0 as Offset;

let topic: TestTopic;
let log: KafkaEventLog;

beforeEach(async () => {
  topic = await createTopic(brokers, {
    configuration: { 'cleanup.policy': 'compact,delete', 'retention.ms': '-1' },
  });
  log = await openLog(topic.name);
});

afterEach(async () => {
  await log.close();
  await topic.remove();
});

test('transactions of others: what they abort is never seen, what they commit is', async () => {
  const seen: string[] = [];
  await log.follow([START], (entries) => seen.push(...entries.map(({ key }) => key)));
  const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer({
    transactionalId: topic.name,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  for (const end of ['abort', 'commit'] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: topic.name, messages: [{ key: end, value: 'x' }] });
    await transaction[end]();
  }
  await producer.disconnect();
  await log.append([record('own')]);
  expect(seen).toEqual(['commit', 'own']);
  expect((await readAll(log)).map(({ key }) => key)).toEqual(['commit', 'own']);
});

test('where the start of the log has moved on, reading and following begin there', async () => {
  await log.append(['a', 'b', 'c', 'd'].map((key) => record(key, 'p')));
  await withAdmin(brokers, async (admin) => {
    // kafkajs looks for the leader in what it knows, and asks nobody.
    await admin.fetchTopicMetadata({ topics: [topic.name] });
    await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset: '2' }] });
  });
  expect(await log.startOffsets()).toEqual([2]);
  expect((await log.read(0, START, 10)).map(({ key }) => key)).toEqual(['c', 'd']);
  const seen: LogEntry[] = [];
  await log.follow([START], (entries) => seen.push(...entries));
  expect(seen.map(({ offset }) => offset)).toEqual([2, 3]);
});

test('an offset that the log has never reached is refused: the log was made anew', async () => {
  await log.append([record('a')]);
  await expect(log.read(0, 10 as Offset, 1)).rejects.toThrow(/ends before offset 10/);
});

test('a record that is too big for the topic is refused with what to change, and the next one goes through', async () => {
  const big = { ...record('big'), value: Buffer.alloc(2_000_000) };
  await expect(log.append([big])).rejects.toThrow(/max\.message\.bytes/);
  await log.append([record('small')]);
  expect((await readAll(log)).map(({ key }) => key)).toEqual(['small']);
});

test('more than may wait is refused at once', async () => {
  const tight = await openLog(topic.name, { waitingBytesMax: 100 });
  const first = tight.append([record('a', 'p', 'x'.repeat(200))]);
  await expect(tight.append([record('b', 'p')])).rejects.toThrow(StoreUnavailableError);
  await first;
  await tight.append([record('c', 'p')]);
  await tight.close();
});

test('appends of one turn share a request', async () => {
  await log.append([record('first')]);
  const before = log.stats.produceRequests;
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => log.append([record(`k${n}`)])));
  expect(log.stats.produceRequests - before).toBeLessThan(10);
  expect(log.stats.recordsWaiting).toBe(0);
  expect(log.stats.bytesWaiting).toBe(0);
});

test('following leaves no consumer group behind', async () => {
  const before = await groups();
  await log.follow([START], () => undefined);
  await log.append([record('a')]);
  await log.close();
  expect(await groups()).toEqual(before);
});

test('closing ends what is under way and leaves no timer and no connection', async () => {
  const before = resources();
  const other = await openLog(topic.name);
  await other.follow(await other.endOffsets(), () => undefined);
  await other.append([record('a')]);
  const underWay = [other.append([record('b')]), other.follow([START], () => undefined), other.endOffsets()];
  await other.close();
  const outcomes = await Promise.allSettled(underWay);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect.poll(resources).toEqual(before);
});

test('without such a topic it does not open, and says what is missing', async () => {
  await expect(openLog('no-such-topic', { deadlineMs: 500 })).rejects.toThrow(/no-such-topic.*UNKNOWN_TOPIC/);
});

async function openLog(
  name: string,
  options: { readonly waitingBytesMax?: number; readonly deadlineMs?: number } = {},
): Promise<KafkaEventLog> {
  return await openKafkaEventLog({ connection: { brokers, clientId: 'test' }, topic: name, ...options });
}

async function groups(): Promise<string[]> {
  const answer = await withAdmin(brokers, (admin) => admin.listGroups());
  return answer.groups.map(({ groupId }) => groupId).sort();
}

/** What keeps a process alive; the poll's own timer comes and goes. */
function resources(): string[] {
  const kept = ['TCPSocketWrap', 'TCPConnectWrap', 'TLSWrap', 'Timeout'];
  return process
    .getActiveResourcesInfo()
    .filter((name) => kept.includes(name))
    .sort();
}
