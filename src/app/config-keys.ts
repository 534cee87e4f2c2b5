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
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

export function configKeys(): readonly ConfigKey[] {
  return leaves(z.toJSONSchema(configSchema, { io: 'input' }), configSchema.parse({}), []);
}

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
    fallback,
    description: schema.description ?? '',
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
