/**
 * The buffer packets are encoded into, one behind the other, so that a connection's output of one turn is one write.
 * Grows up to a stated bound; holds no memory while nothing is waiting. Knows lengths, not packets.
 */
const CHUNK_BYTES_MIN = 512;
/** First chunk of a turn, at most, however much the turn before wrote. */
const CHUNK_BYTES_HINT_MAX = 65_536;

const NOTHING = Buffer.alloc(0);

/** Where encoders write: into `buffer` from `length` on, after `ensure`, moving `length`. */
export interface PacketSink {
  buffer: Buffer;
  length: number;
  /** Makes room for `count` more contiguous bytes; may replace `buffer` and `length`. */
  ensure(count: number): void;
}

export class PacketWriter implements PacketSink {
  readonly #bytesMax: number;
  /** Encoders write here from `length` on, after `ensure`, and move `length`. */
  buffer: Buffer = NOTHING;
  length = 0;
  #hint = CHUNK_BYTES_MIN;

  /** `bytesMax`: whoever encodes checks before that a packet still fits; going beyond is a bug, not a condition. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Makes room for `count` more bytes. Throws `RangeError` beyond the bound. */
  ensure(count: number): void {
    const needed = this.length + count;
    if (needed > this.buffer.length) this.#grow(needed);
  }

  append(bytes: Buffer): void {
    this.ensure(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written since the last call, given away: the writer starts over with a buffer of its own. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.#hint = Math.min(CHUNK_BYTES_HINT_MAX, Math.max(CHUNK_BYTES_MIN, this.length));
    this.buffer = NOTHING;
    this.length = 0;
    return taken;
  }

  #grow(needed: number): void {
    if (needed > this.#bytesMax) {
      throw new RangeError(`packet writer needs ${needed} bytes, its bound is ${this.#bytesMax}`);
    }
    const capacity = Math.min(this.#bytesMax, Math.max(needed, this.#hint, 2 * this.buffer.length));
    const grown = Buffer.allocUnsafe(capacity);
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
