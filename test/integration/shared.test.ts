/** Shared subscriptions: one member per message, those that can take it first, and nothing lost with a member. */
import type { IPublishPacket } from 'mqtt-packet';
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
  subscribe,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_5, newClientId, persistent, VERSIONS } from './support/versions.ts';

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start();
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

interface Member {
  readonly client: RawClient;
  readonly clientId: string;
}

async function member(topic: string, connect = {}, version = MQTT_5, qos: 0 | 1 | 2 = 2): Promise<Member> {
  const clientId = newClientId('member');
  const { client } = await broker.connect(version, { clientId, ...connect });
  expect(await subscribe(client, { topic: `$share/group/${topic}`, qos })).toEqual([qos]);
  return { client, clientId };
}

async function publishNumbers(
  topic: string,
  count: number,
  qos: 0 | 1 | 2 = 1,
  first = 1,
): Promise<string[]> {
  const numbers = Array.from({ length: count }, (_, index) => String(first + index));
  for (const payload of numbers) await publish(publisher, { topic, qos, payload });
  return numbers;
}

/** What has come up to now, QoS 1 and 2 unacknowledged. */
async function arrived(client: RawClient): Promise<IPublishPacket[]> {
  return (await client.roundTrip()).filter((packet) => packet.cmd === 'publish');
}

function sorted(messages: readonly IPublishPacket[]): string[] {
  return payloads(messages).sort((a, b) => Number(a) - Number(b));
}

const SMALL_WINDOW = { properties: { receiveMaximum: 1 } };
const PERSISTENT = persistent(MQTT_5);
const PERSISTENT_SMALL_WINDOW = {
  ...PERSISTENT,
  properties: { ...PERSISTENT.properties, receiveMaximum: 1 },
};

describe.each(VERSIONS)('$version', (version) => {
  it.each([0, 1, 2] as const)('members take turns, QoS %i', async (qos) => {
    const topic = newClientId('turns');
    const members = [
      await member(topic, {}, version),
      await member(topic, {}, version),
      await member(topic, {}, version),
    ];
    const sent = await publishNumbers(topic, 9, qos);
    const received = await Promise.all(members.map(({ client }) => takeAll(client, 3)));
    expect(sorted(received.flat())).toEqual(sent);
    for (const { client } of members) await expectNothing(client);
  });

  it('each group gets every message once, and so does an ordinary subscription of a member', async () => {
    const topic = newClientId('groups');
    const { client } = await member(topic, {}, version);
    await subscribe(client, { topic: `$share/other/${topic}`, qos: 1 }, { topic: `${topic}/#`, qos: 1 });
    await publishNumbers(topic, 1);
    expect(payloads(await takeAll(client, 3))).toEqual(['1', '1', '1']);
    await expectNothing(client);
  });

  it('a member that unsubscribes gets no more', async () => {
    const topic = newClientId('leaving');
    const [leaving, staying] = [await member(topic, {}, version), await member(topic, {}, version)];
    leaving.client.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: [`$share/group/${topic}`] });
    await leaving.client.expect('unsuback');
    await publishNumbers(topic, 4);
    await takeAll(staying.client, 4);
    await expectNothing(leaving.client);
  });

  it('absent members get nothing while one is connected, and everything when none is', async () => {
    const topic = newClientId('absent');
    const absent = await member(topic, persistent(version), version);
    const present = await member(topic, persistent(version), version);
    await disconnect(absent.client);
    await publishNumbers(topic, 4);
    await takeAll(present.client, 4);
    await disconnect(present.client);
    await publishNumbers(topic, 4, 1, 5);
    const back = await Promise.all(
      [absent, present].map(({ clientId }) => broker.connect(version, { clientId, ...persistent(version) })),
    );
    const received = await Promise.all(back.map(({ client }) => takeAll(client, 2)));
    expect(sorted(received.flat())).toEqual(['5', '6', '7', '8']);
  });
});

describe('a member that cannot take more', () => {
  it.each([SMALL_WINDOW, PERSISTENT_SMALL_WINDOW])('is passed over: %j', async (connect) => {
    const topic = newClientId('credit');
    const [full, open] = [await member(topic, connect), await member(topic)];
    await publishNumbers(topic, 10);
    expect(await arrived(full.client)).toHaveLength(1);
    await takeAll(open.client, 9);
  });

  it('that is connected waits rather than an absent one', async () => {
    const topic = newClientId('credit');
    const [full, absent] = [await member(topic, SMALL_WINDOW), await member(topic, PERSISTENT)];
    await disconnect(absent.client);
    await publishNumbers(topic, 3);
    expect(payloads(await takeAll(full.client, 3))).toEqual(['1', '2', '3']);
  });
});

