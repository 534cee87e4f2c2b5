/**
 * The broker of one tenant: its registry, routes, retained messages and connected sessions, and what keeps them
 * in step. Nothing in here can reach another tenant.
 */
import { Counters } from '../metrics/counters.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { parseShare } from '../mqtt/topic.ts';
import { queueKey } from '../queue/durable-queue.ts';
import { Router } from '../routing/router.ts';
import { SubscriberDirectory } from '../routing/subscriber-directory.ts';
import { Subscriber, type Route, type RoutePlace } from '../routing/subscriber.ts';
import type { ClientNumber } from '../session/client-table.ts';
import { isPersistent } from '../session/decide.ts';
import { lastOwner, sameOwner } from '../session/evolve.ts';
import type { CloseReason, SessionOwner, SessionState, Subscription } from '../session/events.ts';
import { SessionRegistry, type RegistryObserver } from '../session/session-registry.ts';
import { willDueOnConnect } from '../session/will.ts';
import { brokerIdOf, type ClientId, type Incarnation, type TenantId } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import type { ActiveSession } from './active-session.ts';
import type { BrokerLog } from './broker-log.ts';
import type { BrokerServices } from './broker-services.ts';
import type { BrokerLimits } from './limits.ts';
import { Publishing } from './publishing.ts';
import { RetainedService } from './retained-service.ts';
import { SessionLifecycle, type SessionLegacy } from './session-lifecycle.ts';
import { SharedLegacy } from './shared-legacy.ts';
import { TransientOutbound } from './transient-outbound.ts';
import { WillPublisher } from './will-publisher.ts';

/** Clients looked at in one turn of the event loop: a few milliseconds. */
const CLIENTS_PER_TURN = 20_000;
/** Sessions of a dead incarnation that are closed at the same time. */
const RECOVERIES_AT_ONCE = 1000;

export class TenantBroker implements RegistryObserver {
  readonly tenant: TenantId;
  readonly services: BrokerServices;
  readonly counters = new Counters();
  readonly router: Router;
  readonly registry: SessionRegistry;
  readonly retained: RetainedService;
  readonly publishing: Publishing;
  readonly lifecycle: SessionLifecycle;
  readonly #wills: WillPublisher;
  readonly #active = new Map<ClientId, ActiveSession>();
  /** By the number that the registry knows the client by. */
  readonly #subscribers = new SubscriberDirectory((client) => this.#makeSubscriber(client as ClientNumber));
  /** Clients of dead owners whose last record on the log does not count; undefined: the log has been read, and each is seen to at once. */
  #overruled: Set<ClientId> | undefined = new Set();
  /** Clients whose last connection is gone but has QoS 2 releases under way. */
  readonly #releasing = new Map<ClientId, Promise<void>>();

