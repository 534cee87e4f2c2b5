/** The bus of the bridge in a real Redis: its contract, and a Redis that hangs, is full, or is gone. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { RedisBus } from '../../../src/adapters/redis/redis-bus.ts';
import { bridge as bridgeSchema } from '../../../src/app/bridge-schema.ts';
import { redisConnection } from '../../../src/app/redis-connection.ts';
import { bridgeBusContract, type BusUnderTest } from '../../contract/bridge-bus-contract.ts';
import { eventually } from '../../support/eventually.ts';

let server: SingleServer;
let other: Redis;
let bus: RedisBus;
const states: (string | undefined)[] = [];

beforeAll(async () => {
  server = await startRedis();
  other = new Redis({ port: server.port });
  other.on('error', () => undefined);
  const { redis } = bridgeSchema.parse({ redis: { port: server.port, timeoutMs: 500 } });
  bus = new RedisBus({
    ...redisConnection('bridge.redis', redis),
    onState: (problem) => states.push(problem?.message),
  });
  await eventually(() => {
    expect(bus.isConnected).toBe(true);
  });
});

afterAll(async () => {
  bus.close();
  other.disconnect();
  await server.stop();
});

describe('the bus in Redis', () => {
  bridgeBusContract((): BusUnderTest => ({
    bus,
    say: async (channel, message) => {
      await other.publish(channel, message);
    },
    entriesOf: async (stream) => {
      const entries = await other.xrange(stream, '-', '+');
      return entries.map(([, fields]) =>
        Object.fromEntries(
          fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? '']] : [])),
        ),
      );
    },
  }));

  it('says nothing against a Redis that it is still connecting to', async () => {
    const { redis } = bridgeSchema.parse({ redis: { port: server.port } });
    const said: unknown[] = [];
    const early = new RedisBus({
      ...redisConnection('bridge.redis', redis),
      onState: (problem) => said.push(problem),
    });
    const group = early.group(randomUUID(), 'group', 'consumer');
    try {
      await expect(group.lag()).rejects.toThrow();
      await eventually(() => {
        expect(said).toEqual([undefined]);
      });
    } finally {
      group.close();
      early.close();
    }
  });

  it('says once that Redis is full, or gone, and once that it can be used again', async () => {
    const stream = randomUUID();
    const entry = [['text', 'x'.repeat(1_000)]] as const;
    await bus.append(stream, [entry], 0);
    states.length = 0;
    await other.config('SET', 'maxmemory', '1');
    await expect(bus.append(stream, [entry], 0)).rejects.toThrow('OOM');
    await expect(bus.append(stream, [entry], 0)).rejects.toThrow('OOM');
    expect(states).toEqual([expect.stringContaining('OOM')]);
    await other.config('SET', 'maxmemory', '0');
    await bus.append(stream, [entry], 0);
    expect(states).toEqual([expect.stringContaining('OOM'), undefined]);
    expect(await other.xlen(stream)).toBe(2);
    server.server.pause();
    try {
      await expect(bus.append(stream, [entry], 0)).rejects.toThrow('timed out');
    } finally {
      server.server.resume();
    }
    await server.server.kill();
    await eventually(() => {
      expect(bus.isConnected).toBe(false);
    });
    await expect(bus.publish('c', Buffer.from('x'))).rejects.toThrow();
    expect(states).toHaveLength(3);
    const heard: string[] = [];
    bus.subscribe('back', false, (_channel, message) => heard.push(message.toString()));
    await server.server.start();
    await server.ready();
    // Who listened while it was away listens to the new one.
    await eventually(async () => {
      await bus.publish('back', Buffer.from('again'));
      expect(heard).toContain('again');
    });
    expect(states).toHaveLength(4);
    expect(states.at(-1)).toBeUndefined();
  });
});
