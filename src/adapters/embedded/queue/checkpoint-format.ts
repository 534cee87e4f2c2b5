/**
 * A checkpoint on disk: the table of queues, so that a start replays only the journal behind it.
 *
 *     file   := magic "SPOKECKP" | u32 format version | u32 segment | u32 offset | frame*      (little endian)
 *     frame  := u32 length | u32 crc | item*; the last frame is empty: without it the file is incomplete
 *     item   := u8 1, queue | u8 2, entries; the entries of a queue follow it, in order
 *     queue  := key | f64 next | u32 segment, u32 offset: as of | quota | u8 count | producer*
 *     producer := u16 length, name | f64 sequence | f64 seq
 *     entries := key | f64 first seq | u32 count | (5 * u32)*
 */
import { crc32 } from 'node:zlib';
import type { FileSystem } from '../file-system.ts';

export const MAGIC = Buffer.from('SPOKECKP', 'latin1');
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 20;
export const FRAME_HEADER_BYTES = 8;
/** A frame at most: serialised in one go before the event loop gets its turn. */
export const FRAME_BYTES_MAX = 256 * 1024;
export const QUEUE_ITEM = 1;
export const ENTRIES_ITEM = 2;

const NAME = /^checkpoint-(\d{10})$/;
/** Not 0, so that NUL bytes are not taken for the last, empty frame. */
const CRC_START = 0x53504f4b;

export function frameCrc(payload: Buffer): number {
  return crc32(payload, CRC_START);
}

export function checkpointName(number: number): string {
  return `checkpoint-${String(number).padStart(10, '0')}`;
}

/** Numbers of the checkpoints in a directory, newest first. */
export async function listCheckpoints(fileSystem: FileSystem, directory: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await fileSystem.list(directory)) {
    const digits = NAME.exec(name)?.[1];
    if (digits !== undefined) numbers.push(Number(digits));
  }
  return numbers.sort((left, right) => right - left);
}
