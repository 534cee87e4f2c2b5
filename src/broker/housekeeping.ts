/**
 * What nobody's packet triggers: expired messages leave queues and retained messages even when their owners never
 * come back, queues of sessions that are no more are dropped, dropped messages are logged, `$SYS` is kept current.
 */
import type { QueueKey } from '../queue/durable-queue.ts';
import { NO_PROPERTIES, type Message } from '../queue/message.ts';
import type { SessionId } from '../tenancy/identity.ts';
import type { TimerHandle } from '../time/clock.ts';
import type { Broker } from './broker.ts';
import { DropReport } from './drop-report.ts';
import type { TenantBroker } from './tenant-broker.ts';

const SWEEP_EVERY_MS = 30_000;
const REPORT_DROPS_EVERY_MS = 10_000;

export interface HousekeepingOptions {
  readonly broker: Broker;
  /** 0: no `$SYS`. */
  readonly sysIntervalS: number;
  /** Topics and payloads that `$SYS` has for a tenant now. */
  readonly sysTopics: (
    tenant: TenantBroker,
  ) => Iterable<{ readonly topic: string; readonly payload: string }>;
}

/** Pending and held, of the sessions that have messages. */
class QueuesBySession extends Map<SessionId, readonly QueueKey[]> {}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #drops: DropReport;
  #sweepTimer: TimerHandle | undefined;
  #dropTimer: TimerHandle | undefined;
  #sysTimer: TimerHandle | undefined;
  #stopped = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#drops = new DropReport(options.broker.services.log);
  }

  start(): void {
    this.#scheduleSweep();
    this.#scheduleDropReport();
    if (this.#options.sysIntervalS > 0) this.#publishSys();
  }

  stop(): void {
    this.#stopped = true;
    this.#sweepTimer?.cancel();
    this.#dropTimer?.cancel();
    this.#reportDrops();
    this.#sysTimer?.cancel();
  }

  /** Queues whose session the registry does not know: their drop was lost in a crash. Returns how many. */
  async dropOrphanedQueues(): Promise<number> {
    const { broker } = this.#options;
    // A tenant that is not configured now keeps its queues: it may be configured again.
    const suspects = new Map(Array.from(broker.tenants(), ({ tenant }) => [tenant, new QueuesBySession()]));
    for await (const queues of broker.services.store.list()) {
      for (const { queue } of queues) {
        const ofTenant = suspects.get(queue.tenant);
        ofTenant?.set(queue.sessionId, [...(ofTenant.get(queue.sessionId) ?? []), queue]);
      }
    }
    for (const [tenant, queues] of suspects) {
      if (queues.size === 0) continue;
      for (const sessionId of broker.tenant(tenant)?.registry.sessionIds() ?? []) queues.delete(sessionId);
    }
    const orphans = Array.from(suspects.values(), (queues) => [...queues.values()].flat()).flat();
    for (const queue of orphans) await broker.services.store.drop(queue);
    return orphans.length;
  }

  /** Removes what has expired. Returns how many messages. */
  async sweep(): Promise<number> {
    const { broker } = this.#options;
    if (broker.services.peers.mesh.isJoined)
      for (const tenant of broker.tenants()) tenant.orphans.closeAllEventually();
    let removed = await broker.services.store.sweepExpired(broker.services.clock.nowMs());
    for (const tenant of broker.tenants()) removed += await tenant.retained.sweepExpired();
    return removed;
  }

  #scheduleSweep(): void {
    if (this.#stopped) return;
    const { services } = this.#options.broker;
    this.#sweepTimer = services.timers.after(SWEEP_EVERY_MS, () => {
      this.sweep()
        .then((removed) => {
          if (removed > 0) services.log.info({ removed }, 'expired messages removed');
        }, services.onStoreError)
        .finally(() => {
          this.#scheduleSweep();
        });
    });
  }

  #scheduleDropReport(): void {
    this.#dropTimer = this.#options.broker.services.timers.after(REPORT_DROPS_EVERY_MS, () => {
      this.#reportDrops();
      if (!this.#stopped) this.#scheduleDropReport();
    });
  }

  #reportDrops(): void {
    for (const { tenant, counters } of this.#options.broker.tenants()) this.#drops.report(tenant, counters);
  }

  #publishSys(): void {
    const { broker, sysIntervalS, sysTopics } = this.#options;
    for (const tenant of broker.tenants()) {
      for (const { topic, payload } of sysTopics(tenant)) {
        const message = sysMessage(topic, payload, broker.services.clock.nowMs());
        tenant.retained.setVolatile(message);
        tenant.publishing.publish({ ...message, retain: false }, undefined);
      }
    }
    if (this.#stopped) return;
    this.#sysTimer = broker.services.timers.after(sysIntervalS * 1000, () => {
      this.#publishSys();
    });
  }
}

function sysMessage(topic: string, payload: string, nowMs: number): Message {
  return {
    topic,
    payload: Buffer.from(payload),
    qos: 0,
    retain: true,
    properties: NO_PROPERTIES,
    publishedAtMs: nowMs,
    expiresAtMs: undefined,
    publisher: '',
  };
}
