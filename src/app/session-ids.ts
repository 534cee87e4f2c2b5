/** Opens who gives the identifiers of sessions, where that is not the store of the event log. */
import { RedisSessionIds } from '../adapters/redis/redis-session-ids.ts';
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { TenantFacts } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';
import { redisConnection } from './redis-connection.ts';

/** A Redis that is away now is waited for by who connects, and by nobody here. */
export function openRedisSessionIds(
  { redis }: SpokeConfig['sessionIds'],
  { highestSessionId }: TenantFacts,
  logger: Logger,
): SessionIdGenerator {
  return new RedisSessionIds({
    ...redisConnection('sessionIds.redis', redis),
    prefix: redis.prefix,
    highestKnown: highestSessionId,
    onProblem: (err) => {
      logger.warn({ err }, 'Redis, which numbers sessions, is of no use now: new sessions are refused');
    },
  });
}
