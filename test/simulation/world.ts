/**
 * One broker at a time, its stores, and a crowd of clients in two tenants, all under one seed. The broker is
 * killed and started again; its stores fail, with known and unknown outcome, and sometimes for long.
 */
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { MemorySnapshotStore } from '../../src/adapters/memory/memory-snapshot-store.ts';
import { Broker } from '../../src/broker/broker.ts';
import { Housekeeping } from '../../src/broker/housekeeping.ts';
import type { BrokerLimits } from '../../src/broker/limits.ts';
import { bootstrap } from '../../src/metadata/bootstrap.ts';
import { MetadataService } from '../../src/metadata/metadata-service.ts';
import { SessionFold } from '../../src/metadata/session-fold.ts';
import { latestPerKey } from '../../src/metadata/snapshot-fold.ts';
import { NO_LIMITS, type TenantLimits } from '../../src/quota/tenant-limits.ts';
import type { SessionRegistry } from '../../src/session/session-registry.ts';
import { incarnation, type TenantId } from '../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../src/tenancy/tenant-directory.ts';
import { SimulatedLink } from '../support/simulated-link.ts';
import {
  ProcessLife,
  weatheredLog,
  weatheredQueues,
  type StoreWeather,
} from '../support/simulated-stores.ts';
import { SimulatedTime } from '../support/simulated-time.ts';
import { SIMULATED_LIMITS } from '../support/simulated-limits.ts';
import { DurabilityWitness } from './durability-witness.ts';
import { Ledger } from './ledger.ts';
import { ScriptedClient, type ClientProfile, type ClientWorld } from './scripted-client.ts';

export const TENANTS = ['red', 'blue'] as TenantId[];
const NETWORK_LATENCY_MAX_MS = 5;
const STORE_LATENCY_MAX_MS = 4;

