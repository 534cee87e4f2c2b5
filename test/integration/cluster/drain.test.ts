/** One of two brokers on one log is drained under traffic: what was under way goes on at the other, nothing lost and nothing twice. */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { newCluster } from '../../support/cluster-brokers.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import { disconnect, expectNothing, publish, publishPacket, subscribe, take } from '../support/exchanges.ts';
import { MQTT_5, newClientId, persistent } from '../support/versions.ts';

/** Messages that the publisher has under way at most. */
const UNDER_WAY_MAX = 50;
const BEFORE_DRAIN = 100;

let here: RunningBroker;
let there: RunningBroker;

beforeAll(async () => {
  const place = { zookeeperQuorum: inject('zookeeperQuorum'), kafkaBrokers: inject('kafkaAddress') };
  const cluster = await newCluster(place);
  here = await RunningBroker.start({ ...cluster, broker: { id: 'here' } });
  there = await RunningBroker.start({ ...cluster, broker: { id: 'there' } });
});

afterAll(async () => {
  await here.dispose();
  await there.dispose();
});

async function connect(broker: RunningBroker, clientId: string, connecting: Partial<IConnectPacket> = {}) {
  const { client, connack } = await broker.connect(MQTT_5, {
    clientId,
    ...persistent(MQTT_5),
    ...connecting,
  });
  expect(connack.reasonCode).toBe(REASON.success);
  return { client, sessionPresent: connack.sessionPresent };
}

async function drain(broker: RunningBroker): Promise<void> {
  const body = JSON.stringify({ noticeMs: 0, ratePerS: 1_000 });
  expect((await broker.admin('/api/v1/drain', { method: 'POST', body })).status).toBe(200);
}

async function serve(broker: RunningBroker): Promise<void> {
  expect((await broker.admin('/api/v1/drain', { method: 'DELETE' })).status).toBe(200);
}

it('exchanges of QoS 1 and 2 that had begun end at the other broker, in both directions', async () => {
  const [to, from] = [newClientId('subscriber'), newClientId('publisher')];
  const { client: subscriber } = await connect(here, to);
  const { client: publisher } = await connect(here, from);
  await subscribe(subscriber, { topic: 'exchange/#', qos: 2 });
  await publish(publisher, { topic: 'exchange/1', qos: 1 });
  await publish(publisher, { topic: 'exchange/2', qos: 2 });
  const unacknowledged = await subscriber.expect('publish');
  const received = await subscriber.expect('publish');
  subscriber.send({ cmd: 'pubrec', messageId: received.messageId ?? 0 });
  await subscriber.expect('pubrel');
  publisher.send(publishPacket({ topic: 'exchange/3', qos: 2, messageId: 7 }));
  await publisher.expect('pubrec');

  await drain(here);
  for (const client of [subscriber, publisher])
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.useAnotherServer });

  const { client: taking, sessionPresent } = await connect(there, to);
  expect(sessionPresent).toBe(true);
  expect(await taking.expect('publish')).toMatchObject({
    topic: 'exchange/1',
    dup: true,
    messageId: unacknowledged.messageId,
  });
  expect((await taking.expect('pubrel')).messageId).toBe(received.messageId);
  taking.send({ cmd: 'puback', messageId: unacknowledged.messageId ?? 0 });
  taking.send({ cmd: 'pubcomp', messageId: received.messageId ?? 0 });
  const { client: releasing } = await connect(there, from);
  releasing.send({ cmd: 'pubrel', messageId: 7 });
  expect((await releasing.expect('pubcomp')).messageId).toBe(7);
  expect((await take(taking)).topic).toBe('exchange/3');
  await expectNothing(taking);
  await disconnect(taking);
  await disconnect(releasing);
  await serve(here);
});

