/** The servers that the brokers stand on: Kafka, HBase, and the two that they do not need. */
import { join } from 'node:path';
import type { Progress } from '../engine.ts';
import { HBaseEngine } from '../hbase/hbase-engine.ts';
import type { HBaseOptions } from '../hbase/hbase-engine.ts';
import { callMaster, callRegionServer, callZooKeeper } from '../hbase/server-probe.ts';
import { countBrokers } from '../kafka/cluster-probe.ts';
import { KafkaEngine } from '../kafka/kafka-engine.ts';
import type { KafkaOptions } from '../kafka/kafka-engine.ts';
import { callMySql, missingMySql, startMySql } from '../mysql/mysql-engine.ts';
import { callRedis, missingRedis, startRedis } from '../redis/redis-engine.ts';
import type { ServerProcess } from '../server-process.ts';
import type { SingleServer, SingleServerOptions } from '../single-server.ts';
import type { Watchdog } from '../watchdog.ts';
import type { ClusterPorts } from './cluster-ports.ts';
import type { SupervisedPlan } from './supervised-process.ts';

export type ClusterKafka = Pick<
  KafkaOptions,
  'brokers' | 'heapMb' | 'sessionTimeoutMs' | 'properties' | 'secured'
>;
export type ClusterHBase = Pick<
  HBaseOptions,
  'regionServers' | 'heapMb' | 'sessionTimeoutMs' | 'walSync' | 'properties'
>;

export interface EngineContext {
  /** Of the cluster: each engine has a directory in it. */
  readonly directory: string;
  readonly ports: ClusterPorts;
  readonly watchdog: Watchdog;
  readonly progress: Progress;
  /** Told of each process as soon as it is ready. */
  readonly add: (plan: SupervisedPlan) => void;
}

/** Kafka's index for its own topics, log cleaner and a few hundred partitions. */
const KAFKA_HEAP_MB = 384;

/** Where clients find Kafka, comma separated. */
export async function startKafka(context: EngineContext, options: ClusterKafka): Promise<string> {
  const { directory, ports, watchdog, progress } = context;
  await ports.give('kafka');
  const kafka = await KafkaEngine.start({
    heapMb: KAFKA_HEAP_MB,
    ...options,
    port: ports.port('kafka'),
    dataDirectory: join(directory, 'kafka'),
    watchdog,
    progress,
  });
  for (const [index, server] of kafka.brokers.entries())
    context.add({
      name: kafka.brokers.length === 1 ? 'kafka' : `kafka-${index + 1}`,
      kind: 'kafka',
      server,
      ports: { client: server.port },
      call: async () => {
        await countBrokers(`127.0.0.1:${server.port}`);
      },
    });
  return kafka.addresses.join(',');
}

/** Where clients find HBase: its ZooKeeper. */
export async function startHBase(context: EngineContext, options: ClusterHBase): Promise<string> {
  const { directory, ports, watchdog, progress } = context;
  await ports.give('zookeeper');
  const hbase = await HBaseEngine.start({
    ...options,
    zookeeperPort: ports.port('zookeeper'),
    dataDirectory: join(directory, 'hbase'),
    watchdog,
    progress,
  });
  for (const plan of hbase.processes.length === 1 ? inOneJvm(hbase) : inProcesses(hbase)) context.add(plan);
  return hbase.zookeeperQuorum;
}

function inOneJvm(hbase: HBaseEngine): readonly SupervisedPlan[] {
  const [regionServer = 0] = hbase.regionServerPorts;
  return [
    {
      name: 'hbase',
      kind: 'hbase',
      server: hbase.master,
      ports: { zookeeper: zookeeperPort(hbase), master: hbase.master.port, regionServer },
      call: async () => {
        await callRegionServer(regionServer);
        await callMaster(hbase.master.port);
      },
    },
  ];
}

function inProcesses(hbase: HBaseEngine): readonly SupervisedPlan[] {
  const { zookeeper, master, regionServers } = hbase;
  return [
    {
      name: 'zookeeper',
      kind: 'zookeeper',
      server: zookeeper,
      ports: { client: zookeeper.port },
      call: () => callZooKeeper(zookeeper.port),
    },
    {
      name: 'hbase-master',
      kind: 'hbaseMaster',
      server: master,
      ports: { client: master.port },
      call: () => callMaster(master.port),
    },
    ...regionServers.map((server, index) => ({
      name: `region-server-${index + 1}`,
      kind: 'regionServer' as const,
      server,
      ports: { client: server.port },
      call: () => callRegionServer(server.port),
    })),
  ];
}

function zookeeperPort({ zookeeperQuorum }: HBaseEngine): number {
  return Number(zookeeperQuorum.split(':')[1]);
}

/** No broker needs them, so where one is not installed a line says so and that is all. */
export async function startCaches(context: EngineContext): Promise<void> {
  const caches = [
    { name: 'redis', missing: missingRedis, start: startRedis, call: callRedis },
    { name: 'mysql', missing: missingMySql, start: startMySql, call: callMySql },
  ] as const;
  for (const { name, missing, start, call } of caches) {
    const reason = missing();
    if (reason !== undefined) context.progress(`without ${name}, which no broker needs: ${reason}`);
    else await startCache(context, name, start, call);
  }
}

async function startCache(
  { directory, ports, watchdog, progress, add }: EngineContext,
  name: 'redis' | 'mysql',
  start: (options: SingleServerOptions) => Promise<SingleServer>,
  call: (port: number) => Promise<void>,
): Promise<void> {
  const port = ports.port(name);
  await ports.give(name);
  const { server }: { readonly server: ServerProcess } = await start({
    port,
    dataDirectory: join(directory, name),
    watchdog,
    progress,
  });
  add({ name, kind: name, server, ports: { client: port }, call: () => call(port) });
}
