/**
 * The contract against real Kafka. A crash here is that of the client: it is gone without a word, its requests under way may
 * or may not be carried out. A crash of Kafka's own brokers needs three of them: `test/faults/kafka-event-log.test.ts`.
 */
import { inject } from 'vitest';
import { openKafkaEventLog } from '../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { compacted, compactingAtOnce, createTopic } from '../support/kafka-topic.ts';
import { eventLogContract } from './event-log-contract.ts';

const brokers = [inject('kafkaAddress')];

/** Segments so small that the contract's records, compressed or not, fill several. */
for (const { partitions, compression, segmentBytes } of [
  { partitions: 3, compression: 'none', segmentBytes: 72_000 },
  { partitions: 5, compression: 'gzip', segmentBytes: 10_000 },
] as const) {
  eventLogContract(`kafka, ${partitions} partitions, compression ${compression}`, async () => {
    const topic = await createTopic(brokers, { partitions, configuration: compactingAtOnce(segmentBytes) });
    return {
      open: () =>
        openKafkaEventLog({ connection: { brokers, clientId: 'contract' }, topic: topic.name, compression }),
      compact: () => compacted(inject('kafkaDirectory'), topic.name),
      durable: true,
      crash: (log) => log.close(),
      dispose: () => topic.remove(),
    };
  });
}
