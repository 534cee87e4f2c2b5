/** Well-formed packets from clients, as mqtt-packet writes them, for the property tests. */
import fc from 'fast-check';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';

export interface GeneratedPacket {
  readonly level: ProtocolLevel;
  readonly reference: Packet;
  readonly bytes: Buffer;
}

export const levels = fc.constantFrom<ProtocolLevel[]>(3, 4, 5);
const qos = fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2);
const packetId = fc.integer({ min: 1, max: 65_535 });
const uint32 = fc.nat(0xffff_ffff);

/** Any string MQTT can carry: no surrogate halves, no U+0000. */
export const text = fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.replaceAll('\0', '0'));
const words = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '$', 'é', '🚲'),
  minLength: 1,
  maxLength: 12,
});
export const topics = fc.oneof(
  words,
  text.map((value) => `t${value.replaceAll(/[+#]/g, '-')}`),
);
const filters = fc.oneof(
  words.filter((value) => !value.startsWith('$share')),
  fc.constantFrom('#', '+/a', 'a/#', '$share/g/a/+', '$SYS/#'),
);
export const bytes = fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value));
/** mqtt-packet keeps neither the order of names nor repeats of an empty value, and writes no empty group. */
const userProperties = fc.dictionary(
  text.filter((name) => name !== '__proto__'),
  text.filter((value) => value !== ''),
  { minKeys: 1, maxKeys: 3 },
);

/** Drops the members that are undefined: mqtt-packet writes what is there. */
type Present<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

function present<T extends object>(record: fc.Arbitrary<T>): fc.Arbitrary<Present<T>> {
  return record.map((value) => {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(entries) as Present<T>;
  });
}

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const forwardable = {
  payloadFormatIndicator: maybe(fc.boolean()),
  contentType: maybe(text),
  responseTopic: maybe(topics),
  correlationData: maybe(bytes),
  userProperties: maybe(userProperties),
};

const publishProperties = present(
  fc.record({
    ...forwardable,
    messageExpiryInterval: maybe(uint32),
    topicAlias: maybe(fc.integer({ min: 1, max: 65_535 })),
  }),
);

const connectProperties = present(
  fc.record({
    sessionExpiryInterval: maybe(uint32),
    receiveMaximum: maybe(fc.integer({ min: 1, max: 65_535 })),
    maximumPacketSize: maybe(fc.integer({ min: 1, max: 0xffff_ffff })),
    topicAliasMaximum: maybe(fc.nat(65_535)),
    requestResponseInformation: maybe(fc.boolean()),
    requestProblemInformation: maybe(fc.boolean()),
    userProperties: maybe(userProperties),
  }),
);

const wills = (level: ProtocolLevel): fc.Arbitrary<NonNullable<IConnectPacket['will']>> =>
  fc.record({
    topic: topics,
    payload: bytes,
    qos,
    retain: fc.boolean(),
    properties:
      level === 5
        ? present(
            fc.record({
              ...forwardable,
              willDelayInterval: maybe(uint32),
              messageExpiryInterval: maybe(uint32),
            }),
          )
        : fc.constant({}),
  });

const connects = (level: ProtocolLevel): fc.Arbitrary<Packet> =>
  fc
    .record({
      clientId: text.map((value) => `c${value}`),
      clean: fc.boolean(),
      keepalive: fc.nat(65_535),
      credentials: maybe(fc.tuple(text, maybe(bytes))),
      will: maybe(wills(level)),
      properties: level === 5 ? connectProperties : fc.constant({}),
    })
    .map(({ credentials, will, ...rest }) => ({
      cmd: 'connect',
      protocolVersion: level,
      protocolId: level === 3 ? 'MQIsdp' : 'MQTT',
      ...rest,
      ...(will === undefined ? {} : { will }),
      ...(credentials === undefined ? {} : { username: credentials[0] }),
      ...(credentials?.[1] === undefined ? {} : { password: credentials[1] }),
    }));

export const publishes = (level: ProtocolLevel): fc.Arbitrary<IPublishPacket> =>
  fc
    .record({
      topic: topics,
      payload: fc.oneof(
        bytes,
        fc.nat(3000).map((length) => Buffer.alloc(length, length)),
      ),
      qos,
      dup: fc.boolean(),
      retain: fc.boolean(),
      messageId: packetId,
      properties: level === 5 ? publishProperties : fc.constant({}),
    })
    .map((publish) => ({ cmd: 'publish', ...publish, dup: publish.dup && publish.qos > 0 }));

const acks = (level: ProtocolLevel): fc.Arbitrary<Packet> =>
  fc.record({
    cmd: fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'),
    messageId: packetId,
    reasonCode: fc.constant(0),
    properties:
      level === 5
        ? present(fc.record({ reasonString: maybe(text), userProperties: maybe(userProperties) }))
        : fc.constant({}),
  });

const subscribes = (level: ProtocolLevel): fc.Arbitrary<Packet> =>
  fc
    .record({
      messageId: packetId,
      subscriptions: fc.array(
        fc.record({ topic: filters, qos, nl: fc.boolean(), rap: fc.boolean(), rh: fc.nat(2) }),
        { minLength: 1, maxLength: 4 },
      ),
      properties: present(
        fc.record({
          subscriptionIdentifier: maybe(fc.integer({ min: 1, max: 268_435_455 })),
          userProperties: maybe(userProperties),
        }),
      ),
    })
    .map(({ subscriptions, properties, messageId }): Packet => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: subscriptions.map((each) => ({
        ...each,
        nl: each.nl && !each.topic.startsWith('$share'),
      })),
      ...(level === 5 ? { properties } : {}),
    }));

const unsubscribes: fc.Arbitrary<Packet> = fc.record({
  cmd: fc.constant('unsubscribe' as const),
  messageId: packetId,
  unsubscriptions: fc.array(filters, { minLength: 1, maxLength: 4 }),
});

const disconnects = (level: ProtocolLevel): fc.Arbitrary<Packet> =>
  fc.record({
    cmd: fc.constant('disconnect' as const),
    reasonCode: fc.constantFrom(0x00, 0x04, 0x80),
    properties: level === 5 ? present(fc.record({ sessionExpiryInterval: maybe(uint32) })) : fc.constant({}),
  });

const auths: fc.Arbitrary<Packet> = fc.record({
  cmd: fc.constant('auth' as const),
  reasonCode: fc.constantFrom(0x18, 0x19),
  properties: fc.record({ authenticationMethod: text, authenticationData: bytes }),
});

function generated(level: ProtocolLevel, reference: Packet): GeneratedPacket {
  return { level, reference, bytes: generate(reference, { protocolVersion: level }) };
}

export const connectPackets = levels.chain((level) =>
  connects(level).map((packet) => generated(level, packet)),
);

/** What may follow CONNECT, of one level. */
export const laterPackets = (level: ProtocolLevel): fc.Arbitrary<GeneratedPacket> =>
  fc
    .oneof(
      { weight: 4, arbitrary: publishes(level) },
      acks(level),
      subscribes(level),
      unsubscribes,
      disconnects(level),
      fc.constant<Packet>({ cmd: 'pingreq' }),
      ...(level === 5 ? [auths] : []),
    )
    .map((packet) => generated(level, packet));

/** What mqtt-packet reads in the bytes of one packet. */
export function parseReference(packetBytes: Buffer, level: ProtocolLevel): Packet {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: level });
  reader.on('packet', (packet) => packets.push(packet));
  reader.on('error', (error: Error) => {
    throw error;
  });
  reader.parse(packetBytes);
  const [packet] = packets;
  if (packet === undefined) throw new Error('mqtt-packet wants more bytes');
  return packet;
}