const SILENT_LOG = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export class SimulatedWorld implements ClientWorld {
  readonly time = new SimulatedTime();
  readonly ledger = new Ledger();
  readonly random: () => number;
  readonly weather: StoreWeather;
  readonly witness = new DurabilityWitness(this.ledger, this.time);
  readonly clients: ScriptedClient[] = [];
  readonly limits: BrokerLimits;
  readonly sessionLog = new MemoryEventLog();
  readonly retainedLog = new MemoryEventLog();
  readonly queues: MemoryDurableQueue;
  /** Of each tenant; see `changeQuotas`. */
  quotas: TenantLimits = NO_LIMITS;
  broker: Broker | undefined;
  crashes = 0;
  readonly #sessionSnapshot = new MemorySnapshotStore();
  readonly #retainedSnapshot = new MemorySnapshotStore();
  readonly #sessionIds = new MemorySessionIds();
  readonly #links = new Set<SimulatedLink>();
  #life: ProcessLife;
  #metadata: MetadataService[] = [];
  #starts = 0;
  #dials = 0;

  constructor(random: () => number, limits: Partial<BrokerLimits> = {}) {
    this.random = random;
    this.limits = { ...SIMULATED_LIMITS, ...limits };
    this.weather = { random, failureRate: 0, latencyMaxMs: STORE_LATENCY_MAX_MS };
    this.queues = new MemoryDurableQueue(this.limits.durableQueue);
    this.#life = new ProcessLife(this.time);
  }

  add(profile: ClientProfile): ScriptedClient {
    const client = new ScriptedClient(profile, this);
    if (profile.hasty === true) this.ledger.unordered.add(`${profile.tenant}|${profile.clientId}`);
    this.clients.push(client);
    return client;
  }

  /** Resolves when the broker listens. Needs time to pass meanwhile. */
  async start(): Promise<void> {
    if (this.#starts === 0) await this.witness.watchLog(this.sessionLog);
    const life = new ProcessLife(this.time);
    this.#life = life;
    const failureRate = this.weather.failureRate;
    this.weather.failureRate = 0;
    const sessionLog = weatheredLog(this.sessionLog, life, this.weather);
    const retainedLog = weatheredLog(this.retainedLog, life, this.weather);
    const broker = new Broker({
      tenants: new TenantDirectory(TENANTS),
      defaultTenant: undefined,
      incarnation: incarnation('sim', ++this.#starts),
      logsAreShared: false,
      sessionLog,
      retainedLog,
      store: weatheredQueues(this.queues, life, this.weather, this.witness.appended),
      sessionIds: this.#sessionIds,
      authenticator: new AnonymousAuthenticator(new Set(TENANTS)),
      enhancedAuthenticators: [],
      clock: life,
      timers: life,
      limits: this.limits,
      limitsOf: () => this.quotas,
      log: SILENT_LOG,
      randomId: () => String(this.random()),
    });
    await bootstrap({
      log: sessionLog,
      snapshot: this.#sessionSnapshot,
      clock: life,
      apply: (row) => {
        broker.applySessionRecord(row);
      },
    });
    await bootstrap({
      log: retainedLog,
      snapshot: this.#retainedSnapshot,
      clock: life,
      apply: (row) => {
        broker.applyRetainedRecord(row);
      },
    });
    this.#metadata = [];
    for (const [log, snapshot, fold] of [
      [sessionLog, this.#sessionSnapshot, new SessionFold()],
      [retainedLog, this.#retainedSnapshot, latestPerKey()],
    ] as const) {
      const parts = { log, snapshot, fold, clock: this.time, timers: life };
      this.#metadata.push(await MetadataService.start({ ...parts, checkpointIntervalMs: 1_000 }));
    }
    for (const tenant of broker.tenants()) await tenant.orphans.closeAll();
    await new Housekeeping({ broker, sysIntervalS: 0, sysTopics: () => [] }).dropOrphanedQueues();
    this.weather.failureRate = failureRate;
    this.broker = broker;
  }

  /** They count from now on, for who is connected too. */
  changeQuotas(quotas: TenantLimits): void {
    this.quotas = quotas;
    for (const tenant of this.broker?.tenants() ?? []) tenant.limitsChanged();
  }

  /** The process dies: what it did not make durable never happened. */
  crash(): void {
    if (this.broker === undefined) return;
    this.crashes++;
    this.broker = undefined;
    this.#life.alive = false;
    for (const link of [...this.#links]) link.cut();
  }

  /** Folds the logs into their snapshots and forgets what is superseded. */
  async compact(): Promise<void> {
    for (const service of this.#metadata) await service.flush();
    this.sessionLog.compact();
    this.retainedLog.compact();
  }

  dial(client: ScriptedClient): SimulatedLink | undefined {
    const broker = this.broker;
    if (broker === undefined) return undefined;
    const link: SimulatedLink = new SimulatedLink({
      name: `link ${++this.#dials}`,
      time: this.time,
      life: this.#life,
      latencyMs: () => Math.ceil(this.random() * NETWORK_LATENCY_MAX_MS),
      outboxBytesHigh: this.limits.outboxBytesHigh,
      witness: (from, packet) => {
        this.witness.sees(client, from, packet);
      },
      onReceived: (packet) => {
        client.receive(link, packet);
      },
      onClosed: () => {
        this.#links.delete(link);
        client.closed(link);
      },
    });
    this.#links.add(link);
    link.attach(broker.accept(link));
    return link;
  }
}

/** What a registry knows, without the order in which it learned it. */
export function stateOf(registry: SessionRegistry): unknown {
  return [...registry.entries()]
    .map(({ clientId, session, subscriptions }) => ({
      clientId,
      session,
      subscriptions: [...subscriptions].sort(([a], [b]) => (a < b ? -1 : 1)),
    }))
    .sort((a, b) => (a.clientId < b.clientId ? -1 : 1));
}

function ignore(): void {
  // A simulation is judged by its ledger.
}
