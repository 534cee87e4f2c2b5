/**
 * The configuration files of Kafka brokers on one machine, each a controller too: everything on 127.0.0.1, small buffers, a log
 * cleaner that is always in a hurry. None of it is advice for production.
 */
import { join } from 'node:path';

export interface KafkaLayout {
  readonly dataDirectory: string;
  /** One per broker, of clients. */
  readonly clientPorts: readonly number[];
  /** One per broker, of controllers among themselves. */
  readonly controllerPorts: readonly number[];
  /** How long a silent broker counts as alive. */
  readonly sessionTimeoutMs: number;
  /** Further properties of server.properties, which win. */
  readonly properties: Readonly<Record<string, string>>;
}

const HEARTBEATS_PER_SESSION = 5;
const MIB = 1_048_576;

export function brokerDirectory(layout: KafkaLayout, index: number): string {
  return join(layout.dataDirectory, `broker-${index}`);
}

/** server.properties of one broker. Node ids begin at 1: Kafka's tools take 0 for "none" in places. */
export function renderProperties(layout: KafkaLayout, index: number): string {
  const { clientPorts, controllerPorts, sessionTimeoutMs } = layout;
  const client = `127.0.0.1:${clientPorts[index] ?? 0}`;
  const controller = `127.0.0.1:${controllerPorts[index] ?? 0}`;
  const replicas = `${clientPorts.length}`;
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': `${index + 1}`,
    'controller.quorum.voters': controllerPorts.map((port, at) => `${at + 1}@127.0.0.1:${port}`).join(','),
    listeners: `PLAINTEXT://${client},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${client}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(brokerDirectory(layout, index), 'data'),

    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',

    'broker.session.timeout.ms': `${sessionTimeoutMs}`,
    'broker.heartbeat.interval.ms': `${Math.round(sessionTimeoutMs / HEARTBEATS_PER_SESSION)}`,
    'controller.quorum.election.timeout.ms': '1000',
    'controller.quorum.fetch.timeout.ms': '2000',
    'replica.lag.time.max.ms': `${2 * sessionTimeoutMs}`,

    // Tests wait for the log cleaner.
    'log.cleaner.backoff.ms': '200',
    'log.cleaner.dedupe.buffer.size': `${16 * MIB}`,
    'log.segment.delete.delay.ms': '1000',
    ...layout.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

export const LOG4J = `Configuration:
  Appenders:
    Console: { name: STDOUT, PatternLayout: { pattern: '[%d] %p %m (%c)%n' } }
  Loggers:
    Root: { level: INFO, AppenderRef: [{ ref: STDOUT }] }
`;
