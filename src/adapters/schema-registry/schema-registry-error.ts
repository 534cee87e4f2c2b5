/** Everything that can go wrong with a schema registry: one closed list of codes, each with what to do about it. */

const ADVICE = {
  SCHEMA_REGISTRY_UNAVAILABLE:
    'check that it runs and can be reached from here, or use none: the built-in ids need no registry',
  SCHEMA_REGISTRY_REFUSED: 'put a user and a password that may do this into its URL',
  SCHEMA_REGISTRY_UNEXPECTED:
    'it has to speak the Confluent API; Apicurio speaks it under /apis/ccompat/v7, which belongs to the URL',
  SCHEMA_INCOMPATIBLE:
    'the subject holds a schema of somebody else, or of another release: remove it, or use another registry',
  SCHEMA_NOT_REGISTERED: 'have its owner register the file, or let the broker do it',
  SCHEMA_IDS_AMBIGUOUS:
    'values from before the registry could not be told from later ones: use a registry that has given out more ids',
} as const satisfies Record<string, string>;

export type SchemaRegistryErrorCode = keyof typeof ADVICE;

export class SchemaRegistryError extends Error {
  override readonly name = 'SchemaRegistryError';
  readonly code: SchemaRegistryErrorCode;

  /** `registry` says where it is, without a password. */
  constructor(code: SchemaRegistryErrorCode, registry: string, what: string, options?: { cause?: unknown }) {
    super(`Schema registry ${registry}: ${what} (${code}): ${ADVICE[code]}`, options);
    this.code = code;
  }
}
