/** PINGREQ, DISCONNECT, AUTH, and types that no client sends. */
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import type { PacketCase } from './packet-table.ts';
import { hex, packet, properties, str } from './wire.ts';

function other(
  level: ProtocolLevel,
  name: string,
  bytes: Buffer,
  expected: PacketCase['expected'],
): PacketCase {
  return { name: `${level} ${name}`, level, bytes, expected };
}

const METHOD = Buffer.concat([hex('15'), str('m')]);

export const SESSION_CASES: readonly PacketCase[] = [
  other(4, 'PINGREQ', hex('c0 00'), { type: 'pingreq' }),
  other(4, 'DISCONNECT', hex('e0 00'), { type: 'disconnect', reasonCode: 0, sessionExpiryS: undefined }),
  other(5, 'DISCONNECT without a reason', hex('e0 00'), { type: 'disconnect', reasonCode: 0 }),
  other(5, 'DISCONNECT with will, without properties', hex('e0 01 04'), {
    reasonCode: 4,
    sessionExpiryS: undefined,
  }),
  other(
    5,
    'DISCONNECT with session expiry',
    packet(0xe0, '00', properties('11 0000000a', hex('1f'), str('bye'))),
    {
      reasonCode: 0,
      sessionExpiryS: 10,
    },
  ),
  other(5, 'AUTH', packet(0xf0, '18', properties(METHOD, hex('16'), str('data'))), {
    type: 'auth',
    reasonCode: 0x18,
    authenticationMethod: 'm',
    authenticationData: Buffer.from('data'),
  }),
  other(5, 'AUTH to authenticate again', packet(0xf0, '19', properties(METHOD)), {
    reasonCode: 0x19,
    authenticationData: undefined,
  }),

  other(4, 'PINGREQ with a body', hex('c0 01 00'), 'malformedPacket'),
  other(5, 'PINGREQ with a body', hex('c0 01 00'), 'malformedPacket'),
  other(4, 'PINGREQ with header flags [3.1.1 MQTT-2.2.2-1, MQTT-2.2.2-2]', hex('c1 00'), 'malformedPacket'),
  other(5, 'PINGREQ with header flags [5.0 MQTT-2.1.3-1]', hex('c1 00'), 'malformedPacket'),
  other(4, 'DISCONNECT with header flags [3.1.1 MQTT-3.14.1-1]', hex('e2 00'), 'malformedPacket'),
  other(5, 'DISCONNECT with header flags [5.0 MQTT-3.14.1-1]', hex('e2 00'), 'malformedPacket'),
  other(4, 'DISCONNECT with a reason, which is of MQTT 5', hex('e0 01 00'), 'malformedPacket'),
  other(5, 'DISCONNECT with a reason of servers [5.0 MQTT-3.14.2-1]', hex('e0 01 8e'), 'protocolError'),
  other(
    5,
    'DISCONNECT with a server reference',
    packet(0xe0, '00', properties(hex('1c'), str('x'))),
    'malformedPacket',
  ),
  other(5, 'DISCONNECT with bytes behind its properties', hex('e0 03 00 00 00'), 'malformedPacket'),
  other(
    5,
    'DISCONNECT with session expiry twice',
    packet(0xe0, '00', properties('11 00000000 11 00000000')),
    'protocolError',
  ),
  other(5, 'AUTH without a body, which means success', hex('f0 00'), 'protocolError'),
  other(5, 'AUTH without a method', packet(0xf0, '18', properties()), 'protocolError'),
  other(5, 'AUTH without properties', hex('f0 01 18'), 'malformedPacket'),
  other(5, 'AUTH with header flags [5.0 MQTT-3.15.1-1]', hex('f1 00'), 'malformedPacket'),
  other(
    5,
    'AUTH with bytes behind its properties',
    packet(0xf0, '18', properties(METHOD), '00'),
    'malformedPacket',
  ),
  other(
    5,
    'AUTH with a reason of DISCONNECT [5.0 MQTT-3.15.2-1]',
    packet(0xf0, '80', properties(METHOD)),
    'protocolError',
  ),
  other(4, 'AUTH', packet(0xf0, '18', properties(METHOD)), 'protocolError'),
  ...([3, 4, 5] as const).flatMap((level) => [
    other(level, 'type 0', hex('00 00'), 'malformedPacket'),
    other(level, 'CONNACK', hex('20 02 0000'), 'protocolError'),
    other(level, 'SUBACK', hex('90 03 0001 00'), 'protocolError'),
    other(level, 'UNSUBACK', hex('b0 02 0001'), 'protocolError'),
    other(level, 'PINGRESP', hex('d0 00'), 'protocolError'),
  ]),
];
