/**
 * A real Kafka on this machine, one broker or several without ZooKeeper, for development and tests. It promises that all
 * brokers are part of the cluster when `ready` resolves and that nothing of a temporary one is left when its owner ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../engine.ts';
import type { Progress, RunningEngine } from '../engine.ts';
import { claimDataDirectory, writeRecord } from '../engine-record.ts';
import type { EngineRecord } from '../engine-record.ts';
import { freePorts, isFree } from '../free-ports.ts';
import { javaCommand } from '../java.ts';
import { mavenJars } from '../maven-jars.ts';
import { PROJECT_DIRECTORY, realDirectory } from '../places.ts';
import { ServerProcess } from '../server-process.ts';
import type { ServerPlan } from '../server-process.ts';
import { Watchdog } from '../watchdog.ts';
import { countBrokers } from './cluster-probe.ts';
import { LOG4J, brokerDirectory, renderProperties, scramCredentials } from './kafka-properties.ts';
import type { KafkaLayout, SecuredListener } from './kafka-properties.ts';

export interface KafkaOptions {
  /** Kept, and the brokers left running when this process ends. Absent: temporary, and everything ends with this process. */
  readonly dataDirectory?: string;
  /** Default 1. */
  readonly brokers?: number;
  /** Of the first broker; the others follow it. Absent: any free ports. */
  readonly port?: number;
  /** Of each broker, mebibytes. */
  readonly heapMb?: number;
  /** How long a broker that has died is taken to be alive, milliseconds. */
  readonly sessionTimeoutMs?: number;
  /** Opens a second listener on each broker, with TLS and this user, by SASL PLAIN and SCRAM. */
  readonly secured?: Omit<SecuredListener, 'ports'>;
  /** Further properties of server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Of a directory that holds the data directory: the servers end with this process all the same. */
  readonly watchdog?: Watchdog;
  readonly progress?: Progress;
}

const HEAP_MB = 256;
const SESSION_MS = 2_000;
const READY_MS_MAX = 120_000;
const READY_POLL_MS = 200;
/** Of clients, of controllers, and of clients that use the secured listener. */
const PORTS_PER_BROKER = 3;
const POM = 'engines/kafka/pom.xml';
/** Any will do, as long as all brokers have the same: 16 bytes in base64url. */
const CLUSTER_ID = 'c3Bva2VtcS1lbmdpbmVzIQ';

export class KafkaEngine implements RunningEngine {
  /** What a client is given, `host:port` each. */
  readonly addresses: readonly string[];
  /** The same brokers where they want TLS and a password; empty unless asked for. */
  readonly securedAddresses: readonly string[];
  readonly dataDirectory: string;
  readonly brokers: readonly ServerProcess[];
  /** Of a temporary data directory. */
  readonly #watchdog: Watchdog | undefined;

  /** Starts the brokers and waits until they are ready. */
  static async start(options: KafkaOptions = {}): Promise<KafkaEngine> {
    const progress = options.progress ?? (() => undefined);
    const java = javaCommand();
    const jars = await mavenJars('kafka', join(PROJECT_DIRECTORY, POM), progress);
    const layout = await layoutOf(options);
    const classPath = `${jars}/*`;
    progress('formatting the data directories');
    await Promise.all(layout.clientPorts.map((_, index) => prepareBroker(java, classPath, layout, index)));
    const plans = layout.clientPorts.map((port, index) =>
      planOf(java, classPath, layout, index, port, options.heapMb ?? HEAP_MB),
    );
    const engine = new KafkaEngine(layout, plans, options);
    try {
      await engine.#startAll(progress);
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  private constructor(layout: KafkaLayout, plans: readonly ServerPlan[], options: KafkaOptions) {
    this.dataDirectory = layout.dataDirectory;
    this.addresses = layout.clientPorts.map((port) => `127.0.0.1:${port}`);
    this.securedAddresses = layout.secured?.ports.map((port) => `127.0.0.1:${port}`) ?? [];
    this.#watchdog = options.dataDirectory === undefined ? new Watchdog(layout.dataDirectory) : undefined;
    const watchdog = this.#watchdog ?? options.watchdog;
    this.brokers = plans.map((plan) => new ServerProcess(plan, watchdog));
  }

  /** What is written down for whoever comes later. */
  get record(): EngineRecord {
    return {
      engine: 'kafka',
      form: formOf(this.brokers.length),
      address: this.addresses.join(','),
      processes: this.brokers.map(({ plan, pid, startedAt }) => ({
        role: plan.role,
        pid,
        port: plan.port,
        log: plan.log,
        startedAt: startedAt.toISOString(),
      })),
    };
  }

  async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_MS_MAX;
    let last: unknown;
    while (performance.now() < deadlineMs) {
      for (const broker of this.brokers) broker.assertRunning();
      try {
        const counts = await Promise.all(this.addresses.map(countBrokers));
        if (counts.every((count) => count === this.brokers.length)) return;
        last = `the brokers know of ${counts.join(', ')} brokers`;
      } catch (error) {
        last = error;
      }
      await sleep(READY_POLL_MS);
    }
    throw new EngineError(
      `Kafka was not ready within ${READY_MS_MAX / 1_000} s. Logs: ${this.brokers.map(({ plan }) => plan.log).join(', ')}`,
      { cause: last },
    );
  }

  async stop(): Promise<void> {
    const temporary = this.#watchdog !== undefined;
    // Data that go away need no orderly end.
    for (const broker of this.brokers.toReversed()) await (temporary ? broker.kill() : broker.stop());
    if (temporary) await rm(this.dataDirectory, { recursive: true, force: true });
    await this.#watchdog?.dismiss();
  }

  async #startAll(progress: Progress): Promise<void> {
    progress(this.brokers.length === 1 ? 'starting Kafka' : `starting ${this.brokers.length} Kafka brokers`);
    for (const broker of this.brokers) await broker.start();
    await writeRecord(this.dataDirectory, this.record);
    progress('waiting until Kafka answers');
    await this.ready();
  }
}

