/**
 * Session events as records of `spoke.session-events`, and back. The schema of the value says what a record
 * is; the event header only tells an opening from a closing and why a key has no state any more, so a header
 * that a later release invents does no harm.
 */
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Seq } from '../queue/durable-queue.ts';
import { SESSION_END_REASONS } from '../session/events.ts';
import type {
  CloseReason,
  SessionEndReason,
  SessionEvent,
  SessionOwner,
  SessionState,
  Subscription,
  Will,
} from '../session/events.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import { SESSION_STATE_V1, SUBSCRIPTION_V1 } from './avro-schemas.ts';
import type { LogEntry, LogRecord } from './event-log.ts';
import { clientPartitionKey, parseRecordKey, sessionKey, subscriptionKey } from './record-key.ts';
import { UndecodableRecordError } from './undecodable-record-error.ts';
import { schemaIdOf, ValueCodec } from './value-codec.ts';

interface WillValue {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly delayS: number;
  readonly messageExpiryS: number | null;
  readonly properties: Buffer;
}

interface SessionStateValue {
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
  readonly clientName: string;
  readonly level: ProtocolLevel;
  readonly owner: SessionOwner | null;
  readonly sessionExpiryS: number;
  readonly will: WillValue | null;
  readonly willDueAtMs: number | null;
  readonly address: string;
  readonly openedAtMs: number;
  readonly closedAtMs: number | null;
  readonly closeReason: CloseReason | null;
  readonly closedOwner: SessionOwner | null;
  readonly sentThrough: Seq | null;
}

type SubscriptionValue = Omit<Subscription, 'subscriptionId'> & { readonly subscriptionId: number | null };

const sessionStates = new ValueCodec<SessionStateValue>(SESSION_STATE_V1);
const subscriptions = new ValueCodec<SubscriptionValue>(SUBSCRIPTION_V1);

const SESSION_ENDED = 'SessionEnded';

/** What the record says, in its key and value, is the event; `timestampMs` is when it happened. */
export function encodeSessionEvent(event: SessionEvent, timestampMs: number): LogRecord {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed': {
      const { tenant, clientId } = event.state;
      const value = sessionStates.encode(sessionStateValue(event.state));
      return clientRecord(tenant, clientId, sessionKey(tenant, clientId), value, event.type, timestampMs);
    }
    case 'SessionEnded': {
      const { tenant, clientId, reason } = event;
      const header = `${SESSION_ENDED}:${reason}`;
      return clientRecord(tenant, clientId, sessionKey(tenant, clientId), null, header, timestampMs);
    }
    case 'Subscribed': {
      const { tenant, clientId, filter } = event.subscription;
      const value = subscriptions.encode(subscriptionValue(event.subscription));
      const key = subscriptionKey(tenant, clientId, filter);
      return clientRecord(tenant, clientId, key, value, event.type, timestampMs);
    }
    case 'Unsubscribed': {
      const { tenant, clientId, filter } = event;
      const key = subscriptionKey(tenant, clientId, filter);
      return clientRecord(tenant, clientId, key, null, event.type, timestampMs);
    }
  }
}

/** Takes snapshot rows too. Throws `UndecodableRecordError`. */
export function decodeSessionEvent(entry: Pick<LogEntry, 'key' | 'value' | 'event'>): SessionEvent {
  const { key, value, event } = entry;
  if (value === null) return decodeTombstone(key, event);
  const schemaId = schemaIdOf(value, key);
  if (subscriptions.reads(schemaId)) {
    return { type: 'Subscribed', subscription: subscriptionFrom(subscriptions.decode(value, key)) };
  }
  const state = sessionStateFrom(sessionStates.decode(value, key));
  return { type: isOpening(event, state) ? 'SessionOpened' : 'SessionClosed', state };
}

function isOpening(event: string, state: SessionState): boolean {
  if (event === 'SessionOpened') return true;
  return event !== 'SessionClosed' && state.owner !== undefined;
}

