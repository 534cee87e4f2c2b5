/** What we write, read by mqtt-packet and by our own decoder. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import type { IPublishPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { decodePacket } from '../../src/mqtt/decode-packet.ts';
import { encodeAck } from '../../src/mqtt/encode-ack.ts';
import { encodePacket } from '../../src/mqtt/encode-packet.ts';
import { encodePublish, publishSize } from '../../src/mqtt/encode-publish.ts';
import { FrameReader } from '../../src/mqtt/frame-reader.ts';
import type { PublishPacket } from '../../src/mqtt/packets.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { GrowingSink } from '../packets/growing-sink.ts';
import { levels, parseReference, publishes, text } from '../packets/packet-arbitraries.ts';

const packetIds = fc.integer({ min: 1, max: 65_535 });

function decodePublish(bytes: Buffer, level: 3 | 4 | 5): PublishPacket {
  const found: PublishPacket[] = [];
  new FrameReader(1 << 20).push(bytes, (frame, bodyOffset) => {
    const decoded = decodePacket(frame, bodyOffset, level);
    if (decoded.type === 'publish') found.push(decoded);
  });
  const [publish] = found;
  if (publish === undefined) throw new Error('not a PUBLISH');
  return publish;
}

function pick({ topic, qos, retain, dup, payload }: IPublishPacket): object {
  return { topic, qos, retain, dup, payload };
}

describe('encodePublish', () => {
  const deliveries = fc.record({
    /** A publisher's packet, whose forwardable properties are what a message carries. */
    published: publishes(5).map((packet) => decodePublish(generate(packet, { protocolVersion: 5 }), 5)),
    level: levels,
    packetId: packetIds,
    subscriptionIds: fc.option(
      fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 3 }),
      {
        nil: undefined,
      },
    ),
    remainingExpiryS: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
    alias: fc.nat(65_535),
    aliasKnown: fc.boolean(),
  });

  it('writes what mqtt-packet and our decoder read back', () => {
    fc.assert(
      fc.property(
        deliveries,
        ({ published, level, packetId, subscriptionIds, remainingExpiryS, alias, aliasKnown }) => {
          const { topic, payload, properties, qos, retain, dup } = published;
          const topicAlias = level === 5 ? alias : 0;
          const sendTopic = topicAlias === 0 || !aliasKnown;
          const outgoing = {
            message: { topic, payload, properties },
            qos,
            retain,
            dup,
            packetId,
            subscriptionIds,
          };
          const args = [level, outgoing, remainingExpiryS, topicAlias, sendTopic] as const;
          const writer = new GrowingSink();
          encodePublish(writer, ...args);
          const bytes = writer.written;
          expect(publishSize(...args)).toBe(bytes.length);

          const read = parseReference(bytes, level);
          assert(read.cmd === 'publish');
          const expected = { topic: sendTopic ? topic : '', qos, retain, dup, payload };
          assert.deepEqual(pick(read), expected);
          expect(read.messageId).toBe(qos === 0 ? undefined : packetId);
          if (level !== 5) return;
          const identifiers = read.properties?.subscriptionIdentifier;
          expect(identifiers === undefined ? undefined : [identifiers].flat()).toEqual(subscriptionIds);
          expect(read.properties?.messageExpiryInterval).toBe(remainingExpiryS);
          expect(read.properties?.topicAlias ?? 0).toBe(topicAlias);

          if (subscriptionIds !== undefined) return; // a client may not send these
          assert.deepEqual(decodePublish(bytes, 5), {
            ...published,
            topic: sendTopic ? topic : '',
            packetId: qos === 0 ? 0 : packetId,
            topicAlias,
            messageExpiryS: remainingExpiryS,
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('encodeAck', () => {
  it('writes what mqtt-packet reads back', () => {
    const types = fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp');
    fc.assert(
      fc.property(types, levels, packetIds, fc.boolean(), (type, level, packetId, failed) => {
        const failure =
          type === 'puback' || type === 'pubrec' ? REASON.quotaExceeded : REASON.packetIdentifierNotFound;
        const reasonCode = failed ? failure : 0;
        const writer = new GrowingSink();
        encodeAck(writer, level, type, packetId, reasonCode);
        const read = parseReference(writer.written, level);
        expect(read).toMatchObject({ cmd: type, messageId: packetId });
        if (level === 5) expect(read).toMatchObject({ reasonCode });
      }),
    );
  });
});

describe('encodePacket', () => {
  it('never exceeds the maximum packet size, and says as much as fits', () => {
    fc.assert(
      fc.property(text, fc.nat(80), (reasonString, maximumPacketSize) => {
        const packet = { type: 'disconnect', reasonCode: REASON.serverBusy, reasonString } as const;
        const limits = { level: 5, maximumPacketSize, problemInformation: true } as const;
        const bytes = encodePacket(packet, limits);
        expect(bytes.length).toBeLessThanOrEqual(maximumPacketSize);
        expect(bytes.length > 0).toBe(maximumPacketSize >= 4);
        if (bytes.length > 0)
          expect(parseReference(bytes, 5)).toMatchObject({ reasonCode: REASON.serverBusy });
      }),
    );
  });
});
