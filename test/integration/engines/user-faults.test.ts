/**
 * Logins while MariaDB or MySQL and Redis misbehave: slower, not open, not closed. And TLS to both: with the right peer, or not at all.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { createPool, type Pool, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../../../engines/free-ports.ts';
import { startMySql } from '../../../engines/mysql/mysql-engine.ts';
import { startRedis } from '../../../engines/redis/redis-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { MySqlPool } from '../../../src/adapters/mysql/mysql-pool.ts';
import { applyUserTables } from '../../../src/adapters/mysql/user-tables.ts';
import { RedisUsers } from '../../../src/adapters/redis/redis-users.ts';
import { mySqlOptions } from '../../../src/app/mysql-options.ts';
import { mysql as mysqlSchema } from '../../../src/app/mysql-schema.ts';
import { redisOptions } from '../../../src/app/user-cache.ts';
import { userCache } from '../../../src/app/user-cache-schema.ts';
import { tellOfChange } from '../../../src/app/user-changes.ts';
import { formatPasswordHash, hashPassword } from '../../../src/auth/password-hash.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, parseTenantId } from '../../../src/tenancy/identity.ts';
import { RunningBroker } from '../../support/running-broker.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';
import { expectNothing, publish } from '../support/exchanges.ts';

const FLEET = 600;
const SECRET = 'correct horse';

const tlsFile = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));
const CA = { enabled: true, caFile: tlsFile('ca') };
const CLIENT = { certFile: tlsFile('client'), keyFile: tlsFile('client-key') };

let database: SingleServer;
let redis: SingleServer;
let redisTlsPort: number;
let admin: Pool;

beforeAll(async () => {
  const [tlsPort = 0] = await freePorts(1);
  redisTlsPort = tlsPort;
  const [ca, cert, key] = ['ca', 'server', 'server-key'].map(tlsFile);
  [database, redis] = await Promise.all([
    startMySql({ args: [`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`] }),
    startRedis({
      args: [
        ...['--tls-port', `${tlsPort}`, '--tls-auth-clients', 'yes'],
        ...['--tls-ca-cert-file', `${ca}`, '--tls-cert-file', `${cert}`, '--tls-key-file', `${key}`],
      ],
    }),
  ]);
  const connection = { host: '127.0.0.1', port: database.port, user: 'root' };
  const first = createPool(connection);
  await first.query('CREATE DATABASE spokemq');
  for (const [user, requirement] of [
    ['with-tls', 'SSL'],
    ['with-certificate', 'X509'],
  ] as const) {
    await first.query(`CREATE USER '${user}'@'%' REQUIRE ${requirement}`);
    await first.query(`GRANT ALL ON spokemq.* TO '${user}'@'%'`);
  }
  await first.end();
  admin = createPool({ ...connection, database: 'spokemq' });
  const pool = mysqlPool({});
  await applyUserTables(pool);
  await pool.close();
  const hash = formatPasswordHash(
    await hashPassword(Buffer.from(SECRET), Buffer.alloc(16, 1), { ln: 10, r: 8, p: 1 }),
  );
  const rows = Array.from({ length: FLEET }, (_, index) => ['default', `bike-${index}`, hash]);
  await admin.query('INSERT INTO spoke_users (tenant, name, password) VALUES ?', [rows]);
  await admin.query(
    "INSERT INTO spoke_rules (tenant, name, position, rule) VALUES ('default', '', 1, 'allow all #')",
  );
});

afterAll(async () => {
  await admin.end();
  await Promise.all([database.stop(), redis.stop()]);
});

function mysqlConfig(changes: object) {
  return mysqlSchema.parse({ port: database.port, user: 'root', ...changes });
}

function mysqlPool(changes: object): MySqlPool {
  return new MySqlPool(mySqlOptions(mysqlConfig(changes)));
}

function cacheConfig(changes: object = {}) {
  const shared = { enabled: true, port: redis.port, prefix: randomUUID(), timeoutMs: 1_000 };
  return userCache.parse({ redis: { ...shared, ...changes } });
}

/** With users in the database. */
function startBroker(mysql: object, cache: object = {}): Promise<RunningBroker> {
  return RunningBroker.forTest({
    auth: {
      mode: 'chain',
      chain: ['mysql', 'anonymous'],
      anonymousRules: ['allow all #'],
      mysql: mysqlConfig(mysql),
      cache,
      passwords: { upgradeOnLogin: false },
    },
  });
}

