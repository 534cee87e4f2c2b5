/** SUBSCRIBE and UNSUBSCRIBE, good and bad. */
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import type { PacketCase } from './packet-table.ts';
import { hex, packet, properties, str } from './wire.ts';

function subscribe(
  level: ProtocolLevel,
  name: string,
  bytes: Buffer,
  expected: PacketCase['expected'],
): PacketCase {
  return { name: `SUBSCRIBE ${level} ${name}`, level, bytes, expected };
}

function unsubscribe(
  level: ProtocolLevel,
  name: string,
  bytes: Buffer,
  expected: PacketCase['expected'],
): PacketCase {
  return { name: `UNSUBSCRIBE ${level} ${name}`, level, bytes, expected };
}

/** One filter at QoS 0 on 3.1.1. */
function filter(value: string | Buffer): Buffer {
  return packet(0x82, '0001', str(value), '00');
}

/** One filter on MQTT 5 with these option bits. */
function options(bits: string, value = 'a'): Buffer {
  return packet(0x82, '0001', '00', str(value), bits);
}

/** Malformed filters, each in a SUBSCRIBE of MQTT 5. */
const V5_FILTERS = [
  ['empty filter [5.0 MQTT-4.7.3-1]', ''],
  ['# before the last level [5.0 MQTT-4.7.1-1]', 'a/#/b'],
  ['# beside other characters [5.0 MQTT-4.7.1-1]', 'a#'],
  ['+ beside other characters [5.0 MQTT-4.7.1-2]', 'a/b+'],
  ['shared with an empty group [5.0 MQTT-4.8.2-1]', '$share//a'],
  ['shared with a wildcard in the group [5.0 MQTT-4.8.2-2]', '$share/g+/a'],
  ['shared with # in the group [5.0 MQTT-4.8.2-2]', '$share/#/a'],
  ['shared without a filter [5.0 MQTT-4.8.2-2]', '$share/g'],
  ['shared with an empty filter [5.0 MQTT-4.8.2-2]', '$share/g/'],
] as const;

const PLAIN = { noLocal: false, retainAsPublished: false, retainHandling: 0 };