async function layoutOf(options: KafkaOptions): Promise<KafkaLayout> {
  const count = options.brokers ?? 1;
  const { dataDirectory, ports } = await claim(options, count);
  for (const port of ports.slice(0, count))
    if (!(await isFree(port)))
      throw new EngineError(
        `Port ${port} of 127.0.0.1 is in use. Name another one for Kafka, or stop what listens there.`,
      );
  return {
    dataDirectory,
    clientPorts: ports.slice(0, count),
    controllerPorts: ports.slice(count, 2 * count),
    secured:
      options.secured === undefined ? undefined : { ...options.secured, ports: ports.slice(2 * count) },
    sessionTimeoutMs: options.sessionTimeoutMs ?? SESSION_MS,
    properties: options.properties ?? {},
  };
}

async function claim(
  { dataDirectory, port }: KafkaOptions,
  count: number,
): Promise<{ readonly dataDirectory: string; readonly ports: readonly number[] }> {
  const anyPorts = await freePorts(PORTS_PER_BROKER * count);
  const ports = port === undefined ? anyPorts : anyPorts.map((any, at) => (at < count ? port + at : any));
  if (dataDirectory === undefined)
    return { dataDirectory: realDirectory(await mkdtemp(join(tmpdir(), 'spoke-kafka-'))), ports };
  const directory = realDirectory(dataDirectory);
  await claimDataDirectory(directory, 'kafka', formOf(count));
  return { dataDirectory: realDirectory(dataDirectory), ports };
}

/** Writes the configuration, and formats the data directory unless it has been. */
async function prepareBroker(
  java: string,
  classPath: string,
  layout: KafkaLayout,
  index: number,
): Promise<void> {
  const directory = brokerDirectory(layout, index);
  const properties = join(directory, 'server.properties');
  await mkdir(directory, { recursive: true });
  await writeFile(properties, renderProperties(layout, index));
  await writeFile(join(directory, 'log4j2.yaml'), LOG4J);
  if (existsSync(join(directory, 'data', 'meta.properties'))) return;
  const args = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', classPath, 'kafka.tools.StorageTool', 'format'];
  const users = layout.secured === undefined ? [] : scramCredentials(layout.secured);
  const options = ['-t', CLUSTER_ID, '-c', properties, ...users.flatMap((user) => ['--add-scram', user])];
  const child = spawn(java, [...args, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new EngineError(`Kafka could not format ${directory}:\n${complaint.trim()}`);
}

function planOf(
  java: string,
  classPath: string,
  layout: KafkaLayout,
  index: number,
  port: number,
  heapMb: number,
): ServerPlan {
  const directory = brokerDirectory(layout, index);
  return {
    role: `Kafka broker ${index + 1}`,
    port,
    log: join(directory, 'broker.log'),
    command: java,
    args: [
      `-Xms${heapMb}m`,
      `-Xmx${heapMb}m`,
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-XX:+ExitOnOutOfMemoryError',
      `-Dlog4j2.configurationFile=${join(directory, 'log4j2.yaml')}`,
      '-cp',
      classPath,
      'kafka.Kafka',
      join(directory, 'server.properties'),
    ],
  };
}

function formOf(brokers: number): string {
  return `${brokers} ${brokers === 1 ? 'broker' : 'brokers'}`;
}