it('a stream of messages of both kinds comes over without a loss, those of QoS 2 once each', async () => {
  const [to, from] = [newClientId('subscriber'), newClientId('publisher')];
  const taken = new Taken();
  const stream = new Stream();
  const { client: subscriber } = await connect(here, to);
  await subscribe(subscriber, { topic: 'stream/#', qos: 2 });
  const { client: publisher } = await connect(here, from);
  const taking = taken.take(subscriber);
  const streaming = stream.run(publisher, () => true);
  await expect.poll(() => stream.acknowledged, { timeout: 20_000 }).toBeGreaterThan(BEFORE_DRAIN);
  await drain(here);
  await Promise.all([taking, streaming]);

  const { client: takingThere } = await connect(there, to);
  const rest = taken.take(takingThere);
  const { client: publisherThere } = await connect(there, from);
  await stream.run(publisherThere, () => false);
  await expect.poll(() => taken.counts.size, { timeout: 20_000 }).toBe(stream.sent);
  takingThere.end();
  await rest;
  const twice = [...taken.counts].filter(([name, count]) => name.endsWith('/2') && count > 1);
  expect(twice).toEqual([]);
  await disconnect(publisherThere);
  await serve(here);
});

/** A publisher that remembers what is not acknowledged yet, and begins with that on its next connection. */
class Stream {
  sent = 0;
  acknowledged = 0;
  readonly #underWay = new Map<number, { readonly packet: IPublishPacket; released: boolean }>();

  /** Until the connection ends or, when nothing more is `wanted`, everything is acknowledged. */
  async run(client: RawClient, wanted: () => boolean): Promise<void> {
    for (const [messageId, { packet, released }] of this.#underWay)
      client.send(released ? { cmd: 'pubrel', messageId } : { ...packet, dup: true });
    const reading = this.#read(client, wanted);
    while (wanted() && !client.isClosed) {
      if (this.#underWay.size < UNDER_WAY_MAX) this.#publish(client);
      await endOfTurn();
    }
    await reading;
  }

  #publish(client: RawClient): void {
    const qos = (1 + (this.sent % 2)) as 1 | 2;
    const messageId = (this.sent++ % 60_000) + 1;
    const topic = `stream/${messageId}/${qos}`;
    const packet = publishPacket({ topic, qos, messageId });
    this.#underWay.set(messageId, { packet, released: false });
    client.send(packet);
  }

  async #read(client: RawClient, wanted: () => boolean): Promise<void> {
    while (wanted() || this.#underWay.size > 0) {
      const packet = await client.next().catch(() => undefined);
      if (packet === undefined || packet.cmd === 'disconnect') return;
      const messageId = 'messageId' in packet ? (packet.messageId ?? 0) : 0;
      const exchange = this.#underWay.get(messageId);
      if (packet.cmd === 'pubrec' && exchange !== undefined) {
        exchange.released = true;
        client.send({ cmd: 'pubrel', messageId });
      } else {
        this.#underWay.delete(messageId);
        this.acknowledged++;
      }
    }
  }
}

/** A subscriber that acknowledges everything, and knows what it has of QoS 2 exchanges that have not ended. */
class Taken {
  /** By topic: how often. */
  readonly counts = new Map<string, number>();
  readonly #received = new Set<number>();

  /** Until the connection ends. */
  async take(client: RawClient): Promise<void> {
    for (;;) {
      const packet = await client.next().catch(() => undefined);
      if (packet === undefined || packet.cmd === 'disconnect') return;
      const messageId = 'messageId' in packet ? (packet.messageId ?? 0) : 0;
      if (packet.cmd === 'pubrel') {
        this.#received.delete(messageId);
        client.send({ cmd: 'pubcomp', messageId });
      }
      if (packet.cmd !== 'publish') continue;
      const { qos, topic } = packet;
      if (qos !== 2 || !this.#received.has(messageId))
        this.counts.set(topic, (this.counts.get(topic) ?? 0) + 1);
      if (qos === 2) this.#received.add(messageId);
      client.send({ cmd: qos === 2 ? 'pubrec' : 'puback', messageId });
    }
  }
}
