/** Users in MySQL or MariaDB, as an authenticator. The broker starts without them, and refuses their logins as long as they are away. */
import { MySqlPool } from '../adapters/mysql/mysql-pool.ts';
import { MySqlUsers } from '../adapters/mysql/mysql-users.ts';
import type { ChainAuthenticator } from '../auth/authenticator-chain.ts';
import type { PasswordUpgrade, PasswordUpgrades } from '../auth/password-upgrades.ts';
import { UserAuthenticator } from '../auth/user-authenticator.ts';
import { userText } from '../auth/user-list.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { AuthConfig } from './auth-schema.ts';
import type { Logger } from './logging.ts';
import { mySqlOptions } from './mysql-options.ts';
import type { PasswordHashing } from './password-hashing.ts';
import type { UserChangeFollower } from './user-change-follower.ts';
import { openUserCache } from './user-cache.ts';
import { weakHashes } from './weak-hashes.ts';

export interface Time {
  readonly clock: Clock;
  readonly timers: Timers;
}

export interface DatabaseUsers {
  readonly authenticator: ChainAuthenticator;
  readonly upgrades: PasswordUpgrades;
  readonly gauges: readonly GaugeSource[];
  /** Removes the users of a tenant; resolves to how many. Rejects when that could not be done, or told, everywhere: to be done again. */
  removeAll(tenant: TenantId): Promise<number>;
  /** What is in memory of its users counts no more. */
  forget(tenant: TenantId): void;
  close(): Promise<void>;
}

export function openDatabaseUsers(
  { mysql, passwords, cache: cacheConfig }: AuthConfig,
  hashing: PasswordHashing,
  changes: UserChangeFollower,
  logger: Logger,
  { clock, timers }: Time,
): DatabaseUsers {
  const pool = new MySqlPool(mySqlOptions(mysql));
  const users = new MySqlUsers({
    pool,
    statementsMax: mysql.connectionsMax,
    waitingMax: mysql.waitingMax,
    onProblem: (user, problem) => {
      logger.error({ user: userText(user), problem }, 'a user in the database cannot be used as it is');
    },
  });
  const cache = openUserCache(cacheConfig, users, changes, logger, clock);
  const store = async (all: readonly PasswordUpgrade[]): Promise<number> => {
    const written = await users.upgradePasswords(all);
    await cache.rehashed(all.map(({ user }) => user));
    return written;
  };
  const upgrades = weakHashes(pool.place, store, hashing, logger, timers);
  return {
    authenticator: new UserAuthenticator({
      name: 'mysql',
      find: (user) => cache.users.find(user),
      verifier: hashing.verifier,
      decoy: hashing.decoy,
      ...(passwords.upgradeOnLogin ? { upgrades } : {}),
    }),
    upgrades,
    gauges: [...gauges(users, pool), ...cache.gauges],
    removeAll: async (tenant) => {
      let removed = 0;
      for (;;) {
        const some = await users.removeSome(tenant);
        if (some.length === 0) break;
        removed += some.length;
      }
      // Also when there were none: they may have been removed by who could not tell of it.
      await cache.tenantRemoved(tenant);
      return removed;
    },
    forget: (tenant) => {
      cache.forget(tenant);
    },
    close: () => {
      upgrades.close();
      cache.close();
      return pool.close();
    },
  };
}

function gauges(users: MySqlUsers, pool: MySqlPool): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_mysql_user_lookups_total',
      help: 'Users asked for in MySQL.',
      type: 'counter',
      read: () => users.lookUps,
    },
    {
      name: 'spoke_mysql_statements_total',
      help: 'Statements sent to MySQL; one looks many users up.',
      type: 'counter',
      read: () => pool.statements,
    },
    {
      name: 'spoke_mysql_failures_total',
      help: 'Statements that MySQL did not answer, or not in time.',
      type: 'counter',
      read: () => pool.failures,
    },
    {
      name: 'spoke_mysql_lookups_waiting',
      help: 'Users waiting to be looked up in MySQL.',
      type: 'gauge',
      read: () => users.waiting,
    },
  ];
}
