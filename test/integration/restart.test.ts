/** A graceful stop and a start on the same data: who is told, and that everything durable is there again. */
import { describe, expect, it } from 'vitest';
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
  take,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_5, persistent, VERSIONS } from './support/versions.ts';

describe('a graceful stop', () => {
  it('tells MQTT 5 clients why, closes the others, and takes no new ones', async () => {
    const broker = await RunningBroker.forTest();
    const clients = await Promise.all(
      VERSIONS.map(async (version) => {
        const { client } = await broker.connect(version, {
          clientId: version.version,
          ...persistent(version),
        });
        await subscribe(client, { topic: 'a', qos: 1 });
        return client;
      }),
    );
    await broker.stop();
    for (const client of clients) {
      await client.closed();
      if (client.level < 5) await expect(client.next()).rejects.toThrow('closed');
      else expect(await client.next()).toMatchObject({ reasonCode: REASON.serverShuttingDown });
    }
    await expect(broker.open()).rejects.toThrow();
    await broker.startAgain();
    for (const version of VERSIONS) {
      const { connack } = await broker.connect(version, {
        clientId: version.version,
        ...persistent(version),
      });
      expect(connack.sessionPresent).toBe(version.level > 3);
    }
  });

  it('ends transient sessions', async () => {
    const broker = await RunningBroker.forTest();
    const { client } = await broker.connect(MQTT_5, { clientId: 'transient' });
    await subscribe(client, { topic: 'a', qos: 1 });
    await broker.restart();
    const { client: sender, connack } = await broker.connect(MQTT_5, { clientId: 'transient', clean: false });
    expect(connack.sessionPresent).toBe(false);
    expect(await publish(sender, { topic: 'a', qos: 1 })).toBe(REASON.noMatchingSubscribers);
  });

  it('leaves what publishers wait for acknowledged or unacknowledged, never in between', async () => {
    const broker = await RunningBroker.forTest();
    const { client: away } = await broker.connect(MQTT_5, { clientId: 'away', ...persistent(MQTT_5) });
    await subscribe(away, { topic: 'flow', qos: 1 });
    await disconnect(away);
    const { client: sender } = await broker.connect(MQTT_5, { clientId: 'sender' });
    const acknowledged: number[] = [];
    const flow = (async () => {
      for (let first = 1; ; first += 100) {
        sender.send(
          ...Array.from({ length: 100 }, (_, index) =>
            publishPacket({
              topic: 'flow',
              qos: 1,
              messageId: first + index,
              payload: String(first + index),
            }),
          ),
        );
        for (let index = 0; index < 100; index++) {
          const packet = await sender.next();
          if (packet.cmd !== 'puback') return;
          acknowledged.push(packet.messageId ?? 0);
        }
      }
    })().catch(() => undefined);
    await sender.expect('puback');
    acknowledged.push(1);
    await broker.stop();
    await flow;
    await broker.startAgain();
    const { client: back } = await broker.connect(MQTT_5, { clientId: 'away', ...persistent(MQTT_5) });
    const received = new Set(payloads(await takeAll(back, acknowledged.length)));
    expect(acknowledged.filter((id) => !received.has(String(id)))).toEqual([]);
  });
});

describe.each(VERSIONS)('$version: after a restart', (version) => {
  it('subscriptions, queued messages, hand-shakes and retained messages go on', async () => {
    const broker = await RunningBroker.forTest();
    const connect = (clientId: string) => broker.connect(version, { clientId, ...persistent(version) });
    const resume = async (clientId: string): Promise<RawClient> => {
      const { client, connack } = await connect(clientId);
      expect(connack.sessionPresent).toBe(version.level > 3);
      return client;
    };
    const subscribed = async (clientId: string): Promise<RawClient> => {
      const { client } = await connect(clientId);
      await subscribe(client, { topic: 'news', qos: 2 });
      return client;
    };
    await disconnect(await subscribed('absent'));
    const [unacknowledging, halfWay] = [await subscribed('unacknowledging'), await subscribed('half-way')];
    const { client: sender } = await connect('sender');
    for (const payload of ['1', '2', '3']) await publish(sender, { topic: 'news', qos: 2, payload });
    await publish(sender, { topic: 'kept', qos: 1, retain: true, payload: 'retained' });
    sender.send(publishPacket({ topic: 'news', qos: 2, messageId: 500, payload: 'held' }));
    await sender.expect('pubrec');
    const unacknowledged = [
      await unacknowledging.expect('publish'),
      await unacknowledging.expect('publish'),
      await unacknowledging.expect('publish'),
    ];
    const received = await halfWay.expect('publish');
    halfWay.send({ cmd: 'pubrec', messageId: received.messageId ?? 0 });
    while ((await halfWay.next()).cmd !== 'pubrel');

    await broker.restart();

    expect(payloads(await takeAll(await resume('absent'), 3))).toEqual(['1', '2', '3']);
    const again = await takeAll(await resume('unacknowledging'), 3);
    expect(again.map(({ messageId, dup }) => ({ messageId, dup }))).toEqual(
      unacknowledged.map(({ messageId }) => ({ messageId, dup: true })),
    );
    const halfWayBack = await resume('half-way');
    expect(await halfWayBack.expect('pubrel')).toMatchObject({ messageId: received.messageId });
    halfWayBack.send({ cmd: 'pubcomp', messageId: received.messageId ?? 0 });
    expect(payloads(await takeAll(halfWayBack, 2))).toEqual(['2', '3']);

    const senderBack = await resume('sender');
    senderBack.send({ cmd: 'pubrel', messageId: 500 });
    await senderBack.expect('pubcomp');
    expect(payloads([await take(halfWayBack)])).toEqual(['held']);
    const { client: late } = await connect('late');
    await subscribe(late, { topic: 'kept', qos: 1 });
    expect(await take(late)).toMatchObject({ retain: true });
    await expectNothing(late);
  });
});

describe('restarts in a row', () => {
  it('neither lose nor repeat', async () => {
    const broker = await RunningBroker.forTest();
    const first = await broker.connect(MQTT_5, { clientId: 'reader', ...persistent(MQTT_5) });
    await subscribe(first.client, { topic: 't', qos: 1 });
    await disconnect(first.client);
    for (let round = 1; round <= 3; round++) {
      const { client: sender } = await broker.connect(MQTT_5, { clientId: 'sender' });
      await publish(sender, { topic: 't', qos: 1, payload: `${round} a` });
      await publish(sender, { topic: 't', qos: 1, payload: `${round} b` });
      await broker.restart();
      const { client } = await broker.connect(MQTT_5, { clientId: 'reader', ...persistent(MQTT_5) });
      expect(payloads(await takeAll(client, 2))).toEqual([`${round} a`, `${round} b`]);
      await expectNothing(client);
    }
  });
});
