/**
 * Turns what zod reports into problems a person can act on: where, which key, what is wrong, what to write
 * instead. All problems of a document at once.
 */
import { z } from 'zod';
import { withoutCredentials } from '../../errors/without-credentials.ts';
import { closestName } from './closest-name.ts';
import type { Problem, ValuePath } from './yaml-document.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;
type Issue = z.core.$ZodIssue;

export function keyText(path: ValuePath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .slice(1);
}

/** `value` is the document the issues were found in; `whereIs` names the place of a path. */
export function schemaProblems(
  issues: readonly Issue[],
  schema: z.ZodType,
  value: unknown,
  whereIs: (path: ValuePath) => string,
): readonly Problem[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => unknownKey(root, value, [...issue.path, key], whereIs));
    return [wrongValue(root, value, issue, whereIs)];
  });
}

function unknownKey(
  root: JsonSchema,
  value: unknown,
  path: ValuePath,
  whereIs: (path: ValuePath) => string,
): Problem {
  const allowed = Object.keys(schemaAt(root, value, path.slice(0, -1))?.properties ?? {});
  const closest = closestName(String(path.at(-1)), allowed);
  return {
    where: whereIs(path),
    key: keyText(path),
    what: 'is not a known key',
    fix: closest === undefined ? `Known here: ${allowed.join(', ')}` : `Did you mean "${closest}"?`,
  };
}

function wrongValue(
  root: JsonSchema,
  value: unknown,
  issue: Issue,
  whereIs: (path: ValuePath) => string,
): Problem {
  const found = valueAt(value, issue.path);
  const schema = schemaAt(root, value, issue.path);
  const advice: unknown = issue.code === 'custom' ? issue.params?.['fix'] : undefined;
  return {
    where: whereIs(issue.path),
    key: keyText(issue.path),
    what:
      issue.code === 'custom'
        ? issue.message
        : found === undefined
          ? 'is missing'
          : `is ${show(found, schema)}`,
    fix: typeof advice === 'string' ? advice : `Use ${expectation(schema, issue)}`,
  };
}

function expectation(schema: JsonSchema | undefined, issue: Issue): string {
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return `one of ${issue.options.map(String).join(', ')}`;
  const text = schema === undefined ? undefined : typeText(schema);
  return text ?? issue.message;
}

/** `whole number from 1 to 65535`: the type of a value in words. */
export function typeText(schema: JsonSchema): string | undefined {
  if (schema.enum !== undefined) return `one of ${schema.enum.map(String).join(', ')}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${range(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return schema.pattern === undefined ? 'text' : `text that matches ${schema.pattern}`;
    case 'array':
      return 'a list';
    case 'object':
      return `a map${schema.properties === undefined ? '' : ` of ${Object.keys(schema.properties).join(', ')}`}`;
    default:
      return undefined;
  }
}

function range(schema: JsonSchema): string {
  const { minimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    return ` from ${minimum} to ${maximum}`;
  return minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? ` of at least ${minimum}` : '';
}

/** A value where a map or a list belongs is not repeated: it may be the password that belongs in there. */
function show(value: unknown, schema: JsonSchema | undefined): string {
  if (value !== null && typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a map';
  if (schema !== undefined && [schema, ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].some(hasMembers))
    return value === null ? 'empty' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
  return withoutCredentials(JSON.stringify(value));
}

function hasMembers(schema: JsonSchema | boolean): boolean {
  return typeof schema === 'object' && (schema.type === 'object' || schema.type === 'array');
}

function schemaAt(root: JsonSchema, value: unknown, path: ValuePath): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root;
  path.forEach((step, depth) => {
    const child: unknown =
      typeof step === 'number'
        ? schema?.items
        : (schema?.properties?.[String(step)] ?? schema?.additionalProperties);
    schema = isSchema(child) ? alternative(child, valueAt(value, path.slice(0, depth + 1))) : undefined;
  });
  return schema;
}

/** Of a discriminated union the member whose constants the value carries; of a nullable type the other one. */
function alternative(schema: JsonSchema, value: unknown): JsonSchema {
  const members = (schema.oneOf ?? schema.anyOf ?? []).filter(isSchema).filter(({ type }) => type !== 'null');
  if (members.length === 1) return members[0] ?? schema;
  const chosen = members.find((member) =>
    Object.entries(member.properties ?? {}).some(
      ([key, property]) =>
        isSchema(property) && property.const !== undefined && property.const === valueAt(value, [key]),
    ),
  );
  return chosen ?? schema;
}

function isSchema(value: unknown): value is JsonSchema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function valueAt(value: unknown, path: ValuePath): unknown {
  let current = value;
  for (const step of path) {
    if (current === null || typeof current !== 'object') return undefined;
    current = Reflect.get(current, step);
  }
  return current;
}
