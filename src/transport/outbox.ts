/**
 * What one connection has to send and its socket has not taken: packets are encoded straight into pooled chunks and
 * leave as one write per turn. At most one write is under way; what comes meanwhile forms the next. Holds nothing
 * while empty. How much may wait is decided by its owner, who sees `bytes`.
 */
import type { PacketSink } from '../mqtt/packet-sink.ts';
import type { ByteStream } from './byte-stream.ts';
import { CHUNK_BYTES, type ChunkPool } from './chunk-pool.ts';

/** From this size on, bytes that somebody else owns are written where they lie instead of copied. */
export const OWN_PIECE_BYTES_MIN = 16_384;

const NOTHING = Buffer.alloc(0);

export class Outbox implements PacketSink {
  /** The chunk that is being filled, and up to where. */
  buffer: Buffer = NOTHING;
  length = 0;
  readonly #pool: ChunkPool;
  /** From where on the chunk's bytes are not in a piece yet. */
  #start = 0;
  /** Bytes in `#pieces`: what waits for the next write. */
  #pieceBytes = 0;
  #pieces: Buffer[] | undefined;
  /** Full chunks that pieces are views of. */
  #chunks: Buffer[] | undefined;
  #inFlightBytes = 0;
  #inFlightChunks: Buffer[] | undefined;
  /** Handed to the stream so far. */
  #writtenBytes = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** Bytes that wait, those under way included. */
  get bytes(): number {
    return this.#pieceBytes + this.length - this.#start + this.#inFlightBytes;
  }

  /** All that was ever appended. */
  get bytesSoFar(): number {
    return this.#writtenBytes + this.#pieceBytes + this.length - this.#start;
  }

  /** Makes room for `count` contiguous bytes at `length` in `buffer`. */
  ensure(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    this.#endChunk();
    this.buffer = count <= CHUNK_BYTES ? this.#pool.take() : Buffer.allocUnsafeSlow(count);
  }

  append(bytes: Buffer): void {
    this.ensure(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends without copying; nobody may change the bytes any more. */
  appendOwnPiece(bytes: Buffer): void {
    this.#endPiece();
    (this.#pieces ??= []).push(bytes);
    this.#pieceBytes += bytes.length;
  }

  /** Writes everything that waits, unless a write is under way. Returns bytes written. */
  flush(stream: ByteStream): number {
    if (this.#inFlightBytes > 0) return 0;
    this.#endChunk();
    const pieces = this.#pieces;
    if (pieces === undefined) return 0;
    const bytes = this.#pieceBytes;
    this.#writtenBytes += bytes;
    this.#inFlightBytes = bytes;
    this.#inFlightChunks = this.#chunks;
    this.#pieces = undefined;
    this.#pieceBytes = 0;
    this.#chunks = undefined;
    stream.write(pieces);
    this.settle(stream);
    return bytes;
  }

  /** Writes everything, behind a write that may be under way, and forgets it. For a connection's last bytes. */
  flushLast(stream: ByteStream): number {
    this.#endChunk();
    const pieces = this.#pieces;
    const bytes = this.#pieceBytes;
    this.discard();
    if (pieces !== undefined) stream.write(pieces);
    return bytes;
  }

  /** Takes chunks back if the stream has taken their bytes. Returns whether no write is under way. */
  settle(stream: ByteStream): boolean {
    if (this.#inFlightBytes === 0) return true;
    if (stream.backlogBytes > 0) return false;
    if (this.#inFlightChunks !== undefined) this.#pool.giveBack(this.#inFlightChunks);
    this.#inFlightBytes = 0;
    this.#inFlightChunks = undefined;
    return true;
  }

  /** Forgets everything. Chunks go to the garbage collector: the system may still be reading them. */
  discard(): void {
    this.buffer = NOTHING;
    this.length = this.#start = this.#pieceBytes = this.#inFlightBytes = 0;
    this.#pieces = this.#chunks = this.#inFlightChunks = undefined;
  }

  #endPiece(): void {
    if (this.length === this.#start) return;
    (this.#pieces ??= []).push(this.buffer.subarray(this.#start, this.length));
    this.#pieceBytes += this.length - this.#start;
    this.#start = this.length;
  }

  #endChunk(): void {
    this.#endPiece();
    if (this.length > 0) (this.#chunks ??= []).push(this.buffer);
    this.buffer = NOTHING;
    this.length = this.#start = 0;
  }
}
