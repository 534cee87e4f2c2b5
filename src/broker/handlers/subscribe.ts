/**
 * SUBSCRIBE: each filter is judged on its own; what is granted is recorded (persistent sessions) and routed
 * before SUBACK leaves, and retained messages follow it.
 */
import type { SubscribePacket, SubscribeRequest } from '../../mqtt/packets.ts';
import { REASON } from '../../mqtt/reason-code.ts';
import { parseShare } from '../../mqtt/topic.ts';
import type { QuotaName } from '../../quota/tenant-limits.ts';
import { wildcardLevels } from '../../routing/filter-tree.ts';
import type { Subscription } from '../../session/events.ts';
import type { ActiveSession } from '../active-session.ts';
import { isWithinTopicLimits } from '../limits.ts';
import { sendRetained } from '../retained-delivery.ts';

/** One granted request, and whether it replaces a subscription. */
interface Granted {
  readonly subscription: Subscription;
  readonly existed: boolean;
}

export function handleSubscribe(session: ActiveSession, packet: SubscribePacket): void {
  const { broker, clientId } = session;
  const granted: Granted[] = [];
  /** [MQTT-3.8.4-5] As if each request came in a packet of its own: the second of two alike finds the first. */
  const newFilters = new Set<string>();
  const reasonCodes = packet.requests.map((request) => {
    const existed = newFilters.has(request.filter) || isKnown(session, request.filter);
    const reasonCode = judge(session, request, existed, newFilters.size);
    if (reasonCode < REASON.unspecifiedError) {
      granted.push({ subscription: subscriptionOf(session, packet, request), existed });
      if (!existed) {
        newFilters.add(request.filter);
        session.countWildcardLevels(wildcardLevels(request.filter));
      }
    } else {
      broker.counters.subscriptionsRefused++;
      session.logRefusal({ filter: request.filter, reasonCode }, 'subscribe refused');
    }
    return reasonCode;
  });
  if (session.subscriber.pending === undefined) {
    const routing = granted.flatMap(
      ({ subscription }) => broker.addTransientRoute(session, subscription) ?? [],
    );
    // Nothing is durable for a transient session; the routes are in force, here and with every peer.
    if (routing.length === 0) {
      answer(session, packet, reasonCodes, granted);
      return;
    }
    const told = session.beginRequest(0);
    void Promise.all(routing).then(() => {
      told();
      answer(session, packet, reasonCodes, granted);
    });
    return;
  }
  const answered = beginRequest(session, newFilters.size);
  broker.lifecycle
    .subscribe(
      clientId,
      granted.map(({ subscription }) => subscription),
    )
    .then((positions) => broker.services.peers.appliedEverywhere(positions))
    .then(
      () => {
        answered();
        // Durable here: each granted subscription on the event log, applied to the routes of this broker and of every peer.
        answer(session, packet, reasonCodes, granted);
      },
      (error: unknown) => {
        answered();
        broker.services.onStoreError(error);
        session.disconnect(REASON.serverBusy, 'storeUnavailable', 'SUBSCRIBE could not be recorded');
      },
    );
}

function beginRequest(session: ActiveSession, newFilters: number): () => void {
  const { quota } = session.broker;
  const answered = session.beginRequest(newFilters);
  quota.filtersUnderWay += newFilters;
  return () => {
    quota.filtersUnderWay -= newFilters;
    answered();
  };
}

function answer(
  session: ActiveSession,
  packet: SubscribePacket,
  reasonCodes: readonly number[],
  granted: readonly Granted[],
): void {
  if (session.hasEnded) return;
  session.link.send({ type: 'suback', packetId: packet.packetId, reasonCodes });
  const withRetained = granted.filter(({ subscription, existed }) => wantsRetained(subscription, existed));
  if (withRetained.length === 0) return;
  session.queueRetained(() =>
    sendRetained(
      session,
      withRetained.map(({ subscription }) => subscription),
    ),
  );
}

/** [MQTT-3.3.1-9 to 11]; shared subscriptions get none (MQTT 5.0, 4.8.2). */
function wantsRetained(subscription: Subscription, existed: boolean): boolean {
  if (parseShare(subscription.filter) !== undefined) return false;
  return subscription.retainHandling === 0 || (subscription.retainHandling === 1 && !existed);
}

/** The granted QoS, or why not. */
function judge(
  session: ActiveSession,
  request: SubscribeRequest,
  existed: boolean,
  newFilters: number,
): number {
  const { limits, quota } = session.broker;
  const filter = parseShare(request.filter)?.filter ?? request.filter;
  if (!isWithinTopicLimits(filter, limits)) return REASON.topicFilterInvalid;
  // The name of a shared group is stored as well.
  if (Buffer.byteLength(request.filter) > limits.topicBytesMax) return REASON.topicFilterInvalid;
  if (!session.principal.maySubscribe(filter, request.qos)) return REASON.notAuthorized;
  const exceeded = existed ? undefined : exceededBy(session, newFilters);
  if (exceeded !== undefined) {
    quota.exceeded(exceeded, session.clientId);
    return REASON.quotaExceeded;
  }
  const levels = existed ? 0 : wildcardLevels(filter);
  if (levels > 0 && session.wildcardLevels + levels > limits.wildcardLevelsPerSessionMax) {
    return REASON.quotaExceeded;
  }
  return request.qos;
}

function subscriptionOf(
  session: ActiveSession,
  packet: SubscribePacket,
  request: SubscribeRequest,
): Subscription {
  return {
    tenant: session.broker.tenant,
    clientId: session.clientId,
    sessionId: session.sessionId,
    filter: request.filter,
    qos: request.qos,
    noLocal: request.noLocal,
    retainAsPublished: request.retainAsPublished,
    retainHandling: request.retainHandling,
    subscriptionId: packet.subscriptionId,
  };
}

function isKnown(session: ActiveSession, filter: string): boolean {
  if (session.transientRoutes.has(filter)) return true;
  return session.broker.registry.subscribes(session.clientId, filter);
}

/** By one more subscription. */
function exceededBy(session: ActiveSession, newFilters: number): QuotaName | undefined {
  const { limits, quota, counters } = session.broker;
  if (subscriptionCount(session) + newFilters >= limits.subscriptionsPerSessionMax)
    return 'client.subscriptionsMax';
  const ofTenant = counters.subscriptions + quota.filtersUnderWay + newFilters;
  return ofTenant >= quota.quotas.tenant.subscriptionsMax ? 'tenant.subscriptionsMax' : undefined;
}

/** Those under way included: they were granted on the same record. */
function subscriptionCount(session: ActiveSession): number {
  const onRecord = session.broker.registry.subscriptionCount(session.clientId);
  return session.transientRoutes.size + onRecord + session.filtersUnderWay;
}