async function login(broker: RunningBroker, name: string, password = SECRET) {
  const connect = { clientId: name, username: name, password: Buffer.from(password) };
  const { client, connack } = await broker.connect({ level: 5 }, connect);
  return { client, reasonCode: connack.reasonCode };
}

async function reasonCode(broker: RunningBroker, name: string, password?: string) {
  return (await login(broker, name, password)).reasonCode;
}

describe('a database that is', () => {
  it('slow makes logins wait, refuses those that wait too long, and lets nobody in for that', async () => {
    const relay = await TcpRelay.start({ host: '127.0.0.1', port: database.port });
    const broker = await startBroker({ port: relay.port, queryTimeoutMs: 500, connectTimeoutMs: 500 });
    try {
      expect(await reasonCode(broker, 'bike-0')).toBe(0);
      relay.hold();
      const waiting = reasonCode(broker, 'bike-1');
      setTimeout(() => {
        relay.mend();
      }, 150);
      expect(await waiting).toBe(0);
      relay.hold();
      const late = [reasonCode(broker, 'bike-2'), reasonCode(broker, 'bike-2', 'wrong')];
      expect(await reasonCode(broker, 'nobody')).toBe(REASON.serverUnavailable);
      expect(await Promise.all(late)).toEqual([REASON.serverUnavailable, REASON.serverUnavailable]);
      // Who is remembered goes on, and is still asked for the password.
      expect(await reasonCode(broker, 'bike-0')).toBe(0);
      expect(await reasonCode(broker, 'bike-0', 'wrong')).toBe(REASON.badUserNameOrPassword);
      relay.mend();
      expect(await reasonCode(broker, 'bike-2')).toBe(0);
      expect(await reasonCode(broker, 'nobody')).toBe(REASON.badUserNameOrPassword);
    } finally {
      relay.close();
    }
  });

  it('restarted while 500 clients connect loses none of them: those that were refused get in later', async () => {
    const broker = await startBroker({ queryTimeoutMs: 1_000, connectTimeoutMs: 1_000 });
    const known = Array.from({ length: 50 }, (_, index) => `bike-${index}`);
    const strangers = Array.from({ length: 450 }, (_, index) => `bike-${index + 100}`);
    const connectedBefore = await Promise.all(known.map((name) => login(broker, name)));
    expect(connectedBefore.every((one) => one.reasonCode === 0)).toBe(true);

    const early = strangers.slice(0, 150).map((name) => reasonCode(broker, name));
    await early[0];
    const killed = database.server.kill();
    const during = strangers.slice(150, 300).map((name) => reasonCode(broker, name));
    await killed;
    const away = [...strangers.slice(300), ...known].map((name) => reasonCode(broker, name));
    const outcomes = await Promise.all([...early, ...during, ...away]);
    await database.server.start();
    await database.ready();
    expect(new Set(outcomes)).toEqual(new Set([0, REASON.serverUnavailable]));
    expect(outcomes.slice(300, 450).every((code) => code === REASON.serverUnavailable)).toBe(true);
    expect(outcomes.slice(450).every((code) => code === 0)).toBe(true);
    const refused = strangers.filter((_, index) => outcomes[index] !== 0);
    const again = await Promise.all(refused.map((name) => reasonCode(broker, name)));
    expect(again.every((code) => code === 0)).toBe(true);
  });
});

