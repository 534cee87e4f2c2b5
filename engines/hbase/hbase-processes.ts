/** The command lines of HBase's servers: what each JVM runs, with which heap, and where it listens. */
import { join } from 'node:path';
import type { ServerPlan } from '../server-process.ts';
import type { HBaseLayout } from './hbase-site.ts';

export interface HBaseProcesses {
  readonly zookeeper: ServerPlan;
  readonly master: ServerPlan;
  readonly regionServers: readonly ServerPlan[];
}

export interface JvmContext {
  readonly java: string;
  /** Folders of jars, and jars. */
  readonly classPath: readonly string[];
  readonly layout: HBaseLayout;
  /** Of whatever holds regions, mebibytes. */
  readonly heapMb: number;
}

const MASTER_HEAP_MB = 512;
const ZOOKEEPER_HEAP_MB = 128;

/** HBase 2.6 reaches into these packages of Java 17. */
const OPEN_PACKAGES = [
  'java.base/java.lang',
  'java.base/java.lang.reflect',
  'java.base/java.io',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/jdk.internal.ref',
  'java.base/sun.nio.ch',
];
const EXPORTED_PACKAGES = ['java.base/jdk.internal.misc', 'java.base/jdk.internal.util.random'];

const MASTER_CLASS = 'org.apache.hadoop.hbase.master.HMaster';
const REGION_SERVER_CLASS = 'org.apache.hadoop.hbase.regionserver.HRegionServer';
const ZOOKEEPER_CLASS = 'org.apache.zookeeper.server.ZooKeeperServerMain';

/** Everything in one JVM: the three roles are the same process. */
export function standaloneProcess(context: JvmContext): HBaseProcesses {
  const { masterPort, regionServerPorts } = context.layout;
  const process = planOf(context, 'HBase', masterPort, 'hbase', context.heapMb, [
    MASTER_CLASS,
    ...regionServerPorts.flatMap(regionServerPort),
    'start',
  ]);
  return { zookeeper: process, master: process, regionServers: [process] };
}

export function clusterProcesses(context: JvmContext): HBaseProcesses {
  const { dataDirectory, zookeeperPort, masterPort, regionServerPorts } = context.layout;
  return {
    zookeeper: planOf(context, 'ZooKeeper', zookeeperPort, 'zookeeper', ZOOKEEPER_HEAP_MB, [
      ZOOKEEPER_CLASS,
      join(dataDirectory, 'conf', 'zoo.cfg'),
    ]),
    master: planOf(context, 'master', masterPort, 'master', MASTER_HEAP_MB, [MASTER_CLASS, 'start']),
    regionServers: regionServerPorts.map((port, index) =>
      planOf(context, `region server ${index}`, port, `region-server-${index}`, context.heapMb, [
        REGION_SERVER_CLASS,
        ...regionServerPort(port),
        'start',
      ]),
    ),
  };
}

function regionServerPort(port: number): readonly string[] {
  return ['-D', `hbase.regionserver.port=${port}`];
}

function planOf(
  { java, classPath, layout: { dataDirectory } }: JvmContext,
  role: string,
  port: number,
  fileName: string,
  heapMb: number,
  main: readonly string[],
): ServerPlan {
  return {
    role,
    port,
    log: join(dataDirectory, 'logs', `${fileName}.log`),
    command: java,
    args: [
      ...OPEN_PACKAGES.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
      ...EXPORTED_PACKAGES.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
      '-Dio.netty.tryReflectionSetAccessible=true',
      '-Dorg.apache.hbase.thirdparty.io.netty.tryReflectionSetAccessible=true',
      `-Xmx${heapMb}m`,
      '-XX:+UseG1GC',
      '-XX:+ExitOnOutOfMemoryError',
      '-Djava.net.preferIPv4Stack=true',
      `-Djava.io.tmpdir=${dataDirectory}/tmp`,
      `-Dhbase.log.dir=${dataDirectory}/logs`,
      '-Dzookeeper.admin.enableServer=false',
      '-cp',
      [join(dataDirectory, 'conf'), ...classPath].join(':'),
      ...main,
    ],
  };
}
