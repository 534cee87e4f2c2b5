/**
 * The broker of one tenant: its registry, routes, retained messages and connected sessions, and what keeps them
 * in step. Nothing in here can reach another tenant.
 */
import { Counters } from '../metrics/counters.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { queueKey, type TotalBound } from '../queue/durable-queue.ts';
import { queueQuotaName } from '../quota/tenant-limits.ts';
import { TenantQuota } from '../quota/tenant-quota.ts';
import { Router } from '../routing/router.ts';
import { SubscriberDirectory } from '../routing/subscriber-directory.ts';
import { Subscriber } from '../routing/subscriber.ts';
import type { ClientNumber } from '../session/client-table.ts';
import { isPersistent } from '../session/decide.ts';
import { lastOwner, sameOwner } from '../session/evolve.ts';
import type { CloseReason, SessionOwner, SessionState, Subscription } from '../session/events.ts';
import { SessionRegistry, type RegistryObserver } from '../session/session-registry.ts';
import { willDueOnConnect } from '../session/will.ts';
import type { ClientId, Incarnation, TenantId } from '../tenancy/identity.ts';
import { isBridgeClientId } from '../tenancy/system-client.ts';
import type { Clock } from '../time/clock.ts';
import type { ActiveSession } from './active-session.ts';
import type { BrokerLog } from './broker-log.ts';
import type { BrokerServices } from './broker-services.ts';
import type { BrokerLimits } from './limits.ts';
import { Orphans } from './orphans.ts';
import { lookForMissed } from './peers/missed-notices.ts';
import { TenantPeers } from './peers/tenant-peers.ts';
import { Publishing } from './publishing.ts';
import { RetainedService } from './retained-service.ts';
import { legacyOf, sharedLegacyOf } from './session-legacy.ts';
import { SessionLifecycle } from './session-lifecycle.ts';
import { SessionQuota } from './session-quota.ts';
import { placeOf, routeOf } from './subscription-route.ts';
import { TransientOutbound } from './transient-outbound.ts';
import { WillPublisher } from './will-publisher.ts';