describe('a Redis that', () => {
  it('is full takes no more and lets nobody in or out: users are looked up in the database', async () => {
    const control = new Redis({ port: redis.port });
    const cache = cacheConfig();
    const broker = await startBroker({}, cache);
    try {
      await control.config('SET', 'maxmemory-policy', 'noeviction');
      await control.config('SET', 'maxmemory', '1');
      expect(await reasonCode(broker, 'bike-0')).toBe(0);
      expect(await reasonCode(broker, 'bike-0', 'wrong')).toBe(REASON.badUserNameOrPassword);
      expect(await reasonCode(broker, 'nobody')).toBe(REASON.badUserNameOrPassword);
      await vi.waitFor(async () => {
        const page = await (await broker.admin('/metrics')).text();
        expect(page).toMatch(/^spoke_user_cache_redis_failures_total [1-9]/m);
      });
      // A change cannot be told either: whoever tells of it learns that.
      await expect(tellOfChange(cache, { tenant: DEFAULT_TENANT, clientName: 'bike-0' })).rejects.toThrow(
        /OOM/,
      );
    } finally {
      await control.config('SET', 'maxmemory', '0');
      control.disconnect();
    }
    await tellOfChange(cache, { tenant: DEFAULT_TENANT, clientName: 'bike-0' });
  });

  it('was away while a user was changed keeps nobody in: who is connected is looked at when it is back', async () => {
    const relay = await TcpRelay.start({ host: '127.0.0.1', port: redis.port });
    const cache = cacheConfig();
    const { prefix } = cache.redis;
    const broker = await startBroker({}, cacheConfig({ port: relay.port, prefix }));
    const hears = async (wanted: 0 | 1): Promise<void> => {
      await vi.waitFor(
        async () => {
          const page = await (await broker.admin('/metrics')).text();
          expect(page).toContain(`spoke_user_cache_hears_changes ${wanted}\n`);
        },
        { timeout: 10_000, interval: 20 },
      );
    };
    try {
      await hears(1);
      const out = await login(broker, 'bike-1');
      const less = await login(broker, 'bike-2');
      const same = await login(broker, 'bike-3');
      relay.refuse();
      await hears(0);
      await admin.query("UPDATE spoke_users SET enabled = FALSE WHERE name = 'bike-1'");
      await admin.query("INSERT INTO spoke_rules VALUES ('default', 'bike-2', 1, 'allow publish a')");
      for (const clientName of ['bike-1', 'bike-2'])
        await tellOfChange(cache, { tenant: DEFAULT_TENANT, clientName });
      for (const { client } of [out, less, same]) await expectNothing(client);
      relay.mend();
      expect((await out.client.expect('disconnect')).reasonCode).toBe(REASON.administrativeAction);
      await vi.waitFor(async () => {
        expect(await publish(less.client, { topic: 'b', qos: 1 })).toBe(REASON.notAuthorized);
      });
      expect(await publish(less.client, { topic: 'a', qos: 1 })).toBe(REASON.noMatchingSubscribers);
      await expectNothing(same.client);
    } finally {
      relay.close();
      await admin.query("UPDATE spoke_users SET enabled = TRUE WHERE name = 'bike-1'");
      await admin.query("DELETE FROM spoke_rules WHERE name = 'bike-2'");
    }
  });

  it('is away while a tenant is deleted knows nothing of its users afterwards', async () => {
    const relay = await TcpRelay.start({ host: '127.0.0.1', port: redis.port });
    const cache = cacheConfig();
    const { prefix } = cache.redis;
    const broker = await startBroker({}, cacheConfig({ port: relay.port, prefix }));
    const other = new RedisUsers({
      ...redisOptions(cache),
      onChanged: () => undefined,
      onTenantChanged: () => undefined,
      onHearing: () => undefined,
      onProblem: () => undefined,
    });
    const known = async (): Promise<unknown> => {
      const tenant = parseTenantId('leaver');
      if (tenant === undefined) throw new Error('no name of a tenant');
      return (await other.read({ tenant, clientName: 'bike' }))?.known?.user;
    };
    try {
      const [[row]] = await admin.query<RowDataPacket[]>('SELECT password FROM spoke_users LIMIT 1');
      await admin.query('INSERT INTO spoke_users (tenant, name, password) VALUES (?)', [
        ['leaver', 'bike', row?.['password']],
      ]);
      await broker.admin('/api/v1/tenants', { method: 'POST', body: JSON.stringify({ tenant: 'leaver' }) });
      expect(await reasonCode(broker, 'leaver/bike')).toBe(0);
      await vi.waitFor(async () => {
        expect(await known()).toBeDefined();
      });
      relay.refuse();
      await broker.admin('/api/v1/tenant?tenant=leaver', { method: 'DELETE' });
      await vi.waitFor(async () => {
        const [rows] = await admin.query("SELECT name FROM spoke_users WHERE tenant = 'leaver'");
        expect(rows).toEqual([]);
      });
      relay.mend();
      await broker.restart();
      await expect
        .poll(async () => (await broker.admin('/api/v1/tenant?tenant=leaver')).status, { timeout: 10_000 })
        .toBe(404);
      expect(await known()).toBeUndefined();
    } finally {
      other.close();
      relay.close();
    }
  });

  it('is cut off without a word is noticed: what is remembered counts no longer than while it is away', async () => {
    const relay = await TcpRelay.start({ host: '127.0.0.1', port: redis.port });
    const config = cacheConfig({ port: relay.port });
    const heard: boolean[] = [];
    const shared = new RedisUsers({
      ...redisOptions(config),
      onChanged: () => undefined,
      onTenantChanged: () => undefined,
      onHearing: () => heard.push(true),
      onProblem: () => undefined,
    });
    const hears = (wanted: boolean) =>
      vi.waitFor(
        () => {
          expect(shared.hearsChanges).toBe(wanted);
        },
        { timeout: 10_000, interval: 20 },
      );
    try {
      await hears(true);
      relay.hold();
      await hears(false);
      relay.mend();
      await hears(true);
      expect(heard).toEqual([true, true]);
    } finally {
      shared.close();
      relay.close();
    }
  });
});

