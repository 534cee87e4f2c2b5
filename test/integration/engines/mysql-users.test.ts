/** Users in a real MariaDB or MySQL: who gets in, what the tables cost a fleet, and that nobody gets in while it is away or slow. */
import { createPool, type Pool } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startMySql } from '../../../engines/mysql/mysql-engine.ts';
import type { SingleServer } from '../../../engines/single-server.ts';
import { MySqlPool } from '../../../src/adapters/mysql/mysql-pool.ts';
import { MySqlUsers } from '../../../src/adapters/mysql/mysql-users.ts';
import { applyUserTables, checkUserTables } from '../../../src/adapters/mysql/user-tables.ts';
import { mySqlOptions } from '../../../src/app/mysql-options.ts';
import { mysql as mysqlSchema } from '../../../src/app/mysql-schema.ts';
import { formatPasswordHash, hashPassword } from '../../../src/auth/password-hash.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type TenantUser } from '../../../src/tenancy/identity.ts';
import { RunningBroker } from '../../support/running-broker.ts';

const CHEAP = { ln: 10, r: 8, p: 1 };
const SECRET = 'correct horse';
const DATABASE = 'spokemq';
const SERVER_UNAVAILABLE = 3;

let server: SingleServer;
let admin: Pool;
let hash: string;

beforeAll(async () => {
  server = await startMySql();
  const connection = { host: '127.0.0.1', port: server.port, user: 'root' };
  const first = createPool(connection);
  await first.query(`CREATE DATABASE ${DATABASE}`);
  await first.query("CREATE USER 'spokemq'@'%' IDENTIFIED BY 'db-secret'");
  await first.query(`GRANT ALL ON ${DATABASE}.* TO 'spokemq'@'%'`);
  await first.end();
  admin = createPool({ ...connection, database: DATABASE });
  hash = formatPasswordHash(await hashPassword(Buffer.from(SECRET), Buffer.alloc(16, 1), CHEAP));
});

afterAll(async () => {
  await admin.end();
  await server.stop();
});

function settings(changes: object = {}) {
  return mysqlSchema.parse({ port: server.port, password: 'db-secret', ...changes });
}

function users(changes: object = {}) {
  const config = settings(changes);
  const pool = new MySqlPool(mySqlOptions(config));
  const problems: string[] = [];
  const found = new MySqlUsers({
    pool,
    statementsMax: config.connectionsMax,
    waitingMax: config.waitingMax,
    onProblem: (_user, problem) => problems.push(problem),
  });
  return { pool, users: found, problems };
}

const named = (clientName: string): TenantUser => ({ tenant: DEFAULT_TENANT, clientName });

describe('the tables of users', () => {
  it('are missed, made by two at once, and then as they should be', async () => {
    const { pool, users: early } = users();
    await expect(early.find(named('bike'))).rejects.toThrow(/run "spoke storage apply"/);
    expect(await checkUserTables(pool)).toEqual([expect.stringContaining('has no tables of users')]);
    await Promise.all([applyUserTables(pool), applyUserTables(pool)]);
    await applyUserTables(pool);
    expect(await checkUserTables(pool)).toEqual([]);
    const [rows] = await admin.query('SELECT version FROM spoke_migrations');
    expect(rows).toEqual([{ version: 1 }]);
    await pool.close();
  });
});

