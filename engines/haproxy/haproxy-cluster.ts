/**
 * A real HAProxy before the brokers of a test, with the configuration that is shipped for clusters. Its brokers can be changed while it
 * serves. Nothing of it is left when its owner ends.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningEngine } from '../engine.ts';
import { freePorts } from '../free-ports.ts';
import { ServerProcess } from '../server-process.ts';
import { Watchdog } from '../watchdog.ts';
import { LIVE_PATH, renderClusterConfig } from './cluster-config.ts';
import type { ClusterBroker, ClusterConfig, ClusterFront, ClusterTimings } from './cluster-config.ts';
import { haproxyCommand } from './haproxy-binary.ts';
import { untilServing } from './haproxy-readiness.ts';

export interface HAProxyClusterOptions {
  readonly fronts: readonly Omit<ClusterFront, 'port'>[];
  readonly brokers: readonly ClusterBroker[];
  readonly timings?: Partial<ClusterTimings>;
}

/** Within the limit of descriptors of a small machine. */
const MAXCONN = 2_000;

export class HAProxyCluster implements RunningEngine {
  readonly dataDirectory: string;
  readonly #config: Omit<ClusterConfig, 'brokers'>;
  readonly #watchdog: Watchdog;
  /** The one that serves is the last; those before it still have connections. */
  readonly #processes: ServerProcess[] = [];

  /** Starts it and waits until it is ready. */
  static async start(options: HAProxyClusterOptions): Promise<HAProxyCluster> {
    const [statsPort = 0, metricsPort = 0, ...ports] = await freePorts(options.fronts.length + 2);
    const dataDirectory = await mkdtemp(join(tmpdir(), 'spoke-haproxy-'));
    const cluster = new HAProxyCluster(dataDirectory, {
      fronts: options.fronts.map((front, index) => ({ ...front, port: ports[index] ?? 0 })),
      bind: '127.0.0.1',
      statsPort,
      metrics: { bind: '127.0.0.1', port: metricsPort },
      socketFile: join(dataDirectory, 'haproxy.sock'),
      maxconn: MAXCONN,
      ...(options.timings === undefined ? {} : { timings: options.timings }),
    });
    try {
      await cluster.#start(options.brokers, []);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  private constructor(dataDirectory: string, config: Omit<ClusterConfig, 'brokers'>) {
    this.dataDirectory = dataDirectory;
    this.#config = config;
    this.#watchdog = new Watchdog(dataDirectory);
  }

  /** Where clients of that front connect. Throws when there is none of that name. */
  port(name: string): number {
    const front = this.#config.fronts.find((each) => each.name === name);
    if (front === undefined) throw new Error(`HAProxy has no front ${name}`);
    return front.port;
  }

  /** What Prometheus is told. */
  async metrics(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.#config.metrics.port}/metrics`)).text();
  }

  /** Other brokers from now on, without a moment in which nobody listens; the process before serves what it has. */
  async reload(brokers: readonly ClusterBroker[]): Promise<void> {
    const before = this.#processes.filter(({ isRunning }) => isRunning);
    await this.#start(brokers, ['-x', this.#config.socketFile, '-sf', ...before.map(({ pid }) => `${pid}`)]);
  }

  async ready(): Promise<void> {
    const server = this.#processes.at(-1);
    if (server === undefined) throw new Error('HAProxy has not been started');
    await untilServing(server, `http://127.0.0.1:${this.#config.statsPort}${LIVE_PATH}`, `${server.pid}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((server) => server.kill()));
    await rm(this.dataDirectory, { recursive: true, force: true });
    await this.#watchdog.dismiss();
  }

  async #start(brokers: readonly ClusterBroker[], takeOver: readonly string[]): Promise<void> {
    const number = this.#processes.length + 1;
    const file = join(this.dataDirectory, `haproxy-${number}.cfg`);
    await writeFile(file, renderClusterConfig({ ...this.#config, brokers }));
    const server = new ServerProcess(
      {
        role: 'HAProxy',
        command: haproxyCommand(),
        args: ['-db', '-f', file, ...takeOver],
        port: this.#config.statsPort,
        log: join(this.dataDirectory, `haproxy-${number}.log`),
      },
      this.#watchdog,
    );
    this.#processes.push(server);
    await server.start();
    await this.ready();
  }
}
