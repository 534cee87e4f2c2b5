/**
 * A session's state and a subscription as a packed record keeps them, with the offset they came from. The layout lives
 * no longer than the process: what goes to disk is the event log's encoding.
 */
import type { Offset } from '../event-log/event-log.ts';
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { PackedReader, PackedWriter } from '../packed/packed-bytes.ts';
import type { Seq } from '../queue/durable-queue.ts';
import type { ClientId, Incarnation, SessionId, TenantId } from '../tenancy/identity.ts';
import type { Versioned } from './evolve.ts';
import { CLOSE_REASONS } from './events.ts';
import type { SessionOwner, SessionState, Subscription, Will } from './events.ts';

// Session:  session id | offset | level, u8 | present, u8 | expiry | opened at | client name | address
//           | owner? | will? | will due at? | closed at? | close reason? | closed owner? | sent through?
// Numbers and texts as packed-bytes.ts has them; a field with a question mark is there if its bit is set.
const HAS_OWNER = 1;
const HAS_WILL = 2;
const HAS_WILL_DUE = 4;
const HAS_CLOSED_AT = 8;
const HAS_CLOSE_REASON = 16;
const HAS_CLOSED_OWNER = 32;
const HAS_SENT_THROUGH = 64;

/** The session id comes first, so that it can be read without the rest. */
export function writeSession(to: PackedWriter, { value: state, offset }: Versioned<SessionState>): void {
  to.number(state.sessionId);
  to.number(offset);
  to.byte(state.level);
  to.byte(presentIn(state));
  to.number(state.sessionExpiryS);
  to.number(state.openedAtMs);
  to.text(state.clientName);
  to.text(state.address);
  if (state.owner !== undefined) writeOwner(to, state.owner);
  if (state.will !== undefined) writeWill(to, state.will);
  if (state.willDueAtMs !== undefined) to.number(state.willDueAtMs);
  if (state.closedAtMs !== undefined) to.number(state.closedAtMs);
  if (state.closeReason !== undefined) to.byte(CLOSE_REASONS.indexOf(state.closeReason));
  if (state.closedOwner !== undefined) writeOwner(to, state.closedOwner);
  if (state.sentThrough !== undefined) to.number(state.sentThrough);
}

/** Goes over a session as far as is needed to know whether somebody owns it. */
export function readIsOwned(from: PackedReader): boolean {
  from.number();
  from.number();
  from.byte();
  return (from.byte() & HAS_OWNER) !== 0;
}

export function readSession(
  from: PackedReader,
  tenant: TenantId,
  clientId: ClientId,
): Versioned<SessionState> {
  const sessionId = from.number() as SessionId;
  const offset = from.number() as Offset;
  const level = from.byte() as ProtocolLevel;
  const present = from.byte();
  const has = (bit: number): boolean => (present & bit) !== 0;
  const sessionExpiryS = from.number();
  const openedAtMs = from.number();
  const clientName = from.text();
  const address = from.text();
  // Read in the order in which they were written.
  const owner = has(HAS_OWNER) ? readOwner(from) : undefined;
  const will = has(HAS_WILL) ? readWill(from) : undefined;
  const willDueAtMs = has(HAS_WILL_DUE) ? from.number() : undefined;
  const closedAtMs = has(HAS_CLOSED_AT) ? from.number() : undefined;
  const closeReason = has(HAS_CLOSE_REASON) ? CLOSE_REASONS[from.byte()] : undefined;
  const closedOwner = has(HAS_CLOSED_OWNER) ? readOwner(from) : undefined;
  const sentThrough = has(HAS_SENT_THROUGH) ? (from.number() as Seq) : undefined;
  const value: SessionState = {
    tenant,
    clientId,
    sessionId,
    clientName,
    level,
    owner,
    sessionExpiryS,
    will,
    willDueAtMs,
    address,
    openedAtMs,
    closedAtMs,
    closeReason,
    closedOwner,
    sentThrough,
  };
  return { value, offset };
}

