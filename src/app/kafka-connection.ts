/** How the configuration says that Kafka is reached: reads the files that it names, and has the client's complaints logged. */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { KafkaConnectionOptions, KafkaSasl } from '../adapters/kafka/kafka-connection-options.ts';
import type { KafkaTopicsOptions } from '../adapters/kafka/topics/wanted-topic.ts';
import { auditRetention } from './admin-schema.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

/** Of a record, around a message: keys, names, headers and the frames of the batch. */
const RECORD_OVERHEAD_BYTES = 512 * 1024;

type KafkaConfig = Pick<SpokeConfig, 'broker' | 'kafka'>;

/** What the client library complains of goes there. */
export type ClientLog = Pick<Logger, 'error' | 'warn'>;

/** Rejects with an error that names the key and the file when one cannot be read. */
export async function kafkaConnection(
  { broker, kafka }: KafkaConfig,
  log: ClientLog,
): Promise<KafkaConnectionOptions> {
  const { connectTimeoutMs, requestTimeoutMs } = kafka;
  const sasl = saslOf(kafka.sasl);
  return {
    brokers: kafka.brokers.split(','),
    clientId: `spokemq-${broker.id}`,
    ...(kafka.tls.enabled ? { tls: await tlsOf(kafka.tls) } : {}),
    ...(sasl === undefined ? {} : { sasl }),
    connectTimeoutMs,
    requestTimeoutMs,
    onLog: ({ level, message }) => {
      log[level]({ client: 'kafka' }, message);
    },
  };
}

/** The topics as the configuration wants them. */
export function wantedKafkaTopics(
  config: Pick<SpokeConfig, 'kafka' | 'eventLog' | 'audit' | 'limits'>,
): KafkaTopicsOptions {
  const { topicPrefix, partitions, replicationFactor, minInsyncReplicas } = config.kafka;
  return {
    topicPrefix,
    partitions,
    replicationFactor,
    minInsyncReplicas,
    compactionLagMs: config.eventLog.compactionLagMs,
    auditRetention: auditRetention(config.audit),
    messageBytesMax: config.limits.packetBytesMax + RECORD_OVERHEAD_BYTES,
  };
}

async function tlsOf(tls: SpokeConfig['kafka']['tls']): Promise<ConnectionOptions> {
  const read = async (key: 'caFile' | 'certFile' | 'keyFile', name: 'ca' | 'cert' | 'key') => {
    const file = tls[key];
    if (file === '') return {};
    const content = await readFile(file).catch((cause: unknown) => {
      throw new Error(`kafka.tls.${key}: ${file} cannot be read`, { cause });
    });
    return { [name]: content };
  };
  return {
    ...(await read('caFile', 'ca')),
    ...(await read('certFile', 'cert')),
    ...(await read('keyFile', 'key')),
    ...(tls.serverName === '' ? {} : { servername: tls.serverName }),
  };
}

function saslOf({ mechanism, username, password }: SpokeConfig['kafka']['sasl']): KafkaSasl | undefined {
  return mechanism === 'none' ? undefined : { mechanism, username, password };
}
