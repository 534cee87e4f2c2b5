/**
 * Kafka's record batch (magic 2): what a produce request carries and a fetch answers. A batch is checked by its CRC, records
 * of aborted transactions are left out, and an offset that compaction has emptied still moves the reader on.
 *
 *     batch => baseOffset length leaderEpoch magic crc attributes lastOffsetDelta baseTimestamp maxTimestamp
 *              producerId producerEpoch firstSequence count [record]
 */
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import crc32C from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import type { LogEntry, Offset } from '../../../event-log/event-log.ts';
import { ByteCursor } from './byte-cursor.ts';
import { newScratch, readRecord, recordBytesMax, writeRecord } from './log-record-codec.ts';
import type { EncodedRecord } from './log-record-codec.ts';

export type Compression = 'none' | 'gzip';

/** Who writes a batch, and as the how manieth: what makes a repeat of it harmless. */
export interface ProducerStamp {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly firstSequence: number;
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

export interface DecodedBatches {
  readonly entries: readonly LogEntry[];
  /** The offset to go on from: behind everything decoded, records or not. */
  readonly next: Offset;
}

const LENGTH = 8;
const LEADER_EPOCH = 12;
const MAGIC = 16;
const CRC = 17;
const ATTRIBUTES = 21;
const LAST_OFFSET_DELTA = 23;
const BASE_TIMESTAMP = 27;
const MAX_TIMESTAMP = 35;
const PRODUCER_ID = 43;
const PRODUCER_EPOCH = 51;
const FIRST_SEQUENCE = 53;
const COUNT = 57;
const HEADER_BYTES = 61;
/** What `length` counts begins here. */
const COUNTED_FROM = LEADER_EPOCH;

const MAGIC_2 = 2;
const GZIP = 1;
const COMPRESSION_MASK = 0x07;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Type in the key of a control record, behind its 16-bit version. */
const ABORT_MARKER = 0;
const FOREIGN_COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Room that a batch of these records may need, in bytes. */
export const BATCH_OVERHEAD_BYTES = HEADER_BYTES;

export function encodeRecordBatch(
  records: readonly EncodedRecord[],
  stamp: ProducerStamp,
  compression: Compression,
): Buffer {
  const baseTimestampMs = records[0]?.timestampMs ?? 0;
  let bytesMax = HEADER_BYTES;
  let maxTimestampMs = baseTimestampMs;
  for (const record of records) {
    bytesMax += recordBytesMax(record);
    maxTimestampMs = Math.max(maxTimestampMs, record.timestampMs);
  }
  const cursor = new ByteCursor(Buffer.allocUnsafe(bytesMax), HEADER_BYTES);
  const scratch = newScratch();
  for (const [index, record] of records.entries())
    writeRecord(cursor, record, baseTimestampMs, index, scratch);
  const plain = cursor.bytes.subarray(0, cursor.at);
  const batch = compression === 'gzip' ? compressed(plain) : plain;
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - COUNTED_FROM, LENGTH);
  batch.writeInt32BE(-1, LEADER_EPOCH);
  batch.writeInt8(MAGIC_2, MAGIC);
  batch.writeInt16BE(compression === 'gzip' ? GZIP : 0, ATTRIBUTES);
  batch.writeInt32BE(records.length - 1, LAST_OFFSET_DELTA);
  batch.writeBigInt64BE(BigInt(baseTimestampMs), BASE_TIMESTAMP);
  batch.writeBigInt64BE(BigInt(maxTimestampMs), MAX_TIMESTAMP);
  batch.writeBigInt64BE(stamp.producerId, PRODUCER_ID);
  batch.writeInt16BE(stamp.epoch, PRODUCER_EPOCH);
  batch.writeInt32BE(stamp.firstSequence, FIRST_SEQUENCE);
  batch.writeInt32BE(records.length, COUNT);
  batch.writeUInt32BE(crc32C(batch.subarray(ATTRIBUTES)), CRC);
  return batch;
}

