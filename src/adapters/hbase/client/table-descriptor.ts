/** What a table is made of, and how that is written in HBase's messages. Attributes are HBase's own, by their names. */
import type { BytesBytesPair, NameStringPair, TableSchema } from './master-messages.ts';
import { tableNameMessage, tableNameOf } from './table-name.ts';

export interface FamilyDescriptor {
  readonly name: string;
  /** For example `TTL`, `VERSIONS`, `IN_MEMORY_COMPACTION`, `DATA_BLOCK_ENCODING`. What is left out has HBase's default. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly configuration?: Readonly<Record<string, string>>;
}

export interface TableDescriptor {
  /** `namespace:qualifier`, or `qualifier` in the default namespace. */
  readonly name: string;
  readonly families: readonly FamilyDescriptor[];
  /** For example `SPLIT_POLICY`, `MAX_FILESIZE`, `coprocessor$1`. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly configuration?: Readonly<Record<string, string>>;
}

export function schemaOf(descriptor: TableDescriptor): TableSchema {
  return {
    tableName: tableNameMessage(descriptor.name),
    attributes: bytesPairs(descriptor.attributes),
    columnFamilies: descriptor.families.map((family) => ({
      name: Buffer.from(family.name),
      attributes: bytesPairs(family.attributes),
      configuration: stringPairs(family.configuration ?? {}),
    })),
    configuration: stringPairs(descriptor.configuration ?? {}),
  };
}

export function descriptorOf(schema: TableSchema): Required<TableDescriptor> {
  return {
    name: tableNameOf(schema.tableName),
    attributes: fromBytesPairs(schema.attributes),
    families: schema.columnFamilies.map((family) => ({
      name: Buffer.from(family.name).toString(),
      attributes: fromBytesPairs(family.attributes),
      configuration: fromStringPairs(family.configuration),
    })),
    configuration: fromStringPairs(schema.configuration),
  };
}

function bytesPairs(record: Readonly<Record<string, string>>): BytesBytesPair[] {
  return Object.entries(record).map(([name, value]) => ({
    first: Buffer.from(name),
    second: Buffer.from(value),
  }));
}

function stringPairs(record: Readonly<Record<string, string>>): NameStringPair[] {
  return Object.entries(record).map(([name, value]) => ({ name, value }));
}

function fromBytesPairs(pairs: readonly BytesBytesPair[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(({ first, second }) => [Buffer.from(first).toString(), Buffer.from(second).toString()]),
  );
}

function fromStringPairs(pairs: readonly NameStringPair[]): Record<string, string> {
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
}
