/**
 * A record on the log that this release cannot read: written by a newer one, or not by SpokeMQ at all.
 * Damage on the medium is found earlier, by the adapter's checksums.
 */
export class UndecodableRecordError extends Error {
  override readonly name = 'UndecodableRecordError';
  readonly code = 'RECORD_UNDECODABLE';

  /** `record` names the record (key, or position); `fault` says what is wrong with it and what to do. */
  constructor(record: string, fault: string, options?: { cause?: unknown }) {
    super(`Cannot decode the record ${JSON.stringify(record)}: ${fault}`, options);
  }
}
