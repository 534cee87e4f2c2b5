/**
 * The configuration files of an HBase on one machine: everything on 127.0.0.1, no web servers, small buffers. None of it is
 * advice for production.
 */

export interface HBaseLayout {
  readonly dataDirectory: string;
  /** True: ZooKeeper, master and region servers are processes of their own. */
  readonly distributed: boolean;
  readonly zookeeperPort: number;
  readonly masterPort: number;
  /** One per region server. */
  readonly regionServerPorts: readonly number[];
  /** Whether an append waits for the disk, or only for the operating system. */
  readonly walSync: boolean;
  /** How long a silent server counts as alive. */
  readonly sessionTimeoutMs: number;
  /** Further properties, which win. */
  readonly properties: Readonly<Record<string, string>>;
}

/** ZooKeeper grants sessions of 2 to 20 ticks. */
export const TICK_MS = 1_000;

const LOOPBACK = '127.0.0.1';
const MIB = 1_048_576;

/** The properties of hbase-site.xml. Ports of region servers differ and are given on their command lines. */
export function siteProperties(layout: HBaseLayout): Readonly<Record<string, string>> {
  const { dataDirectory, distributed, zookeeperPort, masterPort, walSync, sessionTimeoutMs } = layout;
  return {
    'hbase.cluster.distributed': `${distributed}`,
    'hbase.rootdir': `file://${dataDirectory}/hbase`,
    'hbase.tmp.dir': `${dataDirectory}/tmp`,
    'hbase.unsafe.stream.capability.enforce': 'false',

    'hbase.zookeeper.quorum': LOOPBACK,
    'hbase.zookeeper.property.clientPort': `${zookeeperPort}`,
    'hbase.zookeeper.property.clientPortAddress': LOOPBACK,
    'hbase.zookeeper.property.dataDir': `${dataDirectory}/zookeeper`,
    'hbase.zookeeper.property.tickTime': `${TICK_MS}`,
    'zookeeper.session.timeout': `${sessionTimeoutMs}`,
    'hbase.zookeeper.property.maxSessionTimeout': `${sessionTimeoutMs}`,

    'hbase.master.hostname': LOOPBACK,
    'hbase.master.ipc.address': LOOPBACK,
    'hbase.master.port': `${masterPort}`,
    'hbase.master.info.port': '-1',
    'hbase.regionserver.hostname': LOOPBACK,
    'hbase.regionserver.ipc.address': LOOPBACK,
    'hbase.regionserver.info.port': '-1',
    'hbase.localcluster.assign.random.ports': 'false',
    // A start takes half as long when the master waits for no more region servers than there are, and they report often.
    'hbase.master.wait.on.regionservers.maxtostart': `${layout.regionServerPorts.length}`,
    'hbase.master.wait.on.regionservers.interval': '200',
    'hbase.regionserver.msginterval': '500',

    // With 128 regions the defaults would take more than a gigabyte of chunks before the first message.
    'hfile.block.cache.size': '0.2',
    'hbase.regionserver.global.memstore.size': '0.35',
    'hbase.hregion.memstore.flush.size': `${32 * MIB}`,
    'hbase.hregion.memstore.mslab.chunksize': `${MIB / 4}`,
    'hbase.hregion.memstore.mslab.max.allocation': `${MIB / 16}`,

    'hbase.wal.hsync': `${walSync}`,
    // In one JVM ZooKeeper ends before those that would take leave of it: asking again only makes the stop slow.
    ...(distributed ? {} : { 'zookeeper.recovery.retry': '1' }),
    ...layout.properties,
  };
}

export function renderSite(properties: Readonly<Record<string, string>>): string {
  const lines = Object.entries(properties).map(
    ([name, value]) => `  <property><name>${escaped(name)}</name><value>${escaped(value)}</value></property>`,
  );
  return ['<?xml version="1.0"?>', '<configuration>', ...lines, '</configuration>', ''].join('\n');
}

/** zoo.cfg of a ZooKeeper that runs by itself. */
export function renderZooKeeper(layout: HBaseLayout): string {
  return [
    `dataDir=${layout.dataDirectory}/zookeeper`,
    `clientPort=${layout.zookeeperPort}`,
    `clientPortAddress=${LOOPBACK}`,
    `tickTime=${TICK_MS}`,
    `maxSessionTimeout=${layout.sessionTimeoutMs}`,
    'maxClientCnxns=0',
    // Its web server would listen on every interface.
    'admin.enableServer=false',
    '',
  ].join('\n');
}

/** Without it HBase says nothing at all. */
export const LOG4J = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p [%t] %c{2}: %m%n
log4j.logger.org.apache.zookeeper=WARN
`;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
