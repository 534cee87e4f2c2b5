/**
 * `npm run bench:logins`: a fleet of users in MySQL comes at once to brokers that know nobody yet. What it costs the database, and when
 * everybody is in; the second broker finds in Redis what the first has looked up. Needs MariaDB or MySQL, and Redis.
 */
import { createPool, type Pool, type RowDataPacket } from 'mysql2/promise';
import { startMySql } from '../../engines/mysql/mysql-engine.ts';
import { startRedis } from '../../engines/redis/redis-engine.ts';
import { MySqlPool } from '../../src/adapters/mysql/mysql-pool.ts';
import { applyUserTables } from '../../src/adapters/mysql/user-tables.ts';
import { mySqlOptions } from '../../src/app/mysql-options.ts';
import { mysql as mysqlSchema } from '../../src/app/mysql-schema.ts';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { spawnedBroker } from '../../src/fleet/spawned-broker.ts';
import { logInAll, type FleetLogin } from './fleet.ts';

const DEVICES = 10_000;
const PASSWORD = 'a long random one, as a device has';
/** As docs/configuration.md advises for devices. */
const SCRYPT_LN = 10;

interface Measured {
  readonly statements: number;
  readonly login: FleetLogin;
}

async function main(): Promise<void> {
  const [mysql, redis] = await Promise.all([startMySql(), startRedis()]);
  try {
    const admin = await fill(mysql.port);
    const names = Array.from({ length: DEVICES }, (_, index) => `bike-${index}`);
    const rows: string[] = [];
    for (const broker of ['first broker, cold', 'second broker, cold']) {
      const measured = await measure(admin, { mysql: mysql.port, redis: redis.port }, names);
      rows.push(rowOf(broker, measured));
      process.stderr.write(`  ${rows.at(-1) ?? ''}\n`);
    }
    console.log(
      `| ${DEVICES} devices log in at once | SELECTs in MySQL | half are in | all | refused, and came again |`,
    );
    console.log('| --- | ---: | ---: | ---: | ---: |');
    console.log(rows.join('\n'));
    await admin.end();
  } finally {
    await Promise.all([mysql.stop(), redis.stop()]);
  }
}

/** Tables, users and one rule for all of them. */
async function fill(port: number): Promise<Pool> {
  const connection = { host: '127.0.0.1', port, user: 'root' };
  const first = createPool(connection);
  await first.query('CREATE DATABASE spokemq');
  await first.end();
  const pool = new MySqlPool(mySqlOptions(mysqlSchema.parse({ port, user: 'root' })));
  await applyUserTables(pool);
  await pool.close();
  const admin = createPool({ ...connection, database: 'spokemq' });
  const cost = { ln: SCRYPT_LN, r: 8, p: 1 };
  const hash = formatPasswordHash(await hashPassword(Buffer.from(PASSWORD), Buffer.alloc(16, 1), cost));
  const users = Array.from({ length: DEVICES }, (_, index) => ['default', `bike-${index}`, hash]);
  await admin.query('INSERT INTO spoke_users (tenant, name, password) VALUES ?', [users]);
  await admin.query("INSERT INTO spoke_rules VALUES ('default', '', 1, 'allow all devices/%c/#')");
  return admin;
}

async function measure(
  admin: Pool,
  ports: { readonly mysql: number; readonly redis: number },
  names: readonly string[],
): Promise<Measured> {
  const broker = await spawnedBroker({
    environment: process.env,
    random: Math.random,
    settings: {
      SPOKE_AUTH_MODE: 'chain',
      SPOKE_AUTH_CHAIN: '["mysql"]',
      SPOKE_AUTH_MYSQL_PORT: `${ports.mysql}`,
      SPOKE_AUTH_MYSQL_USER: 'root',
      SPOKE_AUTH_CACHE_REDIS_ENABLED: 'true',
      SPOKE_AUTH_CACHE_REDIS_PORT: `${ports.redis}`,
      // So that a slow machine does not measure how entries grow old.
      SPOKE_AUTH_CACHE_TTL_MS: '600000',
      SPOKE_AUTH_PASSWORDS_SCRYPT_LN: `${SCRYPT_LN}`,
    },
  });
  await broker.child.start();
  try {
    const before = await selects(admin);
    const login = await logInAll(broker.port, names, PASSWORD);
    const statements = (await selects(admin)) - before;
    for (const socket of login.sockets) socket.destroy();
    return { statements, login };
  } finally {
    await broker.child.kill();
    await broker.remove();
  }
}

/** Of everybody, asking for it not counted. */
async function selects(admin: Pool): Promise<number> {
  const [[row]] = await admin.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Com_select'");
  return Number(row?.['Value']);
}

function rowOf(broker: string, { statements, login: { seconds, refused } }: Measured): string {
  const half = seconds[Math.floor(seconds.length / 2)] ?? Number.NaN;
  const all = seconds.at(-1) ?? Number.NaN;
  return `| ${broker} | ${statements} | ${half.toFixed(1)} s | ${all.toFixed(1)} s | ${refused} |`;
}

await main();
