/**
 * Turns an authenticated CONNECT into an `ActiveSession`: the session is opened on the log, what it left in its
 * queues is taken up again, and from then on its messages come to this connection.
 */
import type { Principal } from '../auth/authenticator.ts';
import { ReceivableTopics } from '../auth/receivable-topics.ts';
import type { ConnectPacket } from '../mqtt/packets.ts';
import { queueKey, type Seq } from '../queue/durable-queue.ts';
import type { ClientQuota } from '../quota/client-quota.ts';
import type { Subscriber } from '../routing/subscriber.ts';
import { lastOwner } from '../session/evolve.ts';
import type { ClientId } from '../tenancy/identity.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { ActiveSession } from './active-session.ts';
import type { Broker } from './broker.ts';
import type { ClientLink } from './client-link.ts';
import { takenElsewhere } from './connect-refused.ts';
import { DurableOutbound } from './durable-outbound.ts';
import { HeldMessages } from './held-messages.ts';
import type { BrokerLimits } from './limits.ts';
import type { OutboundOptions } from './outbound.ts';
import type { ReAuthentication } from './re-authentication.ts';
import type { OpenedSession } from './opened-session.ts';
import type { TenantBroker } from './tenant-broker.ts';
import { TransientOutbound } from './transient-outbound.ts';

/** Whatever a connection had begun is decided after so many times the store's time-out. */
const SETTLED_AFTER_TIMEOUTS = 2;

export interface OpenSessionRequest {
  readonly link: ClientLink;
  readonly packet: ConnectPacket;
  readonly clientId: ClientId;
  readonly principal: Principal;
  readonly reAuthentication: ReAuthentication | undefined;
  readonly sessionExpiryS: number;
  /** As CONNACK is to tell them. */
  readonly limits: BrokerLimits;
  /** The connection has ended meanwhile. */
  readonly isGone: () => boolean;
}

export interface ConnectedSession {
  readonly session: ActiveSession;
  readonly sessionPresent: boolean;
  /** Call after CONNACK: sends what waits in the queue, oldest first. */
  readonly startDelivery: () => Promise<void>;
}

export function openSession(
  broker: Broker,
  tenantBroker: TenantBroker,
  request: OpenSessionRequest,
): Promise<ConnectedSession> {
  const { link, packet, clientId, principal, sessionExpiryS } = request;
  const owner = broker.nextOwner();
  const opening = tenantBroker.lifecycle.open(
    {
      tenant: tenantBroker.tenant,
      clientId,
      clientName: principal.clientName,
      verified: principal.verified,
      level: packet.level,
      owner,
      cleanStart: packet.cleanStart,
      sessionExpiryS,
      will: packet.will,
      address: link.peer.address,
      isGone: request.isGone,
    },
    async (opened) => {
      const subscriber = tenantBroker.subscriber(clientId);
      if (subscriber === undefined) throw new Error('open-session: an opened session has no subscriber');
      const quota = tenantBroker.quota.clientOf(link, clientId);
      const outboundOptions = outboundOptionsOf(tenantBroker, request, quota);
      // Nothing is delivered before there is the session.
      const receivable = new ReceivableTopics(() => session.principal);
      const parts =
        subscriber.pending === undefined
          ? transientParts(tenantBroker, clientId, outboundOptions, receivable)
          : await durableParts(tenantBroker, subscriber, opened, outboundOptions, receivable);
      const session: ActiveSession = new ActiveSession({
        broker: tenantBroker,
        link,
        quota,
        limits: request.limits,
        principal,
        reAuthentication: request.reAuthentication,
        level: packet.level,
        clientId,
        sessionId: opened.sessionId,
        resumed: opened.sessionPresent,
        owner,
        subscriber,
        sessionExpiryS,
        ...parts,
      });
      if (!tenantBroker.isOwnedBy(clientId, owner)) throw takenElsewhere();
      tenantBroker.attach(session);
      const { outbound } = parts;
      const startDelivery =
        outbound instanceof DurableOutbound
          ? () => startDurable(tenantBroker, session, outbound)
          : () => Promise.resolve();
      return { session, sessionPresent: opened.sessionPresent, startDelivery };
    },
  );
  return opening.catch((error: unknown) => {
    // The record may be on the log although nobody was connected: there was no CONNACK, so there is no will either.
    const ending = { publishWill: false, sessionExpiryS: undefined, sentThrough: undefined };
    tenantBroker.lifecycle.closeEventually(clientId, { owner, reason: 'storeUnavailable', ...ending });
    throw error;
  });
}