export const SUBSCRIBE_CASES: readonly PacketCase[] = [
  subscribe(4, 'two filters', packet(0x82, '000a', str('a/+'), '01', str('#'), '02'), {
    type: 'subscribe',
    packetId: 10,
    subscriptionId: undefined,
    userProperties: [],
    requests: [
      { filter: 'a/+', qos: 1, ...PLAIN },
      { filter: '#', qos: 2, ...PLAIN },
    ],
  }),
  subscribe(4, 'shared', filter('$share/g/a/#'), {
    requests: [{ filter: '$share/g/a/#', qos: 0, ...PLAIN }],
  }),
  subscribe(4, 'of $SYS', filter('$SYS/#'), { requests: [{ filter: '$SYS/#', qos: 0, ...PLAIN }] }),
  subscribe(4, 'filter beyond ASCII', filter('vélo/+'), {
    requests: [{ filter: 'vélo/+', qos: 0, ...PLAIN }],
  }),
  subscribe(3, 'repeated', packet(0x8a, '0001', str('a'), '01'), {
    requests: [{ filter: 'a', qos: 1, ...PLAIN }],
  }),
  subscribe(5, 'all options', options('2e'), {
    requests: [{ filter: 'a', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
  }),
  subscribe(
    5,
    'with identifier and user property',
    packet(0x82, '0001', properties('0b ffffff7f', hex('26'), str('k'), str('v')), str('a'), '10'),
    {
      subscriptionId: 268_435_455,
      userProperties: [['k', 'v']],
      requests: [{ filter: 'a', qos: 0, ...PLAIN, retainHandling: 1 }],
    },
  ),
  unsubscribe(4, 'two filters', packet(0xa2, '000a', str('a/+'), str('#')), {
    type: 'unsubscribe',
    packetId: 10,
    filters: ['a/+', '#'],
    userProperties: [],
  }),
  unsubscribe(
    5,
    'with a user property',
    packet(0xa2, '000a', properties(hex('26'), str('k'), str('v')), str('a')),
    {
      filters: ['a'],
      userProperties: [['k', 'v']],
    },
  ),
  unsubscribe(3, 'repeated', packet(0xaa, '0001', str('a')), { filters: ['a'] }),

  subscribe(
    4,
    'without its header flags [3.1.1 MQTT-3.8.1-1]',
    packet(0x80, '0001', str('a'), '00'),
    'malformedPacket',
  ),
  subscribe(4, 'identifier 0 [3.1.1 MQTT-2.3.1-1]', packet(0x82, '0000', str('a'), '00'), 'malformedPacket'),
  subscribe(4, 'without filters [3.1.1 MQTT-3.8.3-3]', packet(0x82, '0001'), 'protocolError'),
  subscribe(5, 'without filters [5.0 MQTT-3.8.3-2]', packet(0x82, '0001', '00'), 'protocolError'),
  subscribe(4, 'without a body', hex('82 00'), 'malformedPacket'),
  subscribe(4, 'without options', packet(0x82, '0001', str('a')), 'malformedPacket'),
  subscribe(4, 'that ends within a filter', packet(0x82, '0001', '0005 61'), 'malformedPacket'),
  subscribe(4, 'QoS 3 [3.1.1 MQTT-3.8.3-4]', packet(0x82, '0001', str('a'), '03'), 'protocolError'),
  subscribe(
    4,
    'option bits of MQTT 5 [3.1.1 MQTT-3.8.3-4]',
    packet(0x82, '0001', str('a'), '04'),
    'malformedPacket',
  ),
  subscribe(4, 'empty filter [3.1.1 MQTT-4.7.3-1]', filter(''), 'topicFilterInvalid'),
  subscribe(4, '# before the last level [3.1.1 MQTT-4.7.1-2]', filter('a/#/b'), 'topicFilterInvalid'),
  subscribe(4, '# beside other characters [3.1.1 MQTT-4.7.1-2]', filter('a#'), 'topicFilterInvalid'),
  subscribe(4, '+ beside other characters [3.1.1 MQTT-4.7.1-3]', filter('a/b+'), 'topicFilterInvalid'),
  subscribe(4, 'filter with U+0000 [3.1.1 MQTT-4.7.3-2]', filter('a\0'), 'malformedPacket'),
  subscribe(4, 'filter that is not UTF-8 [3.1.1 MQTT-3.8.3-1]', filter(hex('80')), 'malformedPacket'),
  subscribe(4, 'shared with an empty group', filter('$share//a'), 'topicFilterInvalid'),
  ...V5_FILTERS.map(([name, value]) => subscribe(5, name, options('00', value), 'topicFilterInvalid')),
  subscribe(5, 'filter with U+0000 [5.0 MQTT-4.7.3-2]', options('00', 'a\0'), 'malformedPacket'),
  subscribe(
    5,
    'filter that is not UTF-8 [5.0 MQTT-3.8.3-1]',
    packet(0x82, '0001', '00', str(hex('80')), '00'),
    'malformedPacket',
  ),
  subscribe(
    5,
    'without its header flags [5.0 MQTT-3.8.1-1]',
    packet(0x80, '0001', '00', str('a'), '00'),
    'malformedPacket',
  ),
  subscribe(
    5,
    'identifier 0 [5.0 MQTT-2.2.1-3]',
    packet(0x82, '0000', '00', str('a'), '00'),
    'malformedPacket',
  ),
  subscribe(5, 'without options', packet(0x82, '0001', '00', str('a')), 'malformedPacket'),
  subscribe(4, 'shared with a wildcard in the group', filter('$share/g+/a'), 'topicFilterInvalid'),
  subscribe(4, 'shared without a filter', filter('$share/g'), 'topicFilterInvalid'),
  subscribe(4, 'shared with an empty filter', filter('$share/g/'), 'topicFilterInvalid'),
  subscribe(4, '$share alone', filter('$share'), 'topicFilterInvalid'),
  subscribe(5, 'reserved option bits [5.0 MQTT-3.8.3-5]', options('40'), 'malformedPacket'),
  subscribe(5, 'QoS 3', options('03'), 'protocolError'),
  subscribe(5, 'retain handling 3', options('30'), 'protocolError'),
  subscribe(
    5,
    'no-local on a shared subscription [5.0 MQTT-3.8.3-4]',
    options('04', '$share/g/a'),
    'protocolError',
  ),
  subscribe(
    5,
    'subscription identifier 0',
    packet(0x82, '0001', properties('0b 00'), str('a'), '00'),
    'protocolError',
  ),
  subscribe(
    5,
    'subscription identifier twice',
    packet(0x82, '0001', properties('0b 01 0b 02'), str('a'), '00'),
    'protocolError',
  ),
  subscribe(
    5,
    'subscription identifier not minimal',
    packet(0x82, '0001', properties('0b 8100'), str('a'), '00'),
    'malformedPacket',
  ),
  unsubscribe(
    4,
    'without its header flags [3.1.1 MQTT-3.10.1-1]',
    packet(0xa0, '0001', str('a')),
    'malformedPacket',
  ),
  unsubscribe(4, 'identifier 0 [3.1.1 MQTT-2.3.1-1]', packet(0xa2, '0000', str('a')), 'malformedPacket'),
  unsubscribe(4, 'without filters [3.1.1 MQTT-3.10.3-2]', packet(0xa2, '0001'), 'protocolError'),
  unsubscribe(
    4,
    'filter that is not UTF-8 [3.1.1 MQTT-3.10.3-1]',
    packet(0xa2, '0001', str(hex('80'))),
    'malformedPacket',
  ),
  unsubscribe(
    5,
    'without its header flags [5.0 MQTT-3.10.1-1]',
    packet(0xa0, '0001', '00', str('a')),
    'malformedPacket',
  ),
  unsubscribe(5, 'identifier 0 [5.0 MQTT-2.2.1-3]', packet(0xa2, '0000', '00', str('a')), 'malformedPacket'),
  unsubscribe(5, 'without filters [5.0 MQTT-3.10.3-2]', packet(0xa2, '0001', '00'), 'protocolError'),
  unsubscribe(
    5,
    'filter that is not UTF-8 [5.0 MQTT-3.10.3-1]',
    packet(0xa2, '0001', '00', str(hex('80'))),
    'malformedPacket',
  ),
  unsubscribe(5, 'malformed filter', packet(0xa2, '0001', '00', str('a/#/b')), 'topicFilterInvalid'),
  unsubscribe(4, 'malformed filter', packet(0xa2, '0001', str('a/#/b')), 'topicFilterInvalid'),
  unsubscribe(4, 'that ends within a filter length', packet(0xa2, '0001', str('a'), '00'), 'malformedPacket'),
  unsubscribe(
    5,
    'subscription identifier',
    packet(0xa2, '0001', properties('0b 01'), str('a')),
    'malformedPacket',
  ),
];
