/**
 * Cuts a byte stream into control packets, one at a time, however the stream was split. Enforces the packet size limit
 * on the announced length, and holds memory only for bytes that have arrived. Knows nothing of what is in a packet.
 */
import { ProtocolViolation, REASON } from './reason-code.ts';

/** Type and flags, then one to four bytes of remaining length. */
const HEADER_BYTES_MAX = 5;
/** First buffer for a frame that spans chunks; it doubles as bytes arrive. */
const ASSEMBLY_BYTES_MIN = 64;

const NOTHING = Buffer.alloc(0);

export type OnFrame = (frame: Buffer, bodyOffset: number) => void;

export class FrameReader {
  /** Bounds the whole packet, header included, as MQTT 5 counts it. For packets whose header is read from now on. */
  packetBytesMax: number;
  /** The beginning of a frame whose end has not arrived: `#arrived` bytes of it. */
  #assembly: Buffer = NOTHING;
  #arrived = 0;
  /** Set by `#readHeader`: bytes of the header and of the whole frame; 0 while the header is not complete. */
  #headerBytes = 0;
  #frameBytes = 0;
  #stopped = false;

  constructor(packetBytesMax: number) {
    this.packetBytesMax = packetBytesMax;
  }

  /** Bytes held of a frame that is not complete. */
  get pendingBytes(): number {
    return this.#arrived;
  }

  /**
   * Calls `onFrame` for each frame that `chunk` completes. A frame that lies within the chunk is a view of it, so
   * whoever keeps one past the call copies. Throws `packetTooLarge` or `malformedPacket`, or what `onFrame` throws;
   * the reader is of no use afterwards. Returns how much of the chunk was taken: all of it, unless `stop` was called.
   */
  push(chunk: Buffer, onFrame: OnFrame): number {
    this.#stopped = false;
    const resumed = this.#arrived === 0 ? 0 : this.#resume(chunk, onFrame);
    return this.#cut(chunk, resumed, onFrame);
  }

  /** From within `onFrame`: the rest of the chunk is left to the caller, who pushes it again when it may go on. */
  stop(): void {
    this.#stopped = true;
  }

  /** Frames that begin in this chunk, from `start` on; keeps what is left of the last. Returns as `push`. */
  #cut(chunk: Buffer, start: number, onFrame: OnFrame): number {
    let position = start;
    while (position < chunk.length) {
      if (this.#stopped) return position;
      if (!this.#readHeader(chunk, position, chunk.length)) break;
      const end = position + this.#frameBytes;
      if (end > chunk.length) break;
      onFrame(chunk.subarray(position, end), this.#headerBytes);
      position = end;
    }
    if (position < chunk.length) this.#keep(chunk, position, chunk.length);
    return chunk.length;
  }

  /** Feeds the frame that an earlier chunk began; returns how much of this chunk it took. */
  #resume(chunk: Buffer, onFrame: OnFrame): number {
    let taken = 0;
    while (!this.#readHeader(this.#assembly, 0, this.#arrived)) {
      if (taken === chunk.length) return taken;
      this.#keep(chunk, taken, taken + 1);
      taken += 1;
    }
    const headerBytes = this.#headerBytes;
    const missing = this.#frameBytes - this.#arrived;
    const end = Math.min(chunk.length, taken + missing);
    this.#keep(chunk, taken, end);
    if (end < taken + missing) return end;
    const frame = this.#assembly.subarray(0, this.#arrived);
    this.#assembly = NOTHING;
    this.#arrived = 0;
    onFrame(frame, headerBytes);
    return end;
  }

  /** False: the header is not complete. Otherwise `#headerBytes` and `#frameBytes` are set. */
  #readHeader(bytes: Buffer, start: number, end: number): boolean {
    let remaining = 0;
    let unit = 1;
    for (let count = 2; count <= HEADER_BYTES_MAX; count++) {
      if (start + count > end) {
        this.#frameBytes = 0;
        return false;
      }
      const byte = bytes.readUInt8(start + count - 1);
      remaining += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        // [MQTT-1.5.5-1]
        if (byte === 0 && count > 2) throw malformedLength('not in its shortest encoding');
        this.#headerBytes = count;
        this.#frameBytes = count + remaining;
        if (this.#frameBytes > this.packetBytesMax) throw this.#tooLarge();
        return true;
      }
      unit *= 0x80;
    }
    throw malformedLength('longer than four bytes');
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#arrived + end - start;
    if (needed > this.#assembly.length) this.#grow(needed);
    chunk.copy(this.#assembly, this.#arrived, start, end);
    this.#arrived = needed;
  }

  /** At most twice what has arrived is held, and never more than the frame will need. */
  #grow(needed: number): void {
    const doubled = Math.max(ASSEMBLY_BYTES_MIN, 2 * needed);
    const capacity = this.#frameBytes === 0 ? doubled : Math.min(doubled, this.#frameBytes);
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#assembly.copy(grown, 0, 0, this.#arrived);
    this.#assembly = grown;
  }

  #tooLarge(): ProtocolViolation {
    return new ProtocolViolation(
      REASON.packetTooLarge,
      `packet announces ${this.#frameBytes} bytes, ${this.packetBytesMax} are allowed`,
    );
  }
}

function malformedLength(detail: string): ProtocolViolation {
  return new ProtocolViolation(REASON.malformedPacket, `remaining length is ${detail}`);
}
