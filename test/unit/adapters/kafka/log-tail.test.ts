/** The tail of a log reads every partition from whoever leads it, whoever found that out. */
import { expect, test, vi } from 'vitest';
import { Availability } from '../../../../src/adapters/kafka/client/availability.ts';
import type { Address, KafkaNodes } from '../../../../src/adapters/kafka/client/kafka-nodes.ts';
import type { TopicLeaders } from '../../../../src/adapters/kafka/client/topic-leaders.ts';
import { KafkaLogStats } from '../../../../src/adapters/kafka/event-log/kafka-log-stats.ts';
import { LogTail } from '../../../../src/adapters/kafka/event-log/log-tail.ts';
import type { PartitionReader } from '../../../../src/adapters/kafka/event-log/partition-reader.ts';
import type { Offset } from '../../../../src/event-log/event-log.ts';

/** How long a broker here waits for a record before it answers that there is none. */
const BROKER_WAIT_MS = 5;

/** Kafka as the tail sees it: two partitions, leaders that a test moves, brokers without records. */
class QuietKafka {
  leaders: Address[] = ['one:1', 'one:1'];
  readonly asked: Address[] = [];
  readonly closing = new AbortController();
  #learnt: () => void = () => undefined;

  async tail(): Promise<LogTail> {
    const leaders = {
      topic: 'events',
      leaderOf: (partition: number) => this.leaders[partition],
      byLeader: () => new Map(this.leaders.map((leader) => [leader, []])),
      onLearnt: (listener: () => void) => (this.#learnt = listener),
      refresh: () => Promise.resolve(),
    } as unknown as TopicLeaders;
    const nodes = {
      requestTimeoutMs: 1_000,
      send: (address: Address) => {
        this.asked.push(address);
        return new Promise((resolve) => setTimeout(() => resolve([]), BROKER_WAIT_MS));
      },
    } as unknown as KafkaNodes;
    const reader = {
      offsets: () => Promise.resolve(this.leaders.map(() => 0 as Offset)),
    } as unknown as PartitionReader;
    const availability = new Availability(1_000, () => undefined);
    const { signal } = this.closing;
    const tail = new LogTail(nodes, leaders, reader, availability, new KafkaLogStats(), signal);
    await tail.start();
    return tail;
  }

  /** As if an append had been told so by the leader before. */
  move(...leaders: Address[]): void {
    this.leaders = leaders;
    this.asked.length = 0;
    this.#learnt();
  }

  async isAsked(...addresses: Address[]): Promise<void> {
    await vi.waitFor(() => expect(new Set(this.asked)).toEqual(new Set(addresses)));
  }
}

test('a partition whose new leader somebody else found is read there, the other one where it was', async () => {
  const kafka = new QuietKafka();
  await kafka.tail();
  await kafka.isAsked('one:1');
  kafka.move('one:1', 'two:1');
  await kafka.isAsked('one:1', 'two:1');
  kafka.closing.abort();
});

test('a leader that has lost every partition and gets one back is asked again', async () => {
  const kafka = new QuietKafka();
  await kafka.tail();
  await kafka.isAsked('one:1');
  kafka.move('two:1', 'two:1');
  await kafka.isAsked('two:1');
  kafka.move('two:1', 'one:1');
  await kafka.isAsked('one:1', 'two:1');
  kafka.closing.abort();
});
