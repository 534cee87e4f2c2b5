/** Why frames are read by a reader of ours: what the library's does with large ones, and with many small ones. */
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FrameReader } from '../../../../../src/adapters/hbase/client/frame-reader.ts';

interface LibraryReader {
  processData(chunk: Buffer): void;
  on(event: 'messages', listener: (messages: readonly Buffer[]) => void): void;
}

const LibraryReaderOf = createRequire(import.meta.url)('hbase-rpc-client/lib/data-input-stream') as new (
  stream: PassThrough,
) => LibraryReader;

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 64;
const SMALL_FRAMES = 8_000;

/** `[length][varint length][payload]`, the payload short enough for a varint of one byte. */
function smallFrames(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => Buffer.from([0, 0, 0, 2, 1, 7])));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the frame reader of hbase-rpc-client', () => {
  it('copies all that waits for a large frame once more with every chunk', () => {
    const reader = new LibraryReaderOf(new PassThrough());
    const first = Buffer.alloc(CHUNK_BYTES);
    first.writeUInt32BE(CHUNK_BYTES * (CHUNKS + 1), 0);
    const concat = vi.spyOn(Buffer, 'concat');
    reader.processData(first);
    for (let chunk = 1; chunk < CHUNKS; chunk++) reader.processData(Buffer.alloc(CHUNK_BYTES));
    const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
    expect(copied).toBeGreaterThan((CHUNK_BYTES * CHUNKS * CHUNKS) / 3);
  });

  it('runs out of stack when many small frames come together; ours does not', () => {
    const reader = new LibraryReaderOf(new PassThrough());
    expect(() => {
      reader.processData(smallFrames(SMALL_FRAMES));
    }).toThrow('Maximum call stack');
    let frames = 0;
    new FrameReader(CHUNK_BYTES, () => frames++).push(smallFrames(SMALL_FRAMES));
    expect(frames).toBe(SMALL_FRAMES);
  });
});
