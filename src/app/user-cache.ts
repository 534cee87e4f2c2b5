/** What a broker remembers of users in a database: in its memory, and in Redis where there is one. */
import { randomUUID } from 'node:crypto';
import { RedisUsers, type RedisUsersOptions } from '../adapters/redis/redis-users.ts';
import { CachedUsers } from '../auth/cached-users.ts';
import type { UserSource } from '../auth/user-source.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { TenantId, TenantUser } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import type { Logger } from './logging.ts';
import { redisConnection } from './redis-connection.ts';
import type { UserChangeFollower } from './user-change-follower.ts';
import type { UserCacheConfig } from './user-cache-schema.ts';

/** Between lines that say the same. */
const PROBLEM_MS = 10_000;

export interface UserCache {
  readonly users: UserSource;
  readonly gauges: readonly GaugeSource[];
  /** The passwords of these users are hashed otherwise by now. */
  rehashed(users: readonly TenantUser[]): Promise<void>;
  /** None of its users is there any more. Rejects when that cannot be told. */
  tenantRemoved(tenant: TenantId): Promise<void>;
  /** What is in memory of its users counts no more. */
  forget(tenant: TenantId): void;
  close(): void;
}

/** `changes`: that an administrator says over Redis. */
export function openUserCache(
  config: UserCacheConfig,
  source: UserSource,
  changes: UserChangeFollower,
  logger: Logger,
  clock: Clock,
): UserCache {
  const { ttlMs, negativeTtlMs, usersMax, redis } = config;
  let saidAtMs = -Infinity;
  const shared = redis.enabled
    ? new RedisUsers({
        ...redisOptions(config),
        onChanged: (user, isNews) => {
          users.forget(user);
          if (isNews) changes.changed([user]);
        },
        onTenantChanged: (tenant) => {
          users.forgetTenant(tenant);
          changes.tenantChanged(tenant);
        },
        onHearing: () => {
          users.forgetAll();
          changes.missed();
        },
        onProblem: (err) => {
          if (clock.nowMs() - saidAtMs < PROBLEM_MS) return;
          saidAtMs = clock.nowMs();
          logger.warn({ err }, 'Redis is of no use now: users are looked up in the database');
        },
      })
    : undefined;
  const users = new CachedUsers({
    source,
    clock,
    ttlMs,
    negativeTtlMs,
    usersMax,
    ...(shared === undefined ? {} : { shared }),
  });
  return {
    users,
    gauges: gauges(users, shared),
    rehashed: async (all) => {
      for (const user of all) {
        users.forget(user);
        // Away: who logs in with the old hash is verified by it, and it is replaced once more.
        await shared?.changed(user, false).catch(() => undefined);
      }
    },
    tenantRemoved: async (tenant) => {
      users.forgetTenant(tenant);
      await shared?.tenantChanged(tenant);
    },
    forget: (tenant) => {
      users.forgetTenant(tenant);
    },
    close: () => {
      shared?.close();
    },
  };
}

/** For who only tells of changes as well. Throws an `Error` that names the key and the file when one cannot be read. */
export function redisOptions(
  config: UserCacheConfig,
): Omit<RedisUsersOptions, 'onChanged' | 'onTenantChanged' | 'onHearing' | 'onProblem'> {
  const { ttlMs, negativeTtlMs, redis } = config;
  return { ...redisConnection('auth.cache.redis', redis), ttlMs, negativeTtlMs, newGeneration: randomUUID };
}

function gauges(users: CachedUsers, shared: RedisUsers | undefined): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_user_cache_answers_total',
      help: 'Users asked for, by where the answer was.',
      type: 'counter',
      read: () => [
        { labels: { from: 'memory' }, value: users.hits },
        { labels: { from: 'redis' }, value: users.sharedHits },
        { labels: { from: 'database' }, value: users.misses },
      ],
    },
    {
      name: 'spoke_user_cache_users',
      help: 'Users, and names that nobody has, remembered in memory.',
      type: 'gauge',
      read: () => users.size,
    },
    {
      name: 'spoke_user_cache_redis_failures_total',
      help: 'Times that Redis did not answer, or not in time.',
      type: 'counter',
      read: () => shared?.failures ?? 0,
    },
    {
      name: 'spoke_user_cache_hears_changes',
      help: '1: changes of users are heard of over Redis; 0: what is remembered counts for a second, or without Redis for its age.',
      type: 'gauge',
      read: () => (shared?.hearsChanges === true ? 1 : 0),
    },
  ];
}
