/**
 * How records lie in a segment file. Owns the bytes around a record body; knows nothing of what is in it.
 *
 *     segment := magic "SPOKEJNL" | u32 format version | u32 segment number | record*
 *     record  := u32 body length | u32 crc | u8 type | body          (integers little endian)
 *
 * The checksum is CRC-32 of type and body, started with the segment number, so that a record of another
 * segment (a file restored under the wrong name, a recycled block) does not pass for one of this segment.
 */
import { crc32 } from 'node:zlib';

export const SEGMENT_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 9;
/** Largest record body: a guard against lengths read from damaged bytes. */
export const RECORD_BODY_BYTES_MAX = 1 << 30;

const MAGIC = Buffer.from('SPOKEJNL', 'latin1');
const FORMAT_VERSION = 1;

/** Types an owner of a journal may use: 1 to 30. */
export const RECORD_TYPE_MAX = 30;
/**
 * Written by the journal itself before the first record of each group. A group is written only after the one
 * before it was synced, so an intact mark proves that all bytes before it had been durable.
 */
export const GROUP_MARK_TYPE = 31;

export function encodeSegmentHeader(target: Buffer, segment: number): void {
  MAGIC.copy(target, 0);
  target.writeUInt32LE(FORMAT_VERSION, 8);
  target.writeUInt32LE(segment, 12);
}

/** 'foreign': not a segment of this format version; the reason is for people. */
export function checkSegmentHeader(header: Buffer, segment: number): 'intact' | 'torn' | 'foreign' {
  if (header.length < SEGMENT_HEADER_BYTES || !header.subarray(0, 8).equals(MAGIC)) return 'torn';
  if (header.readUInt32LE(8) !== FORMAT_VERSION) return 'foreign';
  return header.readUInt32LE(12) === segment ? 'intact' : 'foreign';
}

/** Writes the header of a record whose body already lies in `target` from `start + RECORD_HEADER_BYTES` to `end`. */
export function sealRecord(target: Buffer, start: number, end: number, type: number, segment: number): void {
  target[start + 8] = type;
  target.writeUInt32LE(end - start - RECORD_HEADER_BYTES, start);
  target.writeUInt32LE(crc32(target.subarray(start + 8, end), segment), start + 4);
}

/** Bytes of the whole record at `at`, or undefined if no record can begin there: fewer bytes left, impossible type. */
export function recordBytesAt(bytes: Buffer, at: number): number | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const type = bytes[at + 8] ?? 0;
  if (type === 0 || type > GROUP_MARK_TYPE || length > RECORD_BODY_BYTES_MAX) return undefined;
  return RECORD_HEADER_BYTES + length;
}

/** Whether the record of `recordBytes` bytes at `at`, all of them in `bytes`, is what was written. */
export function isIntact(bytes: Buffer, at: number, recordBytes: number, segment: number): boolean {
  return crc32(bytes.subarray(at + 8, at + recordBytes), segment) === bytes.readUInt32LE(at + 4);
}

const SEGMENT_NAME = /^(\d{10})\.journal$/;

export function segmentFileName(segment: number): string {
  return `${String(segment).padStart(10, '0')}.journal`;
}

export function segmentOfFileName(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
