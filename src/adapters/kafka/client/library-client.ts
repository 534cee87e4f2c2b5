/** kafkajs's own client, for what this adapter leaves to it: administration and group membership. Its timeouts and log are ours. */
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import { DEFAULT_CONNECT_TIMEOUT_MS, DEFAULT_REQUEST_TIMEOUT_MS } from '../kafka-connection-options.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { libraryLogCreator } from './library-log.ts';

export function libraryClient(
  connection: KafkaConnectionOptions,
  extra: Pick<KafkaConfig, 'retry' | 'socketFactory'>,
): Kafka {
  return new Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    ssl: connection.tls ?? false,
    ...(connection.sasl === undefined ? {} : { sasl: connection.sasl as SASLOptions }),
    connectionTimeout: connection.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    requestTimeout: connection.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    logLevel: logLevel.WARN,
    logCreator: libraryLogCreator(connection.onLog),
    ...extra,
  });
}
