/** Arbitrary frames between brokers, every optional member present and absent. */
import fc from 'fast-check';
import type { MessageFrame, PeerFrame, PeerTarget } from '../../src/cluster/peer-frame.ts';
import type { Offset } from '../../src/event-log/event-log.ts';
import type { Seq } from '../../src/queue/durable-queue.ts';
import type { Message } from '../../src/queue/message.ts';
import type { ClientId, SessionId, TenantId } from '../../src/tenancy/identity.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 });
const tenant = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/).map((name) => name as TenantId);
const clientId = text.map((name) => name as ClientId);
const safeInteger = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const sessionId = safeInteger.map((id) => id as SessionId);
const seq = safeInteger.map((position) => position as Seq);
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const uint32 = fc.nat({ max: 0xffff_ffff });

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

const message: fc.Arbitrary<Message> = fc.record({
  topic: text,
  payload: bytes,
  qos,
  retain: fc.boolean(),
  properties: bytes,
  publishedAtMs: safeInteger,
  expiresAtMs: optional(safeInteger),
  publisher: clientId,
});

const target: fc.Arbitrary<PeerTarget> = fc.record({
  clientId,
  sessionId,
  seq: fc.oneof(fc.constant(0 as const), seq),
  qos,
  retain: fc.boolean(),
  subscriptionIds: optional(fc.array(uint32, { maxLength: 4 })),
});

const places = fc.array(fc.record({ filter: text, group: optional(text) }), { maxLength: 4 });

export const messageFrame: fc.Arbitrary<MessageFrame> = fc.record({
  type: fc.constant('message' as const),
  tenant,
  message,
  forInterest: fc.boolean(),
  groups: fc.array(fc.record({ name: text, filter: text }), { maxLength: 3 }),
  targets: fc.array(target, { maxLength: 4 }),
  origin: optional(fc.record({ producer: text, sequence: safeInteger })),
});

export const peerFrame: fc.Arbitrary<PeerFrame> = fc.oneof(
  fc.record({ type: fc.constant('interest' as const), tenant, added: places, removed: places }),
  messageFrame,
  fc.record({
    type: fc.constant('reached' as const),
    tenant,
    queues: fc.array(fc.record({ clientId, sessionId, seq }), { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constantFrom('awaitApplied' as const, 'awaitRetained' as const),
    positions: fc.array(
      fc.record({ partition: uint32, offset: safeInteger.map((offset) => offset as Offset) }),
      { maxLength: 4 },
    ),
  }),
  fc.record({ type: fc.constant('handOff' as const), tenant, clientId, sessionId }),
  fc.record({ type: fc.constant('credit' as const), tenant, clientId, hasCredit: fc.boolean() }),
);
