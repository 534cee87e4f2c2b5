/** The contract of session identifiers over a real Redis, and what a Redis that loses its counters, or is away, does to them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { RedisSessionIds } from '../../../src/adapters/redis/redis-session-ids.ts';
import type { TenantId } from '../../../src/tenancy/identity.ts';
import { sessionIdGeneratorContract } from '../../contract/session-id-generator-contract.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import { MQTT_5 } from '../support/versions.ts';

const CITY = 'city' as TenantId;

let redis: SingleServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

function open(prefix: string, known = 0): RedisSessionIds {
  return new RedisSessionIds({
    host: '127.0.0.1',
    port: redis.port,
    username: '',
    password: '',
    database: 0,
    tls: undefined,
    timeoutMs: 1_000,
    prefix,
    highestKnown: () => known,
    onProblem: () => undefined,
  });
}

sessionIdGeneratorContract('Redis', () => {
  const prefix = `${randomUUID()}:`;
  return Promise.resolve({
    open: () => Promise.resolve(open(prefix)),
    durable: true,
    dispose: () => Promise.resolve(),
  });
});

describe('session identifiers from Redis', () => {
  test('several generators side by side never give the same one', async () => {
    const prefix = `${randomUUID()}:`;
    const generators = Array.from({ length: 3 }, () => open(prefix));
    const given = await Promise.all(
      generators.flatMap((ids) => Array.from({ length: 2_000 }, () => ids.next(CITY))),
    );
    expect(new Set(given).size).toBe(6_000);
    for (const ids of generators) await ids.close();
  });

  test('go on above what the log knows when the counter was lost', async () => {
    const ids = open(`${randomUUID()}:`, 1_000_000);
    expect(await ids.next(CITY)).toBeGreaterThan(1_000_000);
    await ids.close();
  });

  test('are refused in time while Redis hangs, and a broker numbers its sessions with them', async () => {
    const sessionIds = {
      store: 'redis',
      redis: { port: redis.port, prefix: randomUUID(), timeoutMs: 300 },
    } as const;
    const broker = await RunningBroker.start({ sessionIds });
    try {
      redis.server.pause();
      try {
        const refused = await broker.connect(MQTT_5, { clientId: 'bike' });
        expect(refused.connack.reasonCode).toBe(0x88);
      } finally {
        redis.server.resume();
      }
      expect((await broker.connect(MQTT_5, { clientId: 'bike' })).connack.reasonCode).toBe(0);
    } finally {
      await broker.dispose();
    }
  });
});
