/** `spoke metadata` as a child process on real Kafka and HBase, so restless that there is always a step under way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerChild, freePort } from '../../src/fleet/broker-child.ts';
import { packageFile } from '../../src/fleet/spawned-broker.ts';

const HOST = '127.0.0.1';

export interface MetadataChildOptions {
  readonly kafkaBrokers: string;
  readonly topicPrefix: string;
  readonly partitions: number;
  readonly zookeeperQuorum: string;
  readonly namespace: string;
}

export interface MetadataChild {
  readonly child: BrokerChild;
  /** Of its metrics and health. */
  readonly url: string;
  readonly logFile: string;
  dispose(): Promise<void>;
}

/** Nothing runs yet: `child.start()` starts it. */
export async function metadataChild(options: MetadataChildOptions): Promise<MetadataChild> {
  const main = packageFile('dist/src/main.js');
  if (main === undefined) throw new Error('nothing has been built: run "npm run build" first');
  const directory = await mkdtemp(join(tmpdir(), 'spokemq-metadata-'));
  // The port is the one thing a seed cannot repeat: another test may have it.
  const port = await freePort(HOST, Math.random);
  const logFile = join(directory, 'metadata.log');
  const child = new BrokerChild({
    command: process.execPath,
    args: [main, 'metadata'],
    environment: {
      ...process.env,
      SPOKE_DATA_DIRECTORY: join(directory, 'data'),
      SPOKE_EVENT_LOG_STORE: 'kafka',
      SPOKE_QUEUES_STORE: 'hbase',
      SPOKE_KAFKA_BROKERS: options.kafkaBrokers,
      SPOKE_KAFKA_TOPIC_PREFIX: options.topicPrefix,
      SPOKE_KAFKA_PARTITIONS: `${options.partitions}`,
      SPOKE_HBASE_ZOOKEEPER_QUORUM: options.zookeeperQuorum,
      SPOKE_HBASE_NAMESPACE: options.namespace,
      SPOKE_METADATA_SESSION_TIMEOUT_MS: '6000',
      SPOKE_METADATA_POLL_MS: '20',
      SPOKE_SNAPSHOT_EVERY_RECORDS: '10',
      SPOKE_SNAPSHOT_EVERY_MS: '20',
      SPOKE_ADMIN_PORT: `${port}`,
      SPOKE_LOG_FORMAT: 'json',
    },
    host: HOST,
    port,
    logFile,
  });
  return {
    child,
    url: `http://${HOST}:${port}`,
    logFile,
    dispose: async () => {
      await child.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
