/**
 * Session events as records of `spoke.session-events`, and back. The key says what a record is, and its value has to
 * be of a schema of that; the event header only tells an opening from a closing and why a key has no state any more, so a header
 * that a later release invents does no harm.
 */
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Seq } from '../queue/durable-queue.ts';
import { SESSION_END_REASONS } from '../session/events.ts';
import type {
  CloseReason,
  SessionEvent,
  SessionOwner,
  SessionState,
  Subscription,
  Will,
} from '../session/events.ts';
import type { ClientId, Incarnation, SessionId, TenantId } from '../tenancy/identity.ts';
import { SESSION_STATE_V1, SUBSCRIPTION_V1 } from './avro-schemas.ts';
import type { LogEntry, LogRecord } from './event-log.ts';
import {
  clientPartitionKey,
  isSessionKey,
  isSubscriptionKey,
  parseRecordKey,
  sessionKey,
  subscriptionKey,
} from './record-key.ts';
import { UndecodableRecordError } from './undecodable-record-error.ts';
import { ValueCodec } from './value-codec.ts';

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

type SessionEnded = Extract<SessionEvent, { readonly type: 'SessionEnded' }>;
type SubscriptionValue = Omit<Subscription, 'subscriptionId'> & { readonly subscriptionId: number | null };

const sessionStates = new ValueCodec<SessionStateValue>(SESSION_STATE_V1);
const subscriptions = new ValueCodec<SubscriptionValue>(SUBSCRIPTION_V1);

const RESTATED = 'SessionRestated';
// Header of a session's end:  SessionEnded:reason, in old logs
//                             SessionEnded:reason:incarnation/connection@began
// where "began" is when the last owner's connection did, milliseconds since 1970.
const SESSION_ENDED = 'SessionEnded';
const ENDED_HEADER = /^SessionEnded:([^:]*)(?::(.*)\/(\d+)(?:@(\d+))?)?$/s;
// Header of a subscription's end:  Unsubscribed, in old logs and where it is of whichever session | Unsubscribed:session id
const UNSUBSCRIBED = 'Unsubscribed';
const UNSUBSCRIBED_HEADER = /^Unsubscribed:(\d+)$/;

/** What the record says, in its key and value, is the event; `timestampMs` is when it happened. */
export function encodeSessionEvent(event: SessionEvent, timestampMs: number): LogRecord {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed': {
      const { tenant, clientId } = event.state;
      const value = sessionStates.encode(sessionStateValue(event.state));
      const header = event.type === 'SessionOpened' && event.restated === true ? RESTATED : event.type;
      return clientRecord(tenant, clientId, sessionKey(tenant, clientId), value, header, timestampMs);
    }
    case 'SessionEnded': {
      const { tenant, clientId } = event;
      const key = sessionKey(tenant, clientId);
      return clientRecord(tenant, clientId, key, null, endedHeader(event), timestampMs);
    }
    case 'Subscribed': {
      const { tenant, clientId, filter } = event.subscription;
      const value = subscriptions.encode(subscriptionValue(event.subscription));
      const key = subscriptionKey(tenant, clientId, filter);
      return clientRecord(tenant, clientId, key, value, event.type, timestampMs);
    }
    case 'Unsubscribed': {
      const { tenant, clientId, filter, sessionId } = event;
      const key = subscriptionKey(tenant, clientId, filter);
      const header = sessionId === undefined ? UNSUBSCRIBED : `${UNSUBSCRIBED}:${sessionId}`;
      return clientRecord(tenant, clientId, key, null, header, timestampMs);
    }
  }
}

function endedHeader({ reason, lastOwner, lastOpenedAtMs }: SessionEnded): string {
  const began = lastOpenedAtMs === undefined ? '' : `@${lastOpenedAtMs}`;
  const owner = lastOwner === undefined ? '' : `:${lastOwner.incarnation}/${lastOwner.connection}${began}`;
  return `${SESSION_ENDED}:${reason}${owner}`;
}

/** Takes snapshot rows too. Throws `UndecodableRecordError`. */
export function decodeSessionEvent(entry: Pick<LogEntry, 'key' | 'value' | 'event'>): SessionEvent {
  const { key, value, event } = entry;
  if (value === null) return decodeTombstone(key, event);
  if (isSubscriptionKey(key)) {
    return { type: 'Subscribed', subscription: subscriptionFrom(subscriptions.decode(value, key)) };
  }
  if (!isSessionKey(key)) throw notHere(key);
  const state = sessionStateFrom(sessionStates.decode(value, key));
  if (!isOpening(event, state)) return { type: 'SessionClosed', state };
  return event === RESTATED
    ? { type: 'SessionOpened', state, restated: true }
    : { type: 'SessionOpened', state };
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
        ...endFrom(event),
      };
    case 'subscription':
      return {
        type: 'Unsubscribed',
        tenant: parsed.tenant,
        clientId: parsed.clientId,
        filter: parsed.filter,
        sessionId: sessionIdFrom(event),
      };
    case 'retained':
    case 'tenant':
    case 'audit':
      throw notHere(key);
  }
}

function notHere(key: string): UndecodableRecordError {
  return new UndecodableRecordError(key, 'it does not belong on the topic of session events.');
}

/** A reason of a later release reads as `administrative`: the session is gone either way. */
function endFrom(event: string): Pick<SessionEnded, 'reason' | 'lastOwner' | 'lastOpenedAtMs'> {
  const [, text, incarnation, connection, began] = ENDED_HEADER.exec(event) ?? [];
  const lastOwner =
    incarnation === undefined
      ? undefined
      : { incarnation: incarnation as Incarnation, connection: Number(connection) };
  return {
    reason: SESSION_END_REASONS.find((reason) => reason === text) ?? 'administrative',
    lastOwner,
    lastOpenedAtMs: began === undefined ? undefined : Number(began),
  };
}

function sessionIdFrom(event: string): SessionId | undefined {
  const [, sessionId] = UNSUBSCRIBED_HEADER.exec(event) ?? [];
  return sessionId === undefined ? undefined : (Number(sessionId) as SessionId);
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
