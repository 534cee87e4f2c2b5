/** When a will is published, when it is forgotten, and what it carries. Take-over: see `sessions.test.ts`. */
import type { IConnectPacket } from 'mqtt-packet';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { hex } from '../packets/wire.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { disconnect, expectNothing, payloads, subscribe, take, takeAll } from './support/exchanges.ts';
import { MQTT_5, newClientId, persistent, VERSIONS, type Version } from './support/versions.ts';

/** A delay of one second is acted upon to the second. */
const PAST_ONE_SECOND_MS = 2_300;

let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start();
});

afterAll(() => broker.dispose());

interface Mortal {
  readonly client: RawClient;
  readonly clientId: string;
  /** Sees the will of this client and no other. */
  readonly watcher: RawClient;
}

/** A client with a will on a topic of its own name, and somebody who watches that topic. */
async function mortal(
  version: Version,
  will: Partial<NonNullable<IConnectPacket['will']>> = {},
  connect: Partial<IConnectPacket> = {},
): Promise<Mortal> {
  const clientId = newClientId('mortal');
  const { client: watcher } = await broker.connect(MQTT_5, { clientId: newClientId('watcher') });
  await subscribe(watcher, { topic: clientId, qos: 2 });
  const { client } = await broker.connect(version, {
    clientId,
    will: { topic: clientId, payload: 'gone', qos: 1, retain: false, ...will },
    ...connect,
  });
  return { client, clientId, watcher };
}

describe.concurrent.each(VERSIONS)('$version: a will', (version) => {
  it.each([0, 1, 2] as const)(
    'of QoS %i is published when the connection is lost [3.1.1 MQTT-3.1.2-8, MQTT-3.1.2-16] [5.0 MQTT-3.1.2-8, MQTT-3.1.2-14]',
    async (qos) => {
      const { client, watcher } = await mortal(version, { qos });
      client.destroy();
      expect(await take(watcher)).toMatchObject({ qos, retain: false });
    },
  );

  it('is published when the client closes without DISCONNECT [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]', async () => {
    const { client, watcher } = await mortal(version);
    client.end();
    expect(payloads([await take(watcher)])).toEqual(['gone']);
  });

  it('is published when the client breaks the protocol [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]', async () => {
    const { client, watcher } = await mortal(version);
    client.send(hex('c1 00'));
    expect(payloads([await take(watcher)])).toEqual(['gone']);
  });

  it('is published when the client falls silent [3.1.1 MQTT-3.1.2-8, MQTT-3.1.2-24] [5.0 MQTT-3.1.2-8, MQTT-3.1.2-22]', async () => {
    const { watcher } = await mortal(version, {}, { keepalive: 1 });
    expect(payloads([await take(watcher)])).toEqual(['gone']);
  });

  it('is forgotten at DISCONNECT', async () => {
    for (const connect of [{}, persistent(version)]) {
      const { client, clientId, watcher } = await mortal(version, {}, connect);
      await disconnect(client);
      // The session is settled when its client is back.
      const { client: back } = await broker.connect(version, { clientId, ...persistent(version) });
      await expectNothing(back);
      await expectNothing(watcher);
    }
  });

  it('is retained when it asks for it [3.1.1 MQTT-3.1.2-17] [5.0 MQTT-3.1.2-15]', async () => {
    const { client, clientId, watcher } = await mortal(version, { retain: true });
    client.destroy();
    await take(watcher);
    const { client: late } = await broker.connect(version, { clientId: newClientId() });
    await subscribe(late, { topic: clientId, qos: 1 });
    expect(await take(late)).toMatchObject({ retain: true });
  });

  it('of the connection before is not published twice [3.1.1 MQTT-3.1.2-10] [5.0 MQTT-3.1.2-10]', async () => {
    const { client, clientId, watcher } = await mortal(version, {}, persistent(version));
    client.destroy();
    await take(watcher);
    const { client: back } = await broker.connect(version, { clientId, ...persistent(version) });
    back.destroy();
    await back.closed();
    const { client: again } = await broker.connect(version, { clientId, ...persistent(version) });
    await expectNothing(again);
    await expectNothing(watcher);
  });
});

