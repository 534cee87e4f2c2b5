/** What brokers remember of users, with a real MariaDB or MySQL and a real Redis: what a cold fleet costs, who hears of a change, and faults. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createPool, type Pool } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startMySql } from '../../../engines/mysql/mysql-engine.ts';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { MySqlPool } from '../../../src/adapters/mysql/mysql-pool.ts';
import { MySqlUsers } from '../../../src/adapters/mysql/mysql-users.ts';
import { applyUserTables } from '../../../src/adapters/mysql/user-tables.ts';
import { RedisUsers } from '../../../src/adapters/redis/redis-users.ts';
import { mySqlOptions } from '../../../src/app/mysql-options.ts';
import { mysql as mysqlSchema } from '../../../src/app/mysql-schema.ts';
import { redisOptions } from '../../../src/app/user-cache.ts';
import { userCache } from '../../../src/app/user-cache-schema.ts';
import { tellOfChange } from '../../../src/app/user-changes.ts';
import { CachedUsers } from '../../../src/auth/cached-users.ts';
import { formatPasswordHash, hashPassword } from '../../../src/auth/password-hash.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { SystemClock } from '../../../src/transport/system-time.ts';
import { RunningBroker, type BrokerSettings } from '../../support/running-broker.ts';
import { expectNothing, publish, subscribe } from '../support/exchanges.ts';

const FLEET = 10_000;
const SECRET = 'correct horse';

let database: SingleServer;
let redis: SingleServer;
let admin: Pool;
const closing: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([startMySql(), startRedis()]);
  const connection = { host: '127.0.0.1', port: database.port, user: 'root' };
  const first = createPool(connection);
  await first.query('CREATE DATABASE spokemq');
  await first.end();
  admin = createPool({ ...connection, database: 'spokemq' });
  const pool = new MySqlPool(mySqlOptions(mysqlConfig()));
  await applyUserTables(pool);
  await pool.close();
  const cost = { ln: 10, r: 8, p: 1 };
  const hash = formatPasswordHash(await hashPassword(Buffer.from(SECRET), Buffer.alloc(16, 1), cost));
  const rows = Array.from({ length: FLEET }, (_, index) => ['default', `bike-${index}`, hash]);
  await admin.query('INSERT INTO spoke_users (tenant, name, password) VALUES ?', [rows]);
  await admin.query(
    "INSERT INTO spoke_rules (tenant, name, position, rule) VALUES ('default', '', 1, 'allow all #')",
  );
});

afterAll(async () => {
  for (const close of closing) await close();
  await admin.end();
  await Promise.all([database.stop(), redis.stop()]);
});

function mysqlConfig() {
  return mysqlSchema.parse({ port: database.port, user: 'root' });
}

function cacheConfig(prefix: string) {
  return userCache.parse({ redis: { enabled: true, port: redis.port, prefix, timeoutMs: 1_000 } });
}

/** As a broker has them. */
async function broker(prefix: string) {
  const config = cacheConfig(prefix);
  const pool = new MySqlPool(mySqlOptions(mysqlConfig()));
  const source = new MySqlUsers({ pool, statementsMax: 8, waitingMax: 20_000, onProblem: () => undefined });
  const shared = new RedisUsers({
    ...redisOptions(config),
    onChanged: (user) => {
      users.forget(user);
    },
    onTenantChanged: (tenant) => {
      users.forgetTenant(tenant);
    },
    onHearing: () => {
      users.forgetAll();
    },
    onProblem: () => undefined,
  });
  const { ttlMs, negativeTtlMs, usersMax } = config;
  const users = new CachedUsers({ source, shared, clock: new SystemClock(), ttlMs, negativeTtlMs, usersMax });
  closing.push(
    () => {
      shared.close();
    },
    () => pool.close(),
  );
  await vi.waitFor(() => {
    expect(shared.hearsChanges).toBe(true);
  });
  const find = (name: string) => users.find({ tenant: DEFAULT_TENANT, clientName: name });
  return { pool, users, shared, find, config };
}

async function selects(): Promise<number> {
  const [rows] = await admin.query("SHOW GLOBAL STATUS LIKE 'Com_select'");
  return Number((rows as { Value: string }[])[0]?.Value);
}

describe('a cold start with 10,000 connects', () => {
  it('costs MySQL a hundred statements at the first broker, none at the next, and none again', async () => {
    const prefix = randomUUID();
    const [one, two] = [await broker(prefix), await broker(prefix)];
    const fleet = Array.from({ length: FLEET }, (_, index) => `bike-${index}`);
    const before = await selects();
    const found = await Promise.all([...fleet, ...fleet].map(one.find));
    expect(found.every((user) => user?.passwordHash !== undefined)).toBe(true);
    const first = (await selects()) - before;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(150);
    await Promise.all(fleet.map(two.find));
    await Promise.all(fleet.map(one.find));
    expect((await selects()) - before).toBe(first);
    expect(one.users).toMatchObject({ misses: FLEET, hits: FLEET });
    expect(two.users).toMatchObject({ misses: 0, sharedHits: FLEET });
  });
});

