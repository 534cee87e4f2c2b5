/** The published schema files are what the code uses, and values of every released version still decode. */
import { expect, test } from 'vitest';
import { decodeAuditEntry } from '../../../src/audit/audit-event-codec.ts';
import * as inCode from '../../../src/event-log/avro-schemas.ts';
import { decodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import { decodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import { decodeTenantEvent } from '../../../src/event-log/tenant-event-codec.ts';
import { avroType, publishedSchemas, repositoryFile } from '../../support/published-schemas.ts';

test.each(publishedSchemas())('$file is in the code, under its id', ({ id, name, schema }) => {
  const known = Object.values(inCode).find((each) => each.id === id);
  expect(known === undefined ? undefined : avroType(known.schema).equals(avroType(schema))).toBe(true);
  expect(avroType(schema).name).toBe(name);
});

test('every schema that the code knows is published, those of earlier releases too', () => {
  const ids = Object.values(inCode).map(({ id }) => id);
  expect(new Set(ids)).toEqual(new Set(publishedSchemas().map(({ id }) => id)));
});

test('session-state.v1 written by 0.1.0', () => {
  const value = repositoryFile('test/golden/session-state.v1.bin');
  expect(decodeSessionEvent({ key: 's\0city\0bike-7', value, event: 'SessionClosed' })).toEqual({
    type: 'SessionClosed',
    state: {
      tenant: 'city',
      clientId: 'bike-7',
      sessionId: 9_007_199_254_740_000,
      clientName: 'ops',
      level: 5,
      owner: undefined,
      sessionExpiryS: 4_294_967_295,
      will: {
        topic: 'bike/7/will',
        payload: Buffer.from('gone'),
        qos: 2,
        retain: true,
        delayS: 30,
        messageExpiryS: 60,
        properties: Buffer.from([1, 1]),
      },
      willDueAtMs: 1_700_000_030_000,
      address: '192.0.2.7:50000',
      openedAtMs: 1_699_999_999_000,
      closedAtMs: 1_700_000_000_000,
      closeReason: 'storeUnavailable',
      closedOwner: { incarnation: 'a#3', connection: 17 },
      sentThrough: 4,
    },
  });
});

test('subscription.v1 written by 0.1.0', () => {
  const value = repositoryFile('test/golden/subscription.v1.bin');
  expect(decodeSessionEvent({ key: 'u\0city\0bike-7\0bike/7/#', value, event: 'Subscribed' })).toEqual({
    type: 'Subscribed',
    subscription: {
      tenant: 'city',
      clientId: 'bike-7',
      sessionId: 42,
      filter: 'bike/7/#',
      qos: 1,
      noLocal: true,
      retainAsPublished: false,
      retainHandling: 2,
      subscriptionId: 268_435_455,
    },
  });
});

test('retained-message.v1 written by 0.1.0', () => {
  const value = repositoryFile('test/golden/retained-message.v1.bin');
  expect(decodeRetainedEvent({ key: 'r\0city\0bike/7/lock', value })).toEqual({
    tenant: 'city',
    topic: 'bike/7/lock',
    message: {
      topic: 'bike/7/lock',
      payload: Buffer.from([0, 255, 1]),
      qos: 1,
      retain: true,
      properties: Buffer.from([1, 0]),
      publishedAtMs: 1_700_000_000_000,
      expiresAtMs: 1_700_000_060_000,
      publisher: 'ops-1',
    },
  });
});

test('tenant.v1 written by 0.1.0', () => {
  const value = repositoryFile('test/golden/tenant.v1.bin');
  expect(decodeTenantEvent({ key: 't\0acme', value, event: 'TenantSuspended' })).toEqual({
    type: 'TenantSuspended',
    tenant: {
      name: 'acme',
      state: 'suspended',
      limits: { connections: 1_000, publishRate: 50 },
      chain: ['mysql', 'jwt'],
      createdAtMs: 1_700_000_000_000,
      changedAtMs: 1_700_000_060_000,
    },
  });
});

test('audit-event.v1 written by 0.1.0', () => {
  const value = repositoryFile('test/golden/audit-event.v1.bin');
  expect(decodeAuditEntry({ key: 'a\0city\0administrativeChange', value })).toEqual({
    atMs: 1_700_000_000_500,
    sinceMs: 1_700_000_000_000,
    count: 9_007_199_254_740_000,
    brokerId: 'spoke-1',
    event: {
      kind: 'administrativeChange',
      who: 'ops',
      agent: 'spoke/0.1.0 (alice@depot)',
      address: '192.0.2.7',
      action: 'session.discard',
      tenant: 'city',
      target: 'bike-7',
      outcome: 'failed',
      reason: 'NOT_FOUND: no session',
    },
  });
});
