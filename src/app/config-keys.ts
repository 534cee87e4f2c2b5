/**
 * The configuration schema as a flat list of keys: what environment overrides and the documentation are made
 * from. A list (`tenants`, `listeners`) is one key.
 */
import { z } from 'zod';
import { typeText } from '../adapters/file/schema-problems.ts';
import { configSchema } from './config-schema.ts';

export interface ConfigKey {
  readonly path: readonly string[];
  /** `limits.packetBytesMax` */
  readonly name: string;
  /** `SPOKE_LIMITS_PACKET_BYTES_MAX` */
  readonly variable: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'list';
  /** The type in words. */
  readonly type: string;
  readonly fallback: unknown;
  readonly description: string;
  /** Its value is never printed. */
  readonly secret: boolean;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

export function configKeys(): readonly ConfigKey[] {
  return leaves(z.toJSONSchema(configSchema, { io: 'input' }), configSchema.parse({}), []);
}

/** A key of one entry of `listeners`. */
export interface ListenerKey {
  /** `port`, `tls.certFile` */
  readonly name: string;
  /** Which transports know it, with its default on each; undefined: it has to be given. */
  readonly fallbacks: ReadonlyMap<string, unknown>;
  readonly type: string;
  readonly description: string;
}

export function listenerKeys(): readonly ListenerKey[] {
  const keys = new Map<string, ListenerKey & { readonly fallbacks: Map<string, unknown> }>();
  for (const variant of listenerVariants()) {
    const transport = String(constantOf(variant.properties?.['transport']));
    for (const { name, type, description, fallback } of leaves(variant, undefined, [])) {
      if (name === 'transport') continue;
      const key = keys.get(name) ?? { name, type, description, fallbacks: new Map() };
      key.fallbacks.set(transport, fallback);
      keys.set(name, key);
    }
  }
  return [...keys.values()];
}

function listenerVariants(): readonly JsonSchema[] {
  const { listeners } = z.toJSONSchema(configSchema, { io: 'input' }).properties ?? {};
  const items = typeof listeners === 'object' ? listeners.items : undefined;
  if (items === undefined || typeof items === 'boolean' || Array.isArray(items)) return [];
  return (items.oneOf ?? []).filter((variant) => typeof variant === 'object');
}

function constantOf(schema: JsonSchema | boolean | undefined): unknown {
  return typeof schema === 'object' ? schema.const : undefined;
}

/** `fallback`: the value of all defaults at `path`, for keys that do not state their own. */
function leaves(schema: JsonSchema, fallback: unknown, path: readonly string[]): readonly ConfigKey[] {
  if (schema.properties === undefined) return [leaf(schema, fallback, path)];
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    if (typeof property === 'boolean') return [];
    const value: unknown =
      fallback === null || typeof fallback !== 'object' ? undefined : Reflect.get(fallback, name);
    return leaves(property, value, [...path, name]);
  });
}

function leaf(schema: JsonSchema, fallback: unknown, path: readonly string[]): ConfigKey {
  return {
    path,
    name: path.join('.'),
    variable: `SPOKE_${path.map(upperSnake).join('_')}`,
    kind: kindOf(schema),
    type: typeText(schema) ?? 'text',
    fallback: fallback ?? schema.default,
    description: schema.description ?? '',
    secret: schema['secret'] === true,
  };
}

function kindOf(schema: JsonSchema): ConfigKey['kind'] {
  if (schema.type === 'integer' || schema.type === 'number') return 'number';
  if (schema.type === 'boolean') return 'boolean';
  return schema.type === 'array' ? 'list' : 'text';
}

function upperSnake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}
