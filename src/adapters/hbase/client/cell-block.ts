/**
 * Cells as HBase's KeyValueCodec writes them behind an answer, read where they lie: nothing is copied, and nothing made, per cell.
 *
 *     block := cell*
 *     cell  := u32 bytes that follow | u32 key bytes | u32 value bytes | key | value
 *     key   := u16 row bytes | row | u8 family bytes | family | qualifier | i64 timestamp | u8 type
 */
import { HBaseError } from './hbase-error.ts';

/** What a connection asks its answers' cells to be written with. */
export const CELL_BLOCK_CODEC = 'org.apache.hadoop.hbase.codec.KeyValueCodec';

const LENGTHS_BYTES = 12;
const ROW_LENGTH_BYTES = 2;
/** Time and type, at the end of the key. */
const TRAILER_BYTES = 9;
/** Of a key without row, family and qualifier. */
const KEY_BYTES_MIN = ROW_LENGTH_BYTES + 1 + TRAILER_BYTES;
const HIGH_WORD = 2 ** 32;

/** Goes over a block, one cell after the other. Numbers are places in `block`. */
export class CellCursor {
  readonly block: Buffer;
  rowStart = 0;
  rowEnd = 0;
  familyStart = 0;
  familyEnd = 0;
  /** The qualifier begins where the family ends. */
  qualifierEnd = 0;
  valueStart = 0;
  /** Of the cell too. */
  valueEnd = 0;

  constructor(block: Buffer) {
    this.block = block;
  }

  /** Goes on to the next cell; false: there is none. Throws `PROTOCOL` when the bytes are no cell. */
  next(): boolean {
    const { block, valueEnd: start } = this;
    if (start >= block.length) return false;
    const keyStart = start + LENGTHS_BYTES;
    if (keyStart + KEY_BYTES_MIN > block.length) throw malformed(block);
    const end = start + 4 + block.readUInt32BE(start);
    const keyEnd = keyStart + block.readUInt32BE(start + 4);
    const rowStart = keyStart + ROW_LENGTH_BYTES;
    const rowEnd = rowStart + block.readUInt16BE(keyStart);
    const familyEnd = rowEnd + 1 + (block[rowEnd] ?? 0);
    if (end > block.length || keyEnd + block.readUInt32BE(start + 8) !== end) throw malformed(block);
    if (familyEnd + TRAILER_BYTES > keyEnd) throw malformed(block);
    this.rowStart = rowStart;
    this.rowEnd = rowEnd;
    this.familyStart = rowEnd + 1;
    this.familyEnd = familyEnd;
    this.qualifierEnd = keyEnd - TRAILER_BYTES;
    this.valueStart = keyEnd;
    this.valueEnd = end;
    return true;
  }

  get row(): Buffer {
    return this.block.subarray(this.rowStart, this.rowEnd);
  }

  get timestamp(): bigint {
    return this.block.readBigUInt64BE(this.qualifierEnd);
  }

  /** The timestamp of cells whose writers give numbers below 2^53. Throws a `RangeError` on others. */
  get safeTimestamp(): number {
    const { block, qualifierEnd } = this;
    const number = block.readUInt32BE(qualifierEnd) * HIGH_WORD + block.readUInt32BE(qualifierEnd + 4);
    if (!Number.isSafeInteger(number)) throw new RangeError(`a cell's timestamp, ${number}, is beyond 2^53`);
    return number;
  }
}

function malformed(block: Buffer): HBaseError {
  return new HBaseError(
    'PROTOCOL',
    `a cell block of ${block.length} bytes has something else in it than cells`,
  );
}
