/**
 * SUBACK means subscribed everywhere: whoever has it and publishes at another broker gets the message, a hundred thousand times. And PUBACK of a
 * retained message means that every broker shows it.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newCluster } from '../../support/cluster-brokers.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import { MQTT_5, newClientId, persistent } from '../support/versions.ts';

const ROUNDS = { transient: 80_000, persistent: 20_000, retained: 2_000 };
/** Clients that do it at the same time. */
const CLIENTS = 50;
/** For each packet. Nothing is measured here, and the machine may be busy. */
const DEADLINE_MS = 60_000;
const TEST_MS_MAX = 600_000;
/** A retained message that everybody is shown. */
const END = 'retained-end';

let here: RunningBroker;
let there: RunningBroker;

beforeAll(async () => {
  const cluster = await newCluster({
    zookeeperQuorum: inject('zookeeperQuorum'),
    kafkaBrokers: inject('kafkaAddress'),
  });
  here = await RunningBroker.start({ ...cluster, broker: { id: 'here' } });
  there = await RunningBroker.start({ ...cluster, broker: { id: 'there' } });
});

afterAll(async () => {
  await here.dispose();
  await there.dispose();
});

/** Subscribes to another topic each time, and publishes to it elsewhere as soon as that is acknowledged. Returns how often it got nothing. */
async function missed(
  name: string,
  rounds: number,
  subscriber: RawClient,
  publisher: RawClient,
): Promise<number> {
  let misses = 0;
  for (let round = 1; round <= rounds; round++) {
    const topic = `${name}/${round}`;
    subscriber.send({ cmd: 'subscribe', messageId: round, subscriptions: [{ topic, qos: 1 }] });
    await subscriber.expect('suback', DEADLINE_MS);
    publisher.send({
      cmd: 'publish',
      topic,
      payload: '',
      qos: 1,
      messageId: round,
      dup: false,
      retain: false,
    });
    const { reasonCode } = await publisher.expect('puback', DEADLINE_MS);
    // There is nobody, says the other broker.
    if (reasonCode === 0x10) misses++;
    else {
      const { topic: got, messageId = 0 } = await subscriber.expect('publish', DEADLINE_MS);
      if (got !== topic) misses++;
      subscriber.send({ cmd: 'puback', messageId });
    }
  }
  return misses;
}

describe('a client that subscribes at one broker and at once publishes at another', () => {
  it.each([
    ['of a session that ends with its connection', ROUNDS.transient, {}],
    ['of a session that outlives it', ROUNDS.persistent, persistent(MQTT_5)],
  ])(
    'gets its message, %s',
    async (_, rounds, session) => {
      const clients = Array.from({ length: CLIENTS }, async (): Promise<number> => {
        const clientId = newClientId('subscriber');
        const { client: subscriber } = await there.connect(MQTT_5, { clientId, ...session });
        const { client: publisher } = await here.connect(MQTT_5, { clientId: newClientId('publisher') });
        return missed(clientId, rounds / CLIENTS, subscriber, publisher);
      });
      expect((await Promise.all(clients)).reduce((sum, misses) => sum + misses)).toBe(0);
    },
    TEST_MS_MAX,
  );
});

/** Publishes a retained message to another topic each time, and subscribes to it elsewhere as soon as that is acknowledged. */
async function notShown(
  name: string,
  rounds: number,
  subscriber: RawClient,
  publisher: RawClient,
): Promise<number> {
  let misses = 0;
  for (let messageId = 1; messageId <= rounds; messageId++) {
    const topic = `${name}/${messageId}`;
    publisher.send({ cmd: 'publish', topic, payload: topic, qos: 1, messageId, dup: false, retain: true });
    await publisher.expect('puback', DEADLINE_MS);
    // The second one is always there, and shown behind it: nobody waits for what does not come.
    const subscriptions = [topic, END].map((wanted) => ({ topic: wanted, qos: 0 as const }));
    subscriber.send({ cmd: 'subscribe', messageId, subscriptions });
    await subscriber.expect('suback', DEADLINE_MS);
    const first = await subscriber.expect('publish', DEADLINE_MS);
    if (first.topic !== topic) misses++;
    else await subscriber.expect('publish', DEADLINE_MS);
  }
  return misses;
}

it(
  'a retained message that was acknowledged is shown to whoever subscribes at another broker',
  async () => {
    const { client: first } = await here.connect(MQTT_5, { clientId: newClientId('first') });
    first.send({ cmd: 'publish', topic: END, payload: 'x', qos: 1, messageId: 1, dup: false, retain: true });
    await first.expect('puback', DEADLINE_MS);
    const clients = Array.from({ length: CLIENTS }, async (): Promise<number> => {
      const name = newClientId('retained');
      const { client: subscriber } = await there.connect(MQTT_5, { clientId: `${name}-there` });
      const { client: publisher } = await here.connect(MQTT_5, { clientId: `${name}-here` });
      return notShown(name, ROUNDS.retained / CLIENTS, subscriber, publisher);
    });
    expect((await Promise.all(clients)).reduce((sum, misses) => sum + misses)).toBe(0);
  },
  TEST_MS_MAX,
);
