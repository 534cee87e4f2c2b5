/** The consumer group that divides the partitions among everybody who folds them: brokers and `spoke metadata` alike. */
import { PartitionGroup } from '../adapters/kafka/group/partition-group.ts';
import { retainedTopic, sessionEventsTopic } from '../adapters/kafka/topics/wanted-topic.ts';
import type { PartitionShare } from '../metadata/partition-share.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { SpokeConfig } from './config-schema.ts';
import { kafkaConnection } from './kafka-connection.ts';
import type { Logger } from './logging.ts';

export interface MetadataGroup {
  readonly sessions: PartitionShare;
  readonly retained: PartitionShare;
  /** Whether the group counts on this process, as far as it knows. */
  readonly joined: boolean;
  readonly gauges: readonly GaugeSource[];
  /** Says goodbye, so that others take over at once. */
  close(): Promise<void>;
}

/** Begins to join: the shares come later. */
export async function joinMetadataGroup(
  config: Pick<SpokeConfig, 'broker' | 'kafka' | 'metadata'>,
  logger: Logger,
): Promise<MetadataGroup> {
  const { topicPrefix } = config.kafka;
  const groupId = `${topicPrefix}.metadata`;
  const topics = { sessions: sessionEventsTopic(topicPrefix), retained: retainedTopic(topicPrefix) };
  const group = new PartitionGroup({
    connection: await kafkaConnection(config, logger),
    groupId,
    topics: [topics.sessions, topics.retained],
    sessionTimeoutMs: config.metadata.sessionTimeoutMs,
    onLost: (err) => {
      logger.warn({ err, group: groupId }, 'not in the group that divides the partitions, trying again');
    },
  });
  return {
    sessions: group.share(topics.sessions),
    retained: group.share(topics.retained),
    get joined() {
      return group.joined;
    },
    gauges: groupGauges(group),
    close: () => group.close(),
  };
}

function groupGauges(group: PartitionGroup): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_metadata_group_joined',
      help: '1 while this process is in the group that divides the partitions.',
      type: 'gauge',
      read: () => (group.joined ? 1 : 0),
    },
    {
      name: 'spoke_metadata_group_assignments_total',
      help: 'Shares given out by the group: one for each time that somebody came or went.',
      type: 'counter',
      read: () => group.assignments,
    },
    {
      name: 'spoke_metadata_group_losses_total',
      help: 'Memberships of the group that were lost, or could not be had.',
      type: 'counter',
      read: () => group.losses,
    },
    {
      name: 'spoke_metadata_group_commits_failed_total',
      help: 'Commits of offsets that Kafka did not take; each was made again.',
      type: 'counter',
      read: () => group.commitsFailed,
    },
  ];
}
