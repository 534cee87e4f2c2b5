/** Opens the topics of the event log in Kafka, with a schema registry's ids on them if there is one, and tells when Kafka is away. */
import { openKafkaEventLog } from '../adapters/kafka/event-log/kafka-event-log.ts';
import type { KafkaLogStats } from '../adapters/kafka/event-log/kafka-log-stats.ts';
import {
  AUDIT_PARTITIONS,
  auditTopic,
  retainedTopic,
  sessionEventsTopic,
  TENANT_PARTITIONS,
  tenantsTopic,
} from '../adapters/kafka/topics/wanted-topic.ts';
import { openSchemaRegistry } from '../adapters/schema-registry/open-schema-registry.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { EventLog } from '../event-log/event-log.ts';
import type { SpokeConfig } from './config-schema.ts';
import { kafkaConnection } from './kafka-connection.ts';
import type { Logger } from './logging.ts';

type KafkaLogsConfig = Pick<SpokeConfig, 'broker' | 'kafka' | 'schemaRegistry'>;

const TOPICS = {
  sessions: sessionEventsTopic,
  retained: retainedTopic,
  tenants: tenantsTopic,
  audit: auditTopic,
} as const;
export type LogName = keyof typeof TOPICS;

/** Of topics whose number of them is not configured. */
const PARTITIONS: Readonly<Partial<Record<LogName, number>>> = {
  tenants: TENANT_PARTITIONS,
  audit: AUDIT_PARTITIONS,
};

export interface KafkaTopicLog {
  /** As Kafka knows it. */
  readonly topic: string;
  readonly log: EventLog;
  readonly stats: KafkaLogStats;
  /** false: Kafka has failed for longer than `kafka.unavailableAfterMs`. */
  readonly available: boolean;
}

/** Rejects with an error that says what to do: no Kafka, no such topic, another number of partitions. */
export async function openKafkaTopic(
  config: KafkaLogsConfig,
  name: LogName,
  logger: Pick<Logger, 'info' | 'warn' | 'error'>,
): Promise<KafkaTopicLog> {
  const { kafka, schemaRegistry } = config;
  const topic = TOPICS[name](kafka.topicPrefix);
  const fixed = PARTITIONS[name];
  const partitions = fixed ?? kafka.partitions;
  const framed = schemaRegistry.url === '' ? unchanged : await openSchemaRegistry(schemaRegistry);
  const log = await openKafkaEventLog({
    connection: await kafkaConnection(config, logger),
    topic,
    deadlineMs: kafka.operationTimeoutMs,
    waitingBytesMax: kafka.waitingBytesMax,
    compression: kafka.compression,
    unavailableAfterMs: kafka.unavailableAfterMs,
    onState: (state) => {
      if (state.available) logger.info({ topic, awayMs: Math.round(state.awayMs) }, 'Kafka is back');
      else
        logger.error(
          { topic, err: state.cause },
          'Kafka does not answer: nothing that it has to record is acknowledged',
        );
    },
  });
  if (log.partitionCount !== partitions) {
    await log.close();
    const advice =
      fixed !== undefined
        ? `it has ${log.partitionCount} partitions instead of ${partitions}: it is not what "spoke storage apply" makes`
        : `it has ${log.partitionCount} partitions, and kafka.partitions is ${partitions}: configure the number that is there`;
    throw new StoreUnavailableError(`Kafka topic ${topic}`, advice);
  }
  return {
    topic,
    log: framed(log),
    stats: log.stats,
    get available() {
      return log.available;
    },
  };
}

function unchanged(log: EventLog): EventLog {
  return log;
}
