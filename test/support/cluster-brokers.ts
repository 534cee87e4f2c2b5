/** What brokers share, made anew for a test: topics of few partitions in a real Kafka, tables of one region in a real HBase. */
import { configSchema, type SpokeConfig } from '../../src/app/config-schema.ts';
import { kafkaConnection, wantedKafkaTopics } from '../../src/app/kafka-connection.ts';
import { createLogger } from '../../src/app/logging.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics/kafka-topics.ts';
import { queueTable } from '../../src/adapters/hbase/tables/queue-table.ts';
import { snapshotTables } from '../../src/adapters/hbase/tables/snapshot-tables.ts';
import { connectHBase } from './hbase-queues.ts';
import type { BrokerSettings } from './running-broker.ts';

/** Where the servers are. */
export interface ClusterPlace {
  readonly zookeeperQuorum: string;
  /** Comma separated. */
  readonly kafkaBrokers: string;
  readonly kafka?: Omit<NonNullable<BrokerSettings['kafka']>, 'brokers'>;
}

const PARTITIONS = 4;
let clusters = 0;

/** The settings of every broker on one new log, with nothing in it yet. */
export async function newCluster({
  zookeeperQuorum,
  kafkaBrokers,
  kafka,
}: ClusterPlace): Promise<BrokerSettings> {
  const name = `cluster_${process.pid}_${Date.now()}_${++clusters}`;
  const settings = {
    eventLog: { store: 'kafka' },
    queues: { store: 'hbase' },
    kafka: { partitions: PARTITIONS, ...kafka, brokers: kafkaBrokers, topicPrefix: name },
    hbase: { zookeeperQuorum, namespace: name },
    // Free ports: brokers of one machine, and of other tests.
    cluster: { peerPort: 0 },
  } as const satisfies BrokerSettings;
  const config = configSchema.parse(settings);
  await Promise.all([makeTopics(config), makeTables(config)]);
  return settings;
}

async function makeTopics(config: SpokeConfig): Promise<void> {
  const logger = createLogger({ level: 'silent', format: 'json' }, SILENT);
  const connection = await kafkaConnection(config, logger);
  const topics = new KafkaTopics({ ...wantedKafkaTopics(config), connection, progress: () => undefined });
  const problems = await topics.apply();
  if (problems.length > 0) throw new Error(problems.join('; '));
}

async function makeTables({ hbase, kafka }: SpokeConfig): Promise<void> {
  const client = await connectHBase(hbase.zookeeperQuorum);
  try {
    await client.master.createNamespace(hbase.namespace);
    const snapshots = snapshotTables(hbase.namespace, kafka.partitions);
    const tables = [queueTable(hbase), ...snapshots.map(({ descriptor }) => descriptor)];
    await Promise.all(tables.map((table) => client.master.createTable(table, [])));
  } finally {
    client.close();
  }
}

const SILENT = { isTerminal: false, write: () => undefined };
