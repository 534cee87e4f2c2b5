/** What brokers tell each other reads back as it was, however its bytes arrive; anything else is refused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFrame, encodeFrame, frameBytesMax } from '../../src/cluster/peer-frame-codec.ts';
import type { PeerFrame } from '../../src/cluster/peer-frame.ts';
import { MessageSplitter } from '../../src/cluster/wire/message-splitter.ts';
import { PeerFormatError } from '../../src/cluster/wire/peer-format-error.ts';
import {
  decodePeerMessage,
  encodeNumberedFrame,
  encodePeerMessage,
  numberedFrameBytesMax,
} from '../../src/cluster/wire/peer-message-codec.ts';
import { REFUSALS, type PeerMessage } from '../../src/cluster/wire/peer-message.ts';
import { PROTOCOL } from '../../src/cluster/wire/protocol-version.ts';
import { incarnation } from '../../src/tenancy/identity.ts';
import { peerFrame } from '../arbitrary/peer-frame.ts';

const MESSAGE_BYTES_MAX = 1 << 20;
const safeInteger = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'binary', maxLength: 30 });
const version = fc.nat({ max: 255 });
const run = fc.tuple(text, fc.nat()).map(([broker, start]) => incarnation(broker, start));

const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    protocol: fc.record({ min: version, max: version }),
    cluster: text,
    from: run,
    to: run,
  }),
  fc.record({ type: fc.constant('welcome' as const), version, resumeAfter: safeInteger }),
  fc.record({ type: fc.constant('refused' as const), code: fc.constantFrom(...REFUSALS), reason: text }),
  fc.record({ type: fc.constant('ping' as const) }),
  fc.record({ type: fc.constant('frame' as const), number: safeInteger, frame: peerFrame }),
  fc.record({
    type: fc.constant('confirmation' as const),
    through: safeInteger,
    runs: fc.array(
      fc.record({
        first: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        count: fc.integer({ min: 1, max: 0xffff_ffff }),
        reply: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      }),
      { maxLength: 5 },
    ),
  }),
);

test('a frame reads back as it was, and is never longer than announced', () => {
  fc.assert(
    fc.property(peerFrame, fc.nat(9), (frame, at) => {
      const target = Buffer.alloc(at + frameBytesMax(frame));
      const end = encodeFrame(frame, PROTOCOL.max, target, at);
      expect(decodeFrame(target.subarray(0, end), at)).toEqual(frame);
    }),
    { numRuns: 500 },
  );
});

test('any split of the bytes reads the same', () => {
  fc.assert(
    fc.property(fc.array(peerMessage, { maxLength: 6 }), fc.array(fc.nat()), (messages, cuts) => {
      const stream = Buffer.concat(messages.map(encoded));
      const bounds = [
        0,
        ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b),
        stream.length,
      ];
      const splitter = new MessageSplitter(MESSAGE_BYTES_MAX);
      const found: PeerMessage[] = [];
      for (const [index, start] of bounds.slice(0, -1).entries()) {
        splitter.push(stream.subarray(start, bounds[index + 1]), (body) => {
          found.push(decodePeerMessage(body));
          return true;
        });
      }
      expect(found).toEqual(messages);
    }),
    { numRuns: 300 },
  );
});

test('damaged bytes are refused or read as something, never fail in another way', () => {
  fc.assert(
    fc.property(peerFrame, fc.nat(), fc.nat(255), (frame, position, byte) => {
      const body = bodyOf(frame);
      body[position % body.length] = byte;
      expect(orRefusal(() => decodePeerMessage(body))).toBeDefined();
    }),
    { numRuns: 1000 },
  );
});

test('a frame that is cut short, or goes on behind its end, is refused', () => {
  fc.assert(
    fc.property(peerFrame, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 }), (frame, cut, more) => {
      const body = bodyOf(frame);
      const short = body.subarray(0, cut % body.length);
      expect(orRefusal(() => decodePeerMessage(short))).toBeInstanceOf(PeerFormatError);
      const long = Buffer.concat([body, more]);
      expect(orRefusal(() => decodePeerMessage(long))).toBeInstanceOf(PeerFormatError);
    }),
    { numRuns: 500 },
  );
});

test('what a later release appends to a handshake is skipped', () => {
  fc.assert(
    fc.property(peerMessage, fc.uint8Array({ maxLength: 9 }), (message, more) => {
      fc.pre(['hello', 'welcome', 'refused'].includes(message.type));
      const longer = Buffer.concat([encoded(message).subarray(4), more]);
      expect(decodePeerMessage(longer)).toEqual(message);
    }),
  );
});

function encoded(message: PeerMessage): Buffer {
  if (message.type !== 'frame') return encodePeerMessage(message);
  const target = Buffer.alloc(numberedFrameBytesMax(message.frame));
  return target.subarray(0, encodeNumberedFrame(message.number, message.frame, PROTOCOL.max, target, 0));
}

/** Without the length. */
function bodyOf(frame: PeerFrame): Buffer {
  return Buffer.from(encoded({ type: 'frame', number: 7, frame }).subarray(4));
}

function orRefusal(decode: () => PeerMessage): PeerMessage | PeerFormatError {
  try {
    return decode();
  } catch (error) {
    if (error instanceof PeerFormatError) return error;
    throw error;
  }
}
