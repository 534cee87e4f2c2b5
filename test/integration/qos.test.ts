/** The hand-shakes of QoS 0, 1 and 2 on both sides, step by step, and where they go on after a reconnect. */
import type { IPublishPacket, QoS } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  acknowledge,
  disconnect,
  expectNothing,
  payloads,
  publish,
  publishPacket,
  QOS_LEVELS,
  subscribe,
  take,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent, VERSIONS, type Version } from './support/versions.ts';

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start();
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

async function connected(version: Version, connect = {}): Promise<RawClient> {
  return (await broker.connect(version, { clientId: newClientId(), ...connect })).client;
}

/** The connection breaks, and a new one resumes the session. */
async function reconnect(version: Version, client: RawClient, clientId: string): Promise<RawClient> {
  client.destroy();
  await client.closed();
  const resumed = await broker.connect(version, { clientId, ...persistent(version) });
  if (version.level > 3) expect(resumed.connack.sessionPresent).toBe(true);
  return resumed.client;
}

/** A persistent client that subscribed to a topic of its own name. */
async function persistentSubscriber(
  version: Version,
  qos: QoS,
): Promise<{ client: RawClient; clientId: string }> {
  const clientId = newClientId();
  const { client } = await broker.connect(version, { clientId, ...persistent(version) });
  await subscribe(client, { topic: clientId, qos });
  return { client, clientId };
}

function numbered(topic: string, qos: QoS, count: number): IPublishPacket[] {
  return Array.from({ length: count }, (_, index) =>
    publishPacket({ topic, qos, payload: String(index + 1), messageId: index + 1 }),
  );
}

