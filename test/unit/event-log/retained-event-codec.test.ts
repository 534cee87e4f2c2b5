import { expect, test } from 'vitest';
import { decodeRetainedEvent, encodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import type { ClientId, TenantId } from '../../../src/tenancy/identity.ts';

const tenant = 'city' as TenantId;
const topic = 'bike/7/lock';
const message = {
  topic,
  payload: Buffer.from('open'),
  qos: 1,
  retain: true,
  properties: Buffer.alloc(0),
  publishedAtMs: 1_700_000_000_000,
  expiresAtMs: undefined,
  publisher: 'ops' as ClientId,
} as const;

test('a retained message and its clearing share key and partition key', () => {
  const kept = encodeRetainedEvent({ tenant, topic, message }, 5);
  const cleared = encodeRetainedEvent({ tenant, topic, message: undefined }, 6);
  expect(kept).toMatchObject({
    key: 'r\0city\0bike/7/lock',
    partitionKey: 'city\0bike/7/lock',
    event: 'Retained',
  });
  expect(cleared).toEqual({ ...kept, value: null, event: 'RetainedCleared', timestampMs: 6 });
});

test('a large payload, then a small one, come back whole', () => {
  for (const bytes of [3_000_000, 10]) {
    const large = { ...message, payload: Buffer.alloc(bytes, 7) };
    const record = encodeRetainedEvent({ tenant, topic, message: large }, 5);
    expect(decodeRetainedEvent(record).message?.payload.equals(large.payload)).toBe(true);
  }
});

test('a session record on the topic of retained messages is refused', () => {
  expect(() => decodeRetainedEvent({ key: 's\0city\0bike-7', value: null })).toThrow(
    /only retained messages/,
  );
});
