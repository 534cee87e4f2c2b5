/**
 * The configuration files of Kafka brokers on one machine, each a controller too: everything on 127.0.0.1, small buffers, a log
 * cleaner that is always in a hurry. None of it is advice for production.
 */
import { join } from 'node:path';

export interface SecuredListener {
  /** PEM: the private key (PKCS #8) and behind it its certificate. */
  readonly keyStoreFile: string;
  readonly username: string;
  readonly password: string;
  /** One per broker. */
  readonly ports: readonly number[];
}

export interface KafkaLayout {
  readonly dataDirectory: string;
  /** One per broker, of clients. */
  readonly clientPorts: readonly number[];
  /** One per broker, of controllers among themselves. */
  readonly controllerPorts: readonly number[];
  /** A second listener of each broker: TLS, and users with a password. */
  readonly secured: SecuredListener | undefined;
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
    listeners: [
      `PLAINTEXT://${client}`,
      `CONTROLLER://${controller}`,
      ...securedListeners(layout, index),
    ].join(','),
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
    ...securedProperties(layout, index),
    ...layout.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The user as Kafka's formatter takes it: SCRAM keeps its users in the cluster. */
export function scramCredentials({ username, password }: SecuredListener): readonly string[] {
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((name) => `${name}=[name=${username},password=${password}]`);
}

function securedListeners({ secured }: KafkaLayout, index: number): string[] {
  return secured === undefined ? [] : [`SECURED://127.0.0.1:${secured.ports[index] ?? 0}`];
}

function securedProperties(layout: KafkaLayout, index: number): Record<string, string> {
  const { secured, clientPorts } = layout;
  if (secured === undefined) return {};
  const { username, password, keyStoreFile } = secured;
  const plain = `PLAINTEXT://127.0.0.1:${clientPorts[index] ?? 0}`;
  const listener = 'listener.name.secured';
  const modules = 'org.apache.kafka.common.security';
  return {
    'advertised.listeners': [plain, ...securedListeners(layout, index)].join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
    [`${listener}.ssl.keystore.type`]: 'PEM',
    [`${listener}.ssl.keystore.location`]: keyStoreFile,
    [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${listener}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required user_${username}="${password}";`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
  };
}

export const LOG4J = `Configuration:
  Appenders:
    Console: { name: STDOUT, PatternLayout: { pattern: '[%d] %p %m (%c)%n' } }
  Loggers:
    Root: { level: INFO, AppenderRef: [{ ref: STDOUT }] }
`;
