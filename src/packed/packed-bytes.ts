/**
 * Writes and reads the fields of a packed record: whole numbers in as many bytes as they need, texts and byte
 * strings with their length. Says nothing of which field comes when, and checks nothing: records never leave the
 * process that wrote them.
 */

const SCRATCH_BYTES_INITIAL = 1_024;
/** Longest number: 53 bits in groups of seven. */
const NUMBER_BYTES_MAX = 8;
/** Shorter pieces are copied byte by byte: cheaper than calling the platform. */
const COPIED_ONE_BY_ONE = 64;
/** Shorter texts are copied character by character: cheaper than calling the platform. */
const SHORT_TEXT = 64;

export class PackedWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES_INITIAL);
  end = 0;

  /** Forgets what was written. */
  reset(): this {
    this.end = 0;
    return this;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.bytes[this.end++] = value;
  }

  /** A safe integer, not negative. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Error(`packed-bytes: ${value} is not a safe integer from 0 on`);
    }
    this.#reserve(NUMBER_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.end++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.end++] = rest;
  }

  text(text: string): void {
    if (text.length < SHORT_TEXT && this.#shortText(text)) return;
    const bytes = Buffer.byteLength(text);
    this.number(bytes);
    this.#reserve(bytes);
    this.end += this.bytes.write(text, this.end);
  }

  blob(blob: Uint8Array): void {
    this.number(blob.length);
    this.raw(blob, 0, blob.length);
  }

  /** Bytes as they are, without their length. */
  raw(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    if (end - start > COPIED_ONE_BY_ONE) {
      this.bytes.set(source.subarray(start, end), this.end);
      this.end += end - start;
    } else {
      for (let index = start; index < end; index++) this.bytes[this.end++] = source[index] ?? 0;
    }
  }

  /** Whether what was written is what is there, byte by byte. */
  isAt(bytes: Uint8Array, start: number): boolean {
    for (let index = 0; index < this.end; index++) {
      if (bytes[start + index] !== this.bytes[index]) return false;
    }
    return true;
  }

  copyTo(target: Uint8Array, start: number): void {
    if (this.end > COPIED_ONE_BY_ONE) target.set(this.bytes.subarray(0, this.end), start);
    else for (let index = 0; index < this.end; index++) target[start + index] = this.bytes[index] ?? 0;
  }

  /** false: there was something else than ASCII in it, and nothing is written. */
  #shortText(text: string): boolean {
    this.#reserve(1 + text.length);
    const { bytes } = this;
    let at = this.end;
    bytes[at++] = text.length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    this.end = at;
    return true;
  }

  #reserve(bytes: number): void {
    if (this.end + bytes <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.end + bytes));
    this.bytes.copy(grown, 0, 0, this.end);
    this.bytes = grown;
  }
}

/** Where the text ends that begins there. */
export function textEnd(bytes: Buffer, start: number): number {
  const reader = new PackedReader().seek(bytes, start);
  reader.skip(reader.number());
  return reader.at;
}

export class PackedReader {
  #bytes: Buffer = Buffer.alloc(0);
  at = 0;

  /** Goes on reading there. */
  seek(bytes: Buffer, at: number): this {
    this.#bytes = bytes;
    this.at = at;
    return this;
  }

  byte(): number {
    return this.#bytes[this.at++] ?? 0;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  text(): string {
    const bytes = this.number();
    const start = this.at;
    this.at += bytes;
    return this.#bytes.toString('utf8', start, this.at);
  }

  /** A copy: the record may go while its blob is still in use. */
  blob(): Buffer {
    const bytes = this.number();
    const start = this.at;
    this.at += bytes;
    return Buffer.from(this.#bytes.subarray(start, this.at));
  }

  skip(bytes: number): void {
    this.at += bytes;
  }
}
