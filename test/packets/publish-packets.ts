/** PUBLISH, good and bad. */
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import type { PacketCase } from './packet-table.ts';
import { hex, packet, properties, str } from './wire.ts';

function publish(
  level: ProtocolLevel,
  name: string,
  bytes: Buffer,
  expected: PacketCase['expected'],
): PacketCase {
  return { name: `PUBLISH ${level} ${name}`, level, bytes, expected };
}

/** QoS 0 on topic `a`, level 5, payload `hi`. */
function v5With(...parts: readonly (Buffer | string)[]): Buffer {
  return packet(0x30, str('a'), properties(...parts), '6869');
}

const HI = Buffer.from('hi');
const CONTENT_TYPE = hex('03 0004 74657874');
const USER_PROPERTY = hex('26 0001 6b 0001 76');

export const PUBLISH_CASES: readonly PacketCase[] = [
  publish(4, 'QoS 0', hex('30 05 0001 61 6869'), {
    type: 'publish',
    topic: 'a',
    payload: HI,
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    topicAlias: 0,
    messageExpiryS: undefined,
    properties: Buffer.alloc(0),
  }),
  publish(4, 'QoS 1, retained, repeated', packet(0x3b, str('a/b'), '000a', '6869'), {
    topic: 'a/b',
    qos: 1,
    retain: true,
    dup: true,
    packetId: 10,
    payload: HI,
  }),
  publish(3, 'QoS 2, highest identifier, no payload', packet(0x34, str('a'), 'ffff'), {
    qos: 2,
    packetId: 65_535,
    payload: Buffer.alloc(0),
  }),
  publish(4, 'topic beyond ASCII', packet(0x30, str('vélo/🚲')), { topic: 'vélo/🚲' }),
  publish(5, 'without properties', v5With(), { topic: 'a', payload: HI, properties: Buffer.alloc(0) }),
  publish(
    5,
    'with properties that all travel',
    v5With('01 01', CONTENT_TYPE, hex('08'), str('r'), hex('09'), str('c'), USER_PROPERTY, USER_PROPERTY),
    {
      payload: HI,
      properties: Buffer.concat([
        hex('0101'),
        CONTENT_TYPE,
        hex('08'),
        str('r'),
        hex('09'),
        str('c'),
        USER_PROPERTY,
        USER_PROPERTY,
      ]),
    },
  ),
  publish(
    5,
    'with alias and expiry between properties that travel',
    v5With(CONTENT_TYPE, '23 0007', '02 0000003c', USER_PROPERTY),
    {
      topicAlias: 7,
      messageExpiryS: 60,
      payload: HI,
      properties: Buffer.concat([CONTENT_TYPE, USER_PROPERTY]),
    },
  ),
  publish(5, 'with an alias in place of the topic', packet(0x30, str(''), properties('23 0001'), '6869'), {
    topic: '',
    topicAlias: 1,
    payload: HI,
  }),
  publish(5, 'with expiry 0', v5With('02 00000000'), { messageExpiryS: 0 }),

  publish(4, 'QoS 3 [3.1.1 MQTT-3.3.1-4]', packet(0x36, str('a'), '0001'), 'malformedPacket'),
  publish(4, 'DUP on QoS 0 [3.1.1 MQTT-3.3.1-2]', packet(0x38, str('a')), 'malformedPacket'),
  publish(4, 'identifier 0 [3.1.1 MQTT-2.3.1-1]', packet(0x32, str('a'), '0000'), 'malformedPacket'),
  publish(4, 'without a body', hex('30 00'), 'malformedPacket'),
  publish(4, 'that ends within the topic length', hex('30 01 00'), 'malformedPacket'),
  publish(4, 'that ends within the topic', hex('30 03 0005 61'), 'malformedPacket'),
  publish(4, 'that ends within the identifier', packet(0x32, str('a'), '00'), 'malformedPacket'),
  publish(4, 'topic with + [3.1.1 MQTT-3.3.2-2, MQTT-4.7.1-1]', packet(0x30, str('a/+')), 'topicNameInvalid'),
  publish(4, 'topic with # [3.1.1 MQTT-3.3.2-2, MQTT-4.7.1-1]', packet(0x30, str('#')), 'topicNameInvalid'),
  publish(
    4,
    'topic with U+0000 [3.1.1 MQTT-1.5.3-2, MQTT-4.7.3-2]',
    packet(0x30, str('a\0b')),
    'malformedPacket',
  ),
  publish(
    4,
    'topic with a surrogate [3.1.1 MQTT-1.5.3-1, MQTT-3.3.2-1]',
    packet(0x30, str(hex('61 eda080'))),
    'malformedPacket',
  ),
  publish(4, 'topic in overlong UTF-8', packet(0x30, str(hex('c1 81'))), 'malformedPacket'),
  publish(4, 'topic that is empty [3.1.1 MQTT-4.7.3-1]', packet(0x30, str('')), 'malformedPacket'),

  publish(5, 'QoS 3 [5.0 MQTT-3.3.1-4]', packet(0x36, str('a'), '0001', '00'), 'malformedPacket'),
  publish(5, 'DUP on QoS 0 [5.0 MQTT-3.3.1-2]', packet(0x38, str('a'), '00'), 'malformedPacket'),
  publish(
    5,
    'identifier 0 at QoS 1 [5.0 MQTT-2.2.1-3]',
    packet(0x32, str('a'), '0000', '00'),
    'malformedPacket',
  ),
  publish(
    5,
    'identifier 0 at QoS 2 [5.0 MQTT-2.2.1-3]',
    packet(0x34, str('a'), '0000', '00'),
    'malformedPacket',
  ),
  publish(
    5,
    'topic with + [5.0 MQTT-3.3.2-2, MQTT-4.7.0-1]',
    packet(0x30, str('a/+'), '00'),
    'topicNameInvalid',
  ),
  publish(
    5,
    'topic with # [5.0 MQTT-3.3.2-2, MQTT-4.7.0-1]',
    packet(0x30, str('#'), '00'),
    'topicNameInvalid',
  ),
  publish(
    5,
    'topic with U+0000 [5.0 MQTT-1.5.4-2, MQTT-4.7.3-2]',
    packet(0x30, str('a\0b'), '00'),
    'malformedPacket',
  ),
  publish(
    5,
    'topic with a surrogate [5.0 MQTT-1.5.4-1, MQTT-3.3.2-1]',
    packet(0x30, str(hex('eda080')), '00'),
    'malformedPacket',
  ),
  publish(5, 'topic in overlong UTF-8', packet(0x30, str(hex('c1 81')), '00'), 'malformedPacket'),
  publish(5, 'without its properties [5.0 MQTT-2.2.2-1]', packet(0x30, str('a')), 'malformedPacket'),
  publish(
    5,
    'topic that is empty, no alias [5.0 MQTT-4.7.3-1]',
    packet(0x30, str(''), properties()),
    'protocolError',
  ),
  publish(5, 'topic alias 0 [5.0 MQTT-3.3.2-8]', v5With('23 0000'), 'topicAliasInvalid'),
  publish(5, 'topic alias twice', v5With('23 0001', '23 0001'), 'protocolError'),
  publish(5, 'payload format 2', v5With('01 02'), 'protocolError'),
  publish(5, 'content type twice', v5With(CONTENT_TYPE, CONTENT_TYPE), 'protocolError'),
  publish(5, 'subscription identifier [5.0 MQTT-3.3.4-6]', v5With('0b 01'), 'protocolError'),
  publish(
    5,
    'response topic with a wildcard [5.0 MQTT-3.3.2-14]',
    v5With(hex('08'), str('r/#')),
    'protocolError',
  ),
  publish(
    5,
    'response topic that is not UTF-8 [5.0 MQTT-3.3.2-13]',
    v5With(hex('08'), str(hex('ff'))),
    'malformedPacket',
  ),
  publish(5, 'response topic that is empty', v5With(hex('08'), str('')), 'protocolError'),
  publish(5, 'session expiry', v5With('11 00000001'), 'malformedPacket'),
  publish(5, 'property identifier of two bytes', v5With('8101 00'), 'malformedPacket'),
  publish(5, 'user property without a value', v5With(hex('26'), str('k')), 'malformedPacket'),
  publish(
    5,
    'user property with U+0000 [5.0 MQTT-1.5.7-1]',
    v5With(hex('26'), str('k'), str('\0')),
    'malformedPacket',
  ),
  publish(
    5,
    'content type that is not UTF-8 [5.0 MQTT-3.3.2-19]',
    v5With(hex('03'), str(hex('ff'))),
    'malformedPacket',
  ),
  publish(
    5,
    'property that ends in the payload',
    packet(0x30, str('a'), '03 02 0000', '003c6869'),
    'malformedPacket',
  ),
  publish(5, 'properties longer than the packet', packet(0x30, str('a'), '7f 01'), 'malformedPacket'),
  publish(
    5,
    'property length not minimal [5.0 MQTT-1.5.5-1]',
    packet(0x30, str('a'), '8000'),
    'malformedPacket',
  ),
  publish(5, 'property length of five bytes', packet(0x30, str('a'), 'ffffffff01'), 'malformedPacket'),
];
