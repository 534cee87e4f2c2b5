/** What a subscription brings: overlaps, identifiers, options, `$` topics, and the answers to SUBSCRIBE and UNSUBSCRIBE. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
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
import { MQTT_3_1_1, MQTT_5, newClientId, persistent, VERSIONS } from './support/versions.ts';

const SUBSCRIPTIONS_MAX = 20;

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start({
    limits: { subscriptionsPerSessionMax: SUBSCRIPTIONS_MAX, topicLevelsMax: 10, topicBytesMax: 100 },
    sys: { intervalS: 1 },
  });
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

async function connected(connect = {}, version = MQTT_5): Promise<RawClient> {
  return (await broker.connect(version, { clientId: newClientId(), ...connect })).client;
}

async function unsubscribe(client: RawClient, ...unsubscriptions: string[]): Promise<number[]> {
  client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions });
  const unsuback = await client.expect('unsuback');
  expect(unsuback.messageId).toBe(2);
  return unsuback.granted;
}

describe.each(VERSIONS)('$version', (version) => {
  const LIFETIMES = [{ session: 'transient' }, { session: 'persistent' }];
  describe.each(LIFETIMES)('in a $session session', ({ session }) => {
    const connect = session === 'persistent' ? persistent(version) : {};

    it('overlapping subscriptions bring a message once, at the highest QoS [3.1.1 MQTT-3.3.5-1] [5.0 MQTT-3.3.4-2]', async () => {
      const topic = newClientId('overlap');
      const client = await connected(connect, version);
      await subscribe(
        client,
        { topic: `${topic}/#`, qos: 0 },
        { topic: `${topic}/+`, qos: 1 },
        { topic: `${topic}/a`, qos: 2 },
      );
      await publish(publisher, { topic: `${topic}/a`, qos: 2 });
      expect(await take(client)).toMatchObject({ qos: 2 });
      await expectNothing(client);
    });

    it('a repeated filter replaces its subscription', async () => {
      const topic = newClientId('again');
      const client = await connected(connect, version);
      expect(await subscribe(client, { topic, qos: 2 })).toEqual([2]);
      expect(await subscribe(client, { topic, qos: 0 })).toEqual([0]);
      await publish(publisher, { topic, qos: 2 });
      expect(await take(client)).toMatchObject({ qos: 0 });
      await expectNothing(client);
    });

    it('nothing comes after UNSUBACK, and other subscriptions stay', async () => {
      const topic = newClientId('gone');
      const client = await connected(connect, version);
      await subscribe(client, { topic: `${topic}/a`, qos: 1 }, { topic: `${topic}/b`, qos: 1 });
      const granted = await unsubscribe(client, `${topic}/a`, `${topic}/never`);
      if (version.level === 5) expect(granted).toEqual([REASON.success, REASON.noSubscriptionExisted]);
      await publish(publisher, { topic: `${topic}/a`, qos: 1 });
      await publish(publisher, { topic: `${topic}/b`, qos: 1 });
      expect((await take(client)).topic).toBe(`${topic}/b`);
      await expectNothing(client);
    });

    it.each(QOS_LEVELS)(
      'what the client publishes at QoS %i without waiting for SUBACK or UNSUBACK finds what it asked for before',
      async (qos) => {
        const topic = newClientId('behind');
        const client = await connected(connect, version);
        const messages: string[] = [];
        const completed = async (count: number): Promise<void> => {
          for (let left = count; left > 0;) {
            const packet = await client.next();
            if (packet.cmd === 'publish') messages.push(packet.payload.toString());
            if (packet.cmd === 'pubcomp') left--;
          }
        };
        client.send(
          { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] },
          publishPacket({ topic, qos, payload: 'subscribed', messageId: 2 }),
          { cmd: 'pubrel', messageId: 2 },
        );
        // At QoS 2 it is published some time between PUBREL and PUBCOMP, to whoever is subscribed then.
        if (qos === 2) await completed(1);
        client.send(
          { cmd: 'unsubscribe', messageId: 3, unsubscriptions: [topic] },
          publishPacket({ topic, qos, payload: 'unsubscribed', messageId: 4 }),
          { cmd: 'pubrel', messageId: 4 },
        );
        await completed(qos === 2 ? 1 : 2);
        expect(messages).toEqual(['subscribed']);
        await expectNothing(client);
      },
    );

    it('filters are judged one by one', async () => {
      const topic = newClientId('judged');
      const client = await connected(connect, version);
      const deep = Array.from({ length: 11 }, () => topic).join('/');
      const granted = await subscribe(
        client,
        { topic, qos: 1 },
        { topic: deep, qos: 1 },
        { topic: `${topic}/2`, qos: 2 },
      );
      expect(granted).toEqual([1, version.level === 5 ? REASON.topicFilterInvalid : 0x80, 2]);
      await publish(publisher, { topic: `${topic}/2`, qos: 1 });
      expect((await take(client)).topic).toBe(`${topic}/2`);
    });

    it('the limit of subscriptions refuses new filters and not known ones', async () => {
      const topic = newClientId('many');
      const client = await connected(connect, version);
      const filters = Array.from({ length: SUBSCRIPTIONS_MAX + 1 }, (_, index) => ({
        topic: `${topic}/${index}`,
        qos: 0 as const,
      }));
      const granted = await subscribe(client, ...filters);
      expect(granted.slice(0, -1)).toEqual(granted.slice(0, -1).map(() => 0));
      expect(granted.at(-1)).toBe(version.level === 5 ? REASON.quotaExceeded : 0x80);
      expect(await subscribe(client, { topic: `${topic}/0`, qos: 1 })).toEqual([1]);
      await unsubscribe(client, `${topic}/0`);
      expect(await subscribe(client, { topic: `${topic}/new`, qos: 1 })).toEqual([1]);
    });
  });

  it('levels, empty ones included, match as the standard says [3.1.1 MQTT-3.3.2-3, MQTT-4.7.1-2, MQTT-4.7.1-3] [5.0 MQTT-3.3.2-3, MQTT-4.7.1-1, MQTT-4.7.1-2]', async () => {
    const base = newClientId('levels');
    const matches: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
      [`${base}/#`, base, true],
      [`${base}/#`, `${base}/a/b`, true],
      [`${base}/+`, base, false],
      [`${base}/+`, `${base}/`, true],
      [`${base}/+/b`, `${base}//b`, true],
      [`${base}/+`, `${base}/a/b`, false],
      [`/${base}`, base, false],
      [`+/${base}`, `/${base}`, true],
      [`${base}/A`, `${base}/a`, false],
      [`${base}/é €/𝄞`, `${base}/é €/𝄞`, true],
    ];
    for (const [filter, topic, isMatch] of matches) {
      const client = await connected({}, version);
      await subscribe(client, { topic: filter, qos: 0 });
      await publish(publisher, { topic, qos: 1 });
      if (isMatch) expect((await take(client)).topic).toBe(topic);
      else await expectNothing(client);
      await disconnect(client);
    }
  });

  it('wildcards do not match topics that begin with $ [3.1.1 MQTT-4.7.2-1] [5.0 MQTT-4.7.2-1]', async () => {
    const wild = await connected({}, version);
    const exact = await connected({}, version);
    const topic = `$${newClientId('private')}/a`;
    await subscribe(wild, { topic: '#', qos: 0 }, { topic: '+/a', qos: 0 });
    await subscribe(exact, { topic: `${topic.slice(0, -1)}#`, qos: 0 });
    await publish(publisher, { topic, qos: 1 });
    expect((await take(exact)).topic).toBe(topic);
    await expectNothing(wild);
  });

  it('$SYS tells about the broker', async () => {
    const client = await connected({}, version);
    await subscribe(client, { topic: '$SYS/#', qos: 0 });
    expect((await take(client)).topic).toMatch(/^\$SYS\//);
  });
});

describe('no-local [5.0 MQTT-3.8.3-3]', () => {
  it.each([{}, persistent(MQTT_5)])('keeps back what the client itself published: %j', async (connect) => {
    const topic = newClientId('local');
    const client = await connected(connect);
    await subscribe(client, { topic, qos: 1, nl: true });
    await publish(client, { topic, qos: 1, payload: 'mine' });
    await publish(publisher, { topic, qos: 1, payload: 'yours' });
    expect(payloads([await take(client)])).toEqual(['yours']);
    await expectNothing(client);
  });

  it('leaves overlapping subscriptions without it alone', async () => {
    const topic = newClientId('local');
    const client = await connected();
    await subscribe(client, { topic, qos: 1, nl: true });
    await subscribe(client, { topic: `${topic}/#`, qos: 0 });
    client.send({ cmd: 'publish', topic, payload: 'mine', qos: 0, dup: false, retain: false });
    expect(await take(client)).toMatchObject({ qos: 0 });
    await expectNothing(client);
  });
});

describe('subscription identifiers', () => {
  it.each([{}, persistent(MQTT_5)])(
    'of every matching subscription come with a message [5.0 MQTT-3.3.4-3, MQTT-3.3.4-4]: %j',
    async (connect) => {
      const topic = newClientId('numbered');
      const client = await connected(connect);
      await subscribe(client, { topic, qos: 1, subscriptionIdentifier: 7 });
      await subscribe(client, { topic: `${topic}/#`, qos: 1, subscriptionIdentifier: 268_435_455 });
      await subscribe(client, { topic: `+/#`, qos: 0 });
      await publish(publisher, { topic, qos: 1 });
      const { properties } = await take(client);
      const identifiers = properties?.subscriptionIdentifier;
      expect([identifiers].flat().sort((a = 0, b = 0) => a - b)).toEqual([7, 268_435_455]);
      await expectNothing(client);
    },
  );

  it('go with the subscription that is replaced, and outlive the connection', async () => {
    const topic = newClientId('numbered');
    const clientId = newClientId();
    const client = await connected({ clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic, qos: 1, subscriptionIdentifier: 1 });
    await subscribe(client, { topic, qos: 1, subscriptionIdentifier: 2 });
    await disconnect(client);
    await publish(publisher, { topic, qos: 1, payload: 'queued' });
    await subscribeLater();

    async function subscribeLater(): Promise<void> {
      const resumed = await connected({ clientId, ...persistent(MQTT_5) });
      expect((await take(resumed)).properties?.subscriptionIdentifier).toBe(2);
      await subscribe(resumed, { topic, qos: 1 });
      await publish(publisher, { topic, qos: 1 });
      expect((await take(resumed)).properties?.subscriptionIdentifier).toBeUndefined();
    }
  });
});

describe('retain as published [5.0 MQTT-3.3.1-12, MQTT-3.3.1-13]', () => {
  it.each([{}, persistent(MQTT_5)])('decides about RETAIN on live messages: %j', async (connect) => {
    const topic = newClientId('flag');
    const keeping = await connected(connect);
    const plain = await connected(connect);
    await subscribe(keeping, { topic, qos: 1, rap: true });
    await subscribe(plain, { topic, qos: 1, rap: false });
    await publish(publisher, { topic, qos: 1, retain: true });
    await publish(publisher, { topic, qos: 1, retain: false });
    expect((await takeAll(keeping, 2)).map(({ retain }) => retain)).toEqual([true, false]);
    expect((await takeAll(plain, 2)).map(({ retain }) => retain)).toEqual([false, false]);
  });
});

describe('retain handling [5.0 MQTT-3.3.1-9, MQTT-3.3.1-10, MQTT-3.3.1-11]', () => {
  it.each([{}, persistent(MQTT_5)])('decides when retained messages are sent: %j', async (connect) => {
    const topic = newClientId('handling');
    await publish(publisher, { topic, qos: 1, retain: true });
    const client = await connected(connect);
    const expectRetained = async (rh: 0 | 1 | 2, comes: boolean): Promise<void> => {
      await subscribe(client, { topic, qos: 1, rh });
      if (comes) expect(await take(client)).toMatchObject({ retain: true });
      await expectNothing(client);
    };
    await expectRetained(2, false);
    await expectRetained(1, false);
    await expectRetained(0, true);
    await unsubscribe(client, topic);
    await expectRetained(1, true);
    await expectRetained(1, false);
  });
});

describe('a persistent subscription', () => {
  it('keeps its options over a restart', async () => {
    const own = await RunningBroker.forTest();
    const clientId = newClientId();
    const { client } = await own.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic: 'a/#', qos: 1, nl: true, rap: true, subscriptionIdentifier: 9 });
    await subscribe(client, { topic: 'gone', qos: 1 });
    await unsubscribe(client, 'gone');
    await own.restart();
    const { client: resumed } = await own.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await publish(resumed, { topic: 'a/b', qos: 1 });
    await expectNothing(resumed);
    const { client: other } = await own.connect(MQTT_5, { clientId: 'other' });
    expect(await publish(other, { topic: 'gone', qos: 1 })).toBe(REASON.noMatchingSubscribers);
    await publish(other, { topic: 'a/b', qos: 2, retain: true });
    expect(await take(resumed)).toMatchObject({
      qos: 1,
      retain: true,
      properties: { subscriptionIdentifier: 9 },
    });
  });
});

describe('a topic that is too long or too deep', () => {
  it('is refused to a publisher', async () => {
    expect(await publish(publisher, { topic: 'x'.repeat(101), qos: 1 })).toBe(REASON.topicNameInvalid);
    expect(await publish(publisher, { topic: '/'.repeat(10), qos: 2 })).toBe(REASON.topicNameInvalid);
    const client = await connected({}, MQTT_3_1_1);
    client.send({
      cmd: 'publish',
      topic: '/'.repeat(10),
      payload: '',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
    });
    await client.closed();
  });
});
