/** The limits two sides of MQTT 5 agree on: receive maximum, maximum packet size, topic aliases. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  expectNothing,
  firstAcknowledgement,
  payloads,
  publish,
  publishPacket,
  subscribe,
  take,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from './support/versions.ts';

const LIMITS = { receiveMaximum: 4, packetBytesMax: 4096, topicAliasMaximum: 3, inFlightMax: 8 };

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start({ limits: LIMITS });
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

/** A client whose CONNECT has these properties, subscribed to a topic of its own. */
async function subscriber(properties = {}, connect = {}): Promise<{ client: RawClient; topic: string }> {
  const topic = newClientId('topic');
  const { client } = await broker.connect(MQTT_5, { clientId: newClientId(), ...connect, properties });
  await subscribe(client, { topic, qos: 2 });
  return { client, topic };
}

const LIFETIMES = [
  { session: 'transient', properties: {} },
  { session: 'persistent', properties: { sessionExpiryInterval: 60 } },
];

describe('the receive maximum of the broker', () => {
  it.each(LIFETIMES)(
    'exceeded ends the connection [5.0 MQTT-3.3.4-7], in a $session session',
    async ({ properties }) => {
      const { client } = await subscriber(properties);
      const topic = newClientId('flood');
      const packets = Array.from({ length: LIMITS.receiveMaximum + 1 }, (_, index) =>
        publishPacket({ topic, qos: 2, messageId: index + 1 }),
      );
      client.send(...packets);
      const answers = [];
      for (let packet = await client.next(); ; packet = await client.next()) {
        answers.push(packet);
        if (packet.cmd === 'disconnect') break;
      }
      expect(answers.at(-1)).toMatchObject({ reasonCode: REASON.receiveMaximumExceeded });
      await client.closed();
    },
  );

  it('counts until PUBCOMP, and what was refused no longer', async () => {
    const { client } = await subscriber();
    for (let round = 0; round < 3; round++) {
      const packets = Array.from({ length: LIMITS.receiveMaximum }, (_, index) =>
        publishPacket({ topic: newClientId('within'), qos: 2, messageId: index + 1 }),
      );
      client.send(...packets);
      for (const { messageId } of packets) expect(await client.expect('pubrec')).toMatchObject({ messageId });
      for (const { messageId = 0 } of packets) {
        client.send({ cmd: 'pubrel', messageId });
        expect(await client.expect('pubcomp')).toMatchObject({ messageId });
      }
    }
    for (let round = 0; round <= LIMITS.receiveMaximum; round++) {
      expect(await publish(client, { topic: '$SYS/no', qos: 2, messageId: round + 1 })).toBe(
        REASON.notAuthorized,
      );
    }
    await expectNothing(client);
  });

  it('makes an MQTT 3.1.1 client wait instead', async () => {
    const { client } = await broker.connect(MQTT_3_1_1, { clientId: newClientId(), clean: false });
    const packets = Array.from({ length: 50 }, (_, index) =>
      publishPacket({ topic: newClientId('patient'), qos: 1, messageId: index + 1 }),
    );
    client.send(...packets);
    for (const { messageId } of packets) expect(await client.expect('puback')).toMatchObject({ messageId });
    await expectNothing(client);
  });
});

describe('the receive maximum of a client', () => {
  it.each(LIFETIMES)(
    'is kept to at QoS 1 and 2 [5.0 MQTT-3.3.4-9, MQTT-4.9.0-2], in a $session session',
    async ({ properties }) => {
      const { client, topic } = await subscriber({ ...properties, receiveMaximum: 2 });
      for (const [index, qos] of ([1, 2, 2, 1, 1, 2] as const).entries()) {
        await publish(publisher, { topic, qos, payload: String(index) });
      }
      const taken: string[] = [];
      const inFlight = new Set<number>();
      do {
        const arrived = await client.roundTrip();
        for (const packet of arrived) {
          if (packet.cmd === 'publish') taken.push(packet.payload.toString());
          inFlight.add(packet.messageId ?? 0);
        }
        // Nothing was acknowledged since the broker sent these.
        expect(inFlight.size).toBeLessThanOrEqual(2);
        for (const packet of arrived) {
          if (packet.cmd === 'publish') client.send(firstAcknowledgement(packet));
          else client.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
          if (packet.cmd !== 'publish' || packet.qos === 1) inFlight.delete(packet.messageId ?? 0);
        }
      } while (taken.length < 6 || inFlight.size > 0);
      expect(taken).toEqual(['0', '1', '2', '3', '4', '5']);
    },
  );

  it.each(LIFETIMES)('does not hold up QoS 0, in a $session session', async ({ properties }) => {
    const { client, topic } = await subscriber({ ...properties, receiveMaximum: 1 });
    await publish(publisher, { topic, qos: 1, payload: 'one' });
    await publish(publisher, { topic, qos: 1, payload: 'two' });
    await publish(publisher, { topic, qos: 0, payload: 'fleeting' });
    const arrived = (await client.roundTrip()).filter((packet) => packet.cmd === 'publish');
    expect(payloads(arrived)).toEqual(['one', 'fleeting']);
  });

  it('may be larger than what the broker has in flight', async () => {
    const { client, topic } = await subscriber({ receiveMaximum: 65_535 });
    for (let index = 0; index < LIMITS.inFlightMax + 3; index++) await publish(publisher, { topic, qos: 1 });
    const arrived = (await client.roundTrip()).filter((packet) => packet.cmd === 'publish');
    expect(arrived).toHaveLength(LIMITS.inFlightMax);
  });
});

