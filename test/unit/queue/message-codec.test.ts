import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { QoS } from '../../../src/mqtt/qos.ts';
import {
  decodeDelivery,
  decodeMessage,
  deliveryBytes,
  encodeDelivery,
  encodedDeliveryBytes,
  encodedMessageBytes,
  encodeMessage,
  MessageFormatError,
  messageBytesMax,
  SUBSCRIPTION_IDS_MAX,
} from '../../../src/queue/message-codec.ts';
import type { Delivery } from '../../../src/queue/message-codec.ts';
import type { Message } from '../../../src/queue/message.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const qos = fc.constantFrom<QoS[]>(0, 1, 2);
const message: fc.Arbitrary<Message> = fc.record({
  topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  payload: bytes,
  qos,
  retain: fc.boolean(),
  properties: bytes,
  publishedAtMs: fc.nat(2 ** 42),
  expiresAtMs: fc.option(fc.nat(2 ** 42), { nil: undefined }),
  publisher: fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text as ClientId),
});
const delivery: fc.Arbitrary<Delivery> = fc.record({
  qos,
  retain: fc.boolean(),
  packetId: fc.nat(0xffff),
  subscriptionIds: fc.option(fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 5 }), {
    nil: undefined,
  }),
});

describe('message codec', () => {
  test('a message comes back as it was, from any place in a buffer, and ends where it says', () => {
    fc.assert(
      fc.property(message, fc.nat(20), (original, at) => {
        const target = Buffer.alloc(at + messageBytesMax(original) + 5, 0xee);
        const end = encodeMessage(original, target, at);
        expect(end - at).toBe(encodedMessageBytes(target, at));
        expect(decodeMessage(target.subarray(0, end), at)).toEqual(original);
        expect(target[end]).toBe(0xee);
      }),
    );
  });

  test('what differs per queue comes back as it was, beside the flags of the store', () => {
    fc.assert(
      fc.property(delivery, fc.nat(20), fc.nat(15), (original, at, storeFlags) => {
        const target = Buffer.alloc(at + deliveryBytes(original));
        expect(encodeDelivery(original, storeFlags << 4, target, at)).toBe(target.length);
        expect(encodedDeliveryBytes(target, at)).toBe(target.length - at);
        expect((target[at] ?? 0) >> 4).toBe(storeFlags);
        expect(decodeDelivery(target, at)).toEqual(original);
      }),
    );
  });

  test('subscription identifiers beyond the bound are left out', () => {
    const ids = Array.from({ length: SUBSCRIPTION_IDS_MAX + 10 }, (_, index) => index + 1);
    const original: Delivery = { qos: 1, retain: false, packetId: 0, subscriptionIds: ids };
    const target = Buffer.alloc(deliveryBytes(original));
    encodeDelivery(original, 0, target, 0);
    expect(decodeDelivery(target, 0).subscriptionIds).toEqual(ids.slice(0, SUBSCRIPTION_IDS_MAX));
  });

  test('payload and properties are views, not copies', () => {
    const [original] = fc.sample(
      message.filter(({ payload }) => payload.length > 0),
      1,
    );
    if (original === undefined) throw new Error('no sample');
    const target = Buffer.alloc(messageBytesMax(original));
    const end = encodeMessage(original, target, 0);
    expect(decodeMessage(target.subarray(0, end), 0).payload.buffer).toBe(target.buffer);
  });

  test.each([
    ['a later version', Buffer.from([2, 0, ...Buffer.alloc(30)])],
    ['an impossible quality of service', Buffer.from([1, 3, ...Buffer.alloc(30)])],
    ['a length beyond its bytes', Buffer.from([1, 0, ...Buffer.alloc(8), 0, 200, ...Buffer.alloc(10)])],
  ])('refuses %s', (_, source) => {
    expect(() => decodeMessage(source, 0)).toThrow(MessageFormatError);
  });

  /** The bytes of version 1, held fast: what today's code writes, tomorrow's must read. */
  test('the layout of version 1', () => {
    const golden: Message = {
      topic: 'a/b',
      payload: Buffer.from('hi'),
      qos: 1,
      retain: true,
      properties: Buffer.from([1, 1]),
      publishedAtMs: 1,
      expiresAtMs: 2,
      publisher: 'p' as ClientId,
    };
    const target = Buffer.alloc(messageBytesMax(golden));
    const end = encodeMessage(golden, target, 0);
    expect(target.subarray(0, end).toString('hex')).toBe(
      '010d3ff0000000000000400000000000000000030001000000020000000261' + '2f6270' + '0101' + '6869',
    );
  });
});
