/** The topics of the event log in Kafka, for the commands that make and check them, and for a broker that needs them. */
import { kafkaClusterId } from '../adapters/kafka/client/kafka-admin.ts';
import type { KafkaConnectionOptions } from '../adapters/kafka/kafka-connection-options.ts';
import { differenceText, KafkaTopics } from '../adapters/kafka/topics/kafka-topics.ts';
import {
  auditTopic,
  retainedTopic,
  sessionEventsTopic,
  tenantsTopic,
} from '../adapters/kafka/topics/wanted-topic.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { SpokeConfig } from './config-schema.ts';
import { kafkaConnection, wantedKafkaTopics, type ClientLog } from './kafka-connection.ts';

type TopicsConfig = Pick<SpokeConfig, 'broker' | 'kafka' | 'eventLog' | 'audit' | 'limits'>;

/** As `Storage`: nothing is kept open. */
export interface LogTopics {
  readonly names: readonly string[];
  check(): Promise<readonly string[]>;
  apply(): Promise<readonly string[]>;
}

/** `clientLog`: what the client library complains of while it tries. */
export async function logTopics(
  config: TopicsConfig,
  clientLog: ClientLog,
  progress: (line: string) => void,
): Promise<LogTopics> {
  const topics = topicsOf(config, await kafkaConnection(config, clientLog), progress);
  const { topicPrefix } = config.kafka;
  return {
    names: [sessionEventsTopic, retainedTopic, tenantsTopic, auditTopic].map((topic) => topic(topicPrefix)),
    check: () => topics.check(),
    apply: () => topics.apply(),
  };
}

/**
 * Kafka's cluster id, once it is sure that the topics are there and keep what is written to them. What else is different about them is
 * logged. Rejects with `StoreUnavailableError`.
 */
export async function assertTopics(config: TopicsConfig, logger: ClientLog): Promise<string> {
  const connection = await kafkaConnection(config, logger);
  const topics = topicsOf(config, connection, () => undefined);
  const [missing] = await topics.missing();
  if (missing !== undefined)
    throw new StoreUnavailableError(`Kafka topic ${missing}`, 'it does not exist; run "spoke storage apply"');
  const differences = await topics.differences();
  const losing = differences.find(({ losesRecords }) => losesRecords);
  if (losing !== undefined)
    throw new StoreUnavailableError(
      `Kafka topic ${losing.topic}`,
      `${losing.fault}, or Kafka removes what was acknowledged; run "spoke storage apply"`,
    );
  if (differences.length > 0)
    logger.warn(
      { differences: differences.map(differenceText) },
      'topics in Kafka are not as they should be; run "spoke storage apply"',
    );
  return kafkaClusterId(connection);
}

function topicsOf(
  config: TopicsConfig,
  connection: KafkaConnectionOptions,
  progress: (line: string) => void,
): KafkaTopics {
  return new KafkaTopics({ ...wantedKafkaTopics(config), connection, progress });
}
