import { expect, test } from 'vitest';
import type { Seq } from '../../../src/queue/durable-queue.ts';
import { decodeIdentifiersInUse, encodeIdentifiersInUse } from '../../../src/queue/identifiers-in-use.ts';
import { decodeMessage, encodeMessage, messageBytesMax } from '../../../src/queue/message-codec.ts';

test.each([
  { through: 0 as Seq, packetIds: [] },
  { through: (2 ** 40) as Seq, packetIds: [1, 65_535, 300] },
])('identifiers in use through $through come back from a store', (identifiers) => {
  const message = encodeIdentifiersInUse(identifiers, 1_700_000_000_000);
  const stored = Buffer.alloc(messageBytesMax(message));
  encodeMessage(message, stored, 0);
  expect(decodeIdentifiersInUse(decodeMessage(stored, 0))).toEqual(identifiers);
});

test('a record that ends too early is not taken for a shorter one', () => {
  const message = encodeIdentifiersInUse({ through: 7 as Seq, packetIds: [1, 2] }, 0);
  const cut = { ...message, payload: message.payload.subarray(0, -1) };
  expect(() => decodeIdentifiersInUse(cut)).toThrow(RangeError);
});
