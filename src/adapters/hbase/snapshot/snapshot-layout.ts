/**
 * Rows of the tables that hold snapshots: the only place that knows how they are laid out (docs/adr/0008).
 *
 *     row  := u16 partition | key of the log record, UTF-8
 *           | u16 partition | first bytes of the key | 0xff | SHA-256 of the key     keys too long for a row
 *     cell := u8 version 1 | u8 flags | u64 timestamp ms | u16 event bytes | event
 *           | u32 key bytes | key  if flags.longKey | value                          flags: 1 tombstone, 2 longKey
 *
 * The cell's timestamp is the offset. Integers big endian, text UTF-8: in which no byte is 0xff, so no long key is another's row.
 */
import { createHash } from 'node:crypto';
import type { Offset } from '../../../event-log/event-log.ts';
import type { SnapshotRow } from '../../../metadata/snapshot-store.ts';
import type { CellCursor } from '../client/cell-block.ts';
import type { PutCell } from '../client/row-mutation.ts';

export const SNAPSHOT_FAMILY = 's';
export const SNAPSHOT_QUALIFIER = Buffer.from('r');

const PARTITION_BYTES = 2;
const PARTITIONS_MAX = 2 ** 16;
/** HBase allows 32,767 bytes, and less here: whoever looks for a row's region asks with a key that has the row in it and more. */
const ROW_BYTES_MAX = 4_096;
const KEY_BYTES_MAX = ROW_BYTES_MAX - PARTITION_BYTES;
const LONG_KEY_MARK = Buffer.from([0xff]);
const DIGEST_BYTES = 32;
/** Of a long key's row, in front of the mark. */
const LONG_KEY_START_BYTES = ROW_BYTES_MAX - 1 - DIGEST_BYTES;

const VERSION = 1;
const TOMBSTONE = 1;
const LONG_KEY = 2;
const HEADER_BYTES = 12;
const EVENT_BYTES_MAX = 2 ** 16 - 1;
const LENGTH_BYTES = 4;
const HIGH_WORD = 2 ** 32;

/** Where the rows of a partition begin. */
export function partitionStart(partition: number): Buffer {
  if (!Number.isInteger(partition) || partition < 0 || partition >= PARTITIONS_MAX)
    throw new RangeError(`partition ${partition} is not one of 0 to ${PARTITIONS_MAX - 1}`);
  return Buffer.from([partition >> 8, partition & 0xff]);
}

/** Where they end, exclusive; empty: at the end of the table. */
export function partitionEnd(partition: number): Buffer {
  return partition === PARTITIONS_MAX - 1 ? Buffer.alloc(0) : partitionStart(partition + 1);
}

export function snapshotRowKey(partition: number, key: string): Buffer {
  const row = Buffer.allocUnsafe(PARTITION_BYTES + Buffer.byteLength(key));
  row.writeUInt16BE(partition);
  row.write(key, PARTITION_BYTES);
  if (row.length <= ROW_BYTES_MAX) return row;
  const digest = createHash('sha256').update(key).digest();
  return Buffer.concat([row.subarray(0, LONG_KEY_START_BYTES), LONG_KEY_MARK, digest]);
}

export function snapshotCell({ key, offset, value, event, timestampMs }: SnapshotRow): PutCell {
  const keyBytes = Buffer.byteLength(key) > KEY_BYTES_MAX ? Buffer.from(key) : undefined;
  const eventBytes = Buffer.byteLength(event);
  if (eventBytes > EVENT_BYTES_MAX) throw new RangeError(`an event of ${eventBytes} bytes cannot be stored`);
  const keyField = keyBytes === undefined ? 0 : LENGTH_BYTES + keyBytes.length;
  const cell = Buffer.allocUnsafe(HEADER_BYTES + eventBytes + keyField + (value?.length ?? 0));
  cell[0] = VERSION;
  cell[1] = (value === null ? TOMBSTONE : 0) | (keyBytes === undefined ? 0 : LONG_KEY);
  cell.writeUInt32BE(Math.floor(timestampMs / HIGH_WORD), 2);
  cell.writeUInt32BE(timestampMs % HIGH_WORD, 6);
  cell.writeUInt16BE(eventBytes, 10);
  let end = HEADER_BYTES + cell.write(event, HEADER_BYTES);
  if (keyBytes !== undefined) {
    end = cell.writeUInt32BE(keyBytes.length, end);
    end += keyBytes.copy(cell, end);
  }
  value?.copy(cell, end);
  return { family: SNAPSHOT_FAMILY, qualifier: SNAPSHOT_QUALIFIER, value: cell, timestamp: BigInt(offset) };
}

export function isTombstone({ block, valueStart }: CellCursor): boolean {
  return ((block[valueStart + 1] ?? 0) & TOMBSTONE) !== 0;
}

/** Reads cells of one scan; remembers the event's text, which is the same for most neighbours. */
export class SnapshotRowReader {
  #event = '';
  #eventBytes = Buffer.alloc(0);

  /** The row's value shares the cell's memory. Throws a `RangeError` when the cell is not one of ours. */
  read(cursor: CellCursor): SnapshotRow {
    const { block, rowStart, rowEnd, valueStart, valueEnd } = cursor;
    if (block[valueStart] !== VERSION || valueEnd - valueStart < HEADER_BYTES) throw foreign(cursor);
    const flags = block[valueStart + 1] ?? 0;
    const eventStart = valueStart + HEADER_BYTES;
    let end = eventStart + block.readUInt16BE(valueStart + 10);
    const event = this.#eventAt(block, eventStart, end);
    let keyStart = rowStart + PARTITION_BYTES;
    let keyEnd = rowEnd;
    if ((flags & LONG_KEY) !== 0) {
      keyStart = end + LENGTH_BYTES;
      keyEnd = keyStart + block.readUInt32BE(end);
      end = keyEnd;
    }
    if (end > valueEnd) throw foreign(cursor);
    return {
      partition: block.readUInt16BE(rowStart),
      offset: cursor.safeTimestamp as Offset,
      key: block.toString('utf8', keyStart, keyEnd),
      value: (flags & TOMBSTONE) === 0 ? block.subarray(end, valueEnd) : null,
      event,
      timestampMs: block.readUInt32BE(valueStart + 2) * HIGH_WORD + block.readUInt32BE(valueStart + 6),
    };
  }

  #eventAt(block: Buffer, start: number, end: number): string {
    const known = this.#eventBytes;
    let same = end - start === known.length;
    for (let at = 0; same && at < known.length; at++) same = known[at] === block[start + at];
    if (!same) {
      this.#eventBytes = Buffer.from(block.subarray(start, end));
      this.#event = this.#eventBytes.toString();
    }
    return this.#event;
  }
}

function foreign({ row }: CellCursor): RangeError {
  return new RangeError(
    `row ${row.toString('hex')} is not laid out as this release writes it: was another program writing into the table, or a later release?`,
  );
}
