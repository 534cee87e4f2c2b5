/** The processes of a cluster on this machine, as those see them who watch or disturb them. */

export type MemberKind =
  | 'broker'
  | 'metadata'
  | 'haproxy'
  | 'kafka'
  /** Master, region server and ZooKeeper in one JVM. */
  | 'hbase'
  | 'zookeeper'
  | 'hbaseMaster'
  | 'regionServer'
  | 'redis'
  | 'mysql';

/** waiting: it has ended and is started again soon. held: it has ended and stays so until it is asked for. */
export type MemberState = 'running' | 'waiting' | 'held' | 'stopped';

export interface ClusterMember {
  /** Such as `broker-1`, `kafka`, `region-server-2`. */
  readonly name: string;
  readonly kind: MemberKind;
  readonly state: MemberState;
  /** Undefined unless it runs. */
  readonly pid: number | undefined;
  /** Of 127.0.0.1, by what is spoken there. */
  readonly ports: MemberPorts;
  /** Of brokers and metadata services. */
  readonly adminUrl: string | undefined;
  /** What the process prints, appended over all its runs. */
  readonly log: string;
  /** Of the latest start. */
  readonly startedAt: Date;
  /** How often it has been started. */
  readonly starts: number;
}

export type MemberPorts = Readonly<Record<string, number>>;

export interface BrokerMember extends ClusterMember {
  readonly kind: 'broker';
  /** Where clients connect that do not come through HAProxy. */
  readonly mqttPort: number;
  readonly adminUrl: string;
  /** Holds the token of the admin API. */
  readonly dataDirectory: string;
  readonly configFile: string;
}

export interface MemberEvent {
  readonly type: 'started' | 'ended';
  readonly name: string;
  readonly pid: number;
  /** When this process noticed, as `performance.now()` counts. */
  readonly atMs: number;
  /** It was this cluster's owner who wanted it to end, or to be started again. */
  readonly asked: boolean;
  /** ended: the signal or exit code, in words. */
  readonly how: string | undefined;
}
