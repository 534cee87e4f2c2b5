/** Tells every broker that users in the database were changed, for the command that does so. */
import { RedisUsers } from '../adapters/redis/redis-users.ts';
import type { TenantId, TenantUser } from '../tenancy/identity.ts';
import { redisOptions } from './user-cache.ts';
import type { UserCacheConfig } from './user-cache-schema.ts';

/** `changed`: one user, or all of a tenant, whose rules were changed. Rejects when Redis cannot be told. */
export async function tellOfChange(config: UserCacheConfig, changed: TenantUser | TenantId): Promise<void> {
  const nothing = (): void => undefined;
  const redis = new RedisUsers({
    ...redisOptions(config),
    onChanged: nothing,
    onTenantChanged: nothing,
    onHearing: nothing,
    onProblem: nothing,
  });
  try {
    await redis.ready();
    if (typeof changed === 'string') await redis.tenantChanged(changed);
    else await redis.changed(changed);
  } finally {
    redis.close();
  }
}
