/** Reads the data types of `wire-types.ts` from one message of a peer, and refuses what does not fit it. Views, never copies. */
import { PeerFormatError } from './peer-format-error.ts';

const UINT32 = 2 ** 32;

export class WireReader {
  /** One message, nothing before and nothing behind it. */
  readonly bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  u8(): number {
    return this.bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#advance(4));
  }

  u64(): number {
    const at = this.#advance(8);
    const value = this.bytes.readUInt32BE(at) * UINT32 + this.bytes.readUInt32BE(at + 4);
    if (value > Number.MAX_SAFE_INTEGER) throw new PeerFormatError('a number above 2^53');
    return value;
  }

  text(): string {
    const length = this.u16();
    const at = this.#advance(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  view(length: number): Buffer {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  /** `u32 count`, then so many of what `read` reads. */
  list<Item>(read: (reader: WireReader) => Item): Item[] {
    const items: Item[] = [];
    // Nothing is allocated for the count: a wrong one ends where the message does.
    for (let left = this.u32(); left > 0; left--) items.push(read(this));
    return items;
  }

  /** Nothing may follow. */
  expectEnd(): void {
    const left = this.bytes.length - this.position;
    if (left !== 0) throw new PeerFormatError(`${left} bytes follow the last field`);
  }

  #advance(count: number): number {
    const at = this.position;
    this.position = at + count;
    if (this.position > this.bytes.length) throw new PeerFormatError('a message ends within a field');
    return at;
  }
}
