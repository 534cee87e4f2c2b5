/** Tells whether a row of the snapshot is the record that it was made of, without keeping either. */
import { createHash } from 'node:crypto';
import type { SnapshotRow } from '../../src/metadata/snapshot-store.ts';

/** Of SHA-256: two records that differ share a digest once in 2^64 tries. */
const DIGEST_BYTES = 16;

/** 16 characters of one byte each, of everything in a record but its key and its place. */
export function recordDigest({
  value,
  event,
  timestampMs,
}: Pick<SnapshotRow, 'value' | 'event' | 'timestampMs'>): string {
  const hash = createHash('sha256').update(`${timestampMs}\0${event}\0`);
  if (value !== null) hash.update(value);
  return hash.digest().toString('latin1', 0, DIGEST_BYTES);
}
