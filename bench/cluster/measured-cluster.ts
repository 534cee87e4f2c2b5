/** The brokers of one cluster as a scenario sees them: their ports, their end, and what they use together with their engines. */
import type { RunningCluster } from '../../engines/cluster/running-cluster.ts';
import type { RunningBroker } from '../brokers/launch.ts';
import { observed } from '../brokers/observed-processes.ts';
import { treeUsage } from '../machine/process-usage.ts';

export class MeasuredCluster {
  readonly ports: readonly number[];
  readonly #cluster: RunningCluster;
  readonly #enginePids: readonly number[];

  constructor(cluster: RunningCluster, enginePids: readonly number[]) {
    this.#cluster = cluster;
    this.#enginePids = enginePids;
    this.ports = cluster.brokers.map(({ mqttPort }) => mqttPort);
  }

  /** As if it were one broker: brokers, Kafka and HBase, for a message needs all of them. */
  get whole(): RunningBroker {
    return {
      port: this.ports[0] ?? 0,
      ...observed(() => [...this.#enginePids, ...this.#brokerPids()]),
      // The engines outlive it, and whoever made the cluster stops it.
      stop: () => Promise.resolve(),
    };
  }

  residentBytes(broker: number): number {
    return treeUsage(this.#brokerPids()[broker] ?? 0).residentBytes;
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(broker: number): Promise<void> {
    await this.#cluster.kill(this.#name(broker), { hold: true });
  }

  /** Resolves when the new process exists. */
  async startAgain(broker: number): Promise<void> {
    await this.#cluster.startAgain(this.#name(broker));
  }

  #name(broker: number): string {
    return this.#cluster.brokers[broker]?.name ?? '';
  }

  #brokerPids(): number[] {
    return this.#cluster.brokers.flatMap(({ pid }) => pid ?? []);
  }
}
