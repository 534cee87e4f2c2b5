/** The fields of a published schema as Markdown tables: what `docs/events.md` holds of it. */
import { z } from 'zod';
import type { PublishedSchema } from './published-schemas.ts';

const meaning = z.string().min(5, 'say what it means');
const record = z.looseObject({
  type: z.literal('record'),
  name: z.string(),
  doc: meaning,
  fields: z.array(z.looseObject({ name: z.string(), type: z.unknown(), doc: meaning })).nonempty(),
});
const enumeration = z.looseObject({
  type: z.literal('enum'),
  name: z.string(),
  doc: meaning,
  symbols: z.array(z.string()).nonempty(),
});
const logical = z.looseObject({ type: z.string(), logicalType: z.string() });
const map = z.looseObject({ type: z.literal('map'), values: z.string() });
const array = z.looseObject({ type: z.literal('array'), items: z.string() });
const definition = z.union([record, enumeration]);
type Definition = z.infer<typeof definition>;

/** A table per record, inner ones last. Throws when a record or a field of it does not say what it means. */
export function schemaReference({ id, version, file, schema }: PublishedSchema): string {
  const outer = record.parse(schema);
  const definitions: Definition[] = [outer];
  const lines = [
    `Schema id ${id}, version ${version}, [${file}](../schemas/${file}): ${outer.doc}`,
    '',
    ...fieldTable(outer, definitions),
  ];
  // The list grows while it is read: inner definitions may have inner ones.
  for (let at = 1; at < definitions.length; at++) lines.push('', ...definitionLines(definitions, at));
  return `${lines.join('\n')}\n`;
}

function definitionLines(definitions: Definition[], at: number): string[] {
  const inner = definition.parse(definitions[at]);
  const title = `\`${inner.name}\` – ${inner.doc}`;
  if (inner.type === 'record') return [title, '', ...fieldTable(inner, definitions)];
  return [`${title} One of ${inner.symbols.map((symbol) => `\`${symbol}\``).join(', ')}.`];
}

function fieldTable({ fields }: z.infer<typeof record>, definitions: Definition[]): string[] {
  return [
    '| Field | Avro type | What it says |',
    '| --- | --- | --- |',
    ...fields.map(({ name, type, doc }) => `| \`${name}\` | ${typeText(type, definitions)} | ${doc} |`),
  ];
}

function typeText(type: unknown, definitions: Definition[]): string {
  if (typeof type === 'string') return definitions.some(({ name }) => name === type) ? `\`${type}\`` : type;
  if (Array.isArray(type)) return type.map((branch: unknown) => typeText(branch, definitions)).join(' or ');
  const time = logical.safeParse(type);
  if (time.success) return `${time.data.type} (${time.data.logicalType})`;
  const values = map.safeParse(type);
  if (values.success) return `map of ${values.data.values}`;
  const items = array.safeParse(type);
  if (items.success) return `array of ${items.data.items}`;
  const inner = definition.parse(type);
  definitions.push(inner);
  return `\`${inner.name}\``;
}