describe.each(VERSIONS)('$version', (version) => {
  const KINDS = [{ persists: false }, { persists: true }];
  describe.each(KINDS)('to a subscriber whose session persists: $persists', ({ persists }) => {
    it.each(QOS_LEVELS)(
      'a message arrives with the lower of published and granted QoS [3.1.1 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-8], granted %i',
      async (granted) => {
        const client = await connected(version, persists ? persistent(version) : {});
        const topic = newClientId('topic');
        expect(await subscribe(client, { topic, qos: granted })).toEqual([granted]);
        for (const qos of QOS_LEVELS) {
          await publish(publisher, { topic, qos, payload: `published ${qos}` });
          const message = await take(client);
          expect(message).toMatchObject({ topic, qos: Math.min(qos, granted), dup: false, retain: false });
          expect(message.payload.toString()).toBe(`published ${qos}`);
        }
        await expectNothing(client);
      },
    );
  });

  describe.each([1, 2] as const)('publishing at QoS %i', (qos) => {
    it.each(KINDS)(
      'is acknowledged in the order of the packets [3.1.1 MQTT-4.6.0-2, MQTT-4.6.0-3], persists: $persists',
      async ({ persists }) => {
        const client = await connected(version, persists ? persistent(version) : {});
        const subscriber = await persistentSubscriber(version, qos);
        const messages = numbered(subscriber.clientId, qos, 40);
        client.send(...messages);
        for (const { messageId } of messages) {
          expect(await client.expect(qos === 1 ? 'puback' : 'pubrec')).toMatchObject({ messageId });
        }
        if (qos === 2) {
          client.send(...messages.map(({ messageId = 0 }) => ({ cmd: 'pubrel' as const, messageId })));
          for (const { messageId } of messages)
            expect(await client.expect('pubcomp')).toMatchObject({ messageId });
        }
        expect(payloads(await takeAll(subscriber.client, messages.length))).toEqual(payloads(messages));
      },
    );

    it('gives the packet identifier free for the next message [3.1.1 MQTT-4.3.2-2, MQTT-4.3.3-2] [5.0 MQTT-4.3.2-4, MQTT-4.3.2-5, MQTT-4.3.3-8, MQTT-4.3.3-11, MQTT-4.3.3-12]', async () => {
      const client = await connected(version, persistent(version));
      const subscriber = await persistentSubscriber(version, qos);
      for (const payload of ['first', 'second', 'third']) {
        await publish(client, { topic: subscriber.clientId, qos, payload, messageId: 9 });
      }
      expect(payloads(await takeAll(subscriber.client, 3))).toEqual(['first', 'second', 'third']);
    });
  });

  it('delivers a QoS 2 message that is published twice before PUBREL once [3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-10, MQTT-4.3.3-11]', async () => {
    for (const connect of [{}, persistent(version)]) {
      const client = await connected(version, connect);
      const { client: subscriber, clientId: topic } = await persistentSubscriber(version, 2);
      const message = publishPacket({ topic, qos: 2, messageId: 4 });
      client.send(message);
      await client.expect('pubrec');
      client.send({ ...message, dup: true });
      expect(await client.expect('pubrec')).toMatchObject({ messageId: 4 });
      client.send({ cmd: 'pubrel', messageId: 4 });
      await client.expect('pubcomp');
      await take(subscriber);
      await expectNothing(subscriber);
    }
  });

  it('answers a PUBREL it knows nothing of with PUBCOMP, so that the client can end the exchange [5.0 MQTT-4.3.3-11]', async () => {
    for (const connect of [{}, persistent(version)]) {
      const client = await connected(version, connect);
      client.send({ cmd: 'pubrel', messageId: 77 });
      const pubcomp = await client.expect('pubcomp');
      expect(pubcomp.messageId).toBe(77);
      if (version.level === 5) expect(pubcomp.reasonCode).toBe(REASON.packetIdentifierNotFound);
    }
  });

  it('answers a PUBREC it knows nothing of with PUBREL', async () => {
    const client = await connected(version);
    client.send({ cmd: 'pubrec', messageId: 78 });
    const pubrel = await client.expect('pubrel');
    expect(pubrel.messageId).toBe(78);
    if (version.level === 5) expect(pubrel.reasonCode).toBe(REASON.packetIdentifierNotFound);
  });

  it('bears acknowledgements of identifiers that are not in flight', async () => {
    const client = await connected(version);
    client.send({ cmd: 'puback', messageId: 5 }, { cmd: 'pubcomp', messageId: 6 });
    await expectNothing(client);
  });

  describe('a subscriber that reconnects', () => {
    it.each([1, 2] as const)(
      'gets what it did not acknowledge again, with DUP and the same identifier, QoS %i',
      async (qos) => {
        const { client, clientId } = await persistentSubscriber(version, qos);
        await publish(publisher, { topic: clientId, qos, payload: 'one' });
        await publish(publisher, { topic: clientId, qos, payload: 'two' });
        const first = await client.expect('publish');
        const second = await client.expect('publish');
        expect([first.dup, second.dup]).toEqual([false, false]);

        const resumed = await reconnect(version, client, clientId);
        const again = [await resumed.expect('publish'), await resumed.expect('publish')];
        expect(again).toMatchObject([
          { dup: true, messageId: first.messageId },
          { dup: true, messageId: second.messageId },
        ]);
        expect(payloads(again)).toEqual(['one', 'two']);
        await publish(publisher, { topic: clientId, qos, payload: 'three' });
        expect(await resumed.expect('publish')).toMatchObject({ dup: false });
        for (const message of again) await acknowledge(resumed, message);
        await expectNothing(resumed);
        const last = await reconnect(version, resumed, clientId);
        expect(payloads([await take(last)])).toEqual(['three']);
      },
    );

    it('is not sent again what it acknowledged [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1]', async () => {
      const { client, clientId } = await persistentSubscriber(version, 1);
      for (const payload of ['one', 'two', 'three'])
        await publish(publisher, { topic: clientId, qos: 1, payload });
      const [one, two] = [await client.expect('publish'), await client.expect('publish')];
      await acknowledge(client, one);
      await acknowledge(client, two);
      await client.expect('publish');
      await expectNothing(client);
      const resumed = await reconnect(version, client, clientId);
      expect(await take(resumed)).toMatchObject({ dup: true });
      await expectNothing(resumed);
    });

    it('goes on with PUBREL after its PUBREC, even if the PUBREL was lost', async () => {
      const { client, clientId } = await persistentSubscriber(version, 2);
      await publish(publisher, { topic: clientId, qos: 2 });
      const message = await client.expect('publish');
      const { messageId = 0 } = message;
      client.send({ cmd: 'pubrec', messageId });
      await client.expect('pubrel');
      const resumed = await reconnect(version, client, clientId);
      expect(await resumed.expect('pubrel')).toMatchObject({ messageId });
      const resumedAgain = await reconnect(version, resumed, clientId);
      expect(await resumedAgain.expect('pubrel')).toMatchObject({ messageId });
      resumedAgain.send({ cmd: 'pubcomp', messageId });
      await expectNothing(resumedAgain);
      const last = await reconnect(version, resumedAgain, clientId);
      await expectNothing(last);
    });

    it('may finish QoS 2 messages out of order', async () => {
      const { client, clientId } = await persistentSubscriber(version, 2);
      for (const payload of ['one', 'two']) await publish(publisher, { topic: clientId, qos: 2, payload });
      await client.expect('publish');
      await acknowledge(client, await client.expect('publish'));
      await expectNothing(client);
      const resumed = await reconnect(version, client, clientId);
      const again = await resumed.expect('publish');
      expect(again.payload.toString()).toBe('one');
    });
  });

  describe('a publisher that reconnects within QoS 2', () => {
    async function interrupted() {
      const clientId = newClientId();
      const { client } = await broker.connect(version, { clientId, ...persistent(version) });
      const subscriber = await persistentSubscriber(version, 2);
      const message = publishPacket({ topic: subscriber.clientId, qos: 2, messageId: 3, payload: 'once' });
      return { client, clientId, message, subscriber: subscriber.client };
    }

    it('before PUBREC publishes again and is understood', async () => {
      const { client, clientId, message, subscriber } = await interrupted();
      client.send(message);
      const resumed = await reconnect(version, client, clientId);
      resumed.send({ ...message, dup: true });
      await resumed.expect('pubrec');
      resumed.send({ cmd: 'pubrel', messageId: 3 });
      await resumed.expect('pubcomp');
      await take(subscriber);
      await expectNothing(subscriber);
    });

    it('after PUBREC goes on with PUBREL', async () => {
      const { client, clientId, message, subscriber } = await interrupted();
      client.send(message);
      await client.expect('pubrec');
      const resumed = await reconnect(version, client, clientId);
      resumed.send({ cmd: 'pubrel', messageId: 3 });
      expect((await resumed.expect('pubcomp')).reasonCode ?? 0).toBe(0);
      expect((await take(subscriber)).payload.toString()).toBe('once');
      await expectNothing(subscriber);
    });

    it('after PUBREL repeats it and nothing is delivered twice', async () => {
      const { client, clientId, message, subscriber } = await interrupted();
      client.send(message);
      await client.expect('pubrec');
      client.send({ cmd: 'pubrel', messageId: 3 });
      const resumed = await reconnect(version, client, clientId);
      resumed.send({ cmd: 'pubrel', messageId: 3 });
      expect(await resumed.expect('pubcomp')).toMatchObject({ messageId: 3 });
      await take(subscriber);
      await expectNothing(subscriber);
      // The identifier is free.
      await publish(resumed, { topic: message.topic, qos: 2, messageId: 3, payload: 'next' });
      expect((await take(subscriber)).payload.toString()).toBe('next');
    });

    it('may release in another order than it published, and has its messages delivered in that of publishing', async () => {
      const { client, clientId, message, subscriber } = await interrupted();
      const messages = numbered(message.topic, 2, 4);
      client.send(...messages);
      for (const { messageId } of messages)
        expect(await client.expect('pubrec')).toMatchObject({ messageId });
      const resumed = await reconnect(version, client, clientId);
      const release = async (messageId: number): Promise<void> => {
        resumed.send({ cmd: 'pubrel', messageId });
        expect(await resumed.expect('pubcomp')).toMatchObject({ messageId });
      };
      await release(3);
      expect(payloads(await takeAll(subscriber, 3))).toEqual(['1', '2', '3']);
      // Delivered and not released: it is still known.
      resumed.send(...messages.slice(1, 2).map((second) => ({ ...second, dup: true })));
      expect(await resumed.expect('pubrec')).toMatchObject({ messageId: 2 });
      for (const messageId of [1, 4, 2]) await release(messageId);
      expect(payloads(await takeAll(subscriber, 1))).toEqual(['4']);
      await expectNothing(subscriber);
    });

    it('forgets what it held when it starts clean', async () => {
      const { client, clientId, message, subscriber } = await interrupted();
      client.send(message);
      await client.expect('pubrec');
      client.destroy();
      const { client: clean } = await broker.connect(version, { clientId, clean: true });
      clean.send({ cmd: 'pubrel', messageId: 3 });
      expect(await clean.expect('pubcomp')).toMatchObject({ messageId: 3 });
      await expectNothing(subscriber);
    });
  });
});

