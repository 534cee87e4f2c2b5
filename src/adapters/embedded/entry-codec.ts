/**
 * The bytes of one log record, in the journal, in the archive and in snapshot rows:
 *
 *     entry := u64 offset | u64 timestamp ms | u32 partition | u32 key bytes | u32 partition key bytes
 *            | u32 event bytes | u32 value bytes + 1, 0: tombstone | key | partition key | event | value
 *
 * Integers little endian, text UTF-8. A 64-bit number that is not a safe integer stops the process (ADR 0002).
 */
import type { LogEntry, Offset } from '../../event-log/event-log.ts';
import type { SnapshotRow } from '../../metadata/snapshot-store.ts';

const HEADER_BYTES = 36;
/** A UTF-16 code unit takes at most this many bytes in UTF-8. */
const UTF8_BYTES_MAX = 3;
const TWO_TO_32 = 2 ** 32;

/** Enough for the entry; what is really needed is known once it has been written. */
export function entryBytesMax(entry: SnapshotRow, partitionKey: string): number {
  const textUnits = entry.key.length + partitionKey.length + entry.event.length;
  return HEADER_BYTES + UTF8_BYTES_MAX * textUnits + (entry.value?.length ?? 0);
}

/** Writes at `at` and returns where the entry ends. Snapshot rows have no partition key: ''. */
export function encodeEntry(target: Buffer, at: number, entry: SnapshotRow, partitionKey: string): number {
  const keyBytes = target.write(entry.key, at + HEADER_BYTES);
  let end = at + HEADER_BYTES + keyBytes;
  const partitionKeyBytes = partitionKey === '' ? 0 : target.write(partitionKey, end);
  end += partitionKeyBytes;
  const eventBytes = target.write(entry.event, end);
  end += eventBytes;
  writeSafeInteger(target, at, entry.offset);
  writeSafeInteger(target, at + 8, entry.timestampMs);
  target.writeUInt32LE(entry.partition, at + 16);
  target.writeUInt32LE(keyBytes, at + 20);
  target.writeUInt32LE(partitionKeyBytes, at + 24);
  target.writeUInt32LE(eventBytes, at + 28);
  target.writeUInt32LE(entry.value === null ? 0 : entry.value.length + 1, at + 32);
  return entry.value === null ? end : end + entry.value.copy(target, end);
}

/** Where the entry at `at` ends. */
export function entryEnd(source: Buffer, at: number): number {
  const textBytes =
    source.readUInt32LE(at + 20) + source.readUInt32LE(at + 24) + source.readUInt32LE(at + 28);
  return at + HEADER_BYTES + textBytes + Math.max(0, source.readUInt32LE(at + 32) - 1);
}

export function entryOffset(source: Buffer, at: number): Offset {
  return readSafeInteger(source, at) as Offset;
}

export function entryTimestampMs(source: Buffer, at: number): number {
  return readSafeInteger(source, at + 8);
}

export function entryKey(source: Buffer, at: number): string {
  const start = at + HEADER_BYTES;
  return source.toString('utf8', start, start + source.readUInt32LE(at + 20));
}

export function isTombstone(source: Buffer, at: number): boolean {
  return source.readUInt32LE(at + 32) === 0;
}

export function entryPartition(source: Buffer, at: number): number {
  return source.readUInt32LE(at + 16);
}

/** The entry owns its bytes: the source may be reused or dropped. */
export function decodeEntry(source: Buffer, at: number): LogEntry {
  const row = decodeRow(source, at);
  const keyEnd = at + HEADER_BYTES + source.readUInt32LE(at + 20);
  const partitionKey = source.toString('utf8', keyEnd, keyEnd + source.readUInt32LE(at + 24));
  return {
    partition: row.partition,
    offset: row.offset,
    partitionKey,
    key: row.key,
    value: row.value,
    event: row.event,
    timestampMs: row.timestampMs,
  };
}

/** As `decodeEntry`, without the partition key. */
export function decodeRow(source: Buffer, at: number): SnapshotRow {
  const keyEnd = at + HEADER_BYTES + source.readUInt32LE(at + 20);
  const partitionKeyEnd = keyEnd + source.readUInt32LE(at + 24);
  const eventEnd = partitionKeyEnd + source.readUInt32LE(at + 28);
  const valueBytes = source.readUInt32LE(at + 32) - 1;
  return {
    partition: entryPartition(source, at),
    offset: entryOffset(source, at),
    key: source.toString('utf8', at + HEADER_BYTES, keyEnd),
    value: valueBytes < 0 ? null : Buffer.from(source.subarray(eventEnd, eventEnd + valueBytes)),
    event: source.toString('utf8', partitionKeyEnd, eventEnd),
    timestampMs: entryTimestampMs(source, at),
  };
}

export function writeSafeInteger(target: Buffer, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} cannot be stored: 64-bit numbers are integers from 0 to 2^53 - 1.`);
  }
  const low = value % TWO_TO_32;
  target.writeUInt32LE(low, at);
  target.writeUInt32LE((value - low) / TWO_TO_32, at + 4);
}

export function readSafeInteger(source: Buffer, at: number): number {
  const value = source.readUInt32LE(at) + source.readUInt32LE(at + 4) * TWO_TO_32;
  if (!Number.isSafeInteger(value))
    throw new RangeError(`${value} is beyond 2^53: these bytes are not ours.`);
  return value;
}
