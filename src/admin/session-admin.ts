/** Sessions for the admin API: what the registry says, with what only the connection and the queue know. */
import type { ActiveSession } from '../broker/active-session.ts';
import type { Broker } from '../broker/broker.ts';
import type { TenantBroker } from '../broker/tenant-broker.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { SessionState, Subscription } from '../session/events.ts';
import type { ClientEntry } from '../session/session-registry.ts';
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import type {
  KickOutcome,
  Page,
  SessionDetail,
  SessionQuery,
  SessionSummary,
  SubscriptionSummary,
} from './admin-port.ts';
import { pageOf } from './page-of.ts';

interface Found {
  readonly broker: TenantBroker;
  readonly entry: ClientEntry;
  readonly session: SessionState;
}

interface Matching {
  readonly broker: TenantBroker;
  readonly clientId: ClientId;
}

export class SessionAdmin {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  async listSessions(query: SessionQuery): Promise<Page<SessionSummary>> {
    const page = pageOf(
      this.#matching(query),
      ({ broker, clientId }) => `${broker.tenant}/${clientId}`,
      query,
    );
    const found = page.items.flatMap(({ broker, clientId }) => this.find(broker.tenant, clientId) ?? []);
    return { items: await Promise.all(found.map((each) => this.#summary(each))), next: page.next };
  }

  async showSession(tenant: TenantId, clientId: ClientId): Promise<SessionDetail | undefined> {
    const found = this.find(tenant, clientId);
    if (found === undefined) return undefined;
    const { broker, entry, session } = found;
    const active = broker.active(clientId);
    const { will } = session;
    return {
      ...(await this.#summary(found)),
      owner: session.owner,
      subscriptions: [...recorded(entry), ...transient(active)],
      will: will && { topic: will.topic, qos: will.qos, retain: will.retain, delayS: will.delayS },
      inFlight: active?.outbound.inFlight ?? 0,
      outboxBytes: active?.link.outboxBytes ?? 0,
    };
  }

  async kickSession(tenant: TenantId, clientId: ClientId, discard: boolean): Promise<KickOutcome> {
    const found = this.find(tenant, clientId);
    if (found === undefined) return 'unknown';
    const active = found.broker.active(clientId);
    active?.disconnect(REASON.administrativeAction, 'administrative', 'disconnected by an administrator');
    if (discard) await found.broker.lifecycle.end(clientId, 'administrative');
    return active === undefined ? 'notConnected' : 'kicked';
  }

  find(tenant: TenantId, clientId: ClientId): Found | undefined {
    const broker = this.#broker.tenant(tenant);
    const entry = broker?.registry.get(clientId);
    const session = entry?.session?.value;
    return broker && entry && session && { broker, entry, session };
  }

  /** Only the names: whoever is on no page is not looked at any further. */
  *#matching(query: SessionQuery): Generator<Matching, void, undefined> {
    for (const broker of this.#broker.tenants()) {
      if (query.tenant !== undefined && query.tenant !== broker.tenant) continue;
      for (const clientId of broker.registry.clientIds()) {
        if (query.match !== undefined && !clientId.includes(query.match)) continue;
        const isConnected = (): boolean => broker.registry.session(clientId)?.owner !== undefined;
        if (query.connected !== undefined && query.connected !== isConnected()) continue;
        yield { broker, clientId };
      }
    }
  }

  async #summary({ broker, entry, session }: Found): Promise<SessionSummary> {
    const { tenant, clientId, sessionId, clientName, level, address, sessionExpiryS } = session;
    const pending = broker.subscriber(clientId)?.pending;
    const bounds = pending && (await this.#broker.services.store.bounds(pending));
    return {
      tenant,
      clientId,
      sessionId,
      clientName,
      level,
      address,
      sessionExpiryS,
      openedAtMs: session.openedAtMs,
      closedAtMs: session.closedAtMs,
      closeReason: session.closeReason,
      connected: session.owner !== undefined,
      subscriptionCount: entry.subscriptions.size + (broker.active(clientId)?.transientRoutes.size ?? 0),
      queuedMessages: bounds?.messages ?? 0,
      queuedBytes: bounds?.bytes ?? 0,
    };
  }
}

function recorded(entry: ClientEntry): SessionDetail['subscriptions'] {
  return Array.from(entry.subscriptions.values(), ({ value }) => subscriptionSummary(value));
}

export function subscriptionSummary(subscription: Subscription): SubscriptionSummary {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionId } = subscription;
  return { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionId };
}

function transient(active: ActiveSession | undefined): SessionDetail['subscriptions'] {
  return Array.from(active?.transientRoutes ?? [], ([filter, route]) => ({
    filter,
    qos: route.qos,
    noLocal: route.noLocal,
    retainAsPublished: route.retainAsPublished,
    retainHandling: 0,
    subscriptionId: route.subscriptionId,
  }));
}
