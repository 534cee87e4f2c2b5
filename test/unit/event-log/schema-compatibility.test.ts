/**
 * Every released version of a record can be read as every other one, backward and forward; what would break that is
 * found. So a consumer that was built with any version reads the whole log.
 */
import type avsc from 'avsc';
import type { Schema } from 'avsc';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  avroType,
  publishedSchemas,
  repositoryFile,
  schemaFiles,
  versionsByName,
} from '../../support/published-schemas.ts';

/** Which version cannot be read as which; none: Avro's full, transitive compatibility. */
function incompatibilities(versions: readonly Schema[]): string[] {
  const types = versions.map(avroType);
  return types.flatMap((reader, to) =>
    types.flatMap((writer, from) =>
      from === to || reads(reader, writer) ? [] : [`v${from + 1} as v${to + 1}`],
    ),
  );
}

function reads(reader: avsc.Type, writer: avsc.Type): boolean {
  try {
    reader.createResolver(writer);
    return reader.name === writer.name;
  } catch {
    return false;
  }
}

describe('ids.json', () => {
  test('lists every schema file, and every version from 1 on without a gap', () => {
    expect(
      publishedSchemas()
        .map(({ file }) => file)
        .sort(),
    ).toEqual(schemaFiles().sort());
    for (const versions of versionsByName().values()) {
      expect(versions.map(({ version }) => version)).toEqual(versions.map((_, index) => index + 1));
    }
  });

  test.each(publishedSchemas())('$file is as it was released', ({ name, version, file, sha256, schema }) => {
    const type = avroType(schema);
    expect(type.name).toBe(name);
    expect(type.fingerprint('sha256').toString('hex')).toBe(sha256);
    expect(file).toMatch(new RegExp(`^[a-z-]+\\.v${version}\\.avsc$`));
    expect(repositoryFile(`test/golden/${file.replace('.avsc', '.bin')}`).length).toBeGreaterThan(5);
  });
});

/** The fingerprint leaves them out, and readers in other languages go by them. */
test.each(publishedSchemas())('$file: times, and nothing else, have a logical type', ({ schema }) => {
  const fields = [...fieldsOf(schema)];
  expect(fields.length).toBeGreaterThan(5);
  for (const { name, logicalType } of fields)
    expect(logicalType, name).toBe(/AtMs$|^(at|since)Ms$/.test(name) ? 'timestamp-millis' : undefined);
});

describe.each([...versionsByName()])('%s', (_name, released) => {
  const versions = released.map(({ schema }) => schema);

  test('can be read with every released version, whichever version wrote it', () => {
    expect(incompatibilities(versions)).toEqual([]);
  });

  test('a further field with a default is a change that may be released', () => {
    const next = withFields(newest(versions), (fields) => [
      ...fields,
      { name: 'further', type: ['null', 'string'], default: null },
    ]);
    expect(incompatibilities([...versions, next])).toEqual([]);
  });
});

/** What looks harmless and is not. Each is what a next version of SessionState might have been. */
const MUTATIONS: readonly (readonly [change: string, mutate: (fields: Fields) => Fields])[] = [
  ['a further field without a default', (fields) => [...fields, { name: 'further', type: 'string' }]],
  ['a field removed that has no default', (fields) => fields.filter(({ name }) => name !== 'address')],
  ['a field renamed', changed('address', (field) => ({ ...field, name: 'remoteAddress' }))],
  ['another type', changed('level', (field) => ({ ...field, type: 'string' }))],
  ['a wider number', changed('level', (field) => ({ ...field, type: 'long' }))],
  ['null forbidden', changed('sentThrough', (field) => ({ ...field, type: 'long' }))],
  ['null allowed', changed('address', (field) => ({ ...field, type: ['null', 'string'] }))],
  ['a symbol removed', changedSymbols((symbols) => symbols.slice(1))],
  ['a further symbol', changedSymbols((symbols) => [...symbols, 'outOfBattery'])],
  ['an inner record renamed', changed('will', renamedWill)],
];

describe('a next version of SessionState is refused for', () => {
  const versions = versionsOf('spokemq.SessionState');

  test.each(MUTATIONS)('%s', (_change, mutate) => {
    const next = withFields(newest(versions), mutate);
    expect(incompatibilities([...versions, next])).not.toEqual([]);
  });

  test('another name', () => {
    const next = { ...recordOf(newest(versions)), name: 'SessionStatus' } as Schema;
    expect(incompatibilities([...versions, next])).not.toEqual([]);
  });

  test('a step that only its neighbours can take', () => {
    // Each version can be read as the one next to it, but what the third wrote lacks what the first needs.
    const third = withFields(newest(versions), (fields) => fields.filter(({ name }) => name !== 'address'));
    const second = withFields(
      newest(versions),
      changed('address', (field) => ({ ...field, default: '' })),
    );
    expect(incompatibilities([newest(versions), second])).toEqual([]);
    expect(incompatibilities([second, third])).toEqual([]);
    expect(incompatibilities([newest(versions), second, third])).toEqual(['v3 as v1']);
  });
});

type Fields = readonly Field[];
type Field = z.infer<typeof fieldSchema>;

const fieldSchema = z.looseObject({ name: z.string(), type: z.unknown() });
const logicalSchema = z.looseObject({ logicalType: z.string() });
const recordSchema = z.looseObject({ fields: z.array(fieldSchema) });
const enumSchema = z.looseObject({ type: z.literal('enum'), symbols: z.array(z.string()) });
const willSchema = z.tuple([z.literal('null'), z.looseObject({ name: z.literal('Will') })]);

function versionsOf(name: string): Schema[] {
  return versionsByName()
    .get(name)!
    .map(({ schema }) => schema);
}

function newest(versions: readonly Schema[]): Schema {
  return versions.at(-1)!;
}

function recordOf(schema: Schema): z.infer<typeof recordSchema> {
  return recordSchema.parse(schema);
}

function withFields(schema: Schema, mutate: (fields: Fields) => Fields): Schema {
  const record = recordOf(schema);
  return { ...record, fields: mutate(record.fields) } as unknown as Schema;
}

interface TypedField {
  readonly name: string;
  readonly logicalType: unknown;
}

/** Of the record and of all records in it. */
function* fieldsOf(type: unknown): Generator<TypedField> {
  for (const branch of [type].flat()) {
    const record = recordSchema.safeParse(branch);
    for (const field of record.data?.fields ?? []) {
      const branches = [field.type].flat().map((each) => logicalSchema.safeParse(each).data);
      yield { name: field.name, logicalType: branches.find((each) => each !== undefined)?.logicalType };
      yield* fieldsOf(field.type);
    }
  }
}

/** Fails when there is no such field: a mutation that changes nothing would prove nothing. */
function changed(name: string, change: (field: Field) => Field): (fields: Fields) => Fields {
  return (fields) => {
    expect(fields.map((field) => field.name)).toContain(name);
    return fields.map((field) => (field.name === name ? change(field) : field));
  };
}

function changedSymbols(change: (symbols: readonly string[]) => readonly string[]) {
  return changed('closeReason', (field) => {
    const [nothing, symbols] = z.tuple([z.literal('null'), enumSchema]).parse(field.type);
    return { ...field, type: [nothing, { ...symbols, symbols: change(symbols.symbols) }] };
  });
}

function renamedWill(field: Field): Field {
  const [nothing, will] = willSchema.parse(field.type);
  return { ...field, type: [nothing, { ...will, name: 'LastWill' }] };
}
