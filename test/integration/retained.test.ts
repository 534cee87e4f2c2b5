/** Retained messages: kept, replaced, cleared, expired, and there after a restart. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  expectNothing,
  payloads,
  publish,
  publishPacket,
  QOS_LEVELS,
  subscribe,
  take,
  takeAll,
  type PublishWish,
} from './support/exchanges.ts';
import { MQTT_5, newClientId, persistent, VERSIONS } from './support/versions.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start();
});

afterAll(() => broker.dispose());

async function connected(version = MQTT_5, connect = {}): Promise<RawClient> {
  return (await broker.connect(version, { clientId: newClientId(), ...connect })).client;
}

/** QoS 0 is not acknowledged; the acknowledgement of what is published behind it shows that it is stored. */
async function publishRetained(publisher: RawClient, wish: PublishWish): Promise<void> {
  await publish(publisher, { ...wish, retain: true });
  if (wish.qos === 0) await publish(publisher, { topic: `behind/${wish.topic}`, qos: 1, retain: true });
}

/** What a new subscriber is sent at once. */
async function retainedFor(filter: string, version = MQTT_5, connect = {}) {
  const client = await connected(version, connect);
  await subscribe(client, { topic: filter, qos: 2 });
  const packets = await client.roundTrip();
  client.destroy();
  return packets.filter((packet) => packet.cmd === 'publish');
}

describe.each(VERSIONS)('$version', (version) => {
  it.each(QOS_LEVELS)(
    'a message published at QoS %i is kept, replaced and cleared [3.1.1 MQTT-3.3.1-5, MQTT-3.3.1-7, MQTT-3.3.1-10, MQTT-3.3.1-11, MQTT-3.3.1-12] [5.0 MQTT-3.3.1-5, MQTT-3.3.1-6, MQTT-3.3.1-7, MQTT-3.3.1-8]',
    async (qos) => {
      const topic = newClientId('kept');
      const publisher = await connected(version);
      await publishRetained(publisher, { topic, qos, payload: 'first' });
      expect(await retainedFor(topic, version)).toMatchObject([{ topic, retain: true, qos, dup: false }]);
      await publishRetained(publisher, { topic, qos, payload: 'second' });
      await publish(publisher, { topic, qos, retain: false, payload: 'not kept' });
      expect(payloads(await retainedFor(topic, version))).toEqual(['second']);
      await publishRetained(publisher, { topic, qos, payload: '' });
      expect(await retainedFor(topic, version)).toEqual([]);
    },
  );

  it('comes at the lower of its own QoS and the granted one [3.1.1 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-8]', async () => {
    const topic = newClientId('lower');
    const publisher = await connected(version);
    await publish(publisher, { topic, qos: 2, retain: true });
    for (const connect of [{}, persistent(version)]) {
      for (const granted of QOS_LEVELS) {
        const client = await connected(version, connect);
        await subscribe(client, { topic, qos: granted });
        expect(await take(client)).toMatchObject({ qos: granted, retain: true });
      }
    }
  });

  it('a clearing message reaches current subscribers, without RETAIN [3.1.1 MQTT-3.3.1-9, MQTT-3.3.1-10] [5.0 MQTT-3.3.1-6]', async () => {
    const topic = newClientId('cleared');
    const [publisher, subscriber] = [await connected(version), await connected(version)];
    await publish(publisher, { topic, qos: 1, retain: true });
    await subscribe(subscriber, { topic, qos: 1 });
    expect(await take(subscriber)).toMatchObject({ retain: true });
    await publish(publisher, { topic, qos: 1, retain: true, payload: '' });
    const cleared = await take(subscriber);
    expect(cleared).toMatchObject({ retain: false });
    expect(cleared.payload).toHaveLength(0);
  });

  it('a wildcard brings every match once per subscription [3.1.1 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-9]', async () => {
    const base = newClientId('wild');
    const publisher = await connected(version);
    const topics = [`${base}/a`, `${base}/a/b`, `${base}/c`];
    for (const topic of topics) await publish(publisher, { topic, qos: 1, retain: true, payload: topic });
    const client = await connected(version);
    await subscribe(client, { topic: `${base}/#`, qos: 1 });
    expect(payloads(await takeAll(client, 3)).sort()).toEqual(topics);
    await subscribe(client, { topic: `${base}/+`, qos: 1 });
    expect(payloads(await takeAll(client, 2)).sort()).toEqual([`${base}/a`, `${base}/c`]);
    await expectNothing(client);
  });
});

