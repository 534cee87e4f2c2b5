import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OUTBOUND_ALIASES_MAX } from '../../../src/transport/publish-encoder.ts';
import { RawClient } from '../../support/raw-client.ts';
import { delivery, startEchoBroker, type EchoBroker, type EchoLink } from './echo-broker.ts';

let broker: EchoBroker;

beforeEach(async () => {
  broker = await startEchoBroker();
});

afterEach(async () => {
  await broker.server.close();
});

interface ConnectProperties {
  maximumPacketSize?: number;
  topicAliasMaximum?: number;
}

async function connected(properties: ConnectProperties): Promise<{ client: RawClient; link: EchoLink }> {
  const { client } = await RawClient.connect({ port: broker.port, level: 5 }, { properties });
  return { client, link: await broker.link(0) };
}

describe('PUBLISH to a client', () => {
  it('[MQTT-3.1.2-24] is not sent above the maximum packet size of the client', async () => {
    const { client, link } = await connected({ maximumPacketSize: 100 });
    const withPayload = (bytes: number): boolean =>
      link.link.sendPublish(delivery('topic', Buffer.alloc(bytes)), 0);
    // Flags, length, 2 + 5 bytes of topic, property length.
    expect(withPayload(91)).toBe(false);
    expect(withPayload(90)).toBe(true);
    expect(withPayload(50_000)).toBe(false);
    const packets = await client.roundTrip();
    expect(packets.map((packet) => packet.cmd === 'publish' && packet.payload.length)).toEqual([90]);
  });

  it('[MQTT-3.3.2-6] carries the time that is left', async () => {
    const { client, link } = await connected({});
    const expiresAtMs = 100_000;
    for (const nowMs of [90_000, 91_500, 99_999]) {
      link.link.sendPublish(delivery('t', Buffer.alloc(0), expiresAtMs), nowMs);
    }
    const packets = await client.roundTrip();
    expect(
      packets.map((packet) => packet.cmd === 'publish' && packet.properties?.messageExpiryInterval),
    ).toEqual([10, 9, 1]);
  });

  it('[MQTT-3.1.2-26] uses as many aliases as the client takes, and the topic elsewhere', async () => {
    const { client, link } = await connected({ topicAliasMaximum: 2 });
    for (const topic of ['a', 'b', 'c', 'a', 'b', 'c']) {
      link.link.sendPublish(delivery(topic, Buffer.alloc(0)), 0);
    }
    const packets = await client.roundTrip();
    expect(
      packets.map((packet) => packet.cmd === 'publish' && [packet.topic, packet.properties?.topicAlias]),
    ).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', undefined],
      ['', 1],
      ['', 2],
      ['c', undefined],
    ]);
  });

  it('keeps no alias for a packet that was not sent', async () => {
    const { client, link } = await connected({ topicAliasMaximum: 1, maximumPacketSize: 100 });
    link.link.sendPublish(delivery('large', Buffer.alloc(200)), 0);
    link.link.sendPublish(delivery('small', Buffer.alloc(1)), 0);
    const [packet] = await client.roundTrip();
    expect(packet).toMatchObject({ topic: 'small', properties: { topicAlias: 1 } });
  });

  it('remembers no more topics than its own bound', async () => {
    const { client, link } = await connected({ topicAliasMaximum: 65_535 });
    for (let index = 0; index < 2 * OUTBOUND_ALIASES_MAX; index++) {
      link.link.sendPublish(delivery(`topic/${index}`, Buffer.alloc(0)), 0);
    }
    const packets = await client.roundTrip();
    const aliased = packets.filter((packet) => packet.cmd === 'publish' && packet.properties?.topicAlias);
    expect(aliased).toHaveLength(OUTBOUND_ALIASES_MAX);
  });
});