describe('users in the database', () => {
  beforeAll(async () => {
    await admin.query('INSERT INTO spoke_users (tenant, name, password) VALUES ?', [
      [
        ['default', 'bike', hash],
        ['default', 'Bike', hash],
        ['acme', 'bike', hash],
        ['wide', 'bike', hash],
        ['wide', '+', hash],
        ['wide', 'a/#', hash],
      ],
    ]);
    await admin.query(
      "INSERT INTO spoke_users (tenant, name, password, enabled) VALUES ('default', 'off', ?, FALSE)",
      [hash],
    );
    await admin.query('INSERT INTO spoke_rules (tenant, name, position, rule) VALUES ?', [
      [
        ['default', '', 1, 'allow subscribe public/#'],
        ['default', 'bike', 2, 'allow all #'],
        ['default', 'bike', 1, 'deny publish secret/#'],
        ['acme', '', 1, 'allow all acme/#'],
        ['wide', '', 1, 'allow all devices/%u/#'],
      ],
    ]);
  });

  it('are found with their rules in order, by their exact names', async () => {
    const { pool, users: source } = users();
    expect((await source.find(named('bike')))?.rules.map(({ filter }) => filter)).toEqual(['secret/#', '#']);
    expect((await source.find(named('Bike')))?.rules.map(({ filter }) => filter)).toEqual(['public/#']);
    for (const name of ['BIKE', 'bike ', "x' OR '1'='1", ''])
      expect(await source.find(named(name)), name).toBeUndefined();
    await pool.close();
  });

  it('log in over MQTT with what their rules allow, and disabled ones do not', async () => {
    const broker = await RunningBroker.start({
      auth: { mode: 'chain', chain: ['mysql'], mysql: settings(), passwords: { scryptLn: 11 } },
    });
    try {
      const connect = (username: string, password = SECRET) =>
        broker.connect({ level: 5 }, { clientId: username, username, password: Buffer.from(password) });
      const { client, connack } = await connect('bike');
      expect(connack.reasonCode).toBe(0);
      client.send({
        cmd: 'publish',
        topic: 'secret/x',
        payload: 'x',
        qos: 1,
        messageId: 1,
        retain: false,
        dup: false,
      });
      expect((await client.expect('puback')).reasonCode).toBe(REASON.notAuthorized);
      for (const attempt of [connect('bike', 'wrong'), connect('nobody'), connect('off')])
        expect((await attempt).connack.reasonCode).toBe(REASON.badUserNameOrPassword);
      await vi.waitFor(
        async () => {
          const [rows] = await admin.query(
            "SELECT password FROM spoke_users WHERE tenant = 'default' AND name = 'bike'",
          );
          expect(JSON.stringify(rows)).toContain('$scrypt$ln=11');
        },
        { timeout: 10_000, interval: 100 },
      );
      expect((await connect('bike')).connack.reasonCode).toBe(0);
    } finally {
      await broker.dispose();
    }
  });

  it('with names that are wildcards are nobody: a rule with %u would let them reach the topics of others', async () => {
    const broker = await RunningBroker.forTest({
      tenants: ['wide'],
      auth: { mode: 'chain', chain: ['mysql'], mysql: settings(), passwords: { upgradeOnLogin: false } },
    });
    for (const [name, code] of [
      ['bike', 0],
      ['+', REASON.badUserNameOrPassword],
      ['a/#', REASON.badUserNameOrPassword],
    ] as const) {
      const login = { clientId: 'any', username: `wide/${name}`, password: Buffer.from(SECRET) };
      expect((await broker.connect({ level: 5 }, login)).connack.reasonCode, name).toBe(code);
    }
  });

  it('of a fleet of 10,000 cost a hundred statements, not 10,000', async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => ['default', `fleet-${index}`, hash]);
    await admin.query('INSERT INTO spoke_users (tenant, name, password) VALUES ?', [rows]);
    const { pool, users: source } = users();
    const found = await Promise.all(rows.map((_, index) => source.find(named(`fleet-${index}`))));
    expect(found.every((user) => user?.passwordHash !== undefined)).toBe(true);
    expect(pool.statements).toBeLessThanOrEqual(100);
    await pool.close();
  });

  it('go with their tenant, through the admin API, and those of others stay', async () => {
    const insert = 'INSERT INTO spoke_users (tenant, name, password) VALUES ?';
    await admin.query(insert, [Array.from({ length: 250 }, (_, at) => ['leaver', `bike-${at}`, hash])]);
    await admin.query(
      "INSERT INTO spoke_rules (tenant, name, position, rule) VALUES ('leaver', '', 1, 'allow all #')",
    );
    const broker = await RunningBroker.start({
      auth: { mode: 'chain', chain: ['mysql'], mysql: settings() },
    });
    try {
      const body = JSON.stringify({ tenant: 'leaver', chain: ['mysql'] });
      expect((await broker.admin('/api/v1/tenants', { method: 'POST', body })).status).toBe(201);
      const login = { clientId: 'bike', username: 'leaver/bike-7', password: Buffer.from(SECRET) };
      expect((await broker.connect({ level: 5 }, login)).connack.reasonCode).toBe(0);
      await broker.admin('/api/v1/tenant?tenant=leaver', { method: 'DELETE' });
      await expect
        .poll(async () => (await broker.admin('/api/v1/tenant?tenant=leaver')).status, { timeout: 10_000 })
        .toBe(404);
      for (const table of ['spoke_users', 'spoke_rules'])
        expect((await admin.query(`SELECT name FROM ${table} WHERE tenant = 'leaver'`))[0]).toEqual([]);
      expect((await admin.query("SELECT name FROM spoke_users WHERE tenant = 'acme'"))[0]).toHaveLength(1);
    } finally {
      await broker.dispose();
    }
  });

  it('wait in a number that has a bound', async () => {
    const { pool, users: source } = users({ connectionsMax: 1, waitingMax: 2 });
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => source.find(named(name))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    await pool.close();
  });
});

