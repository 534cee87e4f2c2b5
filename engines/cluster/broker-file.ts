/**
 * The configuration files of the cluster's brokers and metadata services: written once, and from then on the user's. What is
 * needed to reach a process is read from its file, not remembered.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { z } from 'zod';
import { loadConfig } from '../../src/app/config.ts';
import type { configSchema, SpokeConfig } from '../../src/app/config-schema.ts';
import { EngineError } from '../engine.ts';
import type { MemberPorts } from './cluster-member.ts';
import type { ClusterPorts } from './cluster-ports.ts';

export type BrokerSettings = z.input<typeof configSchema>;

/** Where what all brokers share is found. */
export interface SharedPlaces {
  /** Comma separated, as `zookeeperQuorum`. */
  readonly kafkaBrokers: string;
  readonly zookeeperQuorum: string;
  /** How many of Kafka's brokers there are to hold a record. */
  readonly kafkaReplicas: number;
  /** Clients come through it. */
  readonly haproxy: boolean;
  /** Processes of their own fold the log: brokers need not. */
  readonly metadataServices: boolean;
}

export interface ConfigFile {
  readonly file: string;
  readonly config: SpokeConfig;
}

/** HAProxy comes from there. */
const TRUSTED = ['127.0.0.1'];
const REPLICAS_MAX = 3;

export function brokerSettings(name: string, ports: ClusterPorts, places: SharedPlaces): BrokerSettings {
  const proxyProtocol = { trusted: TRUSTED };
  return {
    broker: { id: name },
    listeners: [
      { transport: 'tcp', port: ports.port(`${name}.mqtt`) },
      { transport: 'tcp', port: ports.port(`${name}.proxiedMqtt`), proxyProtocol },
      { transport: 'ws', port: ports.port(`${name}.proxiedWs`), proxyProtocol },
    ],
    metadata: { inBroker: !places.metadataServices },
    cluster: {
      peerPort: ports.port(`${name}.peer`),
      // Behind HAProxy who is sent away comes back the same way, and gets another broker.
      ...(places.haproxy ? {} : { serverReference: `127.0.0.1:${ports.port(`${name}.mqtt`)}` }),
    },
    ...sharedSettings(name, ports, places),
  };
}

export function metadataSettings(name: string, ports: ClusterPorts, places: SharedPlaces): BrokerSettings {
  return sharedSettings(name, ports, places);
}

function sharedSettings(name: string, ports: ClusterPorts, places: SharedPlaces): BrokerSettings {
  const { kafkaBrokers, kafkaReplicas, zookeeperQuorum } = places;
  const replicas = Math.min(REPLICAS_MAX, kafkaReplicas);
  return {
    dataDirectory: './data',
    admin: { port: ports.port(`${name}.admin`) },
    eventLog: { store: 'kafka' },
    queues: { store: 'hbase' },
    kafka: {
      brokers: kafkaBrokers,
      replicationFactor: replicas,
      // All but one of them.
      minInsyncReplicas: Math.max(1, replicas - 1),
    },
    hbase: { zookeeperQuorum },
    log: { format: 'pretty' },
  };
}

/** Writes the file into `directory` unless one is there, or `replace` says so, and reads what counts. */
export async function configFile(
  directory: string,
  name: string,
  settings: () => Promise<BrokerSettings>,
  replace: boolean,
): Promise<ConfigFile> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'spokemq.yaml');
  if (replace || !existsSync(file)) await writeFile(file, `${heading(name)}${stringify(await settings())}`);
  // Variables would count for every process at once, and two of them cannot have one port.
  return { file, config: loadConfig({ file, environment: {}, workingDirectory: directory }).config };
}

/** Where a broker listens. Throws an `EngineError` when the cluster could not reach it. */
export function brokerPorts({ file, config }: ConfigFile): MemberPorts {
  const listener = (what: string, transport: 'tcp' | 'ws', proxied: boolean): number => {
    const found = config.listeners.find(
      (each) => each.transport === transport && (each.proxyProtocol !== undefined) === proxied,
    );
    if (found !== undefined && found.port !== 0) return found.port;
    throw new EngineError(`${file} needs ${what} with a port: the cluster could not reach the broker.`);
  };
  return {
    mqtt: listener('a listener for tcp without proxyProtocol', 'tcp', false),
    proxiedMqtt: listener('a listener for tcp with proxyProtocol', 'tcp', true),
    proxiedWs: listener('a listener for ws with proxyProtocol', 'ws', true),
    // 0: other brokers are told by ZooKeeper.
    ...(config.cluster.peerPort === 0 ? {} : { peer: config.cluster.peerPort }),
    ...adminPort({ file, config }),
  };
}

export function adminPort({ file, config: { admin } }: ConfigFile): { readonly admin: number } {
  if (admin.enabled && admin.port !== 0) return { admin: admin.port };
  throw new EngineError(`${file} needs admin.port: the cluster could not ask whether the process is ready.`);
}

function heading(name: string): string {
  return [
    `# ${name} of a cluster on this machine. Written once by "npm run cluster", and yours from then on:`,
    `# what you change counts after "npm run cluster -- restart ${name}"; ports count when the whole cluster starts.`,
    '# Environment variables do not count here. Every key: docs/configuration.md',
    '',
  ].join('\n');
}
