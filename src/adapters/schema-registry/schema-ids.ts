/**
 * Which id stands for which schema in values that are written with a registry. Values from before the registry keep
 * the built-in ids; since a record's key says which record its value is, one id may mean two things under two kinds of key.
 */
import type { RecordKey } from '../../event-log/record-key.ts';

export interface RegisteredSchema {
  readonly builtInId: number;
  readonly registryId: number;
  /** Full name of its record. */
  readonly name: string;
}

const RECORD_OF: Readonly<Record<RecordKey['kind'], string>> = {
  session: 'spokemq.SessionState',
  subscription: 'spokemq.Subscription',
  retained: 'spokemq.RetainedMessage',
  tenant: 'spokemq.Tenant',
  audit: 'spokemq.AuditEvent',
};

export class SchemaIds {
  readonly #toRegistry = new Map<number, number>();
  readonly #toBuiltIn = new Map<string, Map<number, number>>();
  /** An id that would mean two versions of one record; undefined: every value can be read. */
  readonly ambiguousId: number | undefined;

  constructor(schemas: readonly RegisteredSchema[]) {
    for (const { builtInId, registryId, name } of schemas) {
      this.#toRegistry.set(builtInId, registryId);
      const ids = this.#toBuiltIn.get(name) ?? new Map<number, number>();
      this.#toBuiltIn.set(name, ids);
      for (const id of [builtInId, registryId]) {
        const other = ids.get(id) ?? builtInId;
        if (other !== builtInId) this.ambiguousId = id;
        ids.set(id, builtInId);
      }
    }
  }

  /** Whether the registry's ids are the built-in ones, so that nothing needs to be translated. */
  get areBuiltIn(): boolean {
    return [...this.#toRegistry].every(([builtInId, registryId]) => builtInId === registryId);
  }

  /** undefined: this release has no such schema. */
  registryId(builtInId: number): number | undefined {
    return this.#toRegistry.get(builtInId);
  }

  /** For an id as it stands in a value under a key of this kind. undefined: not a schema of this release. */
  builtInId(kind: RecordKey['kind'], id: number): number | undefined {
    return this.#toBuiltIn.get(RECORD_OF[kind])?.get(id);
  }
}
