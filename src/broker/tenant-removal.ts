/**
 * Removes what tenants that are being deleted have, bit by bit: sessions and queues, retained messages, users, identifiers, and last the
 * record itself. Every step may be taken twice and by anybody, so that a crash at any moment only means that somebody begins again.
 */
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import type { TimerHandle } from '../time/clock.ts';
import type { Broker } from './broker.ts';
import type { TenantBroker } from './tenant-broker.ts';
import type { TenantChanges } from './tenant-changes.ts';

/** Sessions ended at a time: each is a record or two. */
const SESSIONS_AT_ONCE = 64;
/** What somebody else was to see to, or failed, is looked at again. */
const CHECK_EVERY_MS = 30_000;
/** Clients that brokers let in who had not heard of it yet are few, and are found by looking again. */
const ROUNDS_MAX = 10;

export interface TenantRemovalOptions {
  readonly broker: Broker;
  readonly changes: TenantChanges;
  readonly sessionIds: SessionIdGenerator;
  /** Removes its users where this broker may; resolves to how many. */
  readonly removeUsers: (tenant: TenantId) => Promise<number>;
}

export class TenantRemoval {
  readonly #options: TenantRemovalOptions;
  #underWay: Promise<void> | undefined;
  #isAsked = false;
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(options: TenantRemovalOptions) {
    this.#options = options;
    options.broker.directory.onChange((name, tenant) => {
      if (tenant === undefined) options.sessionIds.forget(name);
      else if (tenant.state === 'deleting' && this.#timer !== undefined) this.check();
    });
  }

  /** From now on this broker sees to it. */
  start(): void {
    this.check();
    this.#timer = this.#options.broker.services.timers.after(CHECK_EVERY_MS, () => {
      this.start();
    });
  }

  /** Goes on with every tenant that this broker is to see to. */
  check(): void {
    this.#isAsked = true;
    this.#underWay ??= this.#removeAll().finally(() => {
      this.#underWay = undefined;
    });
  }

  /** Resolves when no step is under way. What is left goes on at the next start, or with another broker. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#underWay;
  }

  async #removeAll(): Promise<void> {
    while (this.#isAsked && !this.#stopped) {
      this.#isAsked = false;
      for (const { name } of [...this.#options.broker.directory.all()]) {
        if (!this.#mayGoOn(name)) continue;
        await this.#remove(name).catch((error: unknown) => {
          const { log } = this.#options.broker.services;
          log.error({ tenant: name, err: error }, 'a tenant could not be removed yet, trying again later');
        });
      }
    }
  }

  /** Asked again before each step: it may be another tenant of the same name by then, or another broker's to see to. */
  #mayGoOn(name: TenantId): boolean {
    const { directory, services } = this.#options.broker;
    const { mesh } = services.peers;
    return (
      !this.#stopped &&
      directory.get(name)?.state === 'deleting' &&
      mesh.holdsPlace &&
      mesh.isResponsibleFor(name)
    );
  }

  async #remove(name: TenantId): Promise<void> {
    const { broker, changes, sessionIds, removeUsers } = this.#options;
    const { log, store } = broker.services;
    const tenant = broker.tenant(name);
    const done = { sessions: 0, queues: 0, retained: 0, users: 0 };
    const steps: readonly (() => Promise<void>)[] = [
      async () => void (done.sessions += tenant === undefined ? 0 : await this.#endSessions(tenant)),
      async () => void (done.retained += (await tenant?.retained.clear()) ?? 0),
      async () => {
        for await (const queues of store.list()) {
          for (const { queue } of queues) {
            if (queue.tenant !== name) continue;
            await store.drop(queue);
            done.queues++;
          }
        }
      },
      async () => void (done.users += await removeUsers(name)),
      () => sessionIds.remove(name),
      // A broker that had not heard of it may have taken something meanwhile: then all of it is done once more.
      () => assertEmpty(tenant),
      () => changes.deleted(name),
    ];
    log.info({ tenant: name, sessions: tenant?.registry.size ?? 0 }, 'removing a tenant');
    for (const step of steps) {
      if (!this.#mayGoOn(name)) return;
      await step();
    }
    log.info({ tenant: name, ...done }, 'tenant removed');
  }

  /** Also those that are connected to other brokers, which see to their connections when they read the record. */
  async #endSessions(tenant: TenantBroker): Promise<number> {
    let ended = 0;
    for (let round = 0; round < ROUNDS_MAX && tenant.registry.size > 0; round++) {
      const clients = [...tenant.registry.unfinished(SESSIONS_AT_ONCE)].flatMap(
        ({ withoutSession }) => withoutSession,
      );
      for (const some of slices([...tenant.registry.clientIds()])) {
        if (!this.#mayGoOn(tenant.tenant)) return ended;
        const outcomes = await Promise.all(
          some.map((client) => tenant.lifecycle.end(client, 'administrative')),
        );
        ended += outcomes.filter(Boolean).length;
      }
      for (const some of slices(clients))
        await Promise.all(some.map((client) => tenant.lifecycle.forget(client)));
    }
    if (tenant.registry.size > 0)
      throw new Error(`${tenant.registry.size} sessions of it are still there: brokers let clients in`);
    return ended;
  }
}

function assertEmpty(tenant: TenantBroker | undefined): Promise<void> {
  if (tenant?.isEmpty !== false) return Promise.resolve();
  return Promise.reject(new Error('something came up of it while it was removed'));
}

function* slices(clients: readonly ClientId[]): Generator<readonly ClientId[], void, undefined> {
  for (let first = 0; first < clients.length; first += SESSIONS_AT_ONCE)
    yield clients.slice(first, first + SESSIONS_AT_ONCE);
}