describe('a change', () => {
  it('is heard of by every broker: of rules they count for who is connected, of more he logs in again', async () => {
    const cache = cacheConfig(randomUUID());
    const settings: BrokerSettings = {
      auth: {
        mode: 'chain',
        chain: ['mysql'],
        mysql: mysqlConfig(),
        cache,
        passwords: { upgradeOnLogin: false },
      },
    };
    const [one, two] = [await RunningBroker.start(settings), await RunningBroker.start(settings)];
    try {
      const connect = (to: RunningBroker, username: string) =>
        to.connect({ level: 5 }, { clientId: username, username, password: Buffer.from(SECRET) });
      const connected = await Promise.all([
        connect(one, 'bike-1'),
        connect(two, 'bike-1'),
        connect(two, 'bike-2'),
      ]);
      expect(connected.map(({ connack }) => connack.reasonCode)).toEqual([0, 0, 0]);
      await admin.query("UPDATE spoke_users SET enabled = FALSE WHERE name = 'bike-1'");
      const saidAtMs = performance.now();
      await tellOfChange(cache, { tenant: DEFAULT_TENANT, clientName: 'bike-1' });
      for (const { client } of connected.slice(0, 2))
        expect((await client.expect('disconnect')).reasonCode).toBe(REASON.administrativeAction);
      expect(performance.now() - saidAtMs).toBeLessThan(1_000);
      for (const to of [one, two])
        expect((await connect(to, 'bike-1')).connack.reasonCode).toBe(REASON.badUserNameOrPassword);
      await expectNothing(connected[2].client);

      const both = [await connect(one, 'bike-4'), await connect(two, 'bike-4')];
      for (const { client } of both) await subscribe(client, { topic: 'a', qos: 1 });
      await admin.query("INSERT INTO spoke_rules VALUES ('default', 'bike-4', 1, 'allow publish a')");
      const toldAtMs = performance.now();
      await tellOfChange(cache, { tenant: DEFAULT_TENANT, clientName: 'bike-4' });
      for (const { client } of both)
        await vi.waitFor(
          async () => {
            expect(await publish(client, { topic: 'b', qos: 1 })).toBe(REASON.notAuthorized);
          },
          { interval: 20 },
        );
      expect(performance.now() - toldAtMs).toBeLessThan(1_000);
      // Nobody has the subscription any more.
      for (const { client } of both)
        expect(await publish(client, { topic: 'a', qos: 1 })).toBe(REASON.noMatchingSubscribers);

      // The rules of the tenant count for those without rules of their own, also of a user whom Redis remembers.
      await expectNothing(connected[2].client);
      await admin.query("UPDATE spoke_rules SET rule = 'allow publish c' WHERE name = ''");
      await tellOfChange(cache, DEFAULT_TENANT);
      await vi.waitFor(
        async () => {
          expect(await publish(connected[2].client, { topic: 'b', qos: 1 })).toBe(REASON.notAuthorized);
        },
        { interval: 20 },
      );
      const again = await connect(one, 'bike-2');
      expect(await publish(again.client, { topic: 'b', qos: 1 })).toBe(REASON.notAuthorized);
      for (const { client } of both)
        expect(await publish(client, { topic: 'a', qos: 1 })).toBe(REASON.noMatchingSubscribers);
    } finally {
      await admin.query("UPDATE spoke_users SET enabled = TRUE WHERE name = 'bike-1'");
      await admin.query("DELETE FROM spoke_rules WHERE name = 'bike-4'");
      await admin.query("UPDATE spoke_rules SET rule = 'allow all #' WHERE name = ''");
      await one.dispose();
      await two.dispose();
    }
  });

  it('makes what was looked up before it and written after it count for nothing', async () => {
    const prefix = randomUUID();
    const [one, two] = [await broker(prefix), await broker(prefix)];
    const user = { tenant: DEFAULT_TENANT, clientName: 'bike-3' };
    const before = await one.shared.read(user);
    if (before === undefined) throw new Error('Redis is away');
    await two.shared.changed(user);
    one.shared.write(user, before, undefined);
    expect(await one.shared.read(user)).toMatchObject({ known: undefined });
    expect(await two.find('bike-3')).toBeDefined();
  });
});

describe('what Redis remembers of a user', () => {
  it('is gone with a change, also when Redis throws the word of it away for want of memory', async () => {
    const prefix = randomUUID();
    const { shared, find } = await broker(prefix);
    const user = { tenant: DEFAULT_TENANT, clientName: 'bike-5' };
    expect(await find('bike-5')).toBeDefined();
    await vi.waitFor(async () => {
      expect((await shared.read(user))?.known?.user).toBeDefined();
    });
    await shared.changed(user);
    const control = new Redis({ port: redis.port });
    try {
      expect(await control.del(`${prefix}generation:default/bike-5`)).toBe(1);
    } finally {
      control.disconnect();
    }
    expect(await shared.read(user)).toMatchObject({ known: undefined });
  });
});

describe('a Redis that is', () => {
  it('hung or gone makes look-ups slower, and lets nobody in or out; back again it is used again', async () => {
    const { find, shared, pool, users } = await broker(randomUUID());
    redis.server.pause();
    try {
      expect(await find('bike-10')).toBeDefined();
      expect(await find('nobody-10')).toBeUndefined();
    } finally {
      redis.server.resume();
    }
    await redis.server.kill();
    await vi.waitFor(() => {
      expect(shared.hearsChanges).toBe(false);
    });
    expect(await find('bike-11')).toBeDefined();
    expect(await find('nobody-11')).toBeUndefined();
    expect(pool.failures).toBe(0);
    expect(shared.failures).toBeGreaterThan(0);
    expect(users.size).toBeGreaterThan(0);
    await expect(shared.changed({ tenant: DEFAULT_TENANT, clientName: 'bike-11' })).rejects.toThrow();
    await redis.server.start();
    await redis.ready();
    await vi.waitFor(
      () => {
        expect(shared.hearsChanges).toBe(true);
      },
      { timeout: 10_000 },
    );
    // What was remembered without hearing is gone: a change may have been missed.
    expect(users.size).toBe(0);
    expect(await find('bike-12')).toBeDefined();
    const answer = await shared.read({ tenant: DEFAULT_TENANT, clientName: 'bike-12' });
    expect(answer?.known?.user).toBeDefined();
  });
});
