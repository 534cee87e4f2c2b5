import { describe, expect, it } from 'vitest';
import { encodePublish, encodePublishHead, publishSize } from '../../../src/mqtt/encode-publish.ts';
import type { OutgoingPublish } from '../../../src/mqtt/encode-publish.ts';
import { GrowingSink } from '../../packets/growing-sink.ts';
import { hex, packet, properties, str } from '../../packets/wire.ts';

const CONTENT_TYPE = hex('03 0004 74657874');

const OUTGOING: OutgoingPublish = {
  message: { topic: 'a/b', payload: Buffer.from('hi'), properties: CONTENT_TYPE },
  qos: 1,
  retain: false,
  dup: false,
  packetId: 10,
  subscriptionIds: undefined,
};

function written(...args: Parameters<typeof publishSize>): Buffer {
  const writer = new GrowingSink();
  const bytes = encodePublish(writer, ...args);
  const taken = writer.written;
  expect([bytes, publishSize(...args)]).toEqual([taken.length, taken.length]);
  return taken;
}

describe('encodePublish', () => {
  it('writes flags, identifier and payload, and no properties before MQTT 5', () => {
    for (const level of [3, 4] as const) {
      expect(written(level, OUTGOING, undefined, 0, true)).toEqual(hex('32 09 0003 612f62 000a 6869'));
    }
    const repeated = { ...OUTGOING, qos: 2, dup: true, retain: true } as const;
    expect(written(4, repeated, undefined, 0, true)).toEqual(hex('3d 09 0003 612f62 000a 6869'));
  });

  it('writes no identifier for QoS 0', () => {
    expect(written(4, { ...OUTGOING, qos: 0 }, undefined, 0, true)).toEqual(hex('30 07 0003 612f62 6869'));
  });

  it('writes its own properties before those of the publisher', () => {
    const outgoing = { ...OUTGOING, subscriptionIds: [5, 300] };
    expect(written(5, outgoing, 60, 7, true)).toEqual(
      packet(
        0x32,
        str('a/b'),
        '000a',
        properties('02 0000003c', '23 0007', '0b 05', '0b ac02', CONTENT_TYPE),
        '6869',
      ),
    );
  });

  it('leaves the topic out when the alias is known', () => {
    expect(written(5, OUTGOING, undefined, 7, false)).toEqual(
      packet(0x32, str(''), '000a', properties('23 0007', CONTENT_TYPE), '6869'),
    );
  });

  it('writes topics beyond ASCII', () => {
    const outgoing = { ...OUTGOING, message: { ...OUTGOING.message, topic: 'vélo/🚲' } };
    expect(written(4, outgoing, undefined, 0, true)).toEqual(packet(0x32, str('vélo/🚲'), '000a', '6869'));
  });

  it.each([117, 118, 16_373, 16_374, 65_536])('writes the length of a payload of %i bytes', (bytes) => {
    const payload = Buffer.alloc(bytes, 1);
    const outgoing = { ...OUTGOING, message: { ...OUTGOING.message, payload } };
    const expected = packet(0x32, str('a/b'), '000a', payload);
    expect(written(4, outgoing, undefined, 0, true).equals(expected)).toBe(true);
  });

  it('leaves the payload to be written from where it lies', () => {
    const sink = new GrowingSink();
    const headBytes = encodePublishHead(sink, 4, OUTGOING, undefined, 0, true);
    expect([headBytes, sink.written]).toEqual([9, hex('32 09 0003 612f62 000a')]);
  });

  it('writes behind what the writer holds', () => {
    const writer = new GrowingSink();
    writer.append(hex('d0 00'));
    encodePublish(writer, 4, { ...OUTGOING, qos: 0 }, undefined, 0, true);
    expect(writer.written).toEqual(hex('d0 00 30 07 0003 612f62 6869'));
  });
});
