/**
 * A whole cluster on this machine: Kafka, HBase, brokers, metadata services, HAProxy, held by the process that started it. It
 * promises that every member answers a real call when `start` resolves, that a member that dies is started again unless it is
 * held, and that all of it ends with its owner; the data of a directory that was named stay.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../engine.ts';
import type { Progress } from '../engine.ts';
import { writeRecord } from '../engine-record.ts';
import { missingHAProxy } from '../haproxy/haproxy-binary.ts';
import { javaCommand } from '../java.ts';
import { Watchdog } from '../watchdog.ts';
import { startBrokers } from './cluster-brokers.ts';
import { claimedDirectory, clusterRecord, socketPath } from './cluster-directory.ts';
import { startCaches, startHBase, startKafka } from './cluster-engines.ts';
import type { EngineContext } from './cluster-engines.ts';
import type { BrokerMember, ClusterMember, MemberEvent, MemberKind } from './cluster-member.ts';
import { portChoice, sizeOf } from './cluster-options.ts';
import type { ClusterOptions, KillOptions } from './cluster-options.ts';
import { ClusterPorts, type ClusterSize } from './cluster-ports.ts';
import { callFront, startFront } from './front-server.ts';
import { mainFile } from './spoke-program.ts';
import { SupervisedProcess } from './supervised-process.ts';
import type { SupervisedPlan } from './supervised-process.ts';

const READY_MS_MAX = 120_000;
const READY_POLL_MS = 100;
const CALL_MS_MAX = 2_000;

export class RunningCluster {
  readonly directory: string;
  readonly #options: ClusterOptions;
  readonly #watchdog: Watchdog;
  readonly #processes: SupervisedProcess[] = [];
  readonly #brokerFiles = new Map<string, Pick<BrokerMember, 'configFile' | 'dataDirectory'>>();
  readonly #listeners = new Set<(event: MemberEvent) => void>();
  #kafkaBrokers = '';
  #zookeeperQuorum = '';
  #recorded: Promise<void> = Promise.resolve();

  /** Resolves when every member is ready. Rejects when one cannot be, with nothing left running. */
  static async start(options: ClusterOptions = {}): Promise<RunningCluster> {
    mainFile();
    if (options.engines === undefined) javaCommand();
    const cluster = new RunningCluster(await claimedDirectory(options), options);
    try {
      await cluster.#startAll(options.progress ?? (() => undefined));
    } catch (error) {
      await cluster.stop({ orderly: false });
      throw error;
    }
    return cluster;
  }

  private constructor(directory: string, options: ClusterOptions) {
    this.directory = directory;
    this.#options = options;
    this.#watchdog = new Watchdog(options.directory === undefined ? directory : undefined);
  }

  get members(): readonly ClusterMember[] {
    return this.#processes.map(memberOf);
  }

  get brokers(): readonly BrokerMember[] {
    return this.#processes.flatMap((process) => {
      const files = this.#brokerFiles.get(process.plan.name);
      const member = memberOf(process);
      const { adminUrl, ports } = member;
      return files === undefined || adminUrl === undefined
        ? []
        : [{ ...member, kind: 'broker' as const, adminUrl, mqttPort: ports['mqtt'] ?? 0, ...files }];
    });
  }

  /** Comma separated. */
  get kafkaBrokers(): string {
    return this.#kafkaBrokers;
  }

  get zookeeperQuorum(): string {
    return this.#zookeeperQuorum;
  }

  /** Where clients connect; undefined without HAProxy. */
  get front(): { readonly mqttPort: number; readonly wsPort: number } | undefined {
    const ports = this.#processes.find(({ plan }) => plan.kind === 'haproxy')?.plan.ports;
    return ports === undefined ? undefined : { mqttPort: ports['mqtt'] ?? 0, wsPort: ports['ws'] ?? 0 };
  }

  /** Throws an `EngineError` when there is none of that name. */
  member(name: string): ClusterMember {
    return memberOf(this.#process(name));
  }

  /** Resolves when the process is gone. */
  async kill(name: string, { signal = 'SIGKILL', hold = false }: KillOptions = {}): Promise<void> {
    const process = this.#process(name);
    if (hold) process.hold();
    await process.end(signal);
  }

  /** Keeps it down from its next end on, until `startAgain`. */
  hold(name: string): void {
    this.#process(name).hold();
  }

  /** Starts what is down, at once, and lets go of what is held. Resolves when the process exists. */
  async startAgain(name: string): Promise<void> {
    await this.#process(name).startAgain();
  }

  /** Stops it in an orderly way and starts it. Resolves when the new process exists. */
  async restart(name: string): Promise<void> {
    const process = this.#process(name);
    process.hold();
    await process.end('SIGTERM');
    await process.startAgain();
  }

  /** It stops running without telling anybody: its connections stay open and nothing answers. */
  pause(name: string): void {
    this.#process(name).plan.server.pause();
  }

  resume(name: string): void {
    this.#process(name).plan.server.resume();
  }

  /** Whether it answers a real call now. Takes no longer than two seconds, and does not reject. */
  async isReady(name: string): Promise<boolean> {
    const process = this.#process(name);
    if (!process.plan.server.isRunning) return false;
    const deadline = new AbortController();
    const late = sleep(CALL_MS_MAX, false, { signal: deadline.signal, ref: false }).catch(() => false);
    const answered = process.plan.call().then(
      () => true,
      () => false,
    );
    return await Promise.race([answered, late]).finally(() => deadline.abort());
  }

  /** Resolves when it answers a real call. Rejects when it does not in time, or is down and nobody starts it again. */
  async waitReady(name: string, deadlineMs = READY_MS_MAX): Promise<void> {
    const process = this.#process(name);
    const endMs = performance.now() + deadlineMs;
    while (performance.now() < endMs) {
      if (process.state === 'held' || process.state === 'stopped') process.plan.server.assertRunning();
      if (await this.isReady(name)) return;
      await sleep(READY_POLL_MS);
    }
    throw new EngineError(
      `${name} was not ready within ${deadlineMs / 1000} s. Its log: ${process.plan.server.plan.log}`,
    );
  }

  /** `listener` is told of every start and end from now on. Returns how to stop. */
  follow(listener: (event: MemberEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** HAProxy first, engines last. `orderly`, the default where data are kept: each may finish what it is at. */
  async stop({ orderly = this.#options.directory !== undefined } = {}): Promise<void> {
    const { progress = () => undefined } = this.#options;
    if (!orderly) await Promise.all(this.#processes.map((process) => process.stop('SIGKILL')));
    for (const group of stopGroups(this.#processes)) {
      const names = group.filter(({ state }) => state === 'running').map(({ plan }) => plan.name);
      if (names.length > 0) progress(`stopping ${names.join(', ')}`);
      await Promise.all(group.map((process) => process.stop('SIGTERM')));
    }
    await this.#recorded;
    if (this.#options.directory === undefined) await rm(this.directory, { recursive: true, force: true });
    await this.#watchdog.dismiss();
  }

  async #startAll(progress: Progress): Promise<void> {
    const size = sizeOf(this.#options);
    const ports = await ClusterPorts.of(this.directory, size, portChoice(this.#options));
    try {
      await this.#startOn(ports, size, progress);
    } finally {
      // Of processes that are not started, or were not come to.
      await ports.giveAll();
    }
  }

  async #startOn(ports: ClusterPorts, size: ClusterSize, progress: Progress): Promise<void> {
    const context: EngineContext = {
      directory: this.directory,
      ports,
      watchdog: this.#watchdog,
      progress,
      add: (plan) => this.#add(plan),
    };
    await this.#startEngines(context);
    const places = {
      kafkaBrokers: this.#kafkaBrokers,
      zookeeperQuorum: this.#zookeeperQuorum,
      kafkaReplicas: size.kafkaBrokers,
      haproxy: size.haproxy,
      metadataServices: size.metadata > 0,
    };
    for (const [name, { file, config }] of await startBrokers(context, places, size, this.#options))
      this.#brokerFiles.set(name, { configFile: file, dataDirectory: config.dataDirectory });
    progress('waiting until all of them are ready');
    for (const { plan } of this.#processes) await this.waitReady(plan.name);
    if (this.#options.haproxy !== false) await this.#startFront(context);
    if (this.#options.supervise !== false) for (const process of this.#processes) process.supervise();
    await this.#recorded;
  }

  async #startEngines(context: EngineContext): Promise<void> {
    const { engines, kafka = {}, hbase = {}, caches } = this.#options;
    [this.#kafkaBrokers, this.#zookeeperQuorum] =
      engines === undefined
        ? await both(startKafka(context, kafka), startHBase(context, hbase))
        : [engines.kafkaBrokers, engines.zookeeperQuorum];
    if (caches === true) await startCaches(context);
  }

  async #startFront({ directory, ports, watchdog, progress }: EngineContext): Promise<void> {
    const missing = missingHAProxy();
    if (missing !== undefined) {
      progress(`without HAProxy, so clients connect to the brokers: ${missing}`);
      return;
    }
    const of = (use: string) => ports.port(`haproxy.${use}`);
    const front = { mqtt: of('mqtt'), ws: of('ws'), health: of('health'), metrics: of('metrics') };
    const options = { dataDirectory: join(directory, 'haproxy'), watchdog, progress };
    await ports.give('haproxy');
    const { server } = await startFront(front, this.brokers, socketPath(directory, 'haproxy.sock'), options);
    const call = () => callFront(front.health);
    this.#add({ name: 'haproxy', kind: 'haproxy', server, ports: { ...front }, call });
  }

  #add(plan: SupervisedPlan): void {
    this.#processes.push(new SupervisedProcess(plan, (event) => this.#tell(event)));
    this.#record();
  }

  #tell(event: MemberEvent): void {
    this.#record();
    for (const listener of this.#listeners) listener(event);
  }

  /** For whoever wants to know what ran here, also when this process is gone. */
  #record(): void {
    const record = clusterRecord(this.directory, this.#options, this.#processes);
    // One that cannot be written down runs all the same.
    this.#recorded = this.#recorded.then(() => writeRecord(this.directory, record)).catch(() => undefined);
  }

  #process(name: string): SupervisedProcess {
    const process = this.#processes.find(({ plan }) => plan.name === name);
    if (process !== undefined) return process;
    const names = this.#processes.map(({ plan }) => plan.name).join(', ');
    throw new EngineError(`There is no ${name} in this cluster. There are: ${names}.`);
  }
}

/** Both have settled when this does: whoever cleans up meets nothing that is still starting. */
async function both<First, Second>(
  first: Promise<First>,
  second: Promise<Second>,
): Promise<readonly [First, Second]> {
  await Promise.allSettled([first, second]);
  return await Promise.all([first, second]);
}

/** Whom nothing needs any more stops first. */
function stopGroups(processes: readonly SupervisedProcess[]): readonly (readonly SupervisedProcess[])[] {
  return STOP_ORDER.map((kinds) => processes.filter(({ plan }) => kinds.includes(plan.kind)));
}

const STOP_ORDER: readonly (readonly MemberKind[])[] = [
  ['haproxy'],
  ['broker'],
  ['metadata'],
  ['kafka', 'hbase', 'regionServer', 'redis', 'mysql'],
  ['hbaseMaster'],
  ['zookeeper'],
];

function memberOf({ plan, state, starts }: SupervisedProcess): ClusterMember {
  const { name, kind, server, ports, adminUrl } = plan;
  const { startedAt } = server;
  const pid = state === 'running' ? server.pid : undefined;
  return { name, kind, state, pid, ports, adminUrl, log: server.plan.log, startedAt, starts };
}
