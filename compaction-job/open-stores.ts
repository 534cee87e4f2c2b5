/**
 * Opens what the job works on, with the adapters of a cluster: logs in Kafka, snapshots and queues in HBase. The only file here that
 * knows them. Nothing is made that is missing, and the brokers' data directory is not touched.
 */
import { openHBaseSnapshotStore } from '../src/adapters/hbase/snapshot/hbase-snapshot-store.ts';
import { SnapshotRepair } from '../src/adapters/hbase/snapshot/snapshot-repair.ts';
import { eventLogOwner } from '../src/adapters/hbase/tables/table-owner.ts';
import { OpenedParts } from '../src/app/broker-stores.ts';
import type { SpokeConfig } from '../src/app/config-schema.ts';
import { connectHBase, openQueuesInHBase } from '../src/app/hbase-queues.ts';
import { openKafkaTopic } from '../src/app/kafka-logs.ts';
import { assertTopics } from '../src/app/log-topics.ts';
import type { Logger } from '../src/app/logging.ts';
import type { DurableQueueStore } from '../src/queue/durable-queue.ts';
import type { Clock } from '../src/time/clock.ts';
import type { JobStores, JobTopic } from './stores.ts';

export interface OpenedJobStores extends JobStores {
  readonly queues: DurableQueueStore;
  close(): Promise<void>;
}

/** Rejects with errors that say what to do. */
export async function openJobStores(
  config: SpokeConfig,
  logger: Logger,
  clock: Clock,
): Promise<OpenedJobStores> {
  const opened = new OpenedParts();
  try {
    // Of a topic that forgets by age the job would take what lives for what nobody has.
    const clusterId = await assertTopics(config, logger);
    const client = await connectHBase(config.hbase);
    opened.keep({
      close: () => {
        client.close();
        return Promise.resolve();
      },
    });
    const { namespace } = config.hbase;
    const openTopic = async (name: 'sessions' | 'retained'): Promise<JobTopic> => {
      const { log } = await openKafkaTopic(config, name, logger);
      opened.keep(log);
      const table = { client, namespace, topic: name, partitionCount: log.partitionCount };
      const snapshot = opened.keep(await openHBaseSnapshotStore(table));
      return { name, log, snapshot, upkeep: new SnapshotRepair(table) };
    };
    const sessions = await openTopic('sessions');
    const retained = await openTopic('retained');
    // Queues of another log than this one are refused here.
    const owner = eventLogOwner(clusterId, config.kafka.topicPrefix);
    const queues = opened.keep(await openQueuesInHBase(client, config, owner, () => clock.nowMs()));
    return { sessions, retained, queues: queues.store, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}
