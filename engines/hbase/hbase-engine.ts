/**
 * A real HBase on this machine, in one JVM or in one process per server, for development and tests. It promises that the
 * servers answer when `ready` resolves and that nothing of a temporary one is left when its owner ends.
 */
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
import { Watchdog } from '../watchdog.ts';
import { endpointJar } from './endpoint-jar.ts';
import { clusterProcesses, standaloneProcess } from './hbase-processes.ts';
import type { HBaseProcesses } from './hbase-processes.ts';
import { LOG4J, renderSite, renderZooKeeper, siteProperties } from './hbase-site.ts';
import type { HBaseLayout } from './hbase-site.ts';
import { callMaster, callRegionServer, callZooKeeper } from './server-probe.ts';

export interface HBaseOptions {
  /** Kept, and the servers left running when this process ends. Absent: temporary, and everything ends with this process. */
  readonly dataDirectory?: string;
  /** Absent: everything in one JVM. Otherwise ZooKeeper, master and so many region servers, each a process of its own. */
  readonly regionServers?: number;
  /** Absent: any free port. */
  readonly zookeeperPort?: number;
  /** Appends wait for the disk (default: for the operating system, which survives a killed process but no power cut). */
  readonly walSync?: boolean;
  /** Of the process that holds regions, mebibytes. */
  readonly heapMb?: number;
  /** How long a server that has died is taken to be alive, milliseconds. */
  readonly sessionTimeoutMs?: number;
  /** Further properties of hbase-site.xml. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Of a directory that holds the data directory: the servers end with this process all the same. */
  readonly watchdog?: Watchdog;
  readonly progress?: Progress;
}

/** Enough for 128 regions with the buffers of `siteProperties`. */
const STANDALONE_HEAP_MB = 1_536;
const REGION_SERVER_HEAP_MB = 768;
/** One JVM that pauses must not lose its own session with itself. */
const STANDALONE_SESSION_MS = 20_000;
const CLUSTER_SESSION_MS = 6_000;

/** On a busy machine a start takes half a minute, and one after a crash twice that. */
const READY_MS_MAX = 180_000;
const READY_POLL_MS = 500;

/** The two forms; data of one cannot be used by the other. */
const STANDALONE = 'standalone';
const PROCESSES = 'processes';

const POM = 'engines/hbase/pom.xml';

export class HBaseEngine implements RunningEngine {
  /** What a client is given: `host:port`. */
  readonly zookeeperQuorum: string;
  readonly dataDirectory: string;
  /** The same process as the others when everything is in one JVM. */
  readonly zookeeper: ServerProcess;
  readonly master: ServerProcess;
  readonly regionServers: readonly ServerProcess[];
  /** Where the region servers listen, in the same order. */
  readonly regionServerPorts: readonly number[];
  readonly #layout: HBaseLayout;
  /** Of a temporary data directory. */
  readonly #watchdog: Watchdog | undefined;

