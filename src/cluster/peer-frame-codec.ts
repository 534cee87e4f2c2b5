/**
 * What brokers tell each other, as bytes. Pure; the grammar of each kind stands above the function that writes it. How frames
 * are numbered, cut and confirmed is `wire/peer-message-codec.ts`.
 */
import { MessageFormatError } from '../queue/message-codec.ts';
import type { PeerFrame } from './peer-frame.ts';
import { decodeInterest, encodeInterest, interestBytesMax } from './wire/interest-codec.ts';
import { decodeMessageFrame, encodeMessageFrame, messageFrameBytesMax } from './wire/message-frame-codec.ts';
import { PeerFormatError } from './wire/peer-format-error.ts';
import {
  awaitBytes,
  creditBytesMax,
  decodePositions,
  decodeCredit,
  decodeHandOff,
  decodeReached,
  encodePositions,
  encodeCredit,
  encodeHandOff,
  encodeReached,
  handOffBytesMax,
  reachedBytesMax,
} from './wire/session-frame-codec.ts';
import { WireReader } from './wire/wire-reader.ts';

/** Each kind's number on the wire, and the first version of the protocol that knows it. Numbers are never given again. */
const KINDS = {
  interest: { code: 1, since: 1 },
  message: { code: 2, since: 1 },
  reached: { code: 3, since: 1 },
  awaitApplied: { code: 4, since: 1 },
  handOff: { code: 5, since: 1 },
  credit: { code: 6, since: 1 },
  awaitRetained: { code: 7, since: 2 },
} as const satisfies Record<PeerFrame['type'], { readonly code: number; readonly since: number }>;

/** Whether a peer that speaks this version understands it: who sends asks first. */
export function isKnown(type: PeerFrame['type'], version: number): boolean {
  return KINDS[type].since <= version;
}

/** Never less than `encodeFrame` writes; cheap to compute. */
export function frameBytesMax(frame: PeerFrame): number {
  return 1 + bodyBytesMax(frame);
}

/**
 *     frame := u8 kind | body of that kind
 *
 * Writes at `at` and returns where it ends. `target` has room for `frameBytesMax`. Throws when `version` does not know the kind:
 * who sends asks first what the peer speaks.
 */
export function encodeFrame(frame: PeerFrame, version: number, target: Buffer, at: number): number {
  if (!isKnown(frame.type, version)) {
    throw new RangeError(`version ${version} of the peer protocol knows no frame of the kind ${frame.type}`);
  }
  target[at] = KINDS[frame.type].code;
  return encodeBody(frame, target, at + 1);
}

/**
 * The frame that `bytes` is, from `start` on. Payload and properties of messages are views: the caller changes nothing any more.
 * Throws `PeerFormatError` for everything else.
 */
export function decodeFrame(bytes: Buffer, start = 0): PeerFrame {
  const reader = new WireReader(bytes, start);
  try {
    const frame = decodeBody(reader);
    reader.expectEnd();
    return frame;
  } catch (error) {
    if (!(error instanceof RangeError) && !(error instanceof MessageFormatError)) throw error;
    throw new PeerFormatError(error.message, { cause: error });
  }
}

function bodyBytesMax(frame: PeerFrame): number {
  switch (frame.type) {
    case 'interest':
      return interestBytesMax(frame);
    case 'message':
      return messageFrameBytesMax(frame);
    case 'reached':
      return reachedBytesMax(frame);
    case 'awaitApplied':
    case 'awaitRetained':
      return awaitBytes(frame);
    case 'handOff':
      return handOffBytesMax(frame);
    case 'credit':
      return creditBytesMax(frame);
  }
}

function encodeBody(frame: PeerFrame, target: Buffer, at: number): number {
  switch (frame.type) {
    case 'interest':
      return encodeInterest(frame, target, at);
    case 'message':
      return encodeMessageFrame(frame, target, at);
    case 'reached':
      return encodeReached(frame, target, at);
    case 'awaitApplied':
    case 'awaitRetained':
      return encodePositions(frame, target, at);
    case 'handOff':
      return encodeHandOff(frame, target, at);
    case 'credit':
      return encodeCredit(frame, target, at);
  }
}

function decodeBody(reader: WireReader): PeerFrame {
  const code = reader.u8();
  switch (code) {
    case KINDS.interest.code:
      return decodeInterest(reader);
    case KINDS.message.code:
      return decodeMessageFrame(reader);
    case KINDS.reached.code:
      return decodeReached(reader);
    case KINDS.awaitApplied.code:
      return { type: 'awaitApplied', positions: decodePositions(reader) };
    case KINDS.handOff.code:
      return decodeHandOff(reader);
    case KINDS.credit.code:
      return decodeCredit(reader);
    case KINDS.awaitRetained.code:
      return { type: 'awaitRetained', positions: decodePositions(reader) };
    default:
      throw new PeerFormatError(`a frame of an unknown kind, ${code}`);
  }
}
