/**
 * One record of the log as Kafka's record format (version 2) holds it: key and value as they are, the reason in the header
 * `event`. The partition key needs no place of its own as long as it can be read off the key.
 *
 *     record => length attributes timestampDelta offsetDelta key value [header]
 *     header => name value
 */
import type { LogRecord } from '../../../event-log/event-log.ts';
import { ByteCursor, VARINT_BYTES_MAX } from './byte-cursor.ts';

const EVENT_HEADER = Buffer.from('event');
/** Only on records whose key is not `kind\0partitionKey` or `kind\0partitionKey\0more`, as all of SpokeMQ's are. */
const PARTITION_KEY_HEADER = Buffer.from('partitionKey');
const NO_ATTRIBUTES = 0;
const SEPARATOR = '\0';

/** Length, attributes and the two deltas of a record, and how many headers it has. */
const OVERHEAD_BYTES_MAX = 4 * VARINT_BYTES_MAX + 2;
const FIELD_OVERHEAD_BYTES_MAX = VARINT_BYTES_MAX;

/** A record with everything encoded that does not depend on its place in a batch. */
export interface EncodedRecord {
  readonly timestampMs: number;
  /** Key, value and headers with their lengths. */
  readonly fields: Buffer;
}

export interface DecodedRecord extends LogRecord {
  readonly offsetDelta: number;
}

export function encodeFields(record: LogRecord): EncodedRecord {
  const key = Buffer.from(record.key);
  const headers = [EVENT_HEADER, Buffer.from(record.event)];
  if (impliedPartitionKey(record.key) !== record.partitionKey)
    headers.push(PARTITION_KEY_HEADER, Buffer.from(record.partitionKey));
  const parts = [key, record.value ?? Buffer.alloc(0), ...headers];
  const bytesMax = parts.reduce(
    (sum, part) => sum + part.length + FIELD_OVERHEAD_BYTES_MAX,
    VARINT_BYTES_MAX,
  );
  const cursor = new ByteCursor(Buffer.allocUnsafe(bytesMax));
  cursor.writeBytes(key);
  cursor.writeBytes(record.value);
  cursor.writeVarint(headers.length / 2);
  for (const part of headers) cursor.writeBytes(part);
  return { timestampMs: record.timestampMs, fields: cursor.bytes.subarray(0, cursor.at) };
}

export function recordBytesMax(record: EncodedRecord): number {
  return OVERHEAD_BYTES_MAX + record.fields.length;
}

/** `cursor` needs `recordBytesMax` bytes; `scratch` as many as the deltas, and is overwritten. */
export function writeRecord(
  cursor: ByteCursor,
  record: EncodedRecord,
  baseTimestampMs: number,
  offsetDelta: number,
  scratch: ByteCursor,
): void {
  scratch.at = 0;
  scratch.bytes[scratch.at++] = NO_ATTRIBUTES;
  scratch.writeVarint(record.timestampMs - baseTimestampMs);
  scratch.writeVarint(offsetDelta);
  cursor.writeVarint(scratch.at + record.fields.length);
  cursor.at += scratch.bytes.copy(cursor.bytes, cursor.at, 0, scratch.at);
  cursor.at += record.fields.copy(cursor.bytes, cursor.at);
}

export function newScratch(): ByteCursor {
  return new ByteCursor(Buffer.alloc(OVERHEAD_BYTES_MAX));
}

/** The value is a copy: whoever keeps it does not keep the whole answer of the broker alive. */
export function readRecord(cursor: ByteCursor, baseTimestampMs: number): DecodedRecord {
  const bytes = cursor.readVarint();
  const end = cursor.at + bytes;
  cursor.at++; // Attributes: Kafka has defined none.
  const timestampMs = baseTimestampMs + cursor.readVarint();
  const offsetDelta = cursor.readVarint();
  const key = (cursor.readBytes() ?? '').toString();
  const value = cursor.readBytes();
  let event = '';
  let partitionKey: string | undefined;
  for (let headers = cursor.readVarint(); headers > 0; headers--) {
    const name = cursor.readBytes();
    const text = cursor.readBytes();
    if (name?.equals(EVENT_HEADER) === true) event = (text ?? '').toString();
    else if (name?.equals(PARTITION_KEY_HEADER) === true) partitionKey = (text ?? '').toString();
  }
  cursor.at = end;
  return {
    partitionKey: partitionKey ?? impliedPartitionKey(key),
    key,
    value: value === null ? null : Buffer.from(value),
    event,
    timestampMs,
    offsetDelta,
  };
}

/** The second and third part of a key in three or four parts; the whole key when it has others. */
function impliedPartitionKey(key: string): string {
  const kindEnd = key.indexOf(SEPARATOR);
  const tenantEnd = key.indexOf(SEPARATOR, kindEnd + 1);
  if (kindEnd < 0 || tenantEnd < 0) return key;
  const nameEnd = key.indexOf(SEPARATOR, tenantEnd + 1);
  return key.slice(kindEnd + 1, nameEnd < 0 ? undefined : nameEnd);
}
