/** What several keys have to agree on when the event log is in Kafka. */
import type { RuleViolation } from './config-rules.ts';
import type { SpokeConfig } from './config-schema.ts';
import { tlsViolations } from './tls-rules.ts';

/** Kafka takes requests of 100 MiB unless told otherwise, and a retained message goes in one. */
const PACKET_BYTES_MAX = 64 * 1024 * 1024;

export function kafkaRules(config: SpokeConfig): readonly RuleViolation[] {
  return [
    ...queuesElsewhere(config),
    ...replication(config),
    ...timeouts(config),
    ...tlsViolations(['kafka', 'tls'], config.kafka.tls),
    ...credentials(config),
    ...packetSize(config),
    ...registryUrl(config),
  ];
}

function queuesElsewhere({ queues }: SpokeConfig): readonly RuleViolation[] {
  if (queues.store === 'hbase') return [];
  return [
    {
      path: ['eventLog', 'store'],
      what: 'is "kafka", which several brokers may share, and queues.store keeps messages where only this one finds them',
      fix: 'Set queues.store to "hbase": snapshots and session ids are there too',
    },
  ];
}

function replication({ kafka }: SpokeConfig): readonly RuleViolation[] {
  const { minInsyncReplicas, replicationFactor } = kafka;
  if (minInsyncReplicas <= replicationFactor) return [];
  return [
    {
      path: ['kafka', 'minInsyncReplicas'],
      what: `is ${minInsyncReplicas}, and only ${replicationFactor} brokers hold each record (kafka.replicationFactor)`,
      fix: `Use at most ${replicationFactor}, one less so that a broker may be away`,
    },
  ];
}

function timeouts({ kafka }: SpokeConfig): readonly RuleViolation[] {
  return (['connectTimeoutMs', 'requestTimeoutMs'] as const).flatMap((key) =>
    kafka[key] < kafka.operationTimeoutMs
      ? []
      : [
          {
            path: ['kafka', key],
            what: `is ${kafka[key]}, and kafka.operationTimeoutMs, which has to cover it, is ${kafka.operationTimeoutMs}`,
            fix: `Use less than ${kafka.operationTimeoutMs}, or raise kafka.operationTimeoutMs`,
          },
        ],
  );
}

function credentials({ kafka }: SpokeConfig): readonly RuleViolation[] {
  const { mechanism, username, password } = kafka.sasl;
  if (mechanism === 'none') {
    if (username === '' && password === '') return [];
    return [
      {
        path: ['kafka', 'sasl', 'mechanism'],
        what: 'is "none", and a user or a password is set that nobody would be told',
        fix: 'Use one of plain, scram-sha-256, scram-sha-512',
      },
    ];
  }
  return (['username', 'password'] as const).flatMap((key) =>
    kafka.sasl[key] === ''
      ? [
          {
            path: ['kafka', 'sasl', key],
            what: `is missing, and kafka.sasl.mechanism is "${mechanism}"`,
            fix: `Set it, for example as SPOKE_KAFKA_SASL_${key.toUpperCase()}`,
          },
        ]
      : [],
  );
}

function packetSize({ limits }: SpokeConfig): readonly RuleViolation[] {
  if (limits.packetBytesMax <= PACKET_BYTES_MAX) return [];
  return [
    {
      path: ['limits', 'packetBytesMax'],
      what: `is ${limits.packetBytesMax}, and Kafka would refuse retained messages of that size`,
      fix: `Use at most ${PACKET_BYTES_MAX}`,
    },
  ];
}

function registryUrl({ schemaRegistry: { url } }: SpokeConfig): readonly RuleViolation[] {
  if (url === '' || /^https?:$/.test(protocolOf(url))) return [];
  return [
    {
      path: ['schemaRegistry', 'url'],
      what: 'is no URL of a web server',
      fix: 'Use something like https://host/apis/ccompat/v7',
    },
  ];
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}
