/**
 * Secrets stay where they belong: with every kind of them set to something that is easily found, everything is made to fail, and nothing that
 * leaves the process – log at trace level, events, audit trail, answers of the admin API, metrics, CONNACKs, output of commands – has one in it.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adminTokenFile } from '../../src/adapters/file/admin-token.ts';
import { startBroker } from '../../src/app/broker-process.ts';
import { configKeys } from '../../src/app/config-keys.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { createLogger } from '../../src/app/logging.ts';
import type { RunningBroker } from '../../src/app/running-broker.ts';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { RawClient } from '../support/raw-client.ts';
import { CliHarness } from '../unit/cli/cli-harness.ts';

const CHEAP = { ln: 10, r: 8, p: 1 };
/** All of them, and what they are encoded as; whatever is secret at run time is added to it. */
const secrets = new Map<string, string>();
function secret(name: string): string {
  const value = `S3cret-${name}-0123456789abcdef0123456789`;
  secrets.set(name, value);
  return value;
}

const RIGHT = secret('right-password');
const WRONG = secret('wrong-password');
const JWT_SECRET = secret('jwt-secret');
const ADMIN_TOKEN = secret('admin-token');
const WRONG_TOKEN = secret('wrong-token');
const MYSQL = secret('mysql-password');
const REDIS = secret('redis-password');
const KAFKA = secret('kafka-password');
const URL_PASSWORD = secret('url-password');
const WEBHOOK = secret('webhook-authorization');
const HEADER = secret('http-header');

const found: { readonly where: string; readonly secret: string; readonly text: string }[] = [];

/** Remembers what has a secret in it, with a piece of the text around. */
function look(where: string, text: string): void {
  for (const [name, value] of secrets) {
    for (const form of [value, Buffer.from(value).toString('base64'), encodeURIComponent(value)]) {
      const at = text.indexOf(form.replace(/=+$/, ''));
      if (at >= 0) found.push({ where, secret: name, text: text.slice(Math.max(0, at - 200), at + 60) });
    }
  }
}

let directory: string;
let deafRedis: Server;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-secrets-'));
  // A Redis that knows nobody.
  deafRedis = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('-WRONGPASS invalid username-password pair\r\n'));
  });
  await new Promise<void>((resolve) => deafRedis.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  deafRedis.close();
  await rm(directory, { recursive: true });
});

afterEach(() => {
  found.length = 0;
});

function port(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Started {
  readonly broker: RunningBroker;
  readonly mqtt: number;
  readonly ws: number;
  readonly lines: string[];
  readonly ask: (path: string, init?: RequestInit) => Promise<string>;
}

async function start(name: string, settings: object): Promise<Started> {
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line), isTerminal: false };
  const logger = createLogger({ level: 'trace', format: 'json' }, output);
  const dataDirectory = join(directory, name);
  const config = configSchema.parse({
    dataDirectory,
    durability: 'os',
    listeners: [
      { transport: 'tcp', port: 0 },
      { transport: 'ws', port: 0 },
    ],
    ...settings,
  });
  const broker = await startBroker(config, logger);
  const own = (await readFile(adminTokenFile(dataDirectory), 'utf8')).trim();
  secrets.set(`token of ${name}`, own);
  const [mqtt = 0, ws = 0] = broker.listeners.map((listener) => listener.port);
  return {
    broker,
    mqtt,
    ws,
    lines,
    ask: async (path, init = {}) => {
      const headers = { authorization: `Bearer ${own}`, 'x-other': HEADER };
      return await (await fetch(new URL(path, broker.adminUrl), { headers, ...init })).text();
    },
  };
}

const PATHS = [
  ...['/metrics', '/health/ready', '/openapi.json', '/api/v1/status', '/api/v1/members', '/api/v1/drain'],
  ...['/api/v1/sessions', '/api/v1/queues', '/api/v1/events?since=start', '/api/v1/audit?since=start'],
  ...['/api/v1/session?client=c-1', '/api/v1/nothing', '/api/v1/session', '/api/v1/queue?client=nobody'],
];

/** Everything that a broker says, to whoever asks. */
async function lookAt(name: string, { broker, lines, ask }: Started): Promise<void> {
  for (const path of PATHS) look(`${name} ${path}`, await ask(path));
  await ask('/api/v1/session?client=nobody', { method: 'DELETE' });
  await broker.stop();
  for (const line of lines) look(`log of ${name}`, line);
}

async function login(mqtt: number, username: string, password: string, more: object = {}): Promise<void> {
  for (const level of [4, 5] as const) {
    const client = await RawClient.open({ transport: 'tcp', port: mqtt, level });
    client.sendConnect({ clientId: 'c-1', username, password: Buffer.from(password), ...more });
    look('CONNACK', JSON.stringify(await client.expect('connack')));
    client.destroy();
  }
}