describe('a retained message', () => {
  it('expires, and tells how long it still has [5.0 MQTT-3.3.2-5, MQTT-3.3.2-6]', async () => {
    const [shortly, long] = [newClientId('expiring'), newClientId('expiring')];
    const publisher = await connected();
    await publish(publisher, {
      topic: shortly,
      qos: 1,
      retain: true,
      properties: { messageExpiryInterval: 1 },
    });
    await publish(publisher, {
      topic: long,
      qos: 1,
      retain: true,
      properties: { messageExpiryInterval: 60 },
    });
    await sleep(1_100);
    expect(await retainedFor(shortly)).toEqual([]);
    const [left] = await retainedFor(long);
    expect(left?.properties?.messageExpiryInterval).toBeLessThan(60);
    expect(left?.properties?.messageExpiryInterval).toBeGreaterThan(50);
  });

  it('that is still on its way to the disk is not missed by who subscribes now', async () => {
    for (const qos of QOS_LEVELS) {
      const topic = newClientId('eager');
      const client = await connected();
      client.send(publishPacket({ topic, qos, retain: true, payload: 'newest' }), {
        cmd: 'subscribe',
        messageId: 2,
        subscriptions: [{ topic, qos: 0 }],
      });
      const packets = [await client.next(), await client.next(), ...(qos > 0 ? [await client.next()] : [])];
      const messages = packets.filter((packet) => packet.cmd === 'publish');
      expect(payloads(messages)).toEqual(['newest']);
    }
  });

  it('is not sent to a shared subscription', async () => {
    const topic = newClientId('shared');
    await publish(await connected(), { topic, qos: 1, retain: true });
    expect(await retainedFor(`$share/group/${topic}`)).toEqual([]);
  });

  it('is there after a restart, with all that belongs to it; a cleared one is not', async () => {
    const own = await RunningBroker.forTest();
    const { client: publisher } = await own.connect(MQTT_5, { clientId: 'publisher' });
    await publish(publisher, {
      topic: 'kept',
      qos: 2,
      retain: true,
      payload: Buffer.from([0, 255]),
      properties: { contentType: 'bytes', userProperties: { a: ['1', '2'] } },
    });
    await publish(publisher, { topic: 'kept0', qos: 0, retain: true, payload: 'QoS 0 too' });
    await publish(publisher, { topic: 'cleared', qos: 1, retain: true });
    await publish(publisher, { topic: 'cleared', qos: 1, retain: true, payload: '' });
    await own.restart();
    const { client } = await own.connect(MQTT_5, { clientId: 'subscriber' });
    await subscribe(client, { topic: '#', qos: 2 });
    const messages = await takeAll(client, 2);
    const kept = messages.find(({ topic }) => topic === 'kept');
    expect(kept).toMatchObject({ qos: 2, retain: true, payload: Buffer.from([0, 255]) });
    expect(kept?.properties).toMatchObject({ contentType: 'bytes', userProperties: { a: ['1', '2'] } });
    await expectNothing(client);
  });

  it('over the limit is refused, and those there are stay', async () => {
    const own = await RunningBroker.forTest({ limits: { retainedMessagesMax: 2 } });
    const { client } = await own.connect(MQTT_5, { clientId: 'publisher' });
    for (const topic of ['a', 'b']) await publish(client, { topic, qos: 1, retain: true });
    expect(await publish(client, { topic: 'c', qos: 1, retain: true })).toBe(REASON.quotaExceeded);
    expect(await publish(client, { topic: 'a', qos: 1, retain: true, payload: 'new' })).toBeLessThan(0x80);
    await subscribe(client, { topic: '#', qos: 0 });
    expect(payloads(await takeAll(client, 2)).sort()).toEqual(['hello', 'new']);
  });

  it('of many comes to a client with a small window, all of them', async () => {
    const base = newClientId('stream');
    const count = 300;
    const publisher = await connected();
    const messages = Array.from({ length: count }, (_, index) =>
      publishPacket({ topic: `${base}/${index}`, qos: 1, retain: true, messageId: index + 1 }),
    );
    publisher.send(...messages);
    for (const { messageId } of messages)
      expect(await publisher.expect('puback')).toMatchObject({ messageId });
    for (const connect of [{}, persistent(MQTT_5)]) {
      const client = await connected(MQTT_5, {
        ...connect,
        properties: { ...connect.properties, receiveMaximum: 3 },
      });
      await subscribe(client, { topic: `${base}/#`, qos: 1 });
      const topics = new Set((await takeAll(client, count)).map(({ topic }) => topic));
      expect(topics.size).toBe(count);
      await expectNothing(client);
    }
  });
});
