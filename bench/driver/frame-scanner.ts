/**
 * Cuts a byte stream into MQTT frames without copying the ones that arrived whole. It trusts the broker: it checks no
 * more than it needs to stay in step.
 */

/** `flags`: the first byte. The variable header and payload are `bytes[start, end)`, valid only during the call. */
export type FrameHandler = (flags: number, bytes: Buffer, start: number, end: number) => void;

const CARRY_BYTES_INITIAL = 2048;
const INCOMPLETE = -1;
const REMAINING_LENGTH_BYTES_MAX = 4;

export class FrameScanner {
  readonly #onFrame: FrameHandler;
  /** The beginning of a frame whose end has not arrived. */
  #carry: Buffer = Buffer.alloc(0);
  #carried = 0;

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let offset = this.#carried > 0 ? this.#finishCarried(chunk) : 0;
    while (offset < chunk.length) {
      const length = frameLength(chunk, offset, chunk.length);
      if (length === INCOMPLETE || offset + length > chunk.length) break;
      this.#emit(chunk, offset, length);
      offset += length;
    }
    if (offset < chunk.length) this.#store(chunk, offset, chunk.length);
  }

  /** Completes the carried frame from the front of `chunk`; answers how many bytes of the chunk that took. */
  #finishCarried(chunk: Buffer): number {
    let offset = 0;
    while (offset < chunk.length) {
      const length = frameLength(this.#carry, 0, this.#carried);
      const wanted = length === INCOMPLETE ? 1 : length - this.#carried;
      const end = Math.min(chunk.length, offset + wanted);
      this.#store(chunk, offset, end);
      offset = end;
      if (length !== INCOMPLETE && this.#carried === length) {
        this.#carried = 0;
        this.#emit(this.#carry, 0, length);
        break;
      }
    }
    return offset;
  }

  #store(chunk: Buffer, start: number, end: number): void {
    const needed = this.#carried + end - start;
    if (needed > this.#carry.length) {
      const larger = Buffer.allocUnsafe(Math.max(CARRY_BYTES_INITIAL, needed * 2));
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    chunk.copy(this.#carry, this.#carried, start, end);
    this.#carried = needed;
  }

  #emit(bytes: Buffer, offset: number, length: number): void {
    let start = offset + 1;
    while (((bytes[start] ?? 0) & 0x80) !== 0) start += 1;
    this.#onFrame(bytes[offset] ?? 0, bytes, start + 1, offset + length);
  }
}

/** Bytes of the whole frame that begins at `offset`, or INCOMPLETE when its remaining length has not arrived. */
function frameLength(bytes: Buffer, offset: number, end: number): number {
  let remaining = 0;
  for (let index = 1; index <= REMAINING_LENGTH_BYTES_MAX; index += 1) {
    if (offset + index >= end) return INCOMPLETE;
    const byte = bytes[offset + index] ?? 0;
    remaining += (byte & 0x7f) * 128 ** (index - 1);
    if ((byte & 0x80) === 0) return 1 + index + remaining;
  }
  throw new Error('The broker sent a remaining length of more than four bytes; the stream is out of step');
}
