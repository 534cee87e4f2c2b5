/** CONNECT, good and bad. */
import type { PacketCase } from './packet-table.ts';
import { hex, packet, properties, str } from './wire.ts';

const V311 = [str('MQTT'), '04'] as const;
const V5 = [str('MQTT'), '05'] as const;
const KEEP_ALIVE = '003c';
const NO_PROPERTIES = '00';

function connect(name: string, bytes: Buffer, expected: PacketCase['expected']): PacketCase {
  return { name: `CONNECT ${name}`, level: undefined, bytes, expected };
}

/** A CONNECT of level 5 whose properties are these. */
function v5With(...parts: readonly (Buffer | string)[]): Buffer {
  return packet(0x10, ...V5, '02', KEEP_ALIVE, properties(...parts), str('c'));
}

/** A CONNECT of level 5 whose will has these properties and this topic. */
function v5Will(willProperties: Buffer, topic: string | Buffer): Buffer {
  return packet(0x10, ...V5, '06', KEEP_ALIVE, '00', str('c'), willProperties, str(topic), str('gone'));
}

function v311Id(clientId: Buffer): Buffer {
  return packet(0x10, ...V311, '02', KEEP_ALIVE, str(clientId));
}

export const CONNECT_CASES: readonly PacketCase[] = [
  connect('3.1.1, least', hex('10 0c 0004 4d515454 04 02 003c 0000'), {
    type: 'connect',
    level: 4,
    clientId: '',
    cleanStart: true,
    keepAliveS: 60,
    userName: undefined,
    password: undefined,
    will: undefined,
    receiveMaximum: 65_535,
  }),
  connect('3.1', packet(0x10, str('MQIsdp'), '03', '00', KEEP_ALIVE, str('bike')), {
    level: 3,
    clientId: 'bike',
    cleanStart: false,
  }),
  connect(
    '3.1 with an identifier longer than 23 characters',
    packet(0x10, str('MQIsdp'), '03', '02', KEEP_ALIVE, str('b'.repeat(40))),
    { clientId: 'b'.repeat(40) },
  ),
  connect(
    '3.1.1 without identifier and without clean session, for the handler to refuse',
    packet(0x10, ...V311, '00', KEEP_ALIVE, str('')),
    { clientId: '', cleanStart: false },
  ),
  connect(
    '3.1.1 with will, user name and password',
    packet(0x10, ...V311, 'ee', KEEP_ALIVE, str('c'), str('w/t'), str('gone'), str('t/u'), str('pw')),
    {
      userName: 't/u',
      password: Buffer.from('pw'),
      will: {
        topic: 'w/t',
        payload: Buffer.from('gone'),
        qos: 1,
        retain: true,
        delayS: 0,
        messageExpiryS: undefined,
        properties: Buffer.alloc(0),
      },
    },
  ),
  connect(
    '5 with all properties',
    v5With(
      '11 0000003c',
      '21 000a',
      '27 00000400',
      '22 0005',
      '19 01',
      '17 00',
      hex('26'),
      str('b'),
      str(''),
      hex('26'),
      str('1'),
      str('x'),
      hex('26'),
      str('b'),
      str('y'),
      hex('15'),
      str('SCRAM'),
      hex('16'),
      str(hex('00ff')),
    ),
    {
      level: 5,
      sessionExpiryS: 60,
      receiveMaximum: 10,
      maximumPacketSize: 1024,
      topicAliasMaximum: 5,
      requestResponseInformation: true,
      requestProblemInformation: false,
      userProperties: [
        ['b', ''],
        ['1', 'x'],
        ['b', 'y'],
      ],
      authenticationMethod: 'SCRAM',
      authenticationData: hex('00ff'),
    },
  ),
  connect(
    '5 with will properties, of which some travel with the will',
    v5Will(properties('18 00000005', '01 01', '02 00000009', hex('03'), str('text')), 'w'),
    {
      will: {
        topic: 'w',
        payload: Buffer.from('gone'),
        qos: 0,
        retain: false,
        delayS: 5,
        messageExpiryS: 9,
        properties: hex('01 01 03 0004 74657874'),
      },
    },
  ),
  connect(
    '5 with a password and no user name',
    packet(0x10, ...V5, '42', KEEP_ALIVE, NO_PROPERTIES, str('c'), str('pw')),
    { userName: undefined, password: Buffer.from('pw') },
  ),
  connect('with U+FEFF kept [MQTT-1.5.4-3]', v311Id(hex('efbbbf 61')), { clientId: '\uFEFFa' }),

  connect(
    'of MQTT 6',
    packet(0x10, str('MQTT'), '06', '02', KEEP_ALIVE, '00', str('c')),
    'unsupportedProtocolVersion',
  ),
  connect(
    'of level 3 named MQTT',
    packet(0x10, str('MQTT'), '03', '02', KEEP_ALIVE, str('c')),
    'unsupportedProtocolVersion',
  ),
  connect(
    'of an unknown protocol',
    packet(0x10, str('HTTP'), '04', '02', KEEP_ALIVE, str('c')),
    'unsupportedProtocolVersion',
  ),
  connect(
    'of a bridge, level 0x83',
    packet(0x10, str('MQIsdp'), '83', '02', KEEP_ALIVE, str('c')),
    'unsupportedProtocolVersion',
  ),
  connect(
    'of a bridge, level 0x84',
    packet(0x10, str('MQTT'), '84', '02', KEEP_ALIVE, str('c')),
    'unsupportedProtocolVersion',
  ),

  connect('with header flags', packet(0x11, ...V311, '02', KEEP_ALIVE, str('c')), 'malformedPacket'),
  connect(
    'with the reserved flag [MQTT-3.1.2-3]',
    packet(0x10, ...V311, '03', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with will QoS but no will [MQTT-3.1.2-11]',
    packet(0x10, ...V311, '0a', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with will retain but no will [MQTT-3.1.2-13]',
    packet(0x10, ...V311, '22', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with will QoS 3 [MQTT-3.1.2-12]',
    packet(0x10, ...V311, '1e', KEEP_ALIVE, str('c'), str('w'), str('')),
    'malformedPacket',
  ),
  connect(
    '3.1.1 with a password and no user name [MQTT-3.1.2-22]',
    packet(0x10, ...V311, '42', KEEP_ALIVE, str('c'), str('pw')),
    'malformedPacket',
  ),
  connect(
    'with bytes behind the last field',
    packet(0x10, ...V311, '02', KEEP_ALIVE, str('c'), '00'),
    'malformedPacket',
  ),
  connect('that ends within the keep-alive', packet(0x10, ...V311, '02', '00'), 'malformedPacket'),
  connect(
    'that ends within the identifier',
    packet(0x10, ...V311, '02', KEEP_ALIVE, '0005 61'),
    'malformedPacket',
  ),
  connect('without its user name', packet(0x10, ...V311, '82', KEEP_ALIVE, str('c')), 'malformedPacket'),
  connect('without a body', hex('10 00'), 'malformedPacket'),

  connect('identifier with U+0000 [MQTT-1.5.4-2]', v311Id(hex('61 00 62')), 'malformedPacket'),
  connect('identifier in overlong UTF-8', v311Id(hex('c0 af')), 'malformedPacket'),
  connect('identifier with U+0000 in overlong UTF-8', v311Id(hex('c0 80')), 'malformedPacket'),
  connect('identifier with a surrogate [MQTT-1.5.4-1]', v311Id(hex('ed a0 80')), 'malformedPacket'),
  connect('identifier beyond U+10FFFF', v311Id(hex('f4 90 80 80')), 'malformedPacket'),
  connect('identifier that ends within a character', v311Id(hex('61 c3')), 'malformedPacket'),
  connect('will topic that is empty', v5Will(properties(), ''), 'topicNameInvalid'),
  connect('will topic with a wildcard', v5Will(properties(), 'a/+'), 'topicNameInvalid'),

  connect('5 receive maximum 0', v5With('21 0000'), 'protocolError'),
  connect('5 maximum packet size 0', v5With('27 00000000'), 'protocolError'),
  connect('5 request response information 2', v5With('19 02'), 'protocolError'),
  connect('5 request problem information 2', v5With('17 02'), 'protocolError'),
  connect('5 session expiry twice', v5With('11 00000001', '11 00000001'), 'protocolError'),
  connect('5 session expiry 0 twice', v5With('11 00000000', '11 00000000'), 'protocolError'),
  connect('5 authentication data without a method', v5With(hex('16'), str('x')), 'protocolError'),
  connect('5 topic alias, which is of PUBLISH', v5With('23 0001'), 'malformedPacket'),
  connect('5 will delay among the packet properties', v5With('18 00000001'), 'malformedPacket'),
  connect(
    '5 assigned client identifier, which is of servers',
    v5With(hex('12'), str('x')),
    'malformedPacket',
  ),
  connect('5 unknown property', v5With('7f 00'), 'malformedPacket'),
  connect('5 property that reaches past the properties', v5With('11 0000'), 'malformedPacket'),
  connect(
    '5 properties that reach past the packet',
    packet(0x10, ...V5, '02', KEEP_ALIVE, '7f 11'),
    'malformedPacket',
  ),
  connect(
    '5 property length not minimal [MQTT-1.5.5-1]',
    packet(0x10, ...V5, '02', KEEP_ALIVE, '8000', str('c')),
    'malformedPacket',
  ),
  connect('5 session expiry in the will', v5Will(properties('11 00000001'), 'w'), 'malformedPacket'),
  connect('5 payload format 2 in the will', v5Will(properties('01 02'), 'w'), 'protocolError'),

  {
    name: 'CONNECT twice [MQTT-3.1.0-2]',
    level: 4,
    bytes: packet(0x10, ...V311, '02', KEEP_ALIVE, str('c')),
    expected: 'protocolError',
  },
  {
    name: 'PINGREQ as the first packet [MQTT-3.1.0-1]',
    level: undefined,
    bytes: hex('c000'),
    expected: 'protocolError',
  },
  {
    name: 'PUBLISH as the first packet [MQTT-3.1.0-1]',
    level: undefined,
    bytes: packet(0x30, str('a')),
    expected: 'protocolError',
  },
];
