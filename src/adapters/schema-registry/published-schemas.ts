/** The schema files that come with this release, in `schemas/`, as the registry is to hold them: with their documentation. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Sources and built files lie at different depths below it. */
const CANDIDATES = ['../../../schemas/', '../../../../schemas/'];

const idsFile = z.record(
  z.string().regex(/^\d+$/),
  z.object({ name: z.string(), version: z.number(), file: z.string() }),
);

export interface PublishedSchema {
  /** In values that are written without a registry. */
  readonly builtInId: number;
  /** Full name of its record, `spokemq.SessionState`. */
  readonly name: string;
  readonly version: number;
  /** The schema, JSON. */
  readonly text: string;
}

/** In the order of their built-in ids: an empty registry that counts from 1 gives out the same ones. */
export function publishedSchemas(): PublishedSchema[] {
  for (const candidate of CANDIDATES) {
    const directory = new URL(candidate, import.meta.url);
    const ids = textOf(new URL('ids.json', directory));
    if (ids !== undefined) return schemasIn(directory, ids);
  }
  throw new Error('schemas/ids.json of spokemq was not found: install the package again');
}

function schemasIn(directory: URL, ids: string): PublishedSchema[] {
  return Object.entries(idsFile.parse(JSON.parse(ids)))
    .map(([id, { name, version, file }]) => ({
      builtInId: Number(id),
      name,
      version,
      text: readFileSync(new URL(file, directory), 'utf8'),
    }))
    .sort((one, other) => one.builtInId - other.builtInId);
}

function textOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
