/** Decoding held against mqtt-packet, against itself under every split, and against damaged bytes. */
import assert from 'node:assert/strict';
import { TextDecoder } from 'node:util';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { decodePacket } from '../../src/mqtt/decode-packet.ts';
import { FrameReader } from '../../src/mqtt/frame-reader.ts';
import type { ClientPacket, ProtocolLevel, UserProperties } from '../../src/mqtt/packets.ts';
import { ProtocolViolation } from '../../src/mqtt/reason-code.ts';
import { checkUtf8 } from '../../src/mqtt/utf8.ts';
import { connectPackets, laterPackets, levels, parseReference } from '../packets/packet-arbitraries.ts';
import type { GeneratedPacket } from '../packets/packet-arbitraries.ts';
import { PACKET_TABLE } from '../packets/packet-table.ts';
import { packet, properties, str } from '../packets/wire.ts';

const PACKET_BYTES_MAX = 1 << 20;

function decode(bytes: Buffer, level: ProtocolLevel | undefined): ClientPacket {
  const packets: ClientPacket[] = [];
  new FrameReader(PACKET_BYTES_MAX).push(bytes, (frame, bodyOffset) => {
    packets.push(decodePacket(frame, bodyOffset, level));
  });
  const [decoded] = packets;
  if (decoded === undefined || packets.length > 1) throw new Error(`${packets.length} packets in one`);
  return decoded;
}

/** The packet, or the reason it was refused for. Anything else that is thrown goes on. */
function outcome(frame: Buffer, bodyOffset: number, level: ProtocolLevel | undefined): unknown {
  try {
    return structuredClone(decodePacket(frame, bodyOffset, level));
  } catch (error) {
    if (error instanceof ProtocolViolation) return error.reasonCode;
    throw error;
  }
}

function pairs(grouped: object | undefined): UserProperties {
  return Object.entries(grouped ?? {}) as [string, string][];
}

/** What mqtt-packet reads in forwardable property bytes. */
function readForwardable(bytes: Buffer): object {
  const carrier = parseReference(packet(0x30, str('t'), properties(bytes)), 5);
  return carrier.cmd === 'publish' ? (carrier.properties ?? {}) : {};
}

function without(record: object | undefined, ...names: string[]): object {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([name]) => !names.includes(name)));
}

/** Our packet in mqtt-packet's words, and mqtt-packet's own, reduced to what both of them say. */
function bothViews(ours: ClientPacket, theirs: Packet): [unknown, unknown] {
  if (ours.type === 'connect' && theirs.cmd === 'connect') {
    const { will, properties: block } = theirs;
    return [
      {
        ...ours,
        userProperties: ours.userProperties.toSorted(),
        will: ours.will && { ...ours.will, properties: readForwardable(ours.will.properties) },
      },
      {
        type: 'connect',
        level: theirs.protocolVersion,
        clientId: theirs.clientId,
        cleanStart: theirs.clean,
        keepAliveS: theirs.keepalive,
        userName: theirs.username,
        password: theirs.password,
        sessionExpiryS: block?.sessionExpiryInterval,
        receiveMaximum: block?.receiveMaximum ?? 65_535,
        maximumPacketSize: block?.maximumPacketSize,
        topicAliasMaximum: block?.topicAliasMaximum ?? 0,
        requestResponseInformation: block?.requestResponseInformation ?? false,
        requestProblemInformation: block?.requestProblemInformation ?? true,
        userProperties: pairs(block?.userProperties).toSorted(),
        authenticationMethod: undefined,
        authenticationData: undefined,
        will: will && {
          topic: will.topic,
          payload: will.payload,
          qos: will.qos,
          retain: will.retain,
          delayS: will.properties?.willDelayInterval ?? 0,
          messageExpiryS: will.properties?.messageExpiryInterval,
          properties: without(will.properties, 'willDelayInterval', 'messageExpiryInterval'),
        },
      },
    ];
  }
  if (ours.type === 'publish' && theirs.cmd === 'publish') {
    const { topic, payload, qos, retain, dup, properties: block } = theirs;
    return [
      { ...ours, properties: readForwardable(ours.properties) },
      {
        type: 'publish',
        ...{ topic, payload, qos, retain, dup },
        packetId: theirs.messageId ?? 0,
        topicAlias: block?.topicAlias ?? 0,
        messageExpiryS: block?.messageExpiryInterval,
        properties: without(block, 'topicAlias', 'messageExpiryInterval'),
      },
    ];
  }
  if (ours.type === 'subscribe' && theirs.cmd === 'subscribe') {
    return [
      { ...ours, userProperties: ours.userProperties.toSorted() },
      {
        type: 'subscribe',
        packetId: theirs.messageId,
        subscriptionId: theirs.properties?.subscriptionIdentifier,
        userProperties: pairs(theirs.properties?.userProperties).toSorted(),
        requests: theirs.subscriptions.map(({ topic, qos, nl = false, rap = false, rh = 0 }) => ({
          ...{ filter: topic, qos, noLocal: nl, retainAsPublished: rap, retainHandling: rh },
        })),
      },
    ];
  }
  if (ours.type === 'unsubscribe' && theirs.cmd === 'unsubscribe') {
    const { packetId, filters } = ours;
    return [
      { packetId, filters },
      { packetId: theirs.messageId, filters: theirs.unsubscriptions },
    ];
  }
  if (ours.type === 'disconnect' && theirs.cmd === 'disconnect') {
    const sessionExpiryS = theirs.properties?.sessionExpiryInterval;
    return [ours, { type: 'disconnect', reasonCode: theirs.reasonCode ?? 0, sessionExpiryS }];
  }
  if (ours.type === 'auth' && theirs.cmd === 'auth') {
    const { authenticationMethod, authenticationData } = theirs.properties ?? {};
    return [ours, { type: 'auth', reasonCode: theirs.reasonCode, authenticationMethod, authenticationData }];
  }
  if ('packetId' in ours && 'messageId' in theirs) {
    const reasonCode = 'reasonCode' in theirs ? theirs.reasonCode : 0;
    return [ours, { type: theirs.cmd, packetId: theirs.messageId, reasonCode }];
  }
  return [ours, { type: theirs.cmd }];
}

