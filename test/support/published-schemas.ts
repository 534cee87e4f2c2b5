/** The published form of the log's schemas: `schemas/ids.json` and the files it lists. */
import { readFileSync, readdirSync } from 'node:fs';
import avsc from 'avsc';
import type { Schema } from 'avsc';
import { z } from 'zod';

const idsFile = z.record(
  z.string(),
  z.strictObject({ name: z.string(), version: z.number(), file: z.string(), sha256: z.string() }),
);

export interface PublishedSchema {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly file: string;
  /** Of Avro's parsing canonical form: what decides how a value is read, so not the documentation. */
  readonly sha256: string;
  readonly schema: Schema;
}

/** In the order of their ids. */
export function publishedSchemas(): PublishedSchema[] {
  const ids = idsFile.parse(JSON.parse(repositoryFile('schemas/ids.json').toString()));
  return Object.entries(ids).map(([id, entry]) => ({
    id: Number(id),
    ...entry,
    schema: z.custom<Schema>().parse(JSON.parse(repositoryFile(`schemas/${entry.file}`).toString())),
  }));
}

export function schemaFiles(): string[] {
  return readdirSync(new URL('../../schemas/', import.meta.url)).filter((name) => name.endsWith('.avsc'));
}

/** Every version of every record, oldest first. */
export function versionsByName(): Map<string, PublishedSchema[]> {
  const versions = new Map<string, PublishedSchema[]>();
  for (const schema of publishedSchemas().sort((one, other) => one.version - other.version)) {
    versions.set(schema.name, [...(versions.get(schema.name) ?? []), schema]);
  }
  return versions;
}

/** As the codecs read it: logical types are for people and other programs. */
export function avroType(schema: Schema): avsc.Type {
  return avsc.Type.forSchema(schema);
}

export function repositoryFile(path: string): Buffer {
  return readFileSync(new URL(`../../${path}`, import.meta.url));
}
