/**
 * Reads MQTT's data types (MQTT 5.0, section 1.5) from a span of one frame and refuses every malformed one.
 * Never reads past the span, never repairs, never copies.
 */
import { REASON, ProtocolViolation } from './reason-code.ts';
import { checkUtf8 } from './utf8.ts';

/** Bytes of a variable byte integer, at most. */
const VARINT_BYTES_MAX = 4;

export class WireCursor {
  readonly bytes: Buffer;
  /** What is being read, for messages: `CONNECT`, `will properties of CONNECT`. */
  readonly place: string;
  readonly end: number;
  position: number;

  /** Reads `bytes` from `start` up to, not including, `end`. */
  constructor(bytes: Buffer, start: number, end: number, place: string) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.place = place;
  }

  atEnd(): boolean {
    return this.position >= this.end;
  }

  byte(what: string): number {
    this.#need(1, what);
    const value = this.bytes.readUInt8(this.position);
    this.position += 1;
    return value;
  }

  twoByteInteger(what: string): number {
    this.#need(2, what);
    const value = this.bytes.readUInt16BE(this.position);
    this.position += 2;
    return value;
  }

  fourByteInteger(what: string): number {
    this.#need(4, what);
    const value = this.bytes.readUInt32BE(this.position);
    this.position += 4;
    return value;
  }

  /** [MQTT-1.5.5-1]: the shortest encoding is the only one. */
  variableByteInteger(what: string): number {
    let value = 0;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = this.byte(what);
      value += (byte & 0x7f) * 128 ** count;
      if (byte < 0x80) {
        if (byte === 0 && count > 0) throw this.malformed(`${what} is not in its shortest encoding`);
        return value;
      }
    }
    throw this.malformed(`${what} is longer than ${VARINT_BYTES_MAX} bytes`);
  }

  /** Moves over length-prefixed bytes; returns where they start, `position` is where they end. */
  binary(what: string): number {
    const length = this.twoByteInteger(`length of ${what}`);
    this.#need(length, what);
    const start = this.position;
    this.position = start + length;
    return start;
  }

  /** As `binary`, and the bytes are well-formed UTF-8 without U+0000 [MQTT-1.5.4-1], [MQTT-1.5.4-2]. */
  utf8(what: string): number {
    const start = this.binary(what);
    checkUtf8(this.bytes, start, this.position, what);
    return start;
  }

  /** `utf8`, decoded. */
  text(what: string): string {
    const start = this.utf8(what);
    return this.bytes.toString('utf8', start, this.position);
  }

  /** Nothing may follow. */
  expectEnd(): void {
    if (this.position === this.end) return;
    throw this.malformed(`${this.end - this.position} bytes follow the last field`);
  }

  malformed(detail: string): ProtocolViolation {
    return new ProtocolViolation(REASON.malformedPacket, `${this.place}: ${detail}`);
  }

  #need(count: number, what: string): void {
    if (this.position + count > this.end) throw this.malformed(`ends within ${what}`);
  }
}
