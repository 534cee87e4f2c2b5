/**
 * A broker that is killed between its clients and a real Redis: what was acknowledged to a client is in the stream, in its order, and what
 * was put into a stream comes to clients.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { spawnedBroker } from '../../../src/fleet/spawned-broker.ts';
import { BridgeService } from '../../support/bridge-service.ts';
import { RawClient } from '../../support/raw-client.ts';
import { eventually } from '../../support/eventually.ts';

const KILLS = 2;
/** More than a kill lets through. */
const MESSAGES_MAX = 10_000;

let redis: SingleServer;
let service: BridgeService;

beforeAll(async () => {
  redis = await startRedis();
  service = new BridgeService(redis.port);
});

afterAll(async () => {
  service.close();
  await redis.stop();
});

it('loses nothing that it has acknowledged, and changes no order', async () => {
  const rules = [
    { name: 'out', direction: 'out', filter: 'trips/#', stream: 'trips' },
    { name: 'in', direction: 'in', filter: 'cmd/#', stream: 'cmd' },
  ];
  const broker = await spawnedBroker({
    environment: process.env,
    settings: {
      SPOKE_BRIDGE_REDIS_PORT: `${redis.port}`,
      SPOKE_BRIDGE_RULES: JSON.stringify(rules),
      SPOKE_DURABILITY: 'os',
    },
    random: Math.random,
  });
  const acknowledged: string[] = [];
  let sent = 0;
  /** As a client does: what has no PUBACK is sent again on the next connection. */
  const publish = async (client: RawClient, payload: string): Promise<void> => {
    const messageId = (acknowledged.length % 60_000) + 1;
    client.send({ cmd: 'publish', topic: 'trips/7', payload, qos: 1, messageId, retain: false, dup: false });
    await client.expect('puback');
    acknowledged.push(payload);
  };
  const sentToRedis = () => service.redis.xlen('trips');
  let commands = 0;
  const listen = async () => {
    const session = { clean: false, clientId: 'listener', properties: { sessionExpiryInterval: 600 } };
    return await RawClient.connect({ port: broker.port, transport: 'tcp', level: 5 }, session);
  };
  try {
    await broker.child.start();
    let { client } = await RawClient.connect({ port: broker.port, transport: 'tcp' });
    await eventually(async () => {
      await publish(client, 'probe');
      expect(await sentToRedis()).toBeGreaterThan(0);
    });
    const { client: listener } = await listen();
    listener.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cmd/#', qos: 1 }] });
    await listener.expect('suback');
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await sentToRedis();
      const killing = eventually(async () => {
        expect(await sentToRedis()).toBeGreaterThan(before + 20);
      }).then(() => broker.child.kill());
      try {
        for (let index = 0; index < MESSAGES_MAX; index++) {
          await service.send('cmd', { topic: 'cmd/7', payload: `${commands}` });
          commands++;
          await publish(client, `${sent}`);
          sent++;
        }
      } catch {
        // Killed: what was not acknowledged is sent again below.
      }
      await killing;
      await broker.child.start();
      ({ client } = await RawClient.connect({ port: broker.port, transport: 'tcp' }));
    }
    await publish(client, `${sent++}`);
    await publish(client, 'last');
    await eventually(async () => {
      expect((await service.envelopes('trips')).at(-1)?.['payload']).toBe('last');
    });
    const envelopes = await service.envelopes('trips');
    const byId = new Map(envelopes.map((envelope) => [envelope['entryId'], envelope['payload']]));
    const inStream = [...byId.values()].map(String);
    const known = new Set(inStream);
    expect(acknowledged.filter((payload) => !known.has(payload))).toEqual([]);
    // What the client sent again is in the queue twice, next to each other; nothing else is.
    const order = inStream.filter((payload, at) => payload !== 'probe' && payload !== inStream[at - 1]);
    expect(order).toEqual([...Array.from({ length: sent }, (_, index) => `${index}`), 'last']);
    client.destroy();
    await eventually(async () => {
      expect((await service.redis.xpending('cmd', 'spokemq'))[0]).toBe(0);
    });
    const { client: back, connack } = await listen();
    expect(connack.sessionPresent).toBe(true);
    const heard = new Set<string>();
    while (heard.size < commands) {
      const { payload, messageId } = await back.expect('publish');
      heard.add(payload.toString());
      if (messageId !== undefined) back.send({ cmd: 'puback', messageId });
    }
    expect([...heard]).toEqual(Array.from({ length: commands }, (_, index) => `${index}`));
    back.destroy();
  } finally {
    await broker.child.kill();
    await broker.remove();
  }
});
