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

/** A CONNECT of level 5 with these flags and this payload. */
function v5Flags(flags: string, ...payload: readonly (Buffer | string)[]): Buffer {
  return packet(0x10, ...V5, flags, KEEP_ALIVE, NO_PROPERTIES, ...payload);
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
    '3.1 with the flags of a user name and a password that are not there',
    packet(0x10, str('MQIsdp'), '03', 'c2', KEEP_ALIVE, str('bike')),
    { clientId: 'bike', userName: undefined, password: undefined },
  ),
  connect(
    '3.1 with the flag of a password that is not there',
    packet(0x10, str('MQIsdp'), '03', 'c6', KEEP_ALIVE, str('bike'), str('w'), str('gone'), str('u')),
    { clientId: 'bike', userName: 'u', password: undefined, will: { topic: 'w' } },
  ),
  connect(
    '3.1.1 without identifier and without clean session, for the handler to refuse',
    packet(0x10, ...V311, '00', KEEP_ALIVE, str('')),
    { clientId: '', cleanStart: false },
  ),
  connect(
    '3.1.1 with will, user name and password [3.1.1 MQTT-3.1.3-1, MQTT-3.1.2-9]',
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
    '5 with will, user name and password [5.0 MQTT-3.1.3-1, MQTT-3.1.2-9]',
    packet(
      0x10,
      ...V5,
      'f6',
      KEEP_ALIVE,
      NO_PROPERTIES,
      str('c'),
      '00',
      str('w/t'),
      str('gone'),
      str('u'),
      str('pw'),
    ),
    {
      clientId: 'c',
      userName: 'u',
      password: Buffer.from('pw'),
      will: {
        topic: 'w/t',
        payload: Buffer.from('gone'),
        qos: 2,
        retain: true,
        delayS: 0,
        messageExpiryS: undefined,
        properties: Buffer.alloc(0),
      },
    },
  ),
  connect(
    '5 with a password and no user name',
    packet(0x10, ...V5, '42', KEEP_ALIVE, NO_PROPERTIES, str('c'), str('pw')),
    { userName: undefined, password: Buffer.from('pw') },
  ),
  connect('with U+FEFF kept [3.1.1 MQTT-1.5.3-3]', v311Id(hex('efbbbf 61')), { clientId: '\uFEFFa' }),

  connect(
    'of MQTT 6 [3.1.1 MQTT-3.1.2-2] [5.0 MQTT-3.1.2-2]',
    packet(0x10, str('MQTT'), '06', '02', KEEP_ALIVE, '00', str('c')),
    'unsupportedProtocolVersion',
  ),
  connect(
    'of level 3 named MQTT',
    packet(0x10, str('MQTT'), '03', '02', KEEP_ALIVE, str('c')),
    'unsupportedProtocolVersion',
  ),
  connect(
    'of an unknown protocol [3.1.1 MQTT-3.1.2-1] [5.0 MQTT-3.1.2-1]',
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

  connect(
    'with header flags [3.1.1 MQTT-2.2.2-1, MQTT-2.2.2-2]',
    packet(0x11, ...V311, '02', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with the reserved flag [3.1.1 MQTT-3.1.2-3]',
    packet(0x10, ...V311, '03', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with will QoS but no will [3.1.1 MQTT-3.1.2-11, MQTT-3.1.2-13]',
    packet(0x10, ...V311, '0a', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with will retain but no will [3.1.1 MQTT-3.1.2-11, MQTT-3.1.2-15]',
    packet(0x10, ...V311, '22', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'with will QoS 3 [3.1.1 MQTT-3.1.2-14]',
    packet(0x10, ...V311, '1e', KEEP_ALIVE, str('c'), str('w'), str('')),
    'malformedPacket',
  ),
  connect(
    '3.1 with half a user name',
    packet(0x10, str('MQIsdp'), '03', '82', KEEP_ALIVE, str('bike'), '0005 61'),
    'malformedPacket',
  ),
  connect(
    '3.1 with a password and no user name',
    packet(0x10, str('MQIsdp'), '03', '42', KEEP_ALIVE, str('bike'), str('pw')),
    'malformedPacket',
  ),
  connect(
    '3.1.1 with a password and no user name [3.1.1 MQTT-3.1.2-22]',
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
  connect(
    'with a user name and no flag for it [3.1.1 MQTT-3.1.2-18]',
    packet(0x10, ...V311, '02', KEEP_ALIVE, str('c'), str('u')),
    'malformedPacket',
  ),
  connect(
    'with a password and no flag for it [3.1.1 MQTT-3.1.2-20]',
    packet(0x10, ...V311, '82', KEEP_ALIVE, str('c'), str('u'), str('pw')),
    'malformedPacket',
  ),
  connect(
    'without its client identifier [3.1.1 MQTT-3.1.3-3]',
    packet(0x10, ...V311, '02', KEEP_ALIVE),
    'malformedPacket',
  ),
  connect(
    'without its will message [3.1.1 MQTT-3.1.2-9]',
    packet(0x10, ...V311, '06', KEEP_ALIVE, str('c'), str('w')),
    'malformedPacket',
  ),
  connect(
    'without its user name [3.1.1 MQTT-3.1.2-19]',
    packet(0x10, ...V311, '82', KEEP_ALIVE, str('c')),
    'malformedPacket',
  ),
  connect(
    'without its password [3.1.1 MQTT-3.1.2-21]',
    packet(0x10, ...V311, 'c2', KEEP_ALIVE, str('c'), str('u')),
    'malformedPacket',
  ),
  connect('without a body', hex('10 00'), 'malformedPacket'),

  connect('identifier with U+0000 [3.1.1 MQTT-1.5.3-2]', v311Id(hex('61 00 62')), 'malformedPacket'),
  connect('identifier in overlong UTF-8', v311Id(hex('c0 af')), 'malformedPacket'),
  connect('identifier with U+0000 in overlong UTF-8', v311Id(hex('c0 80')), 'malformedPacket'),
  connect(
    'identifier with a surrogate [3.1.1 MQTT-1.5.3-1, MQTT-3.1.3-4]',
    v311Id(hex('ed a0 80')),
    'malformedPacket',
  ),
  connect('identifier beyond U+10FFFF', v311Id(hex('f4 90 80 80')), 'malformedPacket'),
  connect('identifier that ends within a character', v311Id(hex('61 c3')), 'malformedPacket'),
  connect(
    'will topic that is not UTF-8 [3.1.1 MQTT-3.1.3-10]',
    packet(0x10, ...V311, '06', KEEP_ALIVE, str('c'), str(hex('ff')), str('')),
    'malformedPacket',
  ),
  connect(
    'user name that is not UTF-8 [3.1.1 MQTT-3.1.3-11]',
    packet(0x10, ...V311, '82', KEEP_ALIVE, str('c'), str(hex('ff'))),
    'malformedPacket',
  ),
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
    '5 property length not minimal [5.0 MQTT-1.5.5-1]',
    packet(0x10, ...V5, '02', KEEP_ALIVE, '8000', str('c')),
    'malformedPacket',
  ),
  connect('5 session expiry in the will', v5Will(properties('11 00000001'), 'w'), 'malformedPacket'),
  connect('5 payload format 2 in the will', v5Will(properties('01 02'), 'w'), 'protocolError'),

  connect(
    '5 with header flags [5.0 MQTT-2.1.3-1]',
    packet(0x11, ...V5, '02', KEEP_ALIVE, '00', str('c')),
    'malformedPacket',
  ),
  connect('5 with the reserved flag [5.0 MQTT-3.1.2-3]', v5Flags('03', str('c')), 'malformedPacket'),
  connect('5 with will QoS but no will [5.0 MQTT-3.1.2-11]', v5Flags('0a', str('c')), 'malformedPacket'),
  connect('5 with will retain but no will [5.0 MQTT-3.1.2-13]', v5Flags('22', str('c')), 'malformedPacket'),
  connect(
    '5 with will QoS 3 [5.0 MQTT-3.1.2-12]',
    v5Flags('1e', str('c'), '00', str('w'), str('')),
    'malformedPacket',
  ),
  connect(
    '5 with a user name and no flag for it [5.0 MQTT-3.1.2-16]',
    v5Flags('02', str('c'), str('u')),
    'malformedPacket',
  ),
  connect(
    '5 with a password and no flag for it [5.0 MQTT-3.1.2-18]',
    v5Flags('82', str('c'), str('u'), str('pw')),
    'malformedPacket',
  ),
  connect('5 without its client identifier [5.0 MQTT-3.1.3-3]', v5Flags('02'), 'malformedPacket'),
  connect(
    '5 without its will properties [5.0 MQTT-3.1.2-9]',
    v5Flags('06', str('c'), str('w'), str('')),
    'malformedPacket',
  ),
  connect(
    '5 without its will message [5.0 MQTT-3.1.2-9]',
    v5Flags('06', str('c'), '00', str('w')),
    'malformedPacket',
  ),
  connect('5 without its user name [5.0 MQTT-3.1.2-17]', v5Flags('82', str('c')), 'malformedPacket'),
  connect('5 without its password [5.0 MQTT-3.1.2-19]', v5Flags('42', str('c')), 'malformedPacket'),
  connect(
    '5 without its properties [5.0 MQTT-2.2.2-1]',
    packet(0x10, ...V5, '02', KEEP_ALIVE),
    'malformedPacket',
  ),
  connect(
    '5 identifier with U+0000 [5.0 MQTT-1.5.4-2]',
    v5Flags('02', str(hex('61 00 62'))),
    'malformedPacket',
  ),
  connect(
    '5 identifier with a surrogate [5.0 MQTT-1.5.4-1, MQTT-3.1.3-4]',
    v5Flags('02', str(hex('ed a0 80'))),
    'malformedPacket',
  ),
  connect(
    '5 will topic that is not UTF-8 [5.0 MQTT-3.1.3-11]',
    v5Will(properties(), hex('ff')),
    'malformedPacket',
  ),
  connect(
    '5 user name that is not UTF-8 [5.0 MQTT-3.1.3-12]',
    v5Flags('82', str('c'), str(hex('ff'))),
    'malformedPacket',
  ),
  connect(
    '5 user property whose name is not UTF-8 [5.0 MQTT-1.5.7-1]',
    v5With('26', str(hex('ff')), str('v')),
    'malformedPacket',
  ),
  connect('5 with bytes behind the last field', v5Flags('02', str('c'), '00'), 'malformedPacket'),

  ...([3, 4, 5] as const).map((level): PacketCase => ({
    name: `${level} CONNECT twice [3.1.1 MQTT-3.1.0-2] [5.0 MQTT-3.1.0-2]`,
    level,
    bytes: packet(0x10, ...V311, '02', KEEP_ALIVE, str('c')),
    expected: 'protocolError',
  })),
  {
    name: 'PINGREQ as the first packet [3.1.1 MQTT-3.1.0-1] [5.0 MQTT-3.1.0-1]',
    level: undefined,
    bytes: hex('c000'),
    expected: 'protocolError',
  },
  {
    name: 'PUBLISH as the first packet [3.1.1 MQTT-3.1.0-1] [5.0 MQTT-3.1.0-1]',
    level: undefined,
    bytes: packet(0x30, str('a')),
    expected: 'protocolError',
  },
];
