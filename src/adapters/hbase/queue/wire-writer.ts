/**
 * Writes protobuf into one buffer that is large enough from the start. Lengths of nested messages are not known before
 * they are written, so they get a fixed number of bytes: varints padded with empty continuation groups, which every
 * decoder takes.
 */

/** Seven bits each: what four bytes can say of a length. */
export const LENGTH_MAX = 2 ** 28 - 1;
const LENGTH_BYTES = 4;
/** Tag and padded length. */
export const FIELD_OVERHEAD = 1 + LENGTH_BYTES;
/** The longest varint of a safe integer, and its tag. */
export const NUMBER_FIELD_BYTES_MAX = 1 + 8;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

export class WireWriter {
  readonly #target: Buffer;
  #at = 0;

  constructor(bytesMax: number) {
    this.#target = Buffer.allocUnsafe(bytesMax);
  }

  /** What has been written: a view. */
  finish(): Buffer {
    return this.#target.subarray(0, this.#at);
  }

  /** A safe integer from 0. */
  number(field: number, value: number): void {
    this.#target[this.#at++] = (field << 3) | VARINT;
    let rest = value;
    while (rest > 0x7f) {
      this.#target[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#target[this.#at++] = rest;
  }

  bytes(field: number, value: Uint8Array): void {
    const start = this.begin(field);
    this.#target.set(value, this.#at);
    this.#at += value.length;
    this.end(start);
  }

  text(field: number, value: string): void {
    const start = this.begin(field);
    this.#at += this.#target.write(value, this.#at);
    this.end(start);
  }

  /** `write` puts the field's bytes at an offset of the target and returns where they end. */
  raw(field: number, write: (target: Buffer, at: number) => number): void {
    const start = this.begin(field);
    this.#at = write(this.#target, this.#at);
    this.end(start);
  }

  /** Opens a nested message; pass what it returns to `end`. */
  begin(field: number): number {
    this.#target[this.#at++] = (field << 3) | LENGTH_DELIMITED;
    this.#at += LENGTH_BYTES;
    return this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    if (length > LENGTH_MAX)
      throw new RangeError(`a field of ${length} bytes, at most ${LENGTH_MAX} can be written`);
    this.#target[start - 4] = (length & 0x7f) | 0x80;
    this.#target[start - 3] = ((length >>> 7) & 0x7f) | 0x80;
    this.#target[start - 2] = ((length >>> 14) & 0x7f) | 0x80;
    this.#target[start - 1] = (length >>> 21) & 0x7f;
  }
}
