/**
 * The topics as this release wants them: compacted, every record readable for the compaction lag – the audit trail deleted by age
 * and size – acknowledged by more than one broker. What an operator may choose is an option; everything else the log relies on.
 */

export interface KafkaTopicsOptions {
  /** In front of `.session-events`, `.retained`, `.tenants` and `.audit`. */
  readonly topicPrefix: string;
  /** Of the topics of sessions and of retained messages, and for ever: they cannot be changed without losing the order of what is there. */
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Brokers that must have a record before it counts as appended. */
  readonly minInsyncReplicas: number;
  /** How long every single record can be read, milliseconds. */
  readonly compactionLagMs: number;
  /** How long, and how much of, the audit trail is kept. */
  readonly auditRetention: { readonly ageMsMax: number; readonly bytesMax: number };
  /** Biggest batch that Kafka takes, bytes: more than the biggest retained message. */
  readonly messageBytesMax: number;
}

export interface WantedTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configuration: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;
/** Only closed segments are compacted, so a quiet topic must close one now and then. */
const SEGMENT_MS_MAX = DAY_MS;
const SEGMENT_BYTES = 256 * 1_048_576;
/** Kafka 4 takes none that are smaller. */
const SEGMENT_BYTES_MIN = 1_048_576;
/** Only whole segments are deleted. */
const AUDIT_SEGMENTS = 16;
/** Kafka's largest number: a broker whose clock is ahead is not kept from appending. */
const FOREVER = '9223372036854775807';

export function sessionEventsTopic(prefix: string): string {
  return `${prefix}.session-events`;
}

export function retainedTopic(prefix: string): string {
  return `${prefix}.retained`;
}

export function tenantsTopic(prefix: string): string {
  return `${prefix}.tenants`;
}

/** All changes of tenants have one order. */
export const TENANT_PARTITIONS = 1;

export function auditTopic(prefix: string): string {
  return `${prefix}.audit`;
}

/** Everything on the audit trail has one order. */
export const AUDIT_PARTITIONS = 1;

export function wantedTopics(options: KafkaTopicsOptions): readonly WantedTopic[] {
  const { topicPrefix, partitions, replicationFactor, compactionLagMs } = options;
  const configuration = {
    'cleanup.policy': 'compact',
    'min.compaction.lag.ms': `${compactionLagMs}`,
    // Whoever reads the whole log has as long to come across a tombstone as across any other record.
    'delete.retention.ms': `${compactionLagMs}`,
    'segment.ms': `${Math.min(SEGMENT_MS_MAX, Math.max(1, compactionLagMs))}`,
    'segment.bytes': `${SEGMENT_BYTES}`,
    'min.insync.replicas': `${options.minInsyncReplicas}`,
    'unclean.leader.election.enable': 'false',
    'max.message.bytes': `${options.messageBytesMax}`,
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.after.max.ms': FOREVER,
    // What brokers send is what is stored: other codecs than ours are not read.
    'compression.type': 'producer',
  };
  const { ageMsMax, bytesMax } = options.auditRetention;
  const deleting = {
    'cleanup.policy': 'delete',
    'retention.ms': `${ageMsMax}`,
    'retention.bytes': `${bytesMax}`,
    'segment.ms': `${Math.min(SEGMENT_MS_MAX, ageMsMax)}`,
    'segment.bytes': `${Math.min(SEGMENT_BYTES, Math.max(SEGMENT_BYTES_MIN, Math.ceil(bytesMax / AUDIT_SEGMENTS)))}`,
    'min.insync.replicas': `${options.minInsyncReplicas}`,
    'unclean.leader.election.enable': 'false',
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.after.max.ms': FOREVER,
    'compression.type': 'producer',
  };
  return [
    { name: sessionEventsTopic(topicPrefix), partitions, replicationFactor, configuration },
    { name: retainedTopic(topicPrefix), partitions, replicationFactor, configuration },
    { name: tenantsTopic(topicPrefix), partitions: TENANT_PARTITIONS, replicationFactor, configuration },
    {
      name: auditTopic(topicPrefix),
      partitions: AUDIT_PARTITIONS,
      replicationFactor,
      configuration: deleting,
    },
  ];
}
