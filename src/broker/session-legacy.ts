/** What a session of a tenant leaves to other members of its shared subscriptions: when it ends, and when a transient one is gone. */
import type { Route, Subscriber } from '../routing/subscriber.ts';
import type { SessionState } from '../session/events.ts';
import type { SessionLegacy } from './session-lifecycle.ts';
import { SharedLegacy } from './shared-legacy.ts';
import { routeOf } from './subscription-route.ts';
import type { TenantBroker } from './tenant-broker.ts';

/** If the session, which has a durable queue, ended now; undefined: it leaves nothing. */
export function legacyOf(tenant: TenantBroker, session: SessionState): SessionLegacy | undefined {
  const subscriber = tenant.subscriber(session.clientId);
  if (subscriber?.pending === undefined) return undefined;
  const { pending } = subscriber;
  const subscriptions = [...(tenant.registry.get(session.clientId)?.subscriptions.values() ?? [])]
    .map(({ value }) => value)
    .filter(({ sessionId }) => sessionId === session.sessionId);
  const routes = subscriptions.map((subscription) => routeOf(subscriber, subscription));
  const legacy = sharedLegacyOf(tenant, subscriber, routes);
  return legacy && (() => legacy.handOver(pending, subscriber.sentThrough ?? session.sentThrough));
}

export function sharedLegacyOf(
  { router, publishing, clock, services }: TenantBroker,
  subscriber: Subscriber,
  routes: readonly Route[],
): SharedLegacy | undefined {
  const { store, batcher, trims } = services;
  return SharedLegacy.of({ subscriber, router, publishing, store, batcher, trims, clock }, routes);
}
