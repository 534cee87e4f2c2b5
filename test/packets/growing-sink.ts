/** A packet sink for tests: as large as what is written into it. */
import type { PacketSink } from '../../src/mqtt/packet-sink.ts';

export class GrowingSink implements PacketSink {
  buffer = Buffer.alloc(0);
  length = 0;

  ensure(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    this.buffer = Buffer.concat([this.buffer.subarray(0, this.length), Buffer.alloc(count)]);
  }

  append(bytes: Buffer): void {
    this.ensure(bytes.length);
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
  }

  get written(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
