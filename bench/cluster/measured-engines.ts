/**
 * One Kafka and one HBase for the whole run, because a start takes many seconds. Each cluster has topics and tables of its own in
 * them, so that it starts from nothing.
 */
import type { BrokerSettings } from '../../engines/cluster/broker-file.ts';
import { RunningCluster } from '../../engines/cluster/running-cluster.ts';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';
import { KafkaEngine } from '../../engines/kafka/kafka-engine.ts';
import { MeasuredCluster } from './measured-cluster.ts';

/** A few hundred partitions of several clusters, and as much again for its ordinary work. */
const KAFKA_HEAP_MB = 768;

export interface WantedCluster {
  readonly brokers: number;
  readonly settings?: BrokerSettings;
}

export class MeasuredEngines {
  readonly #kafka: KafkaEngine;
  readonly #hbase: HBaseEngine;
  readonly #log: (line: string) => void;
  #clusters = 0;

  static async start(heapMb: number, log: (line: string) => void): Promise<MeasuredEngines> {
    const kafka = await KafkaEngine.start({ heapMb: KAFKA_HEAP_MB, progress: log });
    try {
      return new MeasuredEngines(kafka, await HBaseEngine.start({ heapMb, progress: log }), log);
    } catch (error) {
      await kafka.stop();
      throw error;
    }
  }

  private constructor(kafka: KafkaEngine, hbase: HBaseEngine, log: (line: string) => void) {
    this.#kafka = kafka;
    this.#hbase = hbase;
    this.#log = log;
  }

  async withCluster<Result>(
    { brokers, settings = {} }: WantedCluster,
    work: (cluster: MeasuredCluster) => Promise<Result>,
  ): Promise<Result> {
    this.#clusters += 1;
    const cluster = await RunningCluster.start({
      brokers,
      metadata: 0,
      haproxy: false,
      // Who is killed stays down until the scenario starts it.
      supervise: false,
      engines: {
        kafkaBrokers: this.#kafka.addresses.join(','),
        zookeeperQuorum: this.#hbase.zookeeperQuorum,
      },
      settings: {
        ...settings,
        kafka: { topicPrefix: `bench-${this.#clusters}` },
        hbase: { namespace: `bench_${this.#clusters}` },
        log: { level: 'warn' },
      },
      progress: this.#log,
    });
    try {
      return await work(new MeasuredCluster(cluster, this.#pids));
    } finally {
      await cluster.stop({ orderly: false });
    }
  }

  async stop(): Promise<void> {
    await this.#hbase.stop();
    await this.#kafka.stop();
  }

  get #pids(): readonly number[] {
    return [...this.#kafka.brokers, ...this.#hbase.processes].map(({ pid }) => pid);
  }
}
