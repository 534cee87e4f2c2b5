/**
 * Where the measured state is kept: in a data directory, or in a real Kafka and HBase that are started here. A home is
 * prepared once for a number of sessions, and brokers start from it again and again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';
import { KafkaEngine } from '../../engines/kafka/kafka-engine.ts';
import { openClusterStores } from '../../src/app/cluster-stores.ts';
import type { BrokerStores } from '../../src/app/broker-stores.ts';
import type { SpokeConfig } from '../../src/app/config-schema.ts';
import { openEmbeddedStores } from '../../src/app/embedded-stores.ts';
import { logTopics } from '../../src/app/log-topics.ts';
import { createLogger, type Logger } from '../../src/app/logging.ts';
import { openStorage } from '../../src/app/storage.ts';
import { SystemClock } from '../../src/transport/system-time.ts';
import { brokerConfig, type ClusterPlace } from './broker-config.ts';
import { writeHistory } from './fleet-history.ts';

export type Source = 'snapshot' | 'log';

export interface Home {
  /** What a broker is started with that restores its state from there. */
  configFor(source: Source): Promise<SpokeConfig>;
  dispose(): Promise<void>;
}

export interface Homes {
  prepare(sessions: number): Promise<Home>;
  close(): Promise<void>;
}

const HBASE_HEAP_MB = 3_072;

export function embeddedHomes(root: string): Homes {
  return {
    prepare: async (sessions) => {
      const directory = await mkdtemp(path.join(root, 'spoke-bootstrap-'));
      const config = brokerConfig(directory);
      await write(config, sessions);
      return {
        configFor: async (source) => {
          // Without a snapshot there is only the log to start from.
          if (source === 'log') await rm(path.join(directory, 'sessions', 'snapshot'), { recursive: true });
          return config;
        },
        dispose: () => rm(directory, { recursive: true }),
      };
    },
    close: () => Promise.resolve(),
  };
}

export async function clusterHomes(root: string, progress: (line: string) => void): Promise<Homes> {
  const kafka = await KafkaEngine.start({ progress });
  const hbase = await HBaseEngine.start({ heapMb: HBASE_HEAP_MB, progress });
  return {
    prepare: async (sessions) => {
      const directory = await mkdtemp(path.join(root, 'spoke-bootstrap-'));
      const place: ClusterPlace = {
        kafkaBrokers: kafka.addresses.join(','),
        zookeeperQuorum: hbase.zookeeperQuorum,
        topicPrefix: `bench-${sessions}`,
        namespace: `bench_${sessions}`,
      };
      const config = brokerConfig(directory, place);
      await applyStorage(config, progress);
      await write(config, sessions);
      return {
        configFor: async (source) => {
          if (source === 'snapshot') return config;
          const bare = brokerConfig(directory, { ...place, namespace: `${place.namespace}_log` });
          await applyStorage(bare, progress);
          return bare;
        },
        dispose: () => rm(directory, { recursive: true }),
      };
    },
    close: async () => {
      await hbase.stop();
      await kafka.stop();
    },
  };
}

async function applyStorage(config: SpokeConfig, progress: (line: string) => void): Promise<void> {
  const topics = await logTopics(config, silent(config), progress);
  const storage = await openStorage(config.hbase, progress, config.kafka.partitions);
  try {
    const problems = [...(await topics.apply()), ...(await storage.apply())];
    if (problems.length > 0) throw new Error(problems.join('; '));
  } finally {
    storage.close();
  }
}

async function write(config: SpokeConfig, sessions: number): Promise<void> {
  const open = config.eventLog.store === 'kafka' ? openClusterStores : openEmbeddedStores;
  const stores: BrokerStores = await open(config, silent(config), new SystemClock(), {
    highestSessionId: () => 0,
    queueQuota: () => config.limits.durableQueue,
  });
  try {
    await writeHistory(stores.sessions, sessions);
  } finally {
    await stores.close();
  }
}

function silent(config: SpokeConfig): Logger {
  return createLogger(config.log, { isTerminal: false, write: () => undefined });
}
