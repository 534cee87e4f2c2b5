/**
 * Messages between two brokers as bytes. Every message is
 *
 *     u32 bytes | u8 type | body        (bytes: of type and body)
 *
 * `Hello`, `Welcome` and `Refused` keep their layout in every version: a later one may append fields, which are skipped here.
 */
import { decodeFrame, encodeFrame, frameBytesMax } from '../peer-frame-codec.ts';
import type { PeerFrame } from '../peer-frame.ts';
import { decodeConfirmation, encodeConfirmation } from './confirmation-codec.ts';
import {
  decodeHello,
  decodeRefused,
  decodeWelcome,
  encodeHello,
  encodeRefused,
  encodeWelcome,
} from './handshake-codec.ts';
import { PeerFormatError } from './peer-format-error.ts';
import type { PeerMessage } from './peer-message.ts';
import { WireReader } from './wire-reader.ts';
import { U64_BYTES, writeU64 } from './wire-types.ts';

const HELLO = 1;
const WELCOME = 2;
const REFUSED = 3;
const PING = 4;
const FRAME = 5;
const CONFIRMATION = 6;

const LENGTH_BYTES = 4;
/** Before the frame in a message that carries one. */
export const FRAME_HEADER_BYTES = LENGTH_BYTES + 1 + U64_BYTES;

/** A message that carries no frame, in a buffer of its own. */
export function encodePeerMessage(message: Exclude<PeerMessage, { readonly type: 'frame' }>): Buffer {
  switch (message.type) {
    case 'hello':
      return enveloped(HELLO, encodeHello(message));
    case 'welcome':
      return enveloped(WELCOME, encodeWelcome(message));
    case 'refused':
      return enveloped(REFUSED, encodeRefused(message));
    case 'ping':
      return enveloped(PING, Buffer.alloc(0));
    case 'confirmation':
      return enveloped(CONFIRMATION, encodeConfirmation(message));
  }
}

/** Never less than `encodeNumberedFrame` writes. */
export function numberedFrameBytesMax(frame: PeerFrame): number {
  return FRAME_HEADER_BYTES + frameBytesMax(frame);
}

/**
 *     numbered frame := u64 number | frame of `peer-frame-codec.ts`
 *
 * Writes the whole message at `at` and returns where it ends.
 */
export function encodeNumberedFrame(
  number: number,
  frame: PeerFrame,
  version: number,
  target: Buffer,
  at: number,
): number {
  target[at + LENGTH_BYTES] = FRAME;
  const end = encodeFrame(frame, version, target, writeU64(target, number, at + LENGTH_BYTES + 1));
  target.writeUInt32BE(end - at - LENGTH_BYTES, at);
  return end;
}

/** `body`: type and body of one message, without its length. Throws `PeerFormatError`. */
export function decodePeerMessage(body: Buffer): PeerMessage {
  const reader = new WireReader(body);
  const type = reader.u8();
  switch (type) {
    case HELLO:
      return decodeHello(reader);
    case WELCOME:
      return decodeWelcome(reader);
    case REFUSED:
      return decodeRefused(reader);
    case PING:
      reader.expectEnd();
      return { type: 'ping' };
    case FRAME: {
      const number = reader.u64();
      return { type: 'frame', number, frame: decodeFrame(body, reader.position) };
    }
    case CONFIRMATION:
      return decodeConfirmation(reader);
    default:
      throw new PeerFormatError(`a message of an unknown type, ${type}`);
  }
}

function enveloped(type: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + 1 + body.length);
  bytes.writeUInt32BE(1 + body.length, 0);
  bytes[LENGTH_BYTES] = type;
  bytes.set(body, LENGTH_BYTES + 1);
  return bytes;
}
