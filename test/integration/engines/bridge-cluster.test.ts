/** Bridge rules of several brokers, with a real Redis: each message goes out once, each comes in once, and whoever leaves is followed by another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { RedisBus } from '../../../src/adapters/redis/redis-bus.ts';
import { bridgeRulesOf } from '../../../src/app/bridge-rules.ts';
import { bridge as bridgeSchema } from '../../../src/app/bridge-schema.ts';
import { redisConnection } from '../../../src/app/redis-connection.ts';
import { Bridge } from '../../../src/bridge/bridge.ts';
import { responsibleBroker } from '../../../src/cluster/responsibility.ts';
import { brokerIdOf, type ClientId } from '../../../src/tenancy/identity.ts';
import { BridgeService } from '../../support/bridge-service.ts';
import { MemoryCluster, type ClusterBroker } from '../../support/memory-cluster.ts';
import { RawClient } from '../../support/raw-client.ts';
import { eventually } from '../../support/eventually.ts';

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

const { redis: redisOptions, rules } = bridgeSchema.parse({
  rules: [
    { name: 'said', direction: 'out', filter: '#', channel: 'said:{topic}', format: 'raw' },
    { name: 'kept', direction: 'out', filter: 'trips/#', stream: 'kept' },
    { name: 'heard', direction: 'in', filter: '#', channel: 'hear:{topic}', format: 'raw' },
    { name: 'read', direction: 'in', filter: '#', stream: 'read' },
  ],
});

function bridgeOf({ broker, membership, incarnation }: ClusterBroker): Bridge {
  const brokerId = brokerIdOf(incarnation);
  const bridge = new Bridge({
    broker,
    bus: new RedisBus({
      ...redisConnection('bridge.redis', { ...redisOptions, port: redis.port }),
      onState: () => undefined,
    }),
    rules: bridgeRulesOf({ redis: redisOptions, rules }),
    brokerId,
    isServed: (tenant) => broker.directory.serves(tenant),
    isResponsibleFor: (key) => responsibleBroker(key, membership.members()) === brokerId,
  });
  bridge.start();
  return bridge;
}

async function connect({ port }: ClusterBroker, clientId: string): Promise<RawClient> {
  return (await RawClient.connect({ port, transport: 'tcp', level: 5 }, { clientId })).client;
}

async function publish(from: RawClient, topic: string, payload: string): Promise<void> {
  from.send({ cmd: 'publish', topic, payload, qos: 1, messageId: 1, retain: false, dup: false });
  await from.expect('puback');
}

/** How many brokers serve each rule. */
function served(bridges: readonly Bridge[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { rules: places } of bridges)
    for (const { rule, counters } of places)
      counts[rule.name] = (counts[rule.name] ?? 0) + (counters.isServed ? 1 : 0);
  return counts;
}

describe('two brokers with the same rules', () => {
  it('send and publish everything once, and nothing that came in goes out again', async () => {
    const cluster = new MemoryCluster();
    const [one, two] = [await cluster.start('one'), await cluster.start('two')];
    const bridges = [bridgeOf(one), bridgeOf(two)];
    try {
      const heard = await service.hear('said:*');
      const clients = [await connect(one, 'bike-1'), await connect(two, 'bike-2')] as const;
      const listeners = [await connect(one, 'listener-1'), await connect(two, 'listener-2')] as const;
      for (const listener of listeners) {
        listener.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'in/#', qos: 1 }] });
        await listener.expect('suback');
      }
      await eventually(() => {
        expect(served(bridges)).toEqual({ said: 2, kept: 1, heard: 1, read: 1 });
        for (const { broker } of [one, two]) {
          const [tenant] = broker.tenants();
          expect(tenant?.registry.subscribes('$bridge/kept' as ClientId, 'trips/#')).toBe(true);
        }
      });
      await publish(clients[0], 'trips/1', 'from one');
      await publish(clients[1], 'trips/2', 'from two');
      await eventually(async () => {
        const kept = await service.envelopes('kept');
        expect(kept.map(({ payload }) => payload).sort()).toEqual(['from one', 'from two']);
      });
      await eventually(async () => {
        expect(await service.redis.publish('hear:in/1', 'said')).toBe(1);
      });
      await service.send('read', { topic: 'in/2', payload: 'read' });
      for (const listener of listeners) {
        const packets = [await listener.expect('publish'), await listener.expect('publish')];
        expect(packets.map(({ payload }) => payload.toString()).sort()).toEqual(['read', 'said']);
      }
      await service.send('read', { topic: 'trips/3', payload: 'from a service' });
      await publish(clients[0], 'trips/4', 'end');
      await eventually(async () => {
        expect((await service.envelopes('kept')).at(-1)?.['payload']).toBe('end');
        expect(heard.at(-1)?.channel).toBe('said:trips/4');
      });
      expect(heard.map(({ message }) => message).sort()).toEqual(['end', 'from one', 'from two']);
      expect(await service.envelopes('kept')).toHaveLength(3);

      // The one that keeps leaves; what is published meanwhile is kept by the other.
      const keeper = bridges.findIndex(({ rules: places }) =>
        places.some(({ rule, counters }) => rule.name === 'kept' && counters.isServed),
      );
      const [leaving, staying] = keeper === 0 ? [one, two] : [two, one];
      const stayingClient = clients[keeper === 0 ? 1 : 0];
      await bridges[keeper]?.stop();
      await publish(stayingClient, 'trips/5', 'in between');
      await leaving.close();
      cluster.brokers.splice(cluster.brokers.indexOf(leaving), 1);
      await publish(stayingClient, 'trips/6', 'afterwards');
      await eventually(async () => {
        const payloads = (await service.envelopes('kept')).map(({ payload }) => payload);
        expect(payloads.slice(3)).toEqual(['in between', 'afterwards']);
      });
      await service.send('read', { topic: 'in/3', payload: 'still read' });
      const listener = listeners[keeper === 0 ? 1 : 0];
      expect((await listener.expect('publish')).payload.toString()).toBe('still read');
      expect(staying.mesh.links()).toEqual([]);
    } finally {
      for (const bridge of bridges) await bridge.stop();
      await cluster.close();
    }
  });
});