  constructor(tenant: TenantId, services: BrokerServices) {
    this.tenant = tenant;
    this.services = services;
    this.registry = new SessionRegistry(tenant, this);
    this.router = new Router(this.#subscribers);
    const { clock, timers, limits, log, batcher, sessionLog, retainedLog, store, sessionIds } = services;
    const { incarnation, logsAreShared } = services;
    this.retained = new RetainedService({
      tenant,
      log: retainedLog,
      logsAreShared,
      clock,
      counters: this.counters,
      staged: services.stagedRetained,
      messagesMax: limits.retainedMessagesMax,
      bytesMax: limits.retainedBytesMax,
      onStoreError: services.onStoreError,
    });
    this.publishing = new Publishing(this.router, this.retained, batcher, this.counters);
    this.#wills = new WillPublisher({
      publishing: this.publishing,
      clock,
      messageAgeMaxS: limits.messageAgeMaxS,
      onWillPublished: () => this.counters.willsPublished++,
    });
    this.lifecycle = new SessionLifecycle({
      tenant,
      registry: this.registry,
      log: sessionLog,
      incarnation,
      logsAreShared,
      store,
      sessionIds,
      wills: this.#wills,
      clock,
      timers,
      diagnostics: log,
      sessionsMax: limits.sessionsMax,
      legacyOf: (session) => this.#legacyOf(session),
      onExpired: () => this.counters.sessionsExpired++,
    });
  }

  get clock(): Clock {
    return this.services.clock;
  }

  get limits(): BrokerLimits {
    return this.services.limits;
  }

  get log(): BrokerLog {
    return this.services.log;
  }

  /** Of all sessions on record; 0: none. Looks at every session. */
  get highestSessionId(): number {
    let highest = 0;
    for (const sessionId of this.registry.sessionIds()) highest = Math.max(highest, sessionId);
    return highest;
  }

  active(clientId: ClientId): ActiveSession | undefined {
    return this.#active.get(clientId);
  }

  activeSessions(): IterableIterator<ActiveSession> {
    return this.#active.values();
  }

  /** Of the session on record. */
  subscriber(clientId: ClientId): Subscriber | undefined {
    const client = this.registry.numberOf(clientId);
    if (client === undefined || this.registry.sessionOf(client) === undefined) return undefined;
    return this.#subscribers.get(client);
  }

  /** Whether the session is that connection's now. */
  isOwnedBy(clientId: ClientId, owner: SessionOwner): boolean {
    return sameOwner(this.registry.session(clientId)?.owner, owner);
  }

  /** The connection owns its session; messages go to it from `connected` on. */
  attach(session: ActiveSession): void {
    this.#active.set(session.clientId, session);
    this.counters.connections = this.#active.size;
  }

  /** CONNACK is on its way: the session's messages may follow it. */
  connected(session: ActiveSession): void {
    if (!session.hasEnded) session.subscriber.outlet = session.outbound;
  }

  addTransientRoute(session: ActiveSession, subscription: Subscription): void {
    const route = routeOf(session.subscriber, subscription);
    session.transientRoutes.set(subscription.filter, route);
    this.router.trie.add(route.subscriber.number, route, route);
    this.counters.subscriptions = this.router.trie.size;
  }

  removeTransientRoute(session: ActiveSession, filter: string): boolean {
    const route = session.transientRoutes.get(filter);
    if (route === undefined) return false;
    session.transientRoutes.delete(filter);
    this.router.trie.remove(route.subscriber.number, route);
    this.counters.subscriptions = this.router.trie.size;
    return true;
  }

  /** The session is no longer connected here; records it unless the log said so first. */
  sessionLeft(
    session: ActiveSession,
    ending: {
      readonly reason: CloseReason;
      readonly publishWill: boolean;
      readonly sessionExpiryS: number | undefined;
    },
  ): void {
    if (this.#active.get(session.clientId) === session) this.#active.delete(session.clientId);
    if (session.subscriber.outlet === session.outbound) session.subscriber.outlet = undefined;
    const routes = [...session.transientRoutes.values()];
    for (const filter of [...session.transientRoutes.keys()]) this.removeTransientRoute(session, filter);
    if (session.outbound instanceof TransientOutbound) {
      this.#sharedLegacy(session.subscriber, routes)?.handOverQueued(session.outbound.drain());
    }
    this.counters.connections = this.#active.size;
    const sentThrough = 'sentThrough' in session.outbound ? session.outbound.sentThrough : undefined;
    session.subscriber.sentThrough = sentThrough;
    this.#awaitReleases(session);
    if (ending.reason === 'takenOver') return;
    this.lifecycle.closeEventually(session.clientId, { owner: session.owner, sentThrough, ...ending });
  }

  /** Resolves when what earlier connections of the client had begun to release is decided. */
  async releasesEnded(clientId: ClientId): Promise<void> {
    await this.#releasing.get(clientId);
  }

  /**
   * Closes the sessions whose owner is not among the living: the broker died under them. Whether another broker lives that
   * writes to the same log is not known here, so its sessions are left alone. Returns how many.
   */
  async closeOrphans(): Promise<number> {
    const orphans: SessionState[] = [];
    const { timers } = this.services;
    for (const { owned, withoutSession } of this.registry.unfinished(CLIENTS_PER_TURN)) {
      orphans.push(...owned.filter(({ owner }) => owner !== undefined && this.#isDead(owner.incarnation)));
      for (const clientId of withoutSession) await this.lifecycle.forget(clientId);
      if (this.registry.size > CLIENTS_PER_TURN) await new Promise<void>((resume) => timers.after(0, resume));
    }
    for (let first = 0; first < orphans.length; first += RECOVERIES_AT_ONCE) {
      await Promise.all(
        orphans.slice(first, first + RECOVERIES_AT_ONCE).map((state) => this.#closeOrphan(state)),
      );
    }
    const overruled = this.#overruled ?? [];
    this.#overruled = undefined;
    for (const clientId of overruled) {
      const session = this.registry.session(clientId);
      if (session !== undefined) this.lifecycle.restate(session);
    }
    return orphans.length;
  }

  sessionChanged(
    client: ClientNumber,
    before: SessionState | undefined,
    after: SessionState | undefined,
  ): void {
    if (before === undefined) this.counters.sessions++;
    if (after === undefined) this.counters.sessions--;
    if (before?.sessionId !== after?.sessionId) this.#subscribers.delete(client);
    else if (before !== undefined) this.#keepQueueKind(client, before, after);
    const clientId = (after ?? before)?.clientId;
    if (clientId !== undefined) this.#overruled?.delete(clientId);
    const active = clientId && this.#active.get(clientId);
    if (active !== undefined && !sameOwner(active.owner, after?.owner)) {
      if (after !== undefined) this.counters.takeOvers++;
      active.ownershipLost(after === undefined ? REASON.administrativeAction : REASON.sessionTakenOver);
    }
    if (after === undefined) return;
    const { owner, closedOwner } = after;
    if (owner !== undefined && this.#isOurs(owner)) this.lifecycle.opened(owner, before);
    else if (owner !== undefined) this.#takenElsewhere(client, before, after);
    else if (before === undefined && this.#isOurs(closedOwner)) this.lifecycle.endAgain(after);
    this.lifecycle.watch(client, after);
  }

  overruled(_client: ClientNumber, session: SessionState): void {
    const owner = lastOwner(session);
    if (owner === undefined) return;
    if (this.#isOurs(owner)) this.lifecycle.restate(session);
    // An earlier run of this broker can no more, so the present one does; but while the log is being read, a record that counts may follow.
    else if (this.#isDead(owner.incarnation)) this.#restateForTheDead(session);
  }

  subscriptionOverruled(client: ClientNumber, subscription: Subscription): void {
    const session = this.registry.sessionOf(client);
    if (session !== undefined && this.#isOurs(lastOwner(session)))
      this.lifecycle.restateSubscription(subscription);
  }

  subscribed(client: ClientNumber, subscription: Subscription): void {
    this.router.trie.add(client, placeOf(subscription), subscription);
    this.counters.subscriptions = this.router.trie.size;
  }

  unsubscribed(client: ClientNumber, subscription: Subscription): void {
    this.router.trie.remove(client, placeOf(subscription));
    this.counters.subscriptions = this.router.trie.size;
  }

  #restateForTheDead(session: SessionState): void {
    if (this.#overruled === undefined) this.lifecycle.restate(session);
    else this.#overruled.add(session.clientId);
  }

  #isOurs(owner: SessionOwner | undefined): boolean {
    return owner?.incarnation === this.services.incarnation;
  }

  #isDead(run: Incarnation): boolean {
    const { incarnation, logsAreShared } = this.services;
    return run !== incarnation && (!logsAreShared || brokerIdOf(run) === brokerIdOf(incarnation));
  }

  /** Another broker has the session: what it sends to the client is not known here. */
  #takenElsewhere(client: ClientNumber, before: SessionState | undefined, after: SessionState): void {
    const subscriber = this.#subscribers.peek(client);
    if (subscriber !== undefined) subscriber.sentThrough = undefined;
    if (before === undefined || !this.#isOurs(before.owner)) return;
    // Of two brokers that take a session over at once, the later one may not have known of our connection and its will. What
    // the other has published too goes into no queue twice, and to its own transient sessions only.
    const resumed = before.sessionId === after.sessionId;
    const will = willDueOnConnect(before, resumed, this.clock.nowMs());
    if (will === undefined) return;
    this.#wills.publish(before, will).catch((error: unknown) => {
      this.log.error(
        { tenant: this.tenant, clientId: before.clientId, err: error },
        'will of a session that was taken over elsewhere not published',
      );
    });
  }

  #legacyOf(session: SessionState): SessionLegacy | undefined {
    const subscriber = this.subscriber(session.clientId);
    if (subscriber?.pending === undefined) return undefined;
    const { pending } = subscriber;
    const subscriptions = [...(this.registry.get(session.clientId)?.subscriptions.values() ?? [])]
      .map(({ value }) => value)
      .filter(({ sessionId }) => sessionId === session.sessionId);
    const routes = subscriptions.map((subscription) => routeOf(subscriber, subscription));
    const legacy = this.#sharedLegacy(subscriber, routes);
    return legacy && (() => legacy.handOver(pending, subscriber.sentThrough ?? session.sentThrough));
  }

  #sharedLegacy(subscriber: Subscriber, routes: readonly Route[]): SharedLegacy | undefined {
    const { router, publishing, clock } = this;
    const { store, batcher, trims } = this.services;
    return SharedLegacy.of({ subscriber, router, publishing, store, batcher, trims, clock }, routes);
  }

  #makeSubscriber(client: ClientNumber): Subscriber {
    const session = this.registry.sessionOf(client);
    if (session === undefined) throw new Error('tenant-broker: a client without a session has a route');
    return this.#subscriberOf(client, session);
  }

  /** Whether a session has a durable queue is decided when it begins: one that is to end with this connection keeps it. */
  #keepQueueKind(client: ClientNumber, before: SessionState, after: SessionState | undefined): void {
    if (after === undefined || isPersistent(before) === isPersistent(after)) return;
    if (this.#subscribers.peek(client) === undefined)
      this.#subscribers.set(this.#subscriberOf(client, before));
  }

  #subscriberOf(client: ClientNumber, session: SessionState): Subscriber {
    const pending = isPersistent(session) ? queueKey(this.tenant, session.sessionId, 'pending') : undefined;
    return new Subscriber(this.counters, client, session.clientId, session.sessionId, pending);
  }

  #awaitReleases({ clientId, held }: ActiveSession): void {
    const idle = held?.idle();
    if (idle === undefined) return;
    this.#releasing.set(clientId, idle);
    void idle.then(() => this.#releasing.delete(clientId));
  }

  async #closeOrphan(session: SessionState): Promise<void> {
    if (session.owner === undefined) return;
    await this.lifecycle.close(session.clientId, {
      owner: session.owner,
      reason: 'brokerDown',
      publishWill: true,
      sessionExpiryS: undefined,
      sentThrough: undefined,
    });
  }
}

function placeOf({ filter }: Subscription): RoutePlace {
  return parseShare(filter) ?? { filter, group: undefined };
}

function routeOf(subscriber: Subscriber, subscription: Subscription): Route {
  return {
    subscriber,
    ...placeOf(subscription),
    qos: subscription.qos,
    noLocal: subscription.noLocal,
    retainAsPublished: subscription.retainAsPublished,
    subscriptionId: subscription.subscriptionId,
  };
}