describe('MQTT 5', () => {
  it('tells a publisher that nobody subscribed', async () => {
    const client = await connected(MQTT_5);
    expect(await publish(client, { topic: newClientId('nobody'), qos: 1 })).toBe(
      REASON.noMatchingSubscribers,
    );
  });

  it('lets a subscriber refuse a QoS 2 message with PUBREC, which ends the exchange [5.0 MQTT-4.4.0-2]', async () => {
    const { client, clientId } = await persistentSubscriber(MQTT_5, 2);
    await publish(publisher, { topic: clientId, qos: 2, payload: 'unwanted' });
    const { messageId = 0 } = await client.expect('publish');
    client.send({ cmd: 'pubrec', messageId, reasonCode: REASON.quotaExceeded });
    await expectNothing(client);
    const resumed = await reconnect(MQTT_5, client, clientId);
    await expectNothing(resumed);
  });

  it('delivers backlog and live messages of one topic in their order', async () => {
    const { client, clientId } = await persistentSubscriber(MQTT_5, 1);
    await disconnect(client);
    const count = 600;
    const sender = await connected(MQTT_5);
    for (let first = 0; first < count / 2; first += 100) {
      await publishNumbers(sender, clientId, first, 100);
    }
    const { client: resumed } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    const received = takeAll(resumed, count);
    for (let first = count / 2; first < count; first += 100)
      await publishNumbers(sender, clientId, first, 100);
    expect(payloads(await received)).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  });

  async function publishNumbers(
    sender: RawClient,
    topic: string,
    first: number,
    count: number,
  ): Promise<void> {
    const packets = Array.from({ length: count }, (_, index) =>
      publishPacket({ topic, qos: 1, messageId: index + 1, payload: String(first + index) }),
    );
    sender.send(...packets);
    for (const { messageId } of packets) expect(await sender.expect('puback')).toMatchObject({ messageId });
  }
});

describe('MQTT 3.1.1', () => {
  it('redelivers after a take-over what the other connection had not acknowledged', async () => {
    const { client, clientId } = await persistentSubscriber(MQTT_3_1_1, 1);
    await publish(publisher, { topic: clientId, qos: 1 });
    const { messageId } = await client.expect('publish');
    const { client: successor } = await broker.connect(MQTT_3_1_1, { clientId, clean: false });
    expect(await take(successor)).toMatchObject({ dup: true, messageId });
    await client.closed();
  });
});
