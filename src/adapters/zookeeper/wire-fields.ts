/**
 * The fields of ZooKeeper's records ("jute"), big endian: int, long, boolean, and buffers, strings and vectors behind their
 * length as an int, which is -1 for none.
 */
import { ZooKeeperError } from './zookeeper-error.ts';

export function int(value: number): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeInt32BE(value);
  return field;
}

export function long(value: bigint): Buffer {
  const field = Buffer.allocUnsafe(8);
  field.writeBigInt64BE(value);
  return field;
}

export function flag(value: boolean): Buffer {
  return Buffer.from([value ? 1 : 0]);
}

export function bytes(value: Buffer): Buffer {
  return Buffer.concat([int(value.length), value]);
}

export function text(value: string): Buffer {
  return bytes(Buffer.from(value));
}

/** Reads fields one after the other; throws `PROTOCOL` where they end too early. */
export class FieldReader {
  readonly #record: Buffer;
  #at = 0;

  constructor(record: Buffer) {
    this.#record = record;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  long(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  flag(): boolean {
    return this.#take(1)[0] !== 0;
  }

  /** A view; none is empty. */
  bytes(): Buffer {
    return this.#take(Math.max(0, this.int()));
  }

  text(): string {
    return this.bytes().toString();
  }

  texts(): string[] {
    const count = Math.max(0, this.int());
    const texts: string[] = [];
    while (texts.length < count) texts.push(this.text());
    return texts;
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): Buffer {
    const field = this.#record.subarray(this.#at, this.#at + length);
    if (field.length < length) {
      throw new ZooKeeperError('PROTOCOL', `a record of ${this.#record.length} bytes ends within a field`);
    }
    this.#at += length;
    return field;
  }
}