/**
 * The records from `from` on. A last batch that is cut short is left for the next fetch; the first one may begin before
 * `from`. Throws an `Error` on a batch that is damaged or that this reader cannot unpack.
 */
export function decodeRecordBatches(
  bytes: Buffer,
  partition: number,
  from: Offset,
  aborted: readonly AbortedTransaction[],
): DecodedBatches {
  const entries: LogEntry[] = [];
  const pendingAborts = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const abortedProducers = new Set<bigint>();
  let next: number = from;
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + COUNTED_FROM + bytes.readInt32BE(at + LENGTH);
    if (end > bytes.length) break;
    const batch = bytes.subarray(at, end);
    at = end;
    const baseOffset = Number(batch.readBigInt64BE(0));
    const lastOffset = baseOffset + batch.readInt32BE(LAST_OFFSET_DELTA);
    if (lastOffset < next) continue;
    assertWhole(batch, partition, baseOffset);
    const attributes = batch.readInt16BE(ATTRIBUTES);
    const producerId = batch.readBigInt64BE(PRODUCER_ID);
    while ((pendingAborts[0]?.firstOffset ?? Infinity) <= lastOffset) {
      const abort = pendingAborts.shift();
      if (abort !== undefined) abortedProducers.add(abort.producerId);
    }
    if ((attributes & CONTROL) !== 0) {
      if (isAbortMarker(batch)) abortedProducers.delete(producerId);
    } else if ((attributes & TRANSACTIONAL) === 0 || !abortedProducers.has(producerId)) {
      readBatch(batch, partition, baseOffset, next, entries);
    }
    next = lastOffset + 1;
  }
  return { entries, next: next as Offset };
}

function readBatch(
  batch: Buffer,
  partition: number,
  baseOffset: number,
  from: number,
  entries: LogEntry[],
): void {
  const baseTimestampMs = Number(batch.readBigInt64BE(BASE_TIMESTAMP));
  const cursor = new ByteCursor(recordsOf(batch, partition, baseOffset));
  for (let count = batch.readInt32BE(COUNT); count > 0; count--) {
    const { offsetDelta, ...record } = readRecord(cursor, baseTimestampMs);
    const offset = (baseOffset + offsetDelta) as Offset;
    if (offset >= from) entries.push({ ...record, partition, offset });
  }
}

function recordsOf(batch: Buffer, partition: number, baseOffset: number): Buffer {
  const records = batch.subarray(HEADER_BYTES);
  const compression = batch.readInt16BE(ATTRIBUTES) & COMPRESSION_MASK;
  if (compression === 0) return records;
  if (compression === GZIP) return gunzipSync(records);
  throw new Error(
    `The record batch at offset ${baseOffset} of partition ${partition} is compressed with ` +
      `${FOREIGN_COMPRESSIONS[compression] ?? compression}, which only a foreign writer or the topic's compression.type can ` +
      'have done. Set compression.type to producer, and let nothing but SpokeMQ write to the topic.',
  );
}

function compressed(plain: Buffer): Buffer {
  const records = gzipSync(plain.subarray(HEADER_BYTES), { level: constants.Z_BEST_SPEED });
  return Buffer.concat([plain.subarray(0, HEADER_BYTES), records]);
}

function assertWhole(batch: Buffer, partition: number, baseOffset: number): void {
  const where = `The record batch at offset ${baseOffset} of partition ${partition}`;
  if (batch.readInt8(MAGIC) !== MAGIC_2)
    throw new Error(
      `${where} has format ${batch.readInt8(MAGIC)}; only format 2, of Kafka 0.11 and later, is read.`,
    );
  if (crc32C(batch.subarray(ATTRIBUTES)) !== batch.readUInt32BE(CRC))
    throw new Error(`${where} does not match its checksum: it was damaged on a disk or on the way.`);
}

function isAbortMarker(batch: Buffer): boolean {
  const cursor = new ByteCursor(batch, HEADER_BYTES);
  cursor.readVarint();
  cursor.at++;
  cursor.readVarint();
  cursor.readVarint();
  return cursor.readBytes()?.readInt16BE(2) === ABORT_MARKER;
}
