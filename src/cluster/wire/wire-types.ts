/**
 * The peer protocol's data types, written: integers are big endian. Each function writes at `at` and returns where it ends.
 *
 *     u64  := u32 high | u32 low, at most 2^53 - 1
 *     text := u16 bytes | UTF-8
 */

/** UTF-8 needs at most this many bytes for one UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;
const UINT32 = 2 ** 32;

export const U64_BYTES = 8;

/** Of `writeText`, never less; cheap to compute. */
export function textBytesMax(text: string): number {
  return 2 + text.length * UTF8_BYTES_PER_UNIT;
}

export function writeU64(target: Buffer, value: number, at: number): number {
  target.writeUInt32BE(Math.floor(value / UINT32), at);
  return target.writeUInt32BE(value >>> 0, at + 4);
}

/** Throws a `RangeError` above 65,535 bytes. */
export function writeText(target: Buffer, text: string, at: number): number {
  const bytes = target.write(text, at + 2);
  target.writeUInt16BE(bytes, at);
  return at + 2 + bytes;
}