describe('a database that is', () => {
  it('hung makes a login unavailable in time, and is used again when it answers', async () => {
    const { pool, users: source } = users({ queryTimeoutMs: 300, connectionsMax: 1 });
    expect(await source.find(named('bike'))).toBeDefined();
    server.server.pause();
    try {
      await expect(source.find(named('bike'))).rejects.toThrow(/is unavailable.*no answer within 300 ms/);
    } finally {
      server.server.resume();
    }
    expect(await source.find(named('bike'))).toBeDefined();
    await pool.close();
  });

  it('gone lets nobody in: unavailable on both protocols, and back again after its restart', async () => {
    const broker = await RunningBroker.start({
      auth: {
        mode: 'chain',
        chain: ['mysql', 'anonymous'],
        anonymousRules: ['allow all #'],
        mysql: settings(),
        passwords: { upgradeOnLogin: false },
        // Nobody is remembered: who is, gets in without the database; see user-cache.test.ts.
        cache: { ttlMs: 1, negativeTtlMs: 1 },
      },
    });
    try {
      const connect = async (level: 4 | 5, password = SECRET) =>
        (
          await broker.connect(
            { level },
            { clientId: 'bike', username: 'bike', password: Buffer.from(password) },
          )
        ).connack;
      expect((await connect(5)).reasonCode).toBe(0);
      await server.server.kill();
      expect((await connect(5)).reasonCode).toBe(REASON.serverUnavailable);
      expect((await connect(4)).returnCode).toBe(SERVER_UNAVAILABLE);
      expect((await connect(5, 'wrong')).reasonCode).toBe(REASON.serverUnavailable);
      // Who shows nothing is nobody's user: there is nothing to ask the database.
      expect((await broker.connect({ level: 5 }, { clientId: 'guest' })).connack.reasonCode).toBe(0);
      await server.server.start();
      await server.ready();
      expect((await connect(5)).reasonCode).toBe(0);
    } finally {
      await broker.dispose();
    }
  });

  it('not reached says where it is and nothing of any secret', async () => {
    const { pool, users: source } = users({ password: 'hunter2' });
    const error: unknown = await source.find(named('bike')).catch((reason: unknown) => reason);
    const from = { ...CHEAP, salt: Buffer.alloc(16), hash: Buffer.alloc(32) };
    const upgrade = source.upgradePasswords([{ user: named('bike'), from, to: from }]);
    const other: unknown = await upgrade.catch((reason: unknown) => reason);
    for (const one of [error, other]) {
      expect(String(one)).toMatch(/MySQL at 127\.0\.0\.1:\d+ is unavailable/);
      const everything =
        JSON.stringify(one, Object.getOwnPropertyNames(one)) + String(Reflect.get(Object(one), 'cause'));
      expect(everything).not.toMatch(/hunter2|scrypt/);
    }
    await pool.close();
  });
});