describe('the maximum packet size', () => {
  it('of the broker, exceeded, ends the connection with 0x95 [5.0 MQTT-3.2.2-15]', async () => {
    const { client, topic } = await subscriber();
    client.send(publishPacket({ topic, payload: 'x'.repeat(LIMITS.packetBytesMax) }));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.packetTooLarge });
    await client.closed();
  });

  it.each(LIFETIMES)(
    'of a client drops what is larger and nothing else [5.0 MQTT-3.1.2-24, MQTT-3.1.2-25], in a $session session',
    async ({ properties }) => {
      const { client, topic } = await subscriber({ ...properties, maximumPacketSize: 200 });
      for (const qos of [0, 1, 2] as const) {
        await publish(publisher, { topic, qos, payload: 'x'.repeat(200) });
        await publish(publisher, { topic, qos, payload: `fits ${qos}` });
        expect(payloads([await take(client)])).toEqual([`fits ${qos}`]);
      }
      await expectNothing(client);
    },
  );

  it('of a client counts properties, and is met to the byte [5.0 MQTT-3.1.2-24]', async () => {
    const { client, topic } = await subscriber({ maximumPacketSize: 100 });
    // Header 2, topic 2 + n, packet identifier 2, property length 1.
    const payload = 'x'.repeat(100 - 7 - topic.length);
    await publish(publisher, { topic, qos: 1, payload: `${payload}x` });
    await publish(publisher, { topic, qos: 1, payload });
    expect(payloads([await take(client)])).toEqual([payload]);
    await expectNothing(client);
  });
});

describe('topic aliases', () => {
  it('of a client stand for the topic they were given, until it is replaced [5.0 MQTT-3.3.2-12]', async () => {
    const { client, topic } = await subscriber();
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId() });
    const send = (name: string, topicAlias: number, payload: string) =>
      publish(sender, { topic: name, qos: 1, payload, properties: { topicAlias } });
    await send(topic, 1, 'named');
    await send('', 1, 'by alias');
    await send('elsewhere', 1, 'not here');
    await send('', 1, 'nor this');
    await send(topic, LIMITS.topicAliasMaximum, 'the highest');
    await send('', LIMITS.topicAliasMaximum, 'by the highest');
    expect(payloads(await takeAll(client, 4))).toEqual([
      'named',
      'by alias',
      'the highest',
      'by the highest',
    ]);
    await expectNothing(client);
  });

  it.each([
    { what: 'that was never given', topicAlias: 2, topic: '', reason: REASON.protocolError },
    { what: 'above the maximum', topicAlias: 4, topic: 'a', reason: REASON.topicAliasInvalid },
  ])('$what ends the connection [5.0 MQTT-3.2.2-17, MQTT-3.3.2-9]', async ({ topicAlias, topic, reason }) => {
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId() });
    client.send(publishPacket({ topic, properties: { topicAlias } }));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: reason });
    await client.closed();
  });

  it('end with the connection, also when the session goes on [5.0 MQTT-3.3.2-7]', async () => {
    const clientId = newClientId();
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await publish(client, { topic: 'a', qos: 1, properties: { topicAlias: 1 } });
    client.destroy();
    const { client: resumed } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    resumed.send(publishPacket({ topic: '', properties: { topicAlias: 1 } }));
    expect(await resumed.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.protocolError });
  });

  it.each(LIFETIMES)(
    'are used towards a client that takes them [5.0 MQTT-3.1.2-26, MQTT-3.3.2-11], in a $session session',
    async ({ properties }) => {
      const { client, topic } = await subscriber({ ...properties, topicAliasMaximum: 2 });
      await subscribe(client, { topic: `${topic}/#`, qos: 1 });
      const names = new Map<number, string>();
      const resolved: string[] = [];
      const sent: string[] = [];
      for (let index = 0; index < 12; index++) {
        const name = `${topic}/${index % 3}`;
        sent.push(name);
        await publish(publisher, { topic: name, qos: 1 });
        const message = await take(client);
        const alias = message.properties?.topicAlias ?? 0;
        expect(alias).toBeLessThanOrEqual(2);
        if (alias > 0 && message.topic !== '') names.set(alias, message.topic);
        resolved.push(message.topic === '' ? (names.get(alias) ?? 'unknown alias') : message.topic);
      }
      expect(resolved).toEqual(sent);
      expect(names.size).toBeGreaterThan(0);
    },
  );

  it('are not used towards a client that did not ask for them [5.0 MQTT-3.1.2-27]', async () => {
    const { client, topic } = await subscriber();
    for (let index = 0; index < 3; index++) {
      await publish(publisher, { topic, qos: 1 });
      const message = await take(client);
      expect(message.topic).toBe(topic);
      expect(message.properties?.topicAlias).toBeUndefined();
    }
  });
});