describe.concurrent('a will of MQTT 5', () => {
  it('is published after DISCONNECT with reason 0x04', async () => {
    const { client, watcher } = await mortal(MQTT_5);
    await disconnect(client, REASON.disconnectWithWill);
    expect(payloads([await take(watcher)])).toEqual(['gone']);
  });

  it('carries its properties', async () => {
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'text/plain',
      responseTopic: 'answer/here',
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: { b: ['1', '2'] },
    };
    const { client, watcher } = await mortal(MQTT_5, { properties });
    client.destroy();
    expect((await take(watcher)).properties).toEqual({ ...properties });
  });

  it('waits for its delay while the session lives [5.0 MQTT-3.1.2-7, MQTT-3.1.2-8]', async () => {
    const properties = { willDelayInterval: 1 };
    const { client, watcher } = await mortal(MQTT_5, { properties }, persistent(MQTT_5));
    const lostAt = Date.now();
    client.destroy();
    await client.closed();
    await expectNothing(watcher);
    await take(watcher);
    expect(Date.now() - lostAt).toBeGreaterThanOrEqual(990);
  });

  it('is published with the end of the session when that comes first [5.0 MQTT-3.1.2-8]', async () => {
    const properties = { willDelayInterval: 600 };
    const { client, watcher } = await mortal(MQTT_5, { properties }, persistent(MQTT_5, 1));
    client.destroy();
    await take(watcher);
    const ended = await mortal(MQTT_5, { properties }, {});
    ended.client.destroy();
    await take(ended.watcher);
    const cleared = await mortal(MQTT_5, { properties }, persistent(MQTT_5));
    cleared.client.destroy();
    await cleared.client.closed();
    await expectNothing(cleared.watcher);
    await broker.connect(MQTT_5, { clientId: cleared.clientId, clean: true });
    await take(cleared.watcher);
  });

  it('is taken back when the client returns within the delay [5.0 MQTT-3.1.3-9]', async () => {
    const properties = { willDelayInterval: 1 };
    const { client, clientId, watcher } = await mortal(MQTT_5, { properties }, persistent(MQTT_5));
    client.destroy();
    await client.closed();
    const { connack } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(connack.sessionPresent).toBe(true);
    await sleep(PAST_ONE_SECOND_MS);
    await expectNothing(watcher);
  });

  it('of each connection waits for its own delay, over as many connections as come in between [5.0 MQTT-3.1.3-9]', async () => {
    const will = (payload: string, willDelayInterval: number) => ({
      payload,
      properties: { willDelayInterval },
    });
    const { client, clientId, watcher } = await mortal(MQTT_5, will('first', 1), persistent(MQTT_5));
    client.destroy();
    await client.closed();
    const again = async (payload: string, delayS: number): Promise<RawClient> => {
      const { client: next } = await broker.connect(MQTT_5, {
        clientId,
        ...persistent(MQTT_5),
        will: { topic: clientId, qos: 1, retain: false, ...will(payload, delayS) },
      });
      return next;
    };
    const second = await again('second', 600);
    // Taken over: its will is forgotten with its delay still to run.
    const third = await again('third', 1);
    await second.closed();
    const lostAt = Date.now();
    third.destroy();
    expect(payloads([await take(watcher)])).toEqual(['third']);
    expect(Date.now() - lostAt).toBeGreaterThanOrEqual(990);
    await sleep(PAST_ONE_SECOND_MS);
    await expectNothing(watcher);
  });

  it('ends with the administrator who ends the session', async () => {
    const properties = { willDelayInterval: 600 };
    const { client, clientId, watcher } = await mortal(MQTT_5, { properties }, persistent(MQTT_5));
    await broker.admin(`/api/v1/session?client=${clientId}&discard=true`, { method: 'DELETE' });
    expect(await client.next()).toMatchObject({ reasonCode: REASON.administrativeAction });
    await take(watcher);
  });

  it('is taken back by nobody once it waits through a restart [5.0 MQTT-3.1.2-7]', async ({
    onTestFinished,
  }) => {
    const own = await RunningBroker.forTest({}, onTestFinished);
    const { client: watcher } = await own.connect(MQTT_5, { clientId: 'watcher', ...persistent(MQTT_5) });
    await subscribe(watcher, { topic: 'will/#', qos: 1 });
    const lose = async (clientId: string, willDelayInterval: number): Promise<void> => {
      const { client } = await own.connect(MQTT_5, {
        clientId,
        ...persistent(MQTT_5),
        will: { topic: `will/${clientId}`, payload: clientId, qos: 1, properties: { willDelayInterval } },
      });
      client.destroy();
      await client.closed();
    };
    await lose('long', 600);
    await lose('short', 2);
    const { client: connectedThen } = await own.connect(MQTT_5, {
      clientId: 'at-the-stop',
      will: { topic: 'will/at-the-stop', payload: 'at-the-stop', qos: 1 },
    });
    await own.restart();
    expect(connectedThen.isClosed).toBe(true);
    const { client: back } = await own.connect(MQTT_5, { clientId: 'watcher', ...persistent(MQTT_5) });
    expect(payloads(await takeAll(back, 2)).sort()).toEqual(['at-the-stop', 'short']);
    await own.connect(MQTT_5, { clientId: 'long', clean: true });
    expect(payloads([await take(back)])).toEqual(['long']);
    await expectNothing(back);
  });
});
