import { describe, expect, it } from 'vitest';
import { decodePacket } from '../../../src/mqtt/decode-packet.ts';
import { FrameReader } from '../../../src/mqtt/frame-reader.ts';
import type { ClientPacket, ProtocolLevel } from '../../../src/mqtt/packets.ts';
import { ProtocolViolation, reasonName } from '../../../src/mqtt/reason-code.ts';
import { PACKET_TABLE } from '../../packets/packet-table.ts';
import { packet, properties, str } from '../../packets/wire.ts';

function decode(bytes: Buffer, level: ProtocolLevel | undefined): ClientPacket[] {
  const packets: ClientPacket[] = [];
  new FrameReader(1 << 20).push(bytes, (frame, bodyOffset) => {
    packets.push(decodePacket(frame, bodyOffset, level));
  });
  return packets;
}

function violationOf(bytes: Buffer, level: ProtocolLevel | undefined): ProtocolViolation {
  try {
    decode(bytes, level);
  } catch (error) {
    if (error instanceof ProtocolViolation) return error;
    throw error;
  }
  throw new Error('the packet was accepted');
}

describe('decodePacket', () => {
  it('is tested with names that tell the cases apart', () => {
    expect(new Set(PACKET_TABLE.map(({ name }) => name)).size).toBe(PACKET_TABLE.length);
  });

  for (const { name, level, bytes, expected } of PACKET_TABLE) {
    if (typeof expected === 'string') {
      it(`refuses ${name} as ${expected}`, () => {
        expect(reasonName(violationOf(bytes, level).reasonCode)).toBe(expected);
      });
    } else {
      it(`decodes ${name}`, () => {
        const packets = decode(bytes, level);
        expect(packets).toHaveLength(1);
        expect(packets[0]).toMatchObject(expected);
      });
    }
  }

  it('tells the level of a CONNECT it refuses, once that is known', () => {
    const badProperty = packet(0x10, str('MQTT'), '05 02 003c', properties('21 0000'), str('c'));
    expect(violationOf(badProperty, undefined).connectLevel).toBe(5);
    expect(violationOf(packet(0x10, str('MQTT'), '06 02 003c'), undefined).connectLevel).toBeUndefined();
  });

  it('does not copy the payload and properties of a PUBLISH', () => {
    const bytes = packet(0x30, str('a'), properties('03 0004 74657874'), '6869');
    const [publish] = decode(bytes, 5);
    bytes.fill(0x7a, 5);
    expect(publish).toMatchObject({ payload: Buffer.from('zz'), properties: Buffer.from('zzzzzzz') });
  });

  it('gives CONNECT bytes of its own', () => {
    const bytes = packet(0x10, str('MQTT'), '04 c2 003c', str('c'), str('u'), str('pw'));
    const [connect] = decode(bytes, undefined);
    bytes.fill(0);
    expect(connect).toMatchObject({ password: Buffer.from('pw') });
  });

  it('decodes a topic again after another one took its place in memory', () => {
    const topics = Array.from({ length: 5_000 }, (_, index) => `t/${index}`);
    for (const topic of [...topics, ...topics]) {
      expect(decode(packet(0x30, str(topic)), 4)[0]).toMatchObject({ topic });
    }
  });
});