  /** Starts the servers and waits until they are ready. */
  static async start(options: HBaseOptions = {}): Promise<HBaseEngine> {
    const progress = options.progress ?? (() => undefined);
    const java = javaCommand();
    const jars = await hbaseJars(progress);
    const endpoint = await endpointJar(progress);
    const form = options.regionServers === undefined ? STANDALONE : PROCESSES;
    if (options.dataDirectory !== undefined)
      await claimDataDirectory(realDirectory(options.dataDirectory), 'hbase', form);
    const ports = await choosePorts(options);
    const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'spoke-hbase-')));
    const layout = layoutOf(options, realDirectory(dataDirectory), ports);
    await writeConfiguration(layout);
    const heapMb = options.heapMb ?? (layout.distributed ? REGION_SERVER_HEAP_MB : STANDALONE_HEAP_MB);
    const context = { java, classPath: [endpoint, `${jars}/*`], layout, heapMb };
    const engine = new HBaseEngine(
      layout,
      layout.distributed ? clusterProcesses(context) : standaloneProcess(context),
      options,
    );
    try {
      await engine.#startAll(progress);
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  private constructor(layout: HBaseLayout, plans: HBaseProcesses, options: HBaseOptions) {
    this.#layout = layout;
    this.dataDirectory = layout.dataDirectory;
    this.#watchdog = options.dataDirectory === undefined ? new Watchdog(layout.dataDirectory) : undefined;
    const watchdog = this.#watchdog ?? options.watchdog;
    this.zookeeperQuorum = `127.0.0.1:${layout.zookeeperPort}`;
    this.master = new ServerProcess(plans.master, watchdog);
    const own = (plan: HBaseProcesses['master']) =>
      plan === plans.master ? this.master : new ServerProcess(plan, watchdog);
    this.zookeeper = own(plans.zookeeper);
    this.regionServerPorts = layout.regionServerPorts;
    this.regionServers = plans.regionServers.map(own);
  }

  /** Every process once, in the order in which they start. */
  get processes(): readonly ServerProcess[] {
    return [...new Set([this.zookeeper, this.master, ...this.regionServers])];
  }

  /** What is written down for whoever comes later. */
  get record(): EngineRecord {
    return {
      engine: 'hbase',
      form: this.#layout.distributed ? PROCESSES : STANDALONE,
      address: this.zookeeperQuorum,
      processes: this.processes.map(({ plan, pid, startedAt }) => ({
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
      for (const process of this.processes) process.assertRunning();
      try {
        await callZooKeeper(this.#layout.zookeeperPort);
        await Promise.all(this.regionServerPorts.map(callRegionServer));
        // Last: it waits for the others.
        await callMaster(this.#layout.masterPort);
        return;
      } catch (error) {
        last = error;
      }
      await sleep(READY_POLL_MS);
    }
    throw new EngineError(
      `HBase was not ready within ${READY_MS_MAX / 1000} s. Its log: ${this.master.plan.log}`,
      { cause: last },
    );
  }

  async stop(): Promise<void> {
    const temporary = this.#watchdog !== undefined;
    // Data that go away need no orderly end, which would take seconds.
    for (const process of this.processes.toReversed()) await (temporary ? process.kill() : process.stop());
    if (temporary) await rm(this.dataDirectory, { recursive: true, force: true });
    await this.#watchdog?.dismiss();
  }

  async #startAll(progress: Progress): Promise<void> {
    for (const process of this.processes) {
      progress(`starting ${process.plan.role}`);
      await process.start();
    }
    await writeRecord(this.dataDirectory, this.record);
    progress('waiting until HBase answers');
    await this.ready();
  }
}

/** The folder with the jars of HBase. */
export async function hbaseJars(progress: Progress): Promise<string> {
  return await mavenJars('hbase', join(PROJECT_DIRECTORY, POM), progress);
}

async function choosePorts({ zookeeperPort, regionServers = 1 }: HBaseOptions): Promise<readonly number[]> {
  if (zookeeperPort !== undefined && !(await isFree(zookeeperPort)))
    throw new EngineError(
      `Port ${zookeeperPort} of 127.0.0.1 is in use. Name another one with --zookeeper-port, or stop what listens there.`,
    );
  return await freePorts(2 + regionServers);
}

function layoutOf(options: HBaseOptions, dataDirectory: string, ports: readonly number[]): HBaseLayout {
  const [zookeeperPort = 0, masterPort = 0, ...regionServerPorts] = ports;
  const distributed = options.regionServers !== undefined;
  return {
    dataDirectory,
    distributed,
    zookeeperPort: options.zookeeperPort ?? zookeeperPort,
    masterPort,
    regionServerPorts,
    walSync: options.walSync ?? false,
    sessionTimeoutMs: options.sessionTimeoutMs ?? (distributed ? CLUSTER_SESSION_MS : STANDALONE_SESSION_MS),
    properties: options.properties ?? {},
  };
}

async function writeConfiguration(layout: HBaseLayout): Promise<void> {
  const { dataDirectory } = layout;
  for (const folder of ['conf', 'logs', 'tmp']) await mkdir(join(dataDirectory, folder), { recursive: true });
  await writeFile(join(dataDirectory, 'conf', 'hbase-site.xml'), renderSite(siteProperties(layout)));
  await writeFile(join(dataDirectory, 'conf', 'log4j.properties'), LOG4J);
  await writeFile(join(dataDirectory, 'conf', 'zoo.cfg'), renderZooKeeper(layout));
}
