/** The configuration of the measured broker: defaults, on loopback ports that the system chooses. */
import { configSchema, type SpokeConfig } from '../../src/app/config-schema.ts';

/** More than any bench holds: the limit is not what is measured. */
const SESSIONS_MAX = 100_000_000;

/** Kafka and HBase of a measured broker, and its share of them. */
export interface ClusterPlace {
  readonly kafkaBrokers: string;
  readonly zookeeperQuorum: string;
  readonly topicPrefix: string;
  readonly namespace: string;
}

/** `cluster`: where log, snapshots and queues are; left out: in the data directory. */
export function brokerConfig(dataDirectory: string, cluster?: ClusterPlace): SpokeConfig {
  return configSchema.parse({
    dataDirectory,
    // The state is thrown away with its directory, and the start writes next to nothing.
    durability: 'os',
    listeners: [{ transport: 'tcp', host: '127.0.0.1', port: 0 }],
    admin: { port: 0 },
    limits: { sessionsMax: SESSIONS_MAX },
    log: { level: 'info', format: 'json' },
    ...(cluster !== undefined && {
      eventLog: { store: 'kafka' },
      queues: { store: 'hbase' },
      kafka: { brokers: cluster.kafkaBrokers, topicPrefix: cluster.topicPrefix },
      hbase: { zookeeperQuorum: cluster.zookeeperQuorum, namespace: cluster.namespace },
      cluster: { peerPort: 0 },
    }),
  });
}