describe('messages of a member whose session ends go to another member:', () => {
  const ENDINGS: readonly {
    readonly ending: string;
    readonly connect: object;
    readonly end: (leaving: Member) => Promise<unknown>;
  }[] = [
    {
      ending: 'clean start while connected',
      connect: PERSISTENT_SMALL_WINDOW,
      end: ({ clientId }) => broker.connect(MQTT_5, { clientId, clean: true }),
    },
    {
      ending: 'clean start while absent',
      connect: PERSISTENT_SMALL_WINDOW,
      end: async ({ client, clientId }) => {
        await disconnect(client);
        await broker.connect(MQTT_5, { clientId, clean: true });
      },
    },
    {
      ending: 'DISCONNECT with expiry 0',
      connect: PERSISTENT_SMALL_WINDOW,
      end: ({ client }) => disconnect(client, 0, 0),
    },
    {
      ending: 'expiry',
      connect: { ...PERSISTENT_SMALL_WINDOW, properties: { sessionExpiryInterval: 1, receiveMaximum: 1 } },
      end: ({ client }) => disconnect(client),
    },
    {
      ending: 'the administrator',
      connect: PERSISTENT_SMALL_WINDOW,
      end: ({ clientId }) =>
        broker.admin(`/api/v1/session?client=${clientId}&discard=true`, { method: 'DELETE' }),
    },
  ];

  it.each(ENDINGS)('$ending', async ({ connect, end }) => {
    const topic = newClientId('legacy');
    const leaving = await member(topic, connect);
    const sent = await publishNumbers(topic, 600);
    expect(await arrived(leaving.client)).toHaveLength(1);
    const heir = await member(topic, PERSISTENT);
    await subscribe(leaving.client, { topic: `${topic}/own`, qos: 1 });
    await publish(publisher, { topic: `${topic}/own`, qos: 1, payload: 'its own' });
    await end(leaving);
    expect(payloads(await takeAll(heir.client, sent.length))).toEqual(sent);
    await expectNothing(heir.client);
  });

  it('not QoS 2 that may have been delivered [5.0 MQTT-4.8.2-5]', async () => {
    const topic = newClientId('legacy');
    const leaving = await member(topic, PERSISTENT_SMALL_WINDOW);
    await publishNumbers(topic, 3, 2);
    expect(payloads(await arrived(leaving.client))).toEqual(['1']);
    const heir = await member(topic, PERSISTENT);
    await disconnect(leaving.client, 0, 0);
    expect(payloads(await takeAll(heir.client, 2))).toEqual(['2', '3']);
    await expectNothing(heir.client);
  });

  it('not what it also subscribed to for itself', async () => {
    const topic = newClientId('legacy');
    const leaving = await member(topic, PERSISTENT);
    await subscribe(leaving.client, { topic: `${topic}/#`, qos: 1 });
    await disconnect(leaving.client);
    await publishNumbers(topic, 2);
    const heir = await member(topic, PERSISTENT);
    await broker.connect(MQTT_5, { clientId: leaving.clientId, clean: true });
    await expectNothing(heir.client);
  });

  it('and to nobody when there is no other member', async () => {
    const topic = newClientId('legacy');
    const leaving = await member(topic, PERSISTENT);
    await disconnect(leaving.client);
    await publishNumbers(topic, 2);
    const { client } = await broker.connect(MQTT_5, { clientId: leaving.clientId, clean: true });
    expect(await publish(client, { topic, qos: 1 })).toBe(REASON.noMatchingSubscribers);
  });

  it('what waits in memory for a member whose session ends with its connection', async () => {
    const topic = newClientId('legacy');
    const leaving = await member(topic, SMALL_WINDOW);
    await publishNumbers(topic, 5);
    const heir = await member(topic, PERSISTENT);
    leaving.client.send(publishPacket({ topic: 'elsewhere' }));
    await disconnect(leaving.client);
    expect(payloads(await takeAll(heir.client, 4))).toEqual(['2', '3', '4', '5']);
  });

  it('over a restart, to a member that comes back later', async () => {
    const own = await RunningBroker.forTest();
    const subscribed = async (clientId: string, sessionExpiryInterval: number): Promise<RawClient> => {
      const { client } = await own.connect(MQTT_5, {
        clientId,
        clean: false,
        properties: { sessionExpiryInterval },
      });
      await subscribe(client, { topic: '$share/group/t', qos: 1 });
      return client;
    };
    await disconnect(await subscribed('leaving', 1));
    const { client: sender } = await own.connect(MQTT_5, { clientId: 'sender' });
    for (const payload of ['1', '2']) await publish(sender, { topic: 't', qos: 1, payload });
    await disconnect(await subscribed('heir', 600));
    await own.restart();
    const heir = await subscribed('heir', 600);
    expect(payloads(await takeAll(heir, 2))).toEqual(['1', '2']);
  });
});