// Subscription:  filter | session id | offset | options, u8 | identifier?
const QOS_MASK = 3;
const NO_LOCAL = 4;
const RETAIN_AS_PUBLISHED = 8;
const RETAIN_HANDLING_SHIFT = 4;
const RETAIN_HANDLING_MASK = 3;
const HAS_SUBSCRIPTION_ID = 64;

export function writeSubscription(
  to: PackedWriter,
  { value: subscription, offset }: Versioned<Subscription>,
): void {
  to.text(subscription.filter);
  to.number(subscription.sessionId);
  to.number(offset);
  to.byte(
    subscription.qos |
      (subscription.noLocal ? NO_LOCAL : 0) |
      (subscription.retainAsPublished ? RETAIN_AS_PUBLISHED : 0) |
      (subscription.retainHandling << RETAIN_HANDLING_SHIFT) |
      (subscription.subscriptionId === undefined ? 0 : HAS_SUBSCRIPTION_ID),
  );
  if (subscription.subscriptionId !== undefined) to.number(subscription.subscriptionId);
}

export function readSubscription(
  from: PackedReader,
  tenant: TenantId,
  clientId: ClientId,
): Versioned<Subscription> {
  const filter = from.text();
  const sessionId = from.number() as SessionId;
  const offset = from.number() as Offset;
  const options = from.byte();
  const value: Subscription = {
    tenant,
    clientId,
    sessionId,
    filter,
    qos: (options & QOS_MASK) as QoS,
    noLocal: (options & NO_LOCAL) !== 0,
    retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: ((options >>> RETAIN_HANDLING_SHIFT) & RETAIN_HANDLING_MASK) as 0 | 1 | 2,
    subscriptionId: (options & HAS_SUBSCRIPTION_ID) === 0 ? undefined : from.number(),
  };
  return { value, offset };
}

/** Goes on to what follows the subscription. */
export function skipSubscription(from: PackedReader): void {
  from.skip(from.number());
  from.number();
  from.number();
  if ((from.byte() & HAS_SUBSCRIPTION_ID) !== 0) from.number();
}

function presentIn(state: SessionState): number {
  return (
    (state.owner === undefined ? 0 : HAS_OWNER) |
    (state.will === undefined ? 0 : HAS_WILL) |
    (state.willDueAtMs === undefined ? 0 : HAS_WILL_DUE) |
    (state.closedAtMs === undefined ? 0 : HAS_CLOSED_AT) |
    (state.closeReason === undefined ? 0 : HAS_CLOSE_REASON) |
    (state.closedOwner === undefined ? 0 : HAS_CLOSED_OWNER) |
    (state.sentThrough === undefined ? 0 : HAS_SENT_THROUGH)
  );
}

function writeOwner(to: PackedWriter, { incarnation, connection }: SessionOwner): void {
  to.text(incarnation);
  to.number(connection);
}

function readOwner(from: PackedReader): SessionOwner {
  return { incarnation: from.text() as Incarnation, connection: from.number() };
}

// Will:  topic | payload | qos, bit 2: retain, bit 3: has expiry, u8 | delay | properties | expiry?
const WILL_RETAIN = 4;
const WILL_HAS_EXPIRY = 8;

function writeWill(to: PackedWriter, will: Will): void {
  to.text(will.topic);
  to.blob(will.payload);
  to.byte(
    will.qos | (will.retain ? WILL_RETAIN : 0) | (will.messageExpiryS === undefined ? 0 : WILL_HAS_EXPIRY),
  );
  to.number(will.delayS);
  to.blob(will.properties);
  if (will.messageExpiryS !== undefined) to.number(will.messageExpiryS);
}

function readWill(from: PackedReader): Will {
  const topic = from.text();
  const payload = from.blob();
  const options = from.byte();
  const delayS = from.number();
  const properties = from.blob();
  return {
    topic,
    payload,
    qos: (options & QOS_MASK) as QoS,
    retain: (options & WILL_RETAIN) !== 0,
    delayS,
    messageExpiryS: (options & WILL_HAS_EXPIRY) === 0 ? undefined : from.number(),
    properties,
  };
}
