/** The published schema files are what the code uses, and values of every released version still decode. */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import type { Schema } from 'avsc';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  RETAINED_MESSAGE_V1,
  SESSION_STATE_V1,
  SUBSCRIPTION_V1,
} from '../../../src/event-log/avro-schemas.ts';
import { decodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import { decodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';

const ids = z
  .record(z.string(), z.object({ name: z.string(), version: z.number(), file: z.string() }))
  .parse(JSON.parse(repositoryFile('schemas/ids.json').toString()));

test.each([SESSION_STATE_V1, SUBSCRIPTION_V1, RETAINED_MESSAGE_V1])(
  'schema $id in the code is its published file',
  ({ id, schema }) => {
    const published = ids[String(id)];
    const text = repositoryFile(`schemas/${published?.file ?? ''}`).toString();
    const inCode = avsc.Type.forSchema(schema);
    const inFile = avsc.Type.forSchema(z.custom<Schema>().parse(JSON.parse(text)));
    expect(inCode.equals(inFile)).toBe(true);
    expect(inCode.name).toBe(published?.name);
  },
);

test('every published record and field says what it means', () => {
  const described = z.object({
    doc: z.string().min(10),
    fields: z.array(z.object({ doc: z.string().min(5) })).nonempty(),
  });
  for (const { file } of Object.values(ids)) {
    const schema: unknown = JSON.parse(repositoryFile(`schemas/${file}`).toString());
    expect(described.safeParse(schema).error).toBeUndefined();
  }
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

function repositoryFile(path: string): Buffer {
  return readFileSync(new URL(`../../../${path}`, import.meta.url));
}