describe('TLS to the database', () => {
  async function cipher(changes: object): Promise<unknown> {
    const pool = mysqlPool({ user: 'with-tls', ...changes });
    try {
      return (await pool.query("SHOW STATUS LIKE 'Ssl_cipher'"))[0]?.['Value'];
    } finally {
      await pool.close();
    }
  }

  it('encrypts, and shows a certificate where one is asked for', async () => {
    expect(await cipher({ tls: CA })).toMatch(/./);
    expect(await cipher({ tls: { ...CA, serverName: 'localhost' } })).toMatch(/./);
    const tls = { ...CA, ...CLIENT };
    expect(await cipher({ tls, user: 'with-certificate' })).toMatch(/./);
  });

  it.each([
    ['without it', {}, /Access denied/],
    ['without a certificate', { tls: CA, user: 'with-certificate' }, /Access denied/],
    ['with another authority', { tls: { ...CA, caFile: tlsFile('peer-ca') } }, /certificate/],
    ['with those of the platform', { tls: { enabled: true } }, /certificate/],
    ['with a server of another name', { tls: { ...CA, serverName: 'db.example' } }, /altnames/],
  ])('%s is refused, and says why', async (_, changes, expected) => {
    await expect(cipher(changes)).rejects.toThrow(/MySQL at .* is unavailable/);
    await expect(cipher(changes)).rejects.toThrow(expected);
  });
});

describe('TLS to Redis', () => {
  const problems: string[] = [];

  function users(changes: object): RedisUsers {
    problems.length = 0;
    return new RedisUsers({
      ...redisOptions(cacheConfig({ port: redisTlsPort, tls: { ...CA, ...CLIENT }, ...changes })),
      onChanged: () => undefined,
      onTenantChanged: () => undefined,
      onHearing: () => undefined,
      onProblem: ({ message }) => problems.push(message),
    });
  }

  it.each([{}, { tls: { ...CA, ...CLIENT, serverName: 'localhost' } }])(
    'reads and hears with %o',
    async (changes) => {
      const shared = users(changes);
      try {
        await shared.ready();
        await vi.waitFor(() => {
          expect(shared.hearsChanges).toBe(true);
        });
        const bike = { tenant: DEFAULT_TENANT, clientName: 'bike' };
        expect(await shared.read(bike)).toEqual({ generation: '.', known: undefined });
        expect(problems).toEqual([]);
      } finally {
        shared.close();
      }
    },
  );

  it.each<[string, () => object, RegExp]>([
    ['another authority', () => ({ tls: { ...CA, ...CLIENT, caFile: tlsFile('peer-ca') } }), /certificate/],
    [
      'a server of another name',
      () => ({ tls: { ...CA, ...CLIENT, serverName: 'redis.example' } }),
      /altnames/,
    ],
    // It waits for the end of a line that it takes for a command.
    ['a server without TLS', () => ({ port: redis.port, timeoutMs: 200 }), /ETIMEDOUT/],
    ['no certificate of our own', () => ({ tls: CA }), /alert|ECONNRESET/],
  ])('with %s it is of no use, and says why', async (_, changes, expected) => {
    const shared = users(changes());
    try {
      await vi.waitFor(() => {
        expect(problems.join()).toMatch(expected);
      });
      expect(await shared.read({ tenant: DEFAULT_TENANT, clientName: 'bike' })).toBeUndefined();
      expect(shared.hearsChanges).toBe(false);
    } finally {
      shared.close();
    }
  });
});
