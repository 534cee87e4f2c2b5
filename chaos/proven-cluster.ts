/** A cluster of its own for a proof: real processes on loopback, each broker behind a switchboard that can cut what it connects to. */
import { fileURLToPath } from 'node:url';
import { existsSync, readFileSync } from 'node:fs';
import { RunningCluster } from '../engines/cluster/running-cluster.ts';
import type { BrokerMember, ClusterMember, MemberEvent } from '../engines/cluster/cluster-member.ts';
import { readAdminToken } from '../src/adapters/file/admin-token.ts';
import type { BrokerAddress } from '../src/fleet/radio-link.ts';
import type { ClusterShape } from './faults/planned-fault.ts';
import { freePorts } from '../engines/free-ports.ts';
import { Switchboard } from './network/switchboard.ts';
import { ProofError, type ProvenCluster } from './proof.ts';

export interface ClusterChoice {
  /** Data, configuration and logs. */
  readonly directory: string;
  readonly brokers: number;
  readonly regionServers: number;
  readonly kafkaBrokers: number;
  readonly progress: (text: string) => void;
}

/** Shorter than in production, so that a stopped broker is not waited for longer than needed. */
const SESSION_TIMEOUT_MS = 6_000;
const DETOUR = ['./network/detour.js', '../dist/chaos/network/detour.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((file) => existsSync(file));
const ASK_MS_MAX = 3_000;
const HBASE_KINDS: readonly ClusterMember['kind'][] = ['hbase', 'hbaseMaster', 'regionServer'];
/** Its last words. */
const LAST_LINES = 3;
/** HBase's master takes minutes on a busy machine when its region servers have just been restarted. */
const READY_MS_MAX = 300_000;

export class LoopbackCluster implements ProvenCluster {
  readonly shape: ClusterShape;
  readonly front: BrokerAddress | undefined;
  readonly brokerAddresses: ReadonlyMap<string, BrokerAddress>;
  readonly #cluster: RunningCluster;
  readonly #switchboards: ReadonlyMap<string, Switchboard>;
  readonly #peerPorts: ReadonlyMap<string, number>;
  readonly #crashes: string[] = [];

  /** Resolves when every member is ready. */
  static async start(choice: ClusterChoice): Promise<LoopbackCluster> {
    if (DETOUR === undefined) throw new ProofError('the program has not been built: npm run build');
    const detour = DETOUR;
    const names = Array.from({ length: choice.brokers }, (_none, index) => `broker-${index + 1}`);
    const ports = await freePorts(choice.brokers);
    const peerPorts = new Map(names.map((name, index) => [name, ports[index] ?? 0]));
    const switchboards = new Map<string, Switchboard>();
    for (const name of names) switchboards.set(name, await Switchboard.open());
    try {
      const cluster = await RunningCluster.start({
        directory: choice.directory,
        ports: 'free',
        brokers: choice.brokers,
        kafka: { brokers: choice.kafkaBrokers },
        hbase: { regionServers: choice.regionServers },

        settings: { cluster: { sessionTimeoutMs: SESSION_TIMEOUT_MS } },
        rewrite: (name, settings) => {
          const peerPort = peerPorts.get(name);
          return peerPort === undefined
            ? settings
            : { ...settings, cluster: { ...settings.cluster, peerPort } };
        },
        launch: (name) => {
          const port = switchboards.get(name)?.port;
          if (port === undefined) return {};
          return {
            nodeArguments: ['--import', detour],
            environment: { CHAOS_SWITCHBOARD: `${port}` },
          };
        },
        progress: choice.progress,
      });
      return new LoopbackCluster(cluster, switchboards, peerPorts);
    } catch (error) {
      await Promise.all([...switchboards.values()].map((each) => each.close()));
      throw error;
    }
  }

  private constructor(
    cluster: RunningCluster,
    switchboards: ReadonlyMap<string, Switchboard>,
    peerPorts: ReadonlyMap<string, number>,
  ) {
    this.#peerPorts = peerPorts;
    this.#cluster = cluster;
    this.#switchboards = switchboards;
    this.shape = shapeOf(cluster.members);
    this.front = cluster.front === undefined ? undefined : loopback(cluster.front.mqttPort);
    this.brokerAddresses = new Map(cluster.brokers.map(({ name, mqttPort }) => [name, loopback(mqttPort)]));
    cluster.follow((event) => {
      this.#noteCrash(event);
    });
  }

  get crashes(): readonly string[] {
    return this.#crashes;
  }

  kill(name: string, options: { readonly hold: true }): Promise<void> {
    return this.#cluster.kill(name, options);
  }

  startAgain(name: string): Promise<void> {
    return this.#cluster.startAgain(name);
  }

  restart(name: string): Promise<void> {
    return this.#cluster.restart(name);
  }

  waitReady(name: string): Promise<void> {
    return this.#cluster.waitReady(name, READY_MS_MAX);
  }

  pause(name: string): void {
    this.#cluster.pause(name);
  }

  resume(name: string): void {
    this.#cluster.resume(name);
  }

  portsOf(name: string): readonly number[] {
    const port = this.#peerPorts.get(name) ?? this.#cluster.member(name).ports['client'];
    return port === undefined ? [] : [port];
  }

  switchboard(name: string): Switchboard {
    const switchboard = this.#switchboards.get(name);
    if (switchboard === undefined) throw new RangeError(`${name} has no switchboard`);
    return switchboard;
  }

  async missing(): Promise<readonly string[]> {
    const unready = await Promise.all(
      this.#cluster.members.map(async ({ name }) =>
        (await this.#cluster.isReady(name)) ? [] : [`${name} is not ready`],
      ),
    );
    const first = unready.flat();
    if (first.length > 0) return first;
    return (await Promise.all(this.#cluster.brokers.map((broker) => this.#missingAt(broker)))).flat();
  }

  async stop(): Promise<void> {
    await this.#cluster.stop({ orderly: false });
    await Promise.all([...this.#switchboards.values()].map((each) => each.close()));
  }

  /** Brokers that this one does not count among the living, or is not linked to. */
  async #missingAt({ name, adminUrl, dataDirectory }: BrokerMember): Promise<readonly string[]> {
    const known = await knownMembers(adminUrl, await readAdminToken(dataDirectory));
    if (known === undefined) return [`${name} does not say whom it knows`];
    return this.shape.brokers
      .filter((each) => !known.has(each))
      .map((each) => `${name} does not know ${each}`);
  }

  /**
   * HBase's own servers end when ZooKeeper has given them up, and a broker that cannot reach its stores does not start: whoever
   * supervises them starts them again. Anything else is a crash.
   */
  #noteCrash({ type, name, asked, how }: MemberEvent): void {
    if (type !== 'ended' || asked) return;
    const { kind, log } = this.#cluster.member(name);
    if (HBASE_KINDS.includes(kind) || couldNotStart(log)) return;
    this.#crashes.push(`${name} ended by itself, with ${how ?? 'no reason'}`);
  }
}

/** Undefined: the broker does not answer. */
async function knownMembers(
  adminUrl: string,
  token: string | undefined,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const response = await fetch(new URL('/api/v1/members', adminUrl), {
      headers: { authorization: `Bearer ${token ?? ''}` },
      signal: AbortSignal.timeout(ASK_MS_MAX),
    });
    const body: unknown = await response.json();
    return response.ok ? new Set(brokerIds(body)) : undefined;
  } catch {
    return undefined;
  }
}

function brokerIds(body: unknown): readonly string[] {
  if (typeof body !== 'object' || body === null || !('members' in body) || !Array.isArray(body.members))
    return [];
  return (body.members as readonly unknown[]).flatMap((member) => {
    if (typeof member !== 'object' || member === null || !('brokerId' in member) || !('state' in member))
      return [];
    const isLinked =
      ('self' in member && member.self === true) || ('linkUp' in member && member.linkUp === true);
    return typeof member.brokerId === 'string' && member.state === 'up' && isLinked ? [member.brokerId] : [];
  });
}

/** `log`: a file. */
function couldNotStart(log: string): boolean {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES);
  return lines.some((line) => /^The (broker|metadata service) did not start/.test(line));
}

function shapeOf(members: readonly ClusterMember[]): ClusterShape {
  const named = (kind: ClusterMember['kind']) =>
    members.filter((member) => member.kind === kind).map(({ name }) => name);
  return {
    brokers: named('broker'),
    metadata: named('metadata'),
    kafka: named('kafka'),
    regionServers: named('regionServer'),
    hbaseMaster: named('hbaseMaster'),
    zookeeper: named('zookeeper'),
    haproxy: named('haproxy'),
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  };
}

function loopback(port: number): BrokerAddress {
  return { host: '127.0.0.1', port, tls: false };
}
