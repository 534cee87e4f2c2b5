/** The Redis that later work needs: started, called, stopped, with nothing left behind. */
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { callRedis, startRedis } from '../../../engines/redis/redis-engine.ts';

it('answers PING, is started again after a kill, and leaves nothing behind', async () => {
  const redis = await startRedis();
  await callRedis(redis.port);
  expect(redis.record).toMatchObject({ engine: 'redis', address: `127.0.0.1:${redis.port}` });
  await redis.server.kill();
  await expect(callRedis(redis.port)).rejects.toThrow('ECONNREFUSED');
  await redis.server.start();
  await redis.ready();
  await redis.stop();
  await expect(callRedis(redis.port)).rejects.toThrow('ECONNREFUSED');
  expect(existsSync(redis.dataDirectory)).toBe(false);
});
