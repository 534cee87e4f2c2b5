/**
 * Makes sure that a registry holds every schema of this release, and has the event log use its ids. The registry is
 * asked once, when a broker starts; it may be away afterwards.
 */
import type { EventLog } from '../../event-log/event-log.ts';
import { publishedSchemas } from './published-schemas.ts';
import type { PublishedSchema } from './published-schemas.ts';
import { RegistryClient } from './registry-client.ts';
import { RegistryFramedLog } from './registry-framed-log.ts';
import { SchemaIds } from './schema-ids.ts';
import type { RegisteredSchema } from './schema-ids.ts';
import { SchemaRegistryError } from './schema-registry-error.ts';

const TIMEOUT_MS = 10_000;

export interface SchemaRegistryOptions {
  /** Of the Confluent API, `https://user:password@host/path`. */
  readonly url: string;
  /** false: schemas that are missing are an error, and the registry is only read. */
  readonly register: boolean;
  /** How long one call may take, milliseconds. */
  readonly timeoutMs?: number;
}

/**
 * Resolves to what puts the registry's ids on a log; each topic's log is passed through it. Subjects are named after the
 * records (`spokemq.SessionState`) and allow fully compatible versions only. Rejects with a `SchemaRegistryError`.
 */
export async function openSchemaRegistry(
  options: SchemaRegistryOptions,
): Promise<(log: EventLog) => EventLog> {
  const client = new RegistryClient(options.url, options.timeoutMs ?? TIMEOUT_MS);
  const registered: RegisteredSchema[] = [];
  // One after the other: the order decides the ids, and each version is checked against those before it.
  for (const schema of publishedSchemas()) {
    const registryId = await idOf(client, schema, options.register);
    registered.push({ builtInId: schema.builtInId, registryId, name: schema.name });
  }
  const ids = new SchemaIds(registered);
  if (ids.ambiguousId !== undefined) {
    const what = `its id ${ids.ambiguousId} is the built-in id of another version of the same record`;
    throw new SchemaRegistryError('SCHEMA_IDS_AMBIGUOUS', client.place, what);
  }
  return (log) => (ids.areBuiltIn ? log : new RegistryFramedLog(log, ids));
}

async function idOf(client: RegistryClient, schema: PublishedSchema, register: boolean): Promise<number> {
  const { name, version, text } = schema;
  const known = await client.lookUp(name, text);
  if (known !== undefined) return known;
  if (!register) {
    const what = `version ${version} of ${name} is not under the subject ${name}`;
    throw new SchemaRegistryError('SCHEMA_NOT_REGISTERED', client.place, what);
  }
  await client.requireFullCompatibility(name);
  return client.register(name, text);
}