describe('no secret is in what comes out of', () => {
  it('a broker with users, tokens and strange clients', async () => {
    const usersFile = join(directory, 'users.yaml');
    const hash = formatPasswordHash(await hashPassword(Buffer.from(RIGHT), Buffer.alloc(16, 1), CHEAP));
    secrets.set('password hash', hash.slice(hash.lastIndexOf('$')));
    const users = { bike: { password: hash, rules: ['allow all #'] } };
    await writeFile(usersFile, JSON.stringify({ users }), { mode: 0o600 });
    const tokenFile = join(directory, 'ops-token');
    await writeFile(tokenFile, ADMIN_TOKEN, { mode: 0o600 });
    const running = await start('users', {
      auth: {
        mode: 'chain',
        chain: ['file', 'jwt'],
        usersFile,
        jwt: { secret: JWT_SECRET, jwksUrl: `http://keys:${URL_PASSWORD}@127.0.0.1:1/keys` },
        lockOut: { userFailures: 3 },
      },
      admin: { port: 0, tokens: [{ name: 'ops', tokenFile, role: 'viewer' }] },
    });
    const { mqtt, ws, ask, broker } = running;
    await login(mqtt, 'bike', RIGHT);
    for (let again = 0; again < 3; again++) await login(mqtt, 'bike', WRONG);
    await login(mqtt, 'nobody', WRONG);
    await login(mqtt, 'no tenant/x', WRONG);
    await login(mqtt, 'car', RIGHT, { properties: { authenticationMethod: 'GUESS' } });
    const exp = Math.floor(Date.now() / 1000) + 60;
    const signed = new SignJWT({ sub: 'truck', exp }).setProtectedHeader({ alg: 'HS256' });
    const token = await signed.sign(Buffer.from(JWT_SECRET));
    secrets.set('token', token.slice(token.lastIndexOf('.') + 1));
    const unknownKey = new SignJWT({ sub: 'truck', exp }).setProtectedHeader({ alg: 'HS256', kid: 'k' });
    const forged = await unknownKey.sign(Buffer.from(WRONG));
    secrets.set('forged token', forged.slice(forged.lastIndexOf('.') + 1));
    await login(mqtt, 'truck', token);
    await login(mqtt, 'truck', forged);
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'k' })).toString('base64url');
    await login(mqtt, 'truck', `${header}.${token.split('.').slice(1).join('.')}`);
    // A CONNECT that ends in the middle of its password, and one whose flags cannot be.
    for (const bytes of [connectBytes(0xc2).subarray(0, -5), connectBytes(0xc3)]) {
      const client = await RawClient.open({ transport: 'tcp', port: mqtt });
      client.send(bytes);
      client.end();
      await client.closed();
    }
    const upgrade = await fetch(`http://127.0.0.1:${ws}/mqtt`, { headers: { authorization: HEADER } });
    look('WebSocket', await upgrade.text());
    const wrong = { headers: { authorization: `Bearer ${WRONG_TOKEN}` } };
    look('admin API', await ask('/api/v1/status', wrong));
    await ask('/api/v1/status', { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    // What is wrong with a file is said without what is in it.
    await chmod(tokenFile, 0o644);
    await writeFile(
      usersFile,
      stringify({ users: { bike: RIGHT, car: { password: RIGHT, pasword: WRONG } } }),
    );
    await broker.reload();
    await writeFile(usersFile, `users:\n  bike: *${RIGHT}\n`);
    await broker.reload();
    await lookAt('users', running);
    expect(found).toEqual([]);
    expect(running.lines.join('')).toContain('users file');
  });

  it('a broker whose database, Redis and webhook cannot be used', async () => {
    const mysql = { host: '127.0.0.1', port: 1, password: MYSQL, connectTimeoutMs: 500 };
    const redis = { enabled: true, port: port(deafRedis), password: REDIS };
    const running = await start('database', {
      auth: {
        mode: 'chain',
        chain: ['mysql', 'http'],
        mysql,
        cache: { redis },
        http: { url: `http://hook:${URL_PASSWORD}@127.0.0.1:1/`, authorization: WEBHOOK },
      },
      admin: { port: 0 },
    });
    while (!running.lines.join('').includes('WRONGPASS'))
      await new Promise((resolve) => setImmediate(resolve));
    await login(running.mqtt, 'bike', RIGHT);
    await lookAt('database', running);
    const asked = await start('webhook', {
      auth: {
        mode: 'chain',
        chain: ['http'],
        http: { url: `http://hook:${URL_PASSWORD}@127.0.0.1:1/`, authorization: WEBHOOK },
      },
      admin: { port: 0 },
    });
    await login(asked.mqtt, 'bike', RIGHT);
    await lookAt('webhook', asked);
    expect(found).toEqual([]);
    expect(running.lines.join('')).toMatch(/Redis.*WRONGPASS/);
    expect(asked.lines.join('')).toContain('webhook');
  });

  it('what is printed of a configuration, for every key that is secret', async () => {
    const keys = configKeys();
    const hidden = keys.filter((key) => key.secret);
    // A key with such a name is secret, or a later one would be forgotten here.
    const named = keys.filter(({ name }) => /(password|secret|authorization|credentials)$/i.test(name));
    expect(named.filter((key) => !key.secret)).toEqual([]);
    const environment = Object.fromEntries(hidden.map(({ name, variable }) => [variable, secret(name)]));
    for (const words of ['config check --print', 'config check --json', 'config check']) {
      const { out, err } = await new CliHarness({ directory, environment }).run(...words.split(' '));
      expect(`${out}${err}`).not.toBe('');
      look(`spoke ${words}`, out + err);
    }
    for (const { path, name } of hidden) {
      for (const wrong of [[secret(name)], { is: secret(name) }]) {
        const value = path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), wrong);
        await writeFile(join(directory, 'wrong.yaml'), stringify(value));
        const { code, err } = await new CliHarness({ directory }).run('config', 'check', '-c', 'wrong.yaml');
        expect(code, name).toBe(2);
        look(`config check with a wrong ${name}`, err);
      }
    }
    expect(found).toEqual([]);
  });

  it('commands, whatever is wrong with the configuration', async () => {
    const kafkaSasl = { mechanism: 'plain', username: 'spoke', password: KAFKA };
    const good = {
      kafka: { sasl: kafkaSasl, connectTimeoutMs: 200, operationTimeoutMs: 300, brokers: '127.0.0.1:1' },
      schemaRegistry: { url: `https://user:${URL_PASSWORD}@127.0.0.1:1/` },
      auth: {
        mysql: { password: MYSQL },
        cache: { redis: { password: REDIS } },
        jwt: { secret: JWT_SECRET, jwksUrl: '' },
        http: { authorization: WEBHOOK, url: `https://user:${URL_PASSWORD}@127.0.0.1:1/` },
      },
    };
    const shared = { eventLog: { store: 'kafka' }, queues: { store: 'hbase' } };
    const texts = [
      stringify(good),
      stringify({ ...good, ...shared }),
      stringify({ ...good, ...shared, schemaRegistry: { url: `user:${URL_PASSWORD}@127.0.0.1` } }),
      stringify({ kafka: { sasl: KAFKA, brokers: `spoke:${KAFKA}@127.0.0.1:1` } }),
      stringify({ kafka: { sasl: { ...kafkaSasl, pasword: KAFKA, password: [KAFKA] } } }),
      stringify({ kafka: { sasl: { ...kafkaSasl, password: { is: KAFKA } } } }),
      stringify({
        auth: { mysql: `mysql://spoke:${MYSQL}@127.0.0.1`, jwt: JWT_SECRET, cache: { redis: REDIS } },
      }),
      stringify({ auth: { http: { url: [`https://u:${URL_PASSWORD}@h`], authorization: 7 } } }),
      ...['*', '&', '!', '|', '>', '%', '@', '`', '"', "'", '{', '[', '- ', '? ', ': ', '!!binary '].map(
        (sign) => `auth:\n  mysql:\n    password: ${sign}${MYSQL}\n`,
      ),
      `auth:\n  mysql: { password: "${MYSQL}\\q" }\n`,
      `auth:\n  mysql:\n    password: a ${MYSQL}: ${MYSQL}: x\n   ${MYSQL}\n`,
    ];
    for (const [index, text] of texts.entries()) {
      await writeFile(join(directory, 'spokemq.yaml'), text);
      const commands = ['config check --print'];
      if (index === 0) commands.push('config check --json', 'status', 'user changed bike');
      if (index === 1 || index === 2) commands.push('storage check');
      for (const command of commands) {
        const { out, err } = await new CliHarness({ directory }).run(...command.split(' '));
        look(`spoke ${command} with ${text.slice(0, 60)}`, out + err);
      }
    }
    const environment = {
      SPOKE_AUTH_MYSQL_PASSWORD: MYSQL,
      SPOKE_AUTH_MYSQL_PASWORD: MYSQL,
      SPOKE_AUTH_JWT_SECRET: 'short',
      SPOKE_AUTH_JWT_JWKS_URL: `https://u:${URL_PASSWORD}@h/keys`,
      SPOKE_KAFKA_BROKERS: `spoke:${KAFKA}@host`,
    };
    secrets.set('short', 'short"');
    await rm(join(directory, 'spokemq.yaml'));
    for (const words of ['config check --json', 'config check', 'config keys', 'start']) {
      const { out, err } = await new CliHarness({ directory, environment }).run(...words.split(' '));
      look(`spoke ${words}`, out + err);
    }
    const stdin = `${RIGHT}\n`;
    for (const words of [
      'user add bike',
      'user passwd bike',
      'user passwd nobody',
      'user hash',
      'user add a+b',
    ]) {
      const args = [...words.split(' '), '--password-stdin', '--cost', '10'];
      const { out, err } = await new CliHarness({ directory, stdin }).run(...args);
      look(`spoke ${words}`, out + err);
    }
    expect(found).toEqual([]);
  });
});

/** CONNECT with a user name and a password, whose flags may be wrong. */
function connectBytes(flags: number): Buffer {
  const field = (text: string): Buffer => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
  const body = Buffer.concat([
    field('MQTT'),
    Buffer.from([4, flags, 0, 0]),
    ...['c-1', 'bike', WRONG].map(field),
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
