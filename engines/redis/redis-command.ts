/** `npm run engines -- redis start`: its options, and what it leaves running. */
import type { Command } from 'commander';
import type { EngineCommand } from '../engine.ts';
import { whole } from '../whole-number.ts';
import { startRedis } from './redis-engine.ts';

/** Redis's own. */
const PORT = 6379;
const PORT_MAX = 65_535;

interface RedisStartOptions {
  readonly port: number;
}

export const redisCommand: EngineCommand = {
  name: 'redis',
  summary: 'Redis, in memory',
  addOptions: (start: Command) =>
    start.option('--port <port>', 'where clients find it', whole(1, PORT_MAX), PORT),
  startDetached: async (dataDirectory, options, progress) => {
    const { port } = options as unknown as RedisStartOptions;
    return (await startRedis({ port, dataDirectory, progress })).record;
  },
};
