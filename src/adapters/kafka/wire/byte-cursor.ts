/**
 * Reading and writing the variable-length integers of Kafka's record format in one buffer. Numbers are exact up to 2^53; a
 * cursor does not grow its buffer.
 */
const CONTINUES = 0x80;
const SEVEN_BITS = 0x7f;
/** Of a zigzag number below 2^53. */
export const VARINT_BYTES_MAX = 8;

export class ByteCursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Throws a `RangeError` when the number would end behind the buffer. */
  readVarint(): number {
    let value = 0;
    let weight = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('A number ends behind the end of its record batch.');
      value += (byte & SEVEN_BITS) * weight;
      if (byte < CONTINUES) break;
      weight *= CONTINUES;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  writeVarint(number: number): void {
    let value = number >= 0 ? number * 2 : -number * 2 - 1;
    while (value >= CONTINUES) {
      this.bytes[this.at++] = (value % CONTINUES) + CONTINUES;
      value = Math.floor(value / CONTINUES);
    }
    this.bytes[this.at++] = value;
  }

  /** A length and so many bytes; length -1 is null. The bytes are a view. */
  readBytes(): Buffer | null {
    const length = this.readVarint();
    if (length < 0) return null;
    if (this.at + length > this.bytes.length)
      throw new RangeError('A field ends behind the end of its record batch.');
    return this.bytes.subarray(this.at, (this.at += length));
  }

  writeBytes(field: Buffer | null): void {
    if (field === null) {
      this.writeVarint(-1);
      return;
    }
    this.writeVarint(field.length);
    this.at += field.copy(this.bytes, this.at);
  }
}
