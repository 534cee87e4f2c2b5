/**
 * Opens what brokers share: the topics of the event log in Kafka; queues, snapshots, session ids and start numbers in HBase. Of the
 * data directory only the admin token is used, and its lock. Nothing is made that is missing: `spoke storage apply` does that.
 */
import path from 'node:path';
import { nodeFileSystem } from '../adapters/embedded/file-system.ts';
import { lockDirectory } from '../adapters/embedded/journal/directory-lock.ts';
import { HBaseSessionIds } from '../adapters/hbase/counters/hbase-session-ids.ts';
import { nextStartNumber } from '../adapters/hbase/counters/counter.ts';
import { openHBaseSnapshotStore } from '../adapters/hbase/snapshot/hbase-snapshot-store.ts';
import { eventLogOwner } from '../adapters/hbase/tables/table-owner.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { EventLog } from '../event-log/event-log.ts';
import type { SnapshotStore } from '../metadata/snapshot-store.ts';
import type { Clock } from '../time/clock.ts';
import { OpenedParts, type BrokerStores, type TenantFacts, type Topic } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import { connectHBase, openQueuesInHBase } from './hbase-queues.ts';
import { kafkaGauges } from './kafka-gauges.ts';
import { openKafkaTopic, type KafkaTopicLog, type LogName } from './kafka-logs.ts';
import { assertTopics } from './log-topics.ts';
import type { Logger } from './logging.ts';
import { openRedisSessionIds } from './session-ids.ts';

/** Rejects with errors that say what to do. */
export async function openClusterStores(
  config: SpokeConfig,
  logger: Logger,
  clock: Clock,
  tenants: TenantFacts,
): Promise<BrokerStores> {
  const opened = new OpenedParts();
  try {
    const directory = path.resolve(config.dataDirectory);
    await nodeFileSystem.makeDirectory(directory);
    const lock = await lockDirectory(nodeFileSystem, directory);
    opened.keep({ close: () => lock.release() });
    const clusterId = await assertTopics(config, logger);
    const client = await connectHBase(config.hbase);
    const closeClient = (): Promise<void> => {
      client.close();
      return Promise.resolve();
    };
    opened.keep({ close: closeClient });
    const { namespace } = config.hbase;
    const owner = eventLogOwner(clusterId, config.kafka.topicPrefix);
    const nowMs = (): number => clock.nowMs();
    const queues = opened.keep(await openQueuesInHBase(client, config, owner, nowMs, tenants.queueQuota));
    const logs: KafkaTopicLog[] = [];
    const openLog = async (name: LogName): Promise<KafkaTopicLog> => {
      const kafka = await openKafkaTopic(config, name, logger);
      opened.keep(kafka.log);
      logs.push(kafka);
      return kafka;
    };
    const openTopic = async (name: 'sessions' | 'retained'): Promise<Topic> => {
      const kafka = await openLog(name);
      const { partitionCount } = kafka.log;
      const snapshot = opened.keep(
        await openHBaseSnapshotStore({ client, namespace, topic: name, partitionCount }),
      );
      await assertOfThisLog(kafka.topic, kafka.log, snapshot);
      // Kafka keeps tombstones by their age.
      return { name, log: kafka.log, snapshot, keepTombstonesFrom: () => undefined };
    };
    const sessions = await openTopic('sessions');
    const retained = await openTopic('retained');
    const tenantLog = await openLog('tenants');
    const audit = await openLog('audit');
    const sessionIds = opened.keep(
      config.sessionIds.store === 'redis'
        ? openRedisSessionIds(config.sessionIds, tenants, logger)
        : new HBaseSessionIds({ client, namespace, highestKnown: tenants.highestSessionId }),
    );
    return {
      startNumber: await nextStartNumber(client, namespace, config.broker.id),
      shared: true,
      queues: queues.store,
      sessions,
      retained,
      tenants: tenantLog.log,
      sessionIds,
      audit: audit.log,
      gauges: [...queues.gauges, ...kafkaGauges(logs)],
      problems: () =>
        logs.filter(({ available }) => !available).map(({ topic }) => `Kafka does not answer for ${topic}`),
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A snapshot of a log that was lost and made anew would hide what the new one says. */
async function assertOfThisLog(topic: string, log: EventLog, snapshot: SnapshotStore): Promise<void> {
  const [checkpoint = [], ends] = await Promise.all([snapshot.loadCheckpoint(), log.endOffsets()]);
  const ahead = checkpoint.findIndex((offset, partition) => offset > (ends[partition] ?? 0));
  if (ahead < 0) return;
  const advice =
    `it ends at ${ends[ahead] ?? 0} in partition ${ahead}, and its snapshot in HBase goes to ${checkpoint[ahead] ?? 0}: the snapshot is of ` +
    'another log. Use another hbase.namespace, or empty this one with "spoke storage reset"';
  throw new StoreUnavailableError(`Kafka topic ${topic}`, advice);
}
