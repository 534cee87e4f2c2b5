/**
 * One direction of a link at the sender: frames by number, as bytes, until the peer has said that they are handled. Numbers and
 * bytes stay the same however often a frame is written; what of it a connection has seen is begun anew with each.
 */
import type { FrameOutcome } from '../peer-links.ts';
import type { PeerFrame } from '../peer-frame.ts';
import type { Confirmation } from '../wire/peer-message.ts';
import {
  encodeNumberedFrame,
  FRAME_HEADER_BYTES,
  numberedFrameBytesMax,
} from '../wire/peer-message-codec.ts';

/** Frames are written one behind the other into chunks of this size, a larger one into its own. */
export const CHUNK_BYTES = 65_536;
/** Places of settled frames at the front of the list at which it is cut. */
const SETTLED_KEPT_MAX = 1024;

const NOTHING = Buffer.alloc(0);
const HANDLED: FrameOutcome = { type: 'handled', reply: NOTHING };
const GONE: FrameOutcome = { type: 'gone' };

export type Done = (outcome: FrameOutcome) => void;

interface SentFrame {
  /** undefined: settled. */
  chunk: Buffer | undefined;
  readonly start: number;
  readonly end: number;
  readonly done: Done | undefined;
}

export class SentFrames {
  /** Of frames that are not settled. */
  bytes = 0;
  /** Of a frame without its header. */
  readonly frameBytesMax: number;
  /** Their numbers are consecutive; those before `#head` are settled. */
  #frames: (SentFrame | undefined)[] = [];
  #head = 0;
  /** Number of the frame at `#head`. */
  #firstNumber = 1;
  /** What the present connection writes next. */
  #cursor = 1;
  #chunk = NOTHING;
  #chunkBytes = 0;

  /** `messageBytesMax`: of a frame with its header. */
  constructor(messageBytesMax: number) {
    this.frameBytesMax = messageBytesMax - FRAME_HEADER_BYTES;
  }

  /** Frames that are not settled, and settled ones between them. */
  get count(): number {
    return this.#frames.length - this.#head;
  }

  /** The number of the next frame. */
  get nextNumber(): number {
    return this.#firstNumber + this.count;
  }

  /** Throws a `RangeError` for a frame that peers do not take. Its bytes are copied. */
  add(frame: PeerFrame, version: number, done: Done | undefined): void {
    const bytesMax = numberedFrameBytesMax(frame);
    if (bytesMax > this.frameBytesMax + FRAME_HEADER_BYTES) {
      throw new RangeError(
        `a frame of the kind ${frame.type} of up to ${bytesMax} bytes; peers take ${this.frameBytesMax}: send several`,
      );
    }
    const start = this.#room(bytesMax);
    const chunk = this.#chunk;
    const end = encodeNumberedFrame(this.nextNumber, frame, version, chunk, start);
    this.#chunkBytes = end;
    this.#frames.push({ chunk, start, end, done });
    this.bytes += end - start;
  }

  /**
   * A new connection: what follows `after` is written again unless it is settled. False: the peer received what was never sent.
   */
  resume(after: number): boolean {
    if (after >= this.nextNumber) return false;
    this.#cursor = Math.max(after + 1, this.#firstNumber);
    return true;
  }

  /** Adds what is to be written next to `pieces`, until there are `bytesMax`; returns how many frames that are. */
  take(pieces: Buffer[], bytesMax: number): number {
    let frames = 0;
    let bytes = 0;
    let chunk: Buffer | undefined;
    let start = 0;
    let end = 0;
    this.#cursor = Math.max(this.#cursor, this.#firstNumber);
    for (; bytes < bytesMax; this.#cursor++) {
      const next = this.#frames[this.#head + this.#cursor - this.#firstNumber];
      if (next === undefined) break;
      if (next.chunk === undefined) continue;
      if (next.chunk !== chunk || next.start !== end) {
        if (chunk !== undefined) pieces.push(chunk.subarray(start, end));
        chunk = next.chunk;
        start = next.start;
      }
      end = next.end;
      bytes += end - next.start;
      frames++;
    }
    if (chunk !== undefined) pieces.push(chunk.subarray(start, end));
    return frames;
  }

  /** Settles frames and calls back for each. False: the peer handled what was never sent. */
  confirm({ runs, through }: Confirmation): boolean {
    const { nextNumber } = this;
    if (through >= nextNumber) return false;
    if (runs.some(({ first, count }) => first + count > nextNumber)) return false;
    for (const { first, count, reply } of runs) {
      const outcome: FrameOutcome = reply.length === 0 ? HANDLED : { type: 'handled', reply };
      for (let number = Math.max(first, this.#firstNumber); number < first + count; number++) {
        this.#settle(number, outcome);
      }
    }
    for (let number = this.#firstNumber; number <= through; number++) this.#settle(number, HANDLED);
    return true;
  }

  /** Everything that is not settled is gone. */
  abandon(): void {
    const frames = this.#frames.slice(this.#head);
    this.#firstNumber = this.nextNumber;
    this.#frames = [];
    this.#head = 0;
    this.bytes = 0;
    this.#chunk = NOTHING;
    this.#chunkBytes = 0;
    for (const frame of frames) if (frame?.chunk !== undefined) frame.done?.(GONE);
  }

  /** A callback may send, and may abandon everything. */
  #settle(number: number, outcome: FrameOutcome): void {
    const frame = this.#frames[this.#head + number - this.#firstNumber];
    if (frame?.chunk === undefined) return;
    frame.chunk = undefined;
    this.bytes -= frame.end - frame.start;
    this.#dropSettled();
    frame.done?.(outcome);
  }

  #dropSettled(): void {
    for (;;) {
      const first = this.#frames[this.#head];
      if (first === undefined || first.chunk !== undefined) break;
      this.#frames[this.#head++] = undefined;
      this.#firstNumber++;
    }
    if (this.#head < SETTLED_KEPT_MAX || this.#head * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }

  /** Where `bytes` can be written in `#chunk`. */
  #room(bytes: number): number {
    if (this.#chunkBytes + bytes > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES));
      this.#chunkBytes = 0;
    }
    return this.#chunkBytes;
  }
}