function expectSameAsReference({ bytes, level, reference }: GeneratedPacket): void {
  const ours = decode(bytes, reference.cmd === 'connect' ? undefined : level);
  const [mine, theirs] = bothViews(ours, parseReference(bytes, level));
  assert.deepEqual(mine, theirs);
}

describe('decodePacket', () => {
  it('reads in a CONNECT what mqtt-packet reads', () => {
    fc.assert(fc.property(connectPackets, expectSameAsReference), { numRuns: 300 });
  });

  it('reads in every other packet what mqtt-packet reads', () => {
    fc.assert(fc.property(levels.chain(laterPackets), expectSameAsReference), { numRuns: 1000 });
  });

  it('reads the same packets however the stream is split', () => {
    const streams = levels.chain((level) =>
      fc.record({
        level: fc.constant(level),
        packets: fc.array(laterPackets(level), { minLength: 1, maxLength: 8 }),
        chunkBytes: fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5000 })), {
          minLength: 1,
          maxLength: 20,
        }),
      }),
    );
    fc.assert(
      fc.property(streams, ({ level, packets, chunkBytes }) => {
        const stream = Buffer.concat(packets.map(({ bytes }) => bytes));
        const reader = new FrameReader(PACKET_BYTES_MAX);
        const read: ClientPacket[] = [];
        let position = 0;
        for (let turn = 0; position < stream.length; turn++) {
          const end = position + (chunkBytes[turn % chunkBytes.length] ?? 1);
          const chunk = Buffer.from(stream.subarray(position, end));
          reader.push(chunk, (frame, bodyOffset) => {
            read.push(decodePacket(frame, bodyOffset, level));
          });
          position = end;
        }
        expect(reader.pendingBytes).toBe(0);
        assert.deepEqual(
          read,
          packets.map(({ bytes }) => decode(bytes, level)),
        );
      }),
      { numRuns: 200 },
    );
  });

  const samples: readonly Buffer[] = [
    ...PACKET_TABLE.map(({ bytes }) => bytes),
    generate({
      cmd: 'publish',
      topic: 'a/b',
      payload: 'hi',
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    }),
  ];
  const damaged = fc
    .record({
      sample: fc.constantFrom(...samples),
      edits: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 4 }),
      cut: fc.nat(8),
    })
    .map(({ sample, edits, cut }) => {
      const body = Buffer.from(sample.subarray(2, Math.max(2, sample.length - cut)));
      const first = edits.length === 1 ? (edits[0]?.byte ?? 0) : sample.readUInt8(0);
      if (body.length > 0) for (const { at, byte } of edits) body[at % body.length] = byte;
      return packet(first, body);
    });
  const connectionLevels = fc.option(levels, { nil: undefined });

  it('answers damaged bytes with a packet or a violation, never with another error', () => {
    fc.assert(
      fc.property(damaged, connectionLevels, (frame, level) => {
        outcome(frame, frame.length < 130 ? 2 : 3, level);
      }),
      { numRuns: 20_000 },
    );
  });

  it('never looks at a byte outside the frame', () => {
    fc.assert(
      fc.property(damaged, connectionLevels, fc.nat(255), (frame, level, around) => {
        const bodyOffset = frame.length < 130 ? 2 : 3;
        const chunk = Buffer.alloc(frame.length + 600, around);
        frame.copy(chunk, 300);
        const within = chunk.subarray(300, 300 + frame.length);
        assert.deepEqual(outcome(within, bodyOffset, level), outcome(frame, bodyOffset, level));
      }),
      { numRuns: 3000 },
    );
  });

  it('survives any bytes as a stream', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), connectionLevels, (bytes, level) => {
        try {
          new FrameReader(1000).push(Buffer.from(bytes), (frame, offset) => outcome(frame, offset, level));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('checkUtf8', () => {
  it('accepts what a strict decoder accepts, less U+0000', () => {
    const strict = new TextDecoder('utf-8', { fatal: true });
    const accepts = (check: () => unknown): boolean => {
      try {
        check();
        return true;
      } catch {
        return false;
      }
    };
    const interesting = fc.constantFrom(
      0x00,
      0x41,
      0x7f,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xff,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(interesting, fc.nat(255)), { maxLength: 6 }), (values) => {
        const bytes = Buffer.from(values);
        const expected = !values.includes(0) && accepts(() => strict.decode(bytes));
        const accepted = accepts(() => {
          checkUtf8(bytes, 0, bytes.length, 'text');
        });
        expect(accepted).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });
});
