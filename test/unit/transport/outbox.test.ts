import { describe, expect, it } from 'vitest';
import type { ByteStream } from '../../../src/transport/byte-stream.ts';
import { CHUNK_BYTES, CHUNKS_KEPT_MAX, ChunkPool } from '../../../src/transport/chunk-pool.ts';
import { Outbox } from '../../../src/transport/outbox.ts';

/** A stream that takes its bytes when told to, as a socket with a full send buffer does. */
class StubbornStream implements ByteStream {
  readonly writes: Buffer[][] = [];
  takesAtOnce = false;
  backlogBytes = 0;

  write(pieces: readonly Buffer[]): void {
    this.writes.push([...pieces]);
    if (!this.takesAtOnce) for (const piece of pieces) this.backlogBytes += piece.length;
  }

  /** What was written, as the peer would see it now. */
  get text(): string {
    return Buffer.concat(this.writes.flat()).toString();
  }

  attach(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function setUp(): { pool: ChunkPool; outbox: Outbox; stream: StubbornStream } {
  const pool = new ChunkPool();
  return { pool, outbox: new Outbox(pool), stream: new StubbornStream() };
}

describe('Outbox', () => {
  it('makes one write and one piece of many small packets', () => {
    const { outbox, stream } = setUp();
    for (const text of ['a', 'b', 'c']) outbox.append(Buffer.from(text));
    expect(outbox.bytes).toBe(3);
    expect(outbox.flush(stream)).toBe(3);
    expect(stream.writes.map((pieces) => pieces.map(String))).toEqual([['abc']]);
  });

  it('writes nothing while a write is under way, then everything in order', () => {
    const { outbox, stream } = setUp();
    outbox.append(Buffer.from('first '));
    outbox.flush(stream);
    outbox.append(Buffer.from('second '));
    outbox.append(Buffer.from('third'));
    expect(outbox.flush(stream)).toBe(0);
    expect(outbox.settle(stream)).toBe(false);
    expect(outbox.bytes).toBe(18);
    stream.backlogBytes = 0;
    expect(outbox.settle(stream)).toBe(true);
    outbox.flush(stream);
    expect(stream.text).toBe('first second third');
  });

  it('gives chunks back only when their bytes are taken', () => {
    const { pool, outbox, stream } = setUp();
    outbox.append(Buffer.from('slow'));
    outbox.flush(stream);
    expect(pool.kept).toBe(0);
    stream.backlogBytes = 0;
    outbox.settle(stream);
    expect(pool.kept).toBe(1);
    stream.takesAtOnce = true;
    outbox.append(Buffer.from('fast'));
    expect(pool.kept).toBe(0);
    outbox.flush(stream);
    expect(pool.kept).toBe(1);
    expect(outbox.bytes).toBe(0);
  });

  it('does not copy a piece of its own, and goes on in the same chunk behind it', () => {
    const { pool, outbox, stream } = setUp();
    const payload = Buffer.alloc(100_000, 'p');
    outbox.append(Buffer.from('head'));
    outbox.appendOwnPiece(payload);
    outbox.append(Buffer.from('tail'));
    outbox.flush(stream);
    const [pieces = []] = stream.writes;
    expect(pieces.map((piece) => piece.length)).toEqual([4, 100_000, 4]);
    expect(pieces[1]).toBe(payload);
    stream.backlogBytes = 0;
    outbox.settle(stream);
    expect(pool.kept).toBe(1);
  });

  it('takes packets larger than a chunk', () => {
    const { pool, outbox, stream } = setUp();
    outbox.append(Buffer.from('small'));
    outbox.append(Buffer.alloc(3 * CHUNK_BYTES, 'l'));
    outbox.append(Buffer.from('small'));
    stream.takesAtOnce = true;
    outbox.flush(stream);
    expect(stream.text).toBe(`small${'l'.repeat(3 * CHUNK_BYTES)}small`);
    expect(pool.kept).toBe(2);
  });

  it('sends its last bytes behind a write that is under way, without reusing the chunks of either', () => {
    const { pool, outbox, stream } = setUp();
    outbox.append(Buffer.from('under way, '));
    outbox.flush(stream);
    outbox.append(Buffer.from('last'));
    expect(outbox.flushLast(stream)).toBe(4);
    expect(stream.text).toBe('under way, last');
    stream.backlogBytes = 0;
    outbox.settle(stream);
    expect(pool.kept).toBe(0);
    expect(outbox.bytes).toBe(0);
  });
});

describe('ChunkPool', () => {
  it('keeps a bounded number of chunks, and only whole ones', () => {
    const pool = new ChunkPool();
    pool.giveBack([Buffer.alloc(10)]);
    expect(pool.kept).toBe(0);
    for (let count = 0; count <= CHUNKS_KEPT_MAX; count++)
      pool.giveBack([Buffer.allocUnsafeSlow(CHUNK_BYTES)]);
    expect(pool.kept).toBe(CHUNKS_KEPT_MAX);
  });
});