function outboundOptionsOf(
  { clock, counters }: TenantBroker,
  request: OpenSessionRequest,
  quota: ClientQuota,
): OutboundOptions {
  const { limits } = request;
  return {
    link: request.link,
    clock,
    counters,
    inFlightMax: Math.min(request.packet.receiveMaximum, limits.inFlightMax), // [MQTT-3.3.4-9]
    outboxBytesHigh: limits.outboxBytesHigh,
    quota,
  };
}

function transientParts(
  tenantBroker: TenantBroker,
  clientId: ClientId,
  options: OutboundOptions,
  receivable: ReceivableTopics,
) {
  const outbound = new TransientOutbound({
    ...options,
    queueQuota: () => tenantBroker.limits.transientQueue,
    onQueueFull: () => {
      tenantBroker.quota.exceeded('client.queue', clientId);
    },
    mayReceive: (topic) => receivable.includes(topic),
  });
  return { outbound, held: undefined };
}

async function durableParts(
  tenantBroker: TenantBroker,
  subscriber: Subscriber,
  opened: OpenedSession,
  options: OutboundOptions,
  receivable: ReceivableTopics,
) {
  const { tenant, services, publishing, counters } = tenantBroker;
  const { store, batcher, trims, marks } = services;
  const heldQueue = queueKey(tenant, opened.sessionId, 'held');
  const pendingQueue = queueKey(tenant, opened.sessionId, 'pending');
  // An earlier connection to this broker knows exactly, even one that was taken over and left no record.
  let sentBefore = opened.sessionPresent ? (subscriber.sentThrough ?? opened.sentThrough) : (0 as Seq);
  const held = new HeldMessages({
    queue: heldQueue,
    sessionId: opened.sessionId,
    store,
    batcher,
    counters,
    nowMs: () => tenantBroker.clock.nowMs(),
    onQueueFull: (tenantFull) => {
      tenantBroker.queueFull(subscriber.clientId, tenantFull);
    },
    chooseMembers: (topic) => publishing.chooseMembers(topic),
    publish: (message, ticket, origin, chosen) => {
      publishing.publish(message, ticket, origin, chosen);
    },
  });
  if (opened.sessionPresent) {
    // An earlier connection, here or to another broker, may have releases and appends under way that this one must find.
    const [handedOver] = await Promise.all([
      takenFromPeer(tenantBroker, opened),
      tenantBroker.releasesEnded(subscriber.clientId),
      batcher.barrier(heldQueue),
      batcher.barrier(pendingQueue),
    ]);
    sentBefore ??= handedOver;
    await held.load();
  }
  const outbound = new DurableOutbound({
    ...options,
    queue: pendingQueue,
    store,
    trims,
    marks,
    sentBefore,
    mayReceive: (topic) => receivable.includes(topic),
    onCredit: (hasCredit) => {
      tenantBroker.peers.creditChangedHere(subscriber.clientId, hasCredit);
    },
    onStoreFailure: (error) => {
      services.onStoreError(error);
      tenantBroker
        .active(subscriber.clientId)
        ?.disconnect(REASON.serverBusy, 'storeUnavailable', 'the queue cannot be read now');
    },
  });
  return { outbound, held };
}

/**
 * Resolves when the broker that had the session last has nothing under way for it, with how far it has sent if it says so. One that the
 * client left long ago is not asked.
 */
async function takenFromPeer(
  { services, limits, clock, peers }: TenantBroker,
  { resumed }: OpenedSession,
): Promise<Seq | undefined> {
  const from = resumed && lastOwner(resumed);
  if (resumed === undefined || from === undefined || from.incarnation === services.incarnation)
    return undefined;
  const settledAtMs = (resumed.closedAtMs ?? Infinity) + SETTLED_AFTER_TIMEOUTS * limits.storeTimeoutMs;
  return settledAtMs < clock.nowMs() ? undefined : await peers.takeOver(resumed, from);
}

async function startDurable(
  tenantBroker: TenantBroker,
  session: ActiveSession,
  outbound: DurableOutbound,
): Promise<void> {
  const { pending } = session.subscriber;
  if (pending === undefined) return;
  const { store, trims } = tenantBroker.services;
  await trims.settled(pending);
  outbound.start(await store.bounds(pending));
}
