/**
 * HBase's framing, inward: cuts what a socket brings into frames, and a frame into its messages. Every byte is looked at once and
 * copied at most once, however the stream was cut: in time linear in the bytes, without recursion.
 */
import { HBaseError } from './hbase-error.ts';

const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

export class FrameReader {
  readonly #frameBytesMax: number;
  readonly #onFrame: (frame: Buffer) => void;
  /** Fewer bytes than a length. */
  #start: Buffer = NOTHING;
  /** The frame that is being filled, if more than one chunk is needed for it. */
  #frame: Buffer | undefined;
  #filled = 0;

  /** `onFrame` gets each frame without its length; it may keep the buffer. */
  constructor(frameBytesMax: number, onFrame: (frame: Buffer) => void) {
    this.#frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** Throws `PROTOCOL` when a frame is announced that is larger than the bound: the stream cannot be read any further. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      rest = this.#frame === undefined ? this.#begin(rest) : this.#fill(this.#frame, rest);
    }
  }

  #begin(chunk: Buffer): Buffer {
    const bytes = this.#start.length === 0 ? chunk : Buffer.concat([this.#start, chunk]);
    this.#start = NOTHING;
    if (bytes.length < LENGTH_BYTES) {
      this.#start = Buffer.from(bytes);
      return NOTHING;
    }
    const length = bytes.readUInt32BE(0);
    if (length > this.#frameBytesMax) {
      throw new HBaseError(
        'PROTOCOL',
        `an answer of ${length} bytes was announced, more than the ${this.#frameBytesMax} that are read`,
      );
    }
    const end = LENGTH_BYTES + length;
    if (bytes.length >= end) {
      this.#onFrame(bytes.subarray(LENGTH_BYTES, end));
      return bytes.subarray(end);
    }
    this.#frame = Buffer.allocUnsafeSlow(length);
    this.#filled = bytes.copy(this.#frame, 0, LENGTH_BYTES);
    return NOTHING;
  }

  #fill(frame: Buffer, chunk: Buffer): Buffer {
    const taken = chunk.copy(frame, this.#filled);
    this.#filled += taken;
    if (this.#filled === frame.length) {
      this.#frame = undefined;
      this.#onFrame(frame);
    }
    return chunk.subarray(taken);
  }
}

/** The parts of an answer: header, and unless the call failed the response and what cells come behind it. */
export interface AnswerParts {
  readonly header: Buffer;
  readonly body: Buffer;
  readonly cells: Buffer;
}

/** Throws `PROTOCOL` when the lengths inside the frame do not fit it. */
export function splitAnswer(frame: Buffer): AnswerParts {
  const header = delimited(frame, 0);
  if (header.end === frame.length) return { header: header.bytes, body: NOTHING, cells: NOTHING };
  const body = delimited(frame, header.end);
  return { header: header.bytes, body: body.bytes, cells: frame.subarray(body.end) };
}

function delimited(frame: Buffer, offset: number): { readonly bytes: Buffer; readonly end: number } {
  let length = 0;
  let position = offset;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = frame[position++];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      const end = position + length;
      if (end > frame.length) break;
      return { bytes: frame.subarray(position, end), end };
    }
  }
  throw new HBaseError('PROTOCOL', `an answer of ${frame.length} bytes ends inside a message`);
}
