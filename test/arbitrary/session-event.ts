/** Arbitrary session and retained events, every optional member present and absent. */
import fc from 'fast-check';
import { CLOSE_REASONS, NEVER_EXPIRES_S, SESSION_END_REASONS } from '../../src/session/events.ts';
import type {
  RetainedEvent,
  SessionEvent,
  SessionOwner,
  SessionState,
  Subscription,
  Will,
} from '../../src/session/events.ts';
import type { Message } from '../../src/queue/message.ts';
import type { Seq } from '../../src/queue/durable-queue.ts';
import { incarnation } from '../../src/tenancy/identity.ts';
import type { ClientId, SessionId, TenantId } from '../../src/tenancy/identity.ts';

/** MQTT forbids U+0000 in every string [MQTT-1.5.4-2]. */
const mqttString = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '␀'));
const tenant = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/).map((text) => text as TenantId);
const clientId = mqttString.map((text) => text as ClientId);
const safeInteger = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 });
const sessionId = safeInteger.map((id) => id as SessionId);
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const seconds = fc.oneof(fc.nat({ max: NEVER_EXPIRES_S }), fc.constant(NEVER_EXPIRES_S));

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

const owner: fc.Arbitrary<SessionOwner> = fc.record({
  incarnation: fc.tuple(mqttString, fc.nat()).map(([broker, start]) => incarnation(broker, start)),
  connection: safeInteger,
});

const will: fc.Arbitrary<Will> = fc.record({
  topic: mqttString,
  payload: bytes,
  qos,
  retain: fc.boolean(),
  delayS: seconds,
  messageExpiryS: optional(seconds),
  properties: bytes,
});

export const sessionState: fc.Arbitrary<SessionState> = fc.record({
  tenant,
  clientId,
  sessionId,
  clientName: mqttString,
  level: fc.constantFrom(3 as const, 4 as const, 5 as const),
  owner: optional(owner),
  sessionExpiryS: seconds,
  will: optional(will),
  willDueAtMs: optional(safeInteger),
  address: mqttString,
  openedAtMs: safeInteger,
  closedAtMs: optional(safeInteger),
  closeReason: optional(fc.constantFrom(...CLOSE_REASONS)),
  closedOwner: optional(owner),
  sentThrough: optional(safeInteger.map((seq) => seq as Seq)),
});

export const subscription: fc.Arbitrary<Subscription> = fc.record({
  tenant,
  clientId,
  sessionId,
  filter: mqttString,
  qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  retainHandling: fc.constantFrom(0 as const, 1 as const, 2 as const),
  subscriptionId: optional(fc.integer({ min: 1, max: 268_435_455 })),
});

export const sessionEvent: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc.record({ type: fc.constant('SessionOpened' as const), state: sessionState }),
  fc.record({
    type: fc.constant('SessionOpened' as const),
    state: fc.tuple(sessionState, owner).map(([state, by]) => ({ ...state, owner: by })),
    restated: fc.constant(true as const),
  }),
  fc.record({ type: fc.constant('SessionClosed' as const), state: sessionState }),
  fc.record({
    type: fc.constant('SessionEnded' as const),
    tenant,
    clientId,
    reason: fc.constantFrom(...SESSION_END_REASONS),
    lastOwner: owner,
    lastOpenedAtMs: optional(safeInteger),
  }),
  fc.record({
    type: fc.constant('SessionEnded' as const),
    tenant,
    clientId,
    reason: fc.constantFrom(...SESSION_END_REASONS),
    lastOwner: fc.constant(undefined),
    lastOpenedAtMs: fc.constant(undefined),
  }),
  fc.record({ type: fc.constant('Subscribed' as const), subscription }),
  fc.record({
    type: fc.constant('Unsubscribed' as const),
    tenant,
    clientId,
    filter: mqttString,
    sessionId: optional(sessionId),
  }),
);

const retainedMessage: fc.Arbitrary<Message> = fc.record({
  topic: mqttString,
  payload: bytes,
  qos,
  retain: fc.constant(true),
  properties: bytes,
  publishedAtMs: safeInteger,
  expiresAtMs: optional(safeInteger),
  publisher: clientId,
});

export const retainedEvent: fc.Arbitrary<RetainedEvent> = fc
  .tuple(tenant, mqttString, optional(retainedMessage))
  .map(([of, topic, message]) => ({
    tenant: of,
    topic,
    message: message === undefined ? undefined : { ...message, topic },
  }));
