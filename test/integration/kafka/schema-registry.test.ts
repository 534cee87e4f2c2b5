/**
 * A real registry: our schemas are registered and found again, incompatible ones are refused, and a log whose values carry
 * the registry's ids reads back as any other.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { SchemaRegistryEngine } from '../../../engines/schema-registry/schema-registry-engine.ts';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { openSchemaRegistry } from '../../../src/adapters/schema-registry/open-schema-registry.ts';
import { RegistryClient } from '../../../src/adapters/schema-registry/registry-client.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { decodeSessionEvent, encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import { schemaIdOf } from '../../../src/event-log/value-codec.ts';
import type { SessionEvent } from '../../../src/session/events.ts';
import type { ClientId, SessionId, TenantId } from '../../../src/tenancy/identity.ts';
import { publishedSchemas } from '../../support/published-schemas.ts';

const START_MS_MAX = 300_000;
const TIMEOUT_MS = 30_000;
const FOREIGN_SCHEMA = '{ "type": "record", "name": "Foreign", "fields": [] }';
const subscribed: SessionEvent = {
  type: 'Subscribed',
  subscription: {
    tenant: 'city' as TenantId,
    clientId: 'bike-7' as ClientId,
    sessionId: 42 as SessionId,
    filter: 'bike/7/#',
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionId: undefined,
  },
};

let registry: SchemaRegistryEngine;

/** One for all tests, which stand in the order in which a registry is used: a start takes seconds. */
beforeAll(async () => {
  registry = await SchemaRegistryEngine.start();
}, START_MS_MAX);

afterAll(() => registry.stop());

test('what is missing is an error for a broker that may not register', async () => {
  const opening = openSchemaRegistry({ url: registry.url, register: false });
  await expect(opening).rejects.toMatchObject({
    code: 'SCHEMA_NOT_REGISTERED',
    message: expect.stringMatching(/version 1 of spokemq.SessionState .*have its owner register/) as string,
  });
});

test('a subject that holds something else is told, and left as it is', async () => {
  const subject = 'spokemq.RetainedMessage';
  await new RegistryClient(registry.url, TIMEOUT_MS).register(subject, FOREIGN_SCHEMA);
  await expect(openSchemaRegistry({ url: registry.url, register: true })).rejects.toMatchObject({
    code: 'SCHEMA_INCOMPATIBLE',
    message: expect.stringMatching(/register spokemq.RetainedMessage.*somebody else/) as string,
  });
  expect(await answer(`/subjects/${subject}/versions`, z.array(z.number()))).toEqual([1]);
  // The advice, followed.
  expect((await fetch(`${registry.url}/subjects/${subject}`, { method: 'DELETE' })).status).toBe(200);
});

test('schemas are registered in order, found again, and have the ids that the log carries', async () => {
  // It came first, so the registry's ids are not the built-in ones.
  const foreign = await new RegistryClient(registry.url, TIMEOUT_MS).register('foreign', FOREIGN_SCHEMA);
  const framing = await openSchemaRegistry({ url: registry.url, register: true });
  const log = new MemoryEventLog();
  const framed = framing(log);
  const record = encodeSessionEvent(subscribed, 1);
  // Written before there was a registry, then with it.
  await log.append([record]);
  await framed.append([record]);

  const [before, after] = await log.read(0, 0 as Offset, 10);
  expect(schemaIdOf(before!.value!, '')).toBe(2);
  const registryId = schemaIdOf(after!.value!, '');
  expect(registryId).toBe(foreign + 2);
  const { schema } = await answer(`/schemas/ids/${registryId}`, z.object({ schema: z.string() }));
  expect(JSON.parse(schema)).toEqual(publishedSchemas().find(({ id }) => id === 2)?.schema);

  const readable = await openSchemaRegistry({ url: registry.url, register: false });
  const entries = await readable(log).read(0, 0 as Offset, 10);
  expect(entries.map(decodeSessionEvent)).toEqual([subscribed, subscribed]);
  expect(await answer('/subjects/spokemq.Subscription/versions', z.array(z.number()))).toEqual([1]);
});

test('the registry refuses what would break readers, now that our schemas are there', async () => {
  const client = new RegistryClient(registry.url, TIMEOUT_MS);
  const [{ name, schema }] = publishedSchemas() as [ReturnType<typeof publishedSchemas>[0]];
  const { fields } = z.object({ fields: z.array(z.unknown()) }).parse(schema);
  const broken = { ...z.looseObject({}).parse(schema), fields: fields.slice(0, -1) };
  await expect(client.register(name, JSON.stringify(broken))).rejects.toMatchObject({
    code: 'SCHEMA_INCOMPATIBLE',
    message: expect.stringContaining('answered 409') as string,
  });
});

test('a URL that leads past the API is told from a registry that is away', async () => {
  const elsewhere = registry.url.replace('/apis/ccompat/v7', '/apis');
  await expect(openSchemaRegistry({ url: elsewhere, register: true })).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNEXPECTED',
    message: expect.stringContaining('/apis/ccompat/v7') as string,
  });
});

async function answer<T>(path: string, shape: z.ZodType<T>): Promise<T> {
  const response = await fetch(registry.url + path);
  return shape.parse(await response.json());
}