function decodeTombstone(key: string, event: string): SessionEvent {
  const parsed = parseRecordKey(key);
  switch (parsed.kind) {
    case 'session':
      return {
        type: 'SessionEnded',
        tenant: parsed.tenant,
        clientId: parsed.clientId,
        reason: endReason(event),
      };
    case 'subscription':
      return {
        type: 'Unsubscribed',
        tenant: parsed.tenant,
        clientId: parsed.clientId,
        filter: parsed.filter,
      };
    case 'retained':
      throw new UndecodableRecordError(
        key,
        'a retained message does not belong on the topic of session events.',
      );
  }
}

/** A reason of a later release reads as `administrative`: the session is gone either way. */
function endReason(event: string): SessionEndReason {
  const text = event.slice(SESSION_ENDED.length + 1);
  return SESSION_END_REASONS.find((reason) => reason === text) ?? 'administrative';
}

function clientRecord(
  tenant: TenantId,
  clientId: ClientId,
  key: string,
  value: Buffer | null,
  event: string,
  timestampMs: number,
): LogRecord {
  return { partitionKey: clientPartitionKey(tenant, clientId), key, value, event, timestampMs };
}

function sessionStateValue(state: SessionState): SessionStateValue {
  return {
    tenant: state.tenant,
    clientId: state.clientId,
    sessionId: state.sessionId,
    clientName: state.clientName,
    level: state.level,
    owner: state.owner ?? null,
    sessionExpiryS: state.sessionExpiryS,
    will: state.will === undefined ? null : willValue(state.will),
    willDueAtMs: state.willDueAtMs ?? null,
    address: state.address,
    openedAtMs: state.openedAtMs,
    closedAtMs: state.closedAtMs ?? null,
    closeReason: state.closeReason ?? null,
    closedOwner: state.closedOwner ?? null,
    sentThrough: state.sentThrough ?? null,
  };
}

function sessionStateFrom(value: SessionStateValue): SessionState {
  const { owner, will, closedOwner } = value;
  return {
    tenant: value.tenant,
    clientId: value.clientId,
    sessionId: value.sessionId,
    clientName: value.clientName,
    level: value.level,
    owner: owner === null ? undefined : ownerFrom(owner),
    sessionExpiryS: value.sessionExpiryS,
    will: will === null ? undefined : willFrom(will),
    willDueAtMs: value.willDueAtMs ?? undefined,
    address: value.address,
    openedAtMs: value.openedAtMs,
    closedAtMs: value.closedAtMs ?? undefined,
    closeReason: value.closeReason ?? undefined,
    closedOwner: closedOwner === null ? undefined : ownerFrom(closedOwner),
    sentThrough: value.sentThrough ?? undefined,
  };
}

/** A plain object instead of the decoder's class. */
function ownerFrom({ incarnation, connection }: SessionOwner): SessionOwner {
  return { incarnation, connection };
}

function willValue(will: Will): WillValue {
  const { topic, payload, qos, retain, delayS, messageExpiryS, properties } = will;
  return { topic, payload, qos, retain, delayS, messageExpiryS: messageExpiryS ?? null, properties };
}

function willFrom(value: WillValue): Will {
  const { topic, payload, qos, retain, delayS, messageExpiryS, properties } = value;
  return { topic, payload, qos, retain, delayS, messageExpiryS: messageExpiryS ?? undefined, properties };
}

function subscriptionValue(subscription: Subscription): SubscriptionValue {
  return { ...subscription, subscriptionId: subscription.subscriptionId ?? null };
}

function subscriptionFrom(value: SubscriptionValue): Subscription {
  return {
    tenant: value.tenant,
    clientId: value.clientId,
    sessionId: value.sessionId,
    filter: value.filter,
    qos: value.qos,
    noLocal: value.noLocal,
    retainAsPublished: value.retainAsPublished,
    retainHandling: value.retainHandling,
    subscriptionId: value.subscriptionId ?? undefined,
  };
}
