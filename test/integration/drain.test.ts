/** A broker that is drained, as its clients, its admin API and whoever asks for its readiness see it. */
import { describe, expect, it } from 'vitest';
import type { DrainStatus } from '../../src/admin/admin-port.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  subscribe,
  take,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from './support/versions.ts';

const REFERENCE = 'other.example:1883';

async function drain(broker: RunningBroker, wish: object = {}): Promise<DrainStatus> {
  const body = JSON.stringify({ noticeMs: 0, ratePerS: 1_000, ...wish });
  const response = await broker.admin('/api/v1/drain', { method: 'POST', body });
  expect(response.status).toBe(200);
  return (await response.json()) as DrainStatus;
}

async function serve(broker: RunningBroker): Promise<void> {
  expect((await broker.admin('/api/v1/drain', { method: 'DELETE' })).status).toBe(200);
}

async function phase(broker: RunningBroker): Promise<string> {
  return ((await (await broker.admin('/api/v1/drain')).json()) as DrainStatus).phase;
}

describe('a broker that is drained', () => {
  it('tells MQTT 5 clients where to go, and just ends connections of MQTT 3', async () => {
    const broker = await RunningBroker.forTest();
    const { client: five } = await broker.connect(MQTT_5, { clientId: newClientId() });
    const { client: three } = await broker.connect(MQTT_3_1_1, { clientId: newClientId() });
    await drain(broker, { serverReference: REFERENCE });
    expect(await five.expect('disconnect')).toMatchObject({
      reasonCode: REASON.useAnotherServer,
      properties: { serverReference: REFERENCE },
    });
    await five.closed();
    await three.closed();
    await expect(three.next()).rejects.toThrow(/closed/);
    expect(await phase(broker)).toBe('empty');
  });

  it('refuses those who come, with a reason they understand, and is not ready', async () => {
    const broker = await RunningBroker.forTest();
    await drain(broker, { serverReference: REFERENCE, moved: true });
    const { connack: five } = await broker.connect(MQTT_5);
    expect(five).toMatchObject({
      reasonCode: REASON.serverMoved,
      properties: { serverReference: REFERENCE },
    });
    const { connack: three } = await broker.connect(MQTT_3_1_1);
    expect(three.returnCode).toBe(3);
    const ready = await broker.admin('/health/ready');
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { reasons: ['draining, 0 clients left'] },
    ]);
    expect(await (await broker.admin('/metrics')).text()).toMatch(/^spoke_draining 1$/m);

    await serve(broker);
    expect((await broker.admin('/health/ready')).status).toBe(200);
    const { connack } = await broker.connect(MQTT_5);
    expect(connack.reasonCode).toBe(REASON.success);
  });

  it('keeps sessions and what is not answered yet', async () => {
    const broker = await RunningBroker.forTest();
    const clientId = newClientId();
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic: 'kept', qos: 1 });
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId() });
    await publish(sender, { topic: 'kept', qos: 1, payload: 'unanswered' });
    await client.expect('publish');
    await drain(broker);
    await client.closed();
    await serve(broker);
    const { client: back, connack } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(connack.sessionPresent).toBe(true);
    expect(await take(back)).toMatchObject({ topic: 'kept', dup: true });
  });

  it('publishes wills as of lost connections: at once without a delay, else unless the client comes back', async () => {
    const broker = await RunningBroker.forTest();
    const clientId = newClientId('watcher');
    const { client: watcher } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(watcher, { topic: 'will/+', qos: 1 });
    await disconnect(watcher);
    const connectWithWill = (name: string, willDelayInterval: number) =>
      broker.connect(MQTT_5, {
        clientId: name,
        ...persistent(MQTT_5),
        will: {
          topic: `will/${name}`,
          payload: Buffer.from(name),
          qos: 1,
          retain: false,
          properties: { willDelayInterval },
        },
      });
    const leaving = await Promise.all([
      connectWithWill('at-once', 0),
      connectWithWill('gone', 1),
      connectWithWill('back', 1),
    ]);
    await drain(broker);
    await Promise.all(leaving.map(({ client }) => client.closed()));
    await serve(broker);
    await broker.connect(MQTT_5, { clientId: 'back', ...persistent(MQTT_5) });
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(payloads(await takeAll(client, 2))).toEqual(['at-once', 'gone']);
    await expectNothing(client);
  });

  it('stops when nobody is connected, if that is wanted', async () => {
    const broker = await RunningBroker.forTest();
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId() });
    await drain(broker, { shutdown: true });
    await client.closed();
    expect(await broker.stopRequested()).toBe('drained');
  });

  it('lets a drain be begun again, faster', async () => {
    const broker = await RunningBroker.forTest();
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => broker.connect(MQTT_5, { clientId: newClientId() })),
    );
    const begun = await drain(broker, { ratePerS: 1 });
    expect(begun).toMatchObject({ phase: 'moving', connected: 20, ratePerS: 1, shutdown: false });
    await drain(broker, { ratePerS: 1_000 });
    await Promise.all(clients.map(({ client }) => client.closed()));
    await expect.poll(() => phase(broker)).toBe('empty');
  });
});
