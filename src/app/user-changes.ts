/** Tells every broker that a user in the database was changed, for the command that does so. */
import { RedisUsers } from '../adapters/redis/redis-users.ts';
import type { TenantUser } from '../tenancy/identity.ts';
import { redisOptions } from './user-cache.ts';
import type { UserCacheConfig } from './user-cache-schema.ts';

/** Rejects when Redis cannot be told. */
export async function tellOfChange(config: UserCacheConfig, user: TenantUser): Promise<void> {
  const nothing = (): void => undefined;
  const redis = new RedisUsers({
    ...redisOptions(config),
    onChanged: nothing,
    onHearing: nothing,
    onProblem: nothing,
  });
  try {
    await redis.ready();
    await redis.changed(user);
  } finally {
    redis.close();
  }
}
