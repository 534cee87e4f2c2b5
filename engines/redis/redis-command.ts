/** `npm run engines -- redis start`: its options, and what it leaves running. */
import { portCommand } from '../port-command.ts';
import { startRedis } from './redis-engine.ts';

export const redisCommand = portCommand({
  name: 'redis',
  summary: 'Redis, in memory',
  port: 6379,
  start: startRedis,
});
