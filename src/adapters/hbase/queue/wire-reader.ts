/** Reads protobuf fields one after the other. 64-bit numbers come as safe integers; larger ones are refused. */

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

export class WireReader {
  readonly #source: Buffer;
  #at: number;
  readonly #end: number;
  #wireType = VARINT;

  constructor(source: Buffer, start = 0, end = source.length) {
    this.#source = source;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Number of the next field. Then call exactly one of the others. */
  field(): number {
    const tag = this.#varint();
    this.#wireType = tag & 0b111;
    return tag >>> 3;
  }

  number(): number {
    return this.#varint();
  }

  /** A view of the source. */
  bytes(): Buffer {
    const length = this.#varint();
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw truncated();
    return this.#source.subarray(start, this.#at);
  }

  message(): WireReader {
    const length = this.#varint();
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw truncated();
    return new WireReader(this.#source, start, this.#at);
  }

  /** Appends the numbers of a repeated field, packed or one of them, to `into`. */
  numbers(into: number[]): void {
    if (this.#wireType !== LENGTH_DELIMITED) {
      into.push(this.#varint());
      return;
    }
    for (const packed = this.message(); !packed.isAtEnd;) into.push(packed.number());
  }

  /** A field that this release does not know. */
  skip(): void {
    if (this.#wireType === VARINT) this.#varint();
    else if (this.#wireType === LENGTH_DELIMITED) this.bytes();
    else if (this.#wireType === FIXED_64) this.#at += 8;
    else if (this.#wireType === FIXED_32) this.#at += 4;
    else throw new RangeError(`wire type ${this.#wireType} in an answer of the queue endpoint`);
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#source[this.#at++];
      if (byte === undefined || this.#at > this.#end) throw truncated();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value))
      throw new RangeError('a number beyond 2^53 in an answer of the queue endpoint');
    return value;
  }
}

function truncated(): RangeError {
  return new RangeError('an answer of the queue endpoint ends too early');
}
