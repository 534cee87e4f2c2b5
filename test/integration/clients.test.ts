/** MQTT.js, a client people use, in all three versions: it publishes, subscribes, and comes back after a restart. */
import type { IConnackPacket } from 'mqtt-packet';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RunningBroker } from '../support/running-broker.ts';
import { QOS_LEVELS } from './support/exchanges.ts';
import { VERSIONS, type Version } from './support/versions.ts';

const RECONNECT_MS = 50;
const PROTOCOL_NAME = { 3: 'MQIsdp', 4: 'MQTT', 5: 'MQTT' } as const;

/** Payloads in order of arrival; `reached` resolves when there are as many as asked for. */
class Inbox {
  readonly payloads: string[] = [];
  readonly #waiters = new Set<() => void>();

  constructor(client: MqttClient) {
    client.on('message', (_topic, payload) => {
      this.payloads.push(payload.toString());
      for (const waiter of this.#waiters) waiter();
    });
  }

  async reached(count: number): Promise<string[]> {
    while (this.payloads.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
      this.#waiters.clear();
    }
    return this.payloads;
  }
}

interface Connected {
  readonly client: MqttClient;
  readonly inbox: Inbox;
}

async function connected(
  broker: RunningBroker,
  { level }: Version,
  options: IClientOptions,
): Promise<Connected> {
  const client = connect({
    host: '127.0.0.1',
    port: broker.port(),
    protocol: 'mqtt',
    protocolVersion: level,
    protocolId: PROTOCOL_NAME[level],
    reconnectPeriod: RECONNECT_MS,
    ...options,
  });
  onTestFinished(() => client.endAsync(true));
  const inbox = new Inbox(client);
  await accepted(client);
  return { client, inbox };
}

/** Resolves with the next CONNACK. */
function accepted(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve) => client.once('connect', resolve));
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', resolve));
}

describe.each(VERSIONS)('MQTT.js as $version', (version) => {
  const persistent: IClientOptions = {
    clean: false,
    ...(version.level === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
  };

  it('publishes and receives at every QoS', async () => {
    const broker = await RunningBroker.forTest();
    const { client, inbox } = await connected(broker, version, { clientId: 'both', clean: true });
    await client.subscribeAsync('greetings/#', { qos: 2 });
    for (const qos of QOS_LEVELS) await client.publishAsync(`greetings/${qos}`, `QoS ${qos}`, { qos });
    expect(await inbox.reached(3)).toEqual(['QoS 0', 'QoS 1', 'QoS 2']);
  });

  it('resumes its session when the broker comes back at the same port', async () => {
    const broker = await RunningBroker.forTest();
    const { client: reader, inbox } = await connected(broker, version, {
      clientId: 'reader',
      ...persistent,
      resubscribe: false,
    });
    const { client: writer } = await connected(broker, version, { clientId: 'writer', ...persistent });
    await reader.subscribeAsync('t', { qos: 2 });
    await writer.publishAsync('t', 'before', { qos: 2 });
    await inbox.reached(1);

    const bothClosed = Promise.all([closed(reader), closed(writer)]);
    await broker.stop();
    await bothClosed;
    // Kept by the client until it is connected again.
    const published = [
      writer.publishAsync('t', 'during', { qos: 1 }),
      writer.publishAsync('t', 'during too', { qos: 2 }),
    ];
    const back = accepted(reader);
    await broker.startAgain();
    expect((await back).sessionPresent).toBe(version.level > 3);
    await Promise.all(published);
    await writer.publishAsync('t', 'after', { qos: 2 });
    const received = await inbox.reached(4);
    expect([...received].sort()).toEqual(['after', 'before', 'during', 'during too']);
  });

  it('gets what was published while it was away', async () => {
    const broker = await RunningBroker.forTest();
    const { client: first } = await connected(broker, version, { clientId: 'away', ...persistent });
    await first.subscribeAsync('t', { qos: 1 });
    await first.endAsync();
    const { client: writer } = await connected(broker, version, { clientId: 'writer' });
    const sent = Array.from({ length: 200 }, (_, index) => String(index));
    await Promise.all(sent.map((payload) => writer.publishAsync('t', payload, { qos: 1 })));
    await broker.restart();
    const { inbox } = await connected(broker, version, { clientId: 'away', ...persistent });
    expect(await inbox.reached(sent.length)).toEqual(sent);
  });
});
