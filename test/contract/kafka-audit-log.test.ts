/** The topic as `spoke storage apply` makes it. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { openKafkaEventLog } from '../../src/adapters/kafka/event-log/kafka-event-log.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics/kafka-topics.ts';
import { auditTopic } from '../../src/adapters/kafka/topics/wanted-topic.ts';
import { removeTopics, withAdmin } from '../support/kafka-topic.ts';
import { auditLogContract } from './audit-log-contract.ts';

const DAY_MS = 86_400_000;
const connection = { brokers: [inject('kafkaAddress')], clientId: 'contract' };

auditLogContract('kafka', async () => {
  const topicPrefix = `test-${randomUUID()}`;
  const topics = new KafkaTopics({
    connection,
    topicPrefix,
    partitions: 1,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    compactionLagMs: DAY_MS,
    auditRetention: { ageMsMax: 365 * DAY_MS, bytesMax: 16 * 1_048_576 },
    messageBytesMax: 1_000_000,
    progress: () => undefined,
  });
  await topics.apply();
  return {
    open: () => openKafkaEventLog({ connection, topic: auditTopic(topicPrefix) }),
    dispose: async () => {
      const made = await withAdmin(connection.brokers, (admin) => admin.listTopics());
      await removeTopics(
        connection.brokers,
        made.filter((topic) => topic.startsWith(topicPrefix)),
      );
    },
  };
});