export class TenantBroker implements RegistryObserver {
  readonly tenant: TenantId;
  readonly services: BrokerServices;
  readonly counters = new Counters();
  readonly quota: TenantQuota;
  readonly router: Router;
  readonly registry: SessionRegistry;
  readonly retained: RetainedService;
  readonly publishing: Publishing;
  readonly lifecycle: SessionLifecycle;
  readonly peers: TenantPeers;
  readonly orphans: Orphans;
  readonly #sessionQuota: SessionQuota;
  readonly #wills: WillPublisher;
  readonly #active = new Map<ClientId, ActiveSession>();
  /** By the number that the registry knows the client by. */
  readonly #subscribers = new SubscriberDirectory(
    (client) => this.#makeSubscriber(client as ClientNumber),
    (client) => this.registry.isOwned(client as ClientNumber),
  );
  /** Clients of the brokers' own that have sessions on record. */
  readonly systemSessions = new Set<ClientId>();
  /** Clients whose last connection is gone but has QoS 2 releases under way. */
  readonly #releasing = new Map<ClientId, Promise<void>>();

  constructor(tenant: TenantId, services: BrokerServices) {
    this.tenant = tenant;
    this.services = services;
    this.registry = new SessionRegistry(tenant, this);
    this.router = new Router(this.#subscribers);
    const { clock, timers, limits, log, batcher, sessionLog, retainedLog, store, sessionIds } = services;
    const { logsAreShared } = services;
    this.quota = new TenantQuota({
      tenant,
      limits,
      configured: services.quotas,
      overrides: services.limitsOf,
      clock,
      timers,
      counters: this.counters,
      audit: services.audit,
    });
    this.#sessionQuota = new SessionQuota({
      quota: this.quota,
      counters: this.counters,
      sessions: () => this.registry.size,
    });
    this.retained = new RetainedService({
      tenant,
      log: retainedLog,
      logsAreShared,
      clock,
      counters: this.counters,
      staged: services.stagedRetained,
      quota: this.quota,
      everywhere: (positions) => services.peers.retainedEverywhere(positions),
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
      store,
      sessionIds,
      wills: this.#wills,
      clock,
      timers,
      diagnostics: log,
      quota: this.#sessionQuota,
      legacyOf: (session) => legacyOf(this, session),
      onExpired: () => this.counters.sessionsExpired++,
      isOthersToSettle: (session) => this.#isOthersToSettle(session),
    });
    this.peers = new TenantPeers(this, services.peers, this.#subscribers);
    this.orphans = new Orphans({
      tenant,
      registry: this.registry,
      lifecycle: this.lifecycle,
      mesh: services.peers.mesh,
      timers,
      logsAreShared,
      diagnostics: log,
      onClosed: (sessions) => (this.counters.sessionsOfDeadBrokers += sessions),
    });
  }

  get clock(): Clock {
    return this.services.clock;
  }

  /** What the tenant's quotas leave of the broker's limits; others after `limitsChanged`. */
  get limits(): BrokerLimits {
    return this.quota.limits;
  }

  /** `BrokerServices.limitsOf` says something else of this tenant: rates count for connected clients at once. */
  limitsChanged(): void {
    this.quota.changed();
    for (const session of this.#active.values()) session.quota.changed();
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

  /** Nothing is on record of it, and nobody is connected. */
  get isEmpty(): boolean {
    return this.registry.size === 0 && this.retained.messages === 0 && this.#active.size === 0;
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
    // Limits may have changed while it was opened.
    session.quota.changed();
    this.#active.set(session.clientId, session);
    this.counters.connections = this.#active.size;
  }

  /** CONNACK is on its way: the session's messages may follow it. */
  connected(session: ActiveSession): void {
    session.acknowledged();
    if (!session.hasEnded) session.subscriber.outlet = session.outbound;
  }

  /** Resolves when every peer routes by it too; undefined: they do, or there are none. */
  addTransientRoute(session: ActiveSession, subscription: Subscription): Promise<void> | undefined {
    const known = session.transientRoutes.has(subscription.filter);
    const route = routeOf(session.subscriber, subscription);
    session.transientRoutes.set(subscription.filter, route);
    this.router.trie.add(route.subscriber.number, route, route);
    this.#countRoutes();
    return known ? this.peers.interest.telling(route) : this.peers.interest.add(route);
  }

  removeTransientRoute(session: ActiveSession, filter: string): boolean {
    const route = session.transientRoutes.get(filter);
    if (route === undefined) return false;
    session.transientRoutes.delete(filter);
    this.router.trie.remove(route.subscriber.number, route);
    this.peers.interest.remove(route);
    this.#countRoutes();
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
      sharedLegacyOf(this, session.subscriber, routes)?.handOverQueued(session.outbound.drain());
    }
    this.counters.connections = this.#active.size;
    const sentThrough = 'sentThrough' in session.outbound ? session.outbound.sentThrough : undefined;
    session.subscriber.sentThrough = sentThrough;
    this.peers.credit.left(session.clientId);
    this.peers.handOffs.left(session.clientId, session.sessionId, sentThrough);
    this.#awaitReleases(session);
    if (ending.reason === 'takenOver') return;
    this.lifecycle.closeEventually(session.clientId, { owner: session.owner, sentThrough, ...ending });
  }

  /** Nobody is served here any more. */
  dismissAll(why: string): void {
    for (const session of [...this.#active.values()])
      session.disconnect(REASON.administrativeAction, 'administrative', why);
  }

  /** Resolves when what earlier connections of the client had begun to release is decided. */
  async releasesEnded(clientId: ClientId): Promise<void> {
    await this.#releasing.get(clientId);
  }

  /** That broker is down: what it leaves behind is this one's to see to, and what it was about to tell is to be looked for. */
  peerDown(peer: Incarnation): void {
    this.peers.forget(peer);
    this.#countRoutes();
    this.orphans.closeAllEventually();
    void lookForMissed([...this.#active.values()]);
  }

  /** A queue of the client took a message no more, or its oldest had to go for it. */
  readonly queueFull = (clientId: ClientId, tenantFull: TotalBound | undefined): void => {
    this.quota.exceeded(queueQuotaName(tenantFull), clientId);
  };

  sessionChanged(
    client: ClientNumber,
    before: SessionState | undefined,
    after: SessionState | undefined,
  ): void {
    if (before === undefined) this.counters.sessions++;
    if (after === undefined) this.counters.sessions--;
    const ours = this.#isOurs(after?.owner) ? after?.owner?.connection : undefined;
    this.#sessionQuota.changed(before, after, ours);
    if (before?.sessionId !== after?.sessionId) this.#subscribers.delete(client);
    else if (before !== undefined) this.#keepQueueKind(client, before, after);
    const clientId = (after ?? before)?.clientId;
    if (clientId !== undefined && isBridgeClientId(clientId)) this.#noteSystemSession(clientId, after);
    this.orphans.changed(clientId, after);
    const active = clientId && this.#active.get(clientId);
    if (active !== undefined && !sameOwner(active.owner, after?.owner)) {
      if (after !== undefined) this.counters.takeOvers++;
      active.ownershipLost(after === undefined ? REASON.administrativeAction : REASON.sessionTakenOver);
    }
    if (after === undefined) return;
    const { owner, closedOwner } = after;
    if (owner !== undefined && !this.#isOurs(owner)) this.#takenElsewhere(client, before, after);
    else this.#notElsewhere(client, before, after);
    if (owner !== undefined && this.#isOurs(owner)) this.lifecycle.opened(owner, before);
    if (before === undefined && owner === undefined && this.#isOurs(closedOwner))
      this.lifecycle.endAgain(after);
    this.lifecycle.watch(client, after);
  }

  overruled(_client: ClientNumber, session: SessionState): void {
    const owner = lastOwner(session);
    if (owner === undefined) return;
    if (this.#isOurs(owner)) this.lifecycle.restate(session);
    else this.orphans.overruled(session);
  }

  subscriptionOverruled(client: ClientNumber, subscription: Subscription): void {
    const session = this.registry.sessionOf(client);
    if (session !== undefined && this.#isOurs(lastOwner(session)))
      this.lifecycle.restateSubscription(subscription);
  }

  subscribed(client: ClientNumber, subscription: Subscription): void {
    this.router.trie.add(client, placeOf(subscription), subscription);
    this.peers.credit.subscriptionsChanged(subscription.clientId, subscription.filter);
    this.#countRoutes();
  }

  unsubscribed(client: ClientNumber, subscription: Subscription): void {
    this.router.trie.remove(client, placeOf(subscription));
    this.peers.credit.subscriptionsChanged(subscription.clientId, subscription.filter);
    this.#countRoutes();
  }

  #noteSystemSession(clientId: ClientId, after: SessionState | undefined): void {
    if (after === undefined) this.systemSessions.delete(clientId);
    else this.systemSessions.add(clientId);
  }

  #isOurs(owner: SessionOwner | undefined): boolean {
    return owner?.incarnation === this.services.incarnation;
  }

  #countRoutes(): void {
    this.counters.subscriptions = this.router.trie.size - this.peers.routes;
  }

  /** What is due of a session is seen to by its last owner, or by one survivor for it; if that does not happen, by everybody. */
  #isOthersToSettle(session: SessionState): boolean {
    const owner = lastOwner(session);
    if (owner === undefined || this.#isOurs(owner) || !this.services.logsAreShared) return false;
    if (!this.orphans.isDead(owner.incarnation)) return true;
    return !this.services.peers.mesh.isResponsibleFor(session.clientId);
  }

  #notElsewhere(client: ClientNumber, before: SessionState | undefined, after: SessionState): void {
    const subscriber = before?.sessionId === after.sessionId ? this.#subscribers.known(client) : undefined;
    if (subscriber !== undefined) this.peers.notElsewhere(subscriber);
  }

  /** Another broker has the session: what it sends to the client is not known here. */
  #takenElsewhere(client: ClientNumber, before: SessionState | undefined, after: SessionState): void {
    const subscriber = this.#subscribers.known(client);
    if (subscriber !== undefined) {
      subscriber.sentThrough = undefined;
      if (after.owner !== undefined) this.peers.connectedElsewhere(subscriber, after.owner);
    }
    if (before === undefined || !this.#isOurs(before.owner)) return;
    // Of two brokers that take a session over at once, the later one may not have known of our connection and its will. What
    // the other has published too goes to nobody twice.
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

  #makeSubscriber(client: ClientNumber): Subscriber {
    const session = this.registry.sessionOf(client);
    if (session === undefined) throw new Error('tenant-broker: a client without a session has a route');
    return this.#subscriberOf(client, session);
  }

  /** Whether a session has a durable queue is decided when it begins: one that is to end with this connection keeps it. */
  #keepQueueKind(client: ClientNumber, before: SessionState, after: SessionState | undefined): void {
    if (after === undefined || isPersistent(before) === isPersistent(after)) return;
    if (this.#subscribers.known(client) === undefined)
      this.#subscribers.set(this.#subscriberOf(client, before));
  }

  #subscriberOf(client: ClientNumber, session: SessionState): Subscriber {
    const pending = isPersistent(session) ? queueKey(this.tenant, session.sessionId, 'pending') : undefined;
    const subscriber = new Subscriber(this.counters, client, session.clientId, session.sessionId, pending);
    subscriber.onQueueFull = this.queueFull;
    if (session.owner !== undefined && !this.#isOurs(session.owner))
      this.peers.connectedElsewhere(subscriber, session.owner);
    return subscriber;
  }

  #awaitReleases({ clientId, held }: ActiveSession): void {
    const idle = held?.idle();
    if (idle === undefined) return;
    this.#releasing.set(clientId, idle);
    void idle.then(() => this.#releasing.delete(clientId));
  }
}
