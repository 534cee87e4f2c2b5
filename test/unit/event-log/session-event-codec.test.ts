import { expect, test } from 'vitest';
import { decodeSessionEvent, encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import { incarnation, type ClientId, type SessionId, type TenantId } from '../../../src/tenancy/identity.ts';

const tenant = 'city' as TenantId;
const clientId = 'bike-7' as ClientId;

const subscription = {
  tenant,
  clientId,
  sessionId: 42 as SessionId,
  filter: '$share/ops/bike/+/lock',
  qos: 1,
  noLocal: false,
  retainAsPublished: true,
  retainHandling: 2,
  subscriptionId: 9,
} as const;

test('records of one client share a partition key, every subscription has a key of its own', () => {
  const subscribed = encodeSessionEvent({ type: 'Subscribed', subscription }, 5);
  const lastOwner = { incarnation: incarnation('broker-1', 3), connection: 17 };
  const end = {
    type: 'SessionEnded',
    tenant,
    clientId,
    reason: 'expired',
    lastOwner,
    lastOpenedAtMs: 5,
  } as const;
  const ended = encodeSessionEvent(end, 6);
  expect(subscribed).toMatchObject({
    partitionKey: 'city\0bike-7',
    key: 'u\0city\0bike-7\0$share/ops/bike/+/lock',
    event: 'Subscribed',
    timestampMs: 5,
  });
  expect(ended).toEqual({
    partitionKey: 'city\0bike-7',
    key: 's\0city\0bike-7',
    value: null,
    event: 'SessionEnded:expired:broker-1#3/17@5',
    timestampMs: 6,
  });
});

test('a tombstone says why; a reason of a later release reads as administrative', () => {
  const key = 's\0city\0bike-7';
  expect(decodeSessionEvent({ key, value: null, event: 'SessionEnded:discarded' })).toEqual({
    type: 'SessionEnded',
    tenant,
    clientId,
    reason: 'discarded',
    lastOwner: undefined,
    lastOpenedAtMs: undefined,
  });
  expect(decodeSessionEvent({ key, value: null, event: 'SessionEnded:expired:broker-1#3/17' })).toMatchObject(
    {
      reason: 'expired',
      lastOwner: { incarnation: 'broker-1#3', connection: 17 },
      lastOpenedAtMs: undefined,
    },
  );
  expect(decodeSessionEvent({ key, value: null, event: 'SessionEnded:recalled' })).toMatchObject({
    reason: 'administrative',
  });
});

test('the tombstone of a subscription names its session; in old logs it is of any', () => {
  const key = 'u\0city\0bike-7\0a';
  const unsubscribed = {
    type: 'Unsubscribed',
    tenant,
    clientId,
    filter: 'a',
    sessionId: 42 as SessionId,
  } as const;
  expect(encodeSessionEvent(unsubscribed, 5)).toMatchObject({ key, event: 'Unsubscribed:42' });
  expect(decodeSessionEvent({ key, value: null, event: 'Unsubscribed:42' })).toEqual(unsubscribed);
  expect(decodeSessionEvent({ key, value: null, event: 'Unsubscribed' })).toMatchObject({
    sessionId: undefined,
  });
});

test('a session id of 2^53 or more never leaves memory', () => {
  const unsafe = { ...subscription, sessionId: (2 ** 53) as SessionId };
  expect(() => encodeSessionEvent({ type: 'Subscribed', subscription: unsafe }, 5)).toThrow();
});

test.each([
  ['not framed', Buffer.from('hello, world'), /Confluent wire format/],
  ['too short', Buffer.from([0, 0, 0]), /Confluent wire format/],
  ['of an unknown schema', Buffer.from([0, 0, 0, 0xff, 0xff, 1, 2]), /does not know schema 65535; upgrade/],
  ['cut short', Buffer.from([0, 0, 0, 0, 2, 8]), /does not end where schema 2 ends/],
])('a value that is %s is refused with what to do', (_, value, message) => {
  expect(() => decodeSessionEvent({ key: 'u\0a\0b\0c', value, event: 'Subscribed' })).toThrow(message);
});

test('a value is read as what its key says, and as nothing else', () => {
  const { key, value, event } = encodeSessionEvent({ type: 'Subscribed', subscription }, 5);
  expect(decodeSessionEvent({ key, value, event }).type).toBe('Subscribed');
  const underSession = { key: 's\0city\0bike-7', value, event };
  expect(() => decodeSessionEvent(underSession)).toThrow(/does not know schema 2; upgrade/);
  for (const foreign of ['r\0city\0topic', 'bike-7'])
    expect(() => decodeSessionEvent({ key: foreign, value, event })).toThrow(/does not belong on the topic/);
});

test.each(['', 's', 's\0city', 'x\0city\0bike', 's\0city\0bike\0filter', 'u\0city\0bike', 'r\0city\0topic'])(
  'the tombstone of the foreign key %j is refused',
  (key) => {
    expect(() => decodeSessionEvent({ key, value: null, event: '' })).toThrow(/topic/);
  },
);
