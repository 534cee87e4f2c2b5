/** What a cluster on this machine consists of, as whoever starts it wants it. */
import type { Progress } from '../engine.ts';
import { missingHAProxy } from '../haproxy/haproxy-binary.ts';
import type { BrokerSettings } from './broker-file.ts';
import type { ClusterHBase, ClusterKafka } from './cluster-engines.ts';
import type { ClusterSize, PortChoice } from './cluster-ports.ts';
import type { Launch } from './spoke-program.ts';

export interface ClusterOptions {
  /** Of data, configuration and logs: kept, and taken up again with its ports. Absent: temporary. */
  readonly directory?: string;
  /** Default 3. */
  readonly brokers?: number;
  /** Processes that fold the log; default 1. 0: the brokers do it. */
  readonly metadata?: number;
  /** Default true. Left out with a line of progress where it is not installed: clients then connect to the brokers. */
  readonly haproxy?: boolean;
  /** Redis and MySQL, which the brokers do not use unless their settings say so; default false. Left out with a line of progress where they are not installed. */
  readonly caches?: boolean;
  /** Default: free ones in a temporary directory, otherwise what was chosen before, or the usual ones. */
  readonly ports?: PortChoice;
  readonly kafka?: ClusterKafka;
  /** With `regionServers` ZooKeeper, master and region servers are processes of their own. */
  readonly hbase?: ClusterHBase;
  /** Engines that run already, and are not the cluster's to stop. */
  readonly engines?: { readonly kafkaBrokers: string; readonly zookeeperQuorum: string };
  /** Over the settings of every broker and metadata service. */
  readonly settings?: BrokerSettings;
  /** Has the last word on the settings of one broker or metadata service; asked once, before its first start. */
  readonly rewrite?: (name: string, settings: BrokerSettings) => BrokerSettings | Promise<BrokerSettings>;
  /** How one broker or metadata service is run; asked once. */
  readonly launch?: (name: string) => Launch;
  /** Whether who ends is started again; default true. */
  readonly supervise?: boolean;
  readonly progress?: Progress;
}

export interface KillOptions {
  /** Default SIGKILL. */
  readonly signal?: 'SIGKILL' | 'SIGTERM';
  /** It stays down until `startAgain`. */
  readonly hold?: boolean;
}

export const BROKERS = 3;
export const METADATA_SERVICES = 1;

/** What there will be of each: what is not installed on this machine, and can be done without, is left out. */
export function sizeOf({ brokers, metadata, haproxy, caches, kafka, engines }: ClusterOptions): ClusterSize {
  return {
    brokers: brokers ?? BROKERS,
    metadata: metadata ?? METADATA_SERVICES,
    haproxy: haproxy !== false && missingHAProxy() === undefined,
    caches: caches === true,
    ownEngines: engines === undefined,
    kafkaBrokers: engines?.kafkaBrokers.split(',').length ?? kafka?.brokers ?? 1,
  };
}

/** Undefined: as it was chosen before. Two temporary clusters must not meet. */
export function portChoice({ ports, directory }: ClusterOptions): PortChoice | undefined {
  return ports ?? (directory === undefined ? 'free' : undefined);
}
