/** PUBACK, PUBREC, PUBREL and PUBCOMP from clients, good and bad. */
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import type { PacketCase } from './packet-table.ts';
import { hex, packet, properties, str } from './wire.ts';

function ack(
  level: ProtocolLevel,
  name: string,
  bytes: Buffer,
  expected: PacketCase['expected'],
): PacketCase {
  return { name: `${level} ${name}`, level, bytes, expected };
}

const ACK_TYPES = [
  { name: 'PUBACK', header: 0x40 },
  { name: 'PUBREC', header: 0x50 },
  { name: 'PUBREL', header: 0x62 },
  { name: 'PUBCOMP', header: 0x70 },
];
const REASON_STRING = properties(hex('1f'), str('why'));

export const ACK_CASES: readonly PacketCase[] = [
  ack(4, 'PUBACK', hex('40 02 000a'), { type: 'puback', packetId: 10, reasonCode: 0 }),
  ack(4, 'PUBREC', hex('50 02 0001'), { type: 'pubrec', packetId: 1, reasonCode: 0 }),
  ack(4, 'PUBREL', hex('62 02 0001'), { type: 'pubrel', packetId: 1, reasonCode: 0 }),
  ack(4, 'PUBCOMP', hex('70 02 ffff'), { type: 'pubcomp', packetId: 65_535, reasonCode: 0 }),
  ack(3, 'PUBREL repeated', hex('6a 02 0001'), { type: 'pubrel', packetId: 1 }),
  ack(5, 'PUBACK of two bytes', hex('40 02 000a'), { packetId: 10, reasonCode: 0 }),
  ack(5, 'PUBACK with a reason', hex('40 03 000a 10'), { packetId: 10, reasonCode: 0x10 }),
  ack(5, 'PUBREC with a reason and no properties', hex('50 04 000a 97 00'), {
    packetId: 10,
    reasonCode: 0x97,
  }),
  ack(5, 'PUBREL with a reason string', packet(0x62, '000a 92', REASON_STRING), { reasonCode: 0x92 }),
  ack(5, 'PUBCOMP with user properties', packet(0x70, '000a 00', properties(hex('26'), str('k'), str('v'))), {
    type: 'pubcomp',
    reasonCode: 0,
  }),

  ...ACK_TYPES.flatMap(({ name, header }) => [
    ack(4, `${name} identifier 0`, packet(header, '0000'), 'malformedPacket'),
    ack(5, `${name} identifier 0`, packet(header, '0000'), 'malformedPacket'),
    ack(
      4,
      `${name} with the wrong header flags [3.1.1 MQTT-2.2.2-1, MQTT-2.2.2-2]`,
      packet(header ^ 3, '000a'),
      'malformedPacket',
    ),
    ack(
      5,
      `${name} with the wrong header flags [5.0 MQTT-2.1.3-1]`,
      packet(header ^ 3, '000a'),
      'malformedPacket',
    ),
    ack(
      5,
      `${name} with bytes behind its properties`,
      packet(header, '000a', '00', '00', '00'),
      'malformedPacket',
    ),
  ]),
  ack(4, 'PUBACK without a body', hex('40 00'), 'malformedPacket'),
  ack(4, 'PUBACK that ends within the identifier', hex('40 01 00'), 'malformedPacket'),
  ack(4, 'PUBACK with a reason, which is of MQTT 5', hex('40 03 000a 00'), 'malformedPacket'),
  ack(4, 'PUBREL without its header flags [3.1.1 MQTT-3.6.1-1]', hex('60 02 000a'), 'malformedPacket'),
  ack(5, 'PUBREL without its header flags [5.0 MQTT-3.6.1-1]', hex('60 02 000a'), 'malformedPacket'),
  ack(4, 'PUBREL with DUP, which is of 3.1', hex('6a 02 000a'), 'malformedPacket'),
  ack(5, 'PUBACK with a reason of CONNACK [5.0 MQTT-3.4.2-1]', hex('40 03 000a 86'), 'protocolError'),
  ack(5, 'PUBREC with a reason of PUBREL [5.0 MQTT-3.5.2-1]', hex('50 03 000a 92'), 'protocolError'),
  ack(5, 'PUBREL with a reason of PUBREC [5.0 MQTT-3.6.2-1]', hex('62 03 000a 97'), 'protocolError'),
  ack(5, 'PUBCOMP with a reason of PUBREC [5.0 MQTT-3.7.2-1]', hex('70 03 000a 80'), 'protocolError'),
  ack(5, 'PUBACK with properties past its end', hex('40 05 000a 00 05 1f'), 'malformedPacket'),
  ack(
    5,
    'PUBACK with two reason strings',
    packet(0x40, '000a 00', properties('1f 0000 1f 0000')),
    'protocolError',
  ),
  ack(5, 'PUBACK with a server reference', packet(0x40, '000a 00', properties('1c 0000')), 'malformedPacket'),
];
