/** The audit trail of a whole broker: what clients and administrators do to it, read back over the admin API. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditedEvent } from '../../src/admin/admin-port.ts';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { CliHarness } from '../unit/cli/cli-harness.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { subscribe } from './support/exchanges.ts';
import { MQTT_5, newClientId, persistent } from './support/versions.ts';

const CHEAP = { ln: 10, r: 8, p: 1 };
const PASSWORD = 'correct horse';
const CITY_TOKEN = 'city-token-of-this-test-of-forty-characters';
const WATCH_TOKEN = 'watch-token-of-this-test-of-forty-characters';

let directory: string;
let broker: RunningBroker;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-audit-'));
  const usersFile = join(directory, 'users.yaml');
  const hash = formatPasswordHash(await hashPassword(Buffer.from(PASSWORD), Buffer.alloc(16, 1), CHEAP));
  const user = { password: hash, rules: ['allow all #'] };
  await writeFile(usersFile, JSON.stringify({ users: { 'city/bike': user, other: user } }));
  await writeFile(join(directory, 'city'), CITY_TOKEN, { mode: 0o600 });
  await writeFile(join(directory, 'watch'), WATCH_TOKEN, { mode: 0o600 });
  broker = await RunningBroker.start({
    tenants: ['default', 'city'],
    auth: { mode: 'file', usersFile, lockOut: { userFailures: 3 } },
    quotas: { client: { subscriptionsMax: 1 } },
    admin: {
      port: 0,
      tokens: [
        { name: 'city-ops', tokenFile: join(directory, 'city'), role: 'admin', tenant: 'city' },
        { name: 'watch', tokenFile: join(directory, 'watch'), role: 'viewer' },
      ],
    },
  });
});

afterAll(async () => {
  await broker.dispose();
  await rm(directory, { recursive: true });
});

/** With `follow` and `limit` it waits for so many: what is noted is written within a second. */
async function trail(query: string, token?: string): Promise<AuditedEvent[]> {
  const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const response = await broker.admin(`/api/v1/audit?since=start&${query}`, headers);
  expect(response.status).toBe(200);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as AuditedEvent);
}

async function login(username: string, password: string, clientId = newClientId()): Promise<number> {
  const { client, connack } = await broker.connect(MQTT_5, {
    clientId,
    username,
    password: Buffer.from(password),
  });
  client.destroy();
  return connack.reasonCode ?? 0;
}

describe('a refused login', () => {
  it('is noted: who, from where and why, without what it was tried with', async () => {
    expect(await login('city/bike', PASSWORD)).toBe(0);
    for (let again = 0; again < 2; again++) await login('city/stranger', 'a-wrong-password', 'client-1');
    const [noted] = await trail('kind=refusedLogin&tenant=city&follow=true&limit=1');
    expect(noted).toMatchObject({
      tenant: 'city',
      clientName: 'stranger',
      clientId: 'client-1',
      address: '127.0.0.1',
      method: 'password',
      reason: 'badUserNameOrPassword',
      brokerId: 'spoke-1',
    });
    expect(JSON.stringify(await trail(''))).not.toContain('a-wrong-password');
  });

  it('too often locks out, which is noted too', async () => {
    for (let again = 0; again < 4; again++) await login('other', 'a-wrong-password', 'client-2');
    const [locked] = await trail('kind=lockOut&follow=true&limit=1');
    expect(locked).toMatchObject({
      by: 'user',
      tenant: 'default',
      clientName: 'other',
      address: '127.0.0.1',
    });
    const [first, second] = await trail('kind=refusedLogin&tenant=default&follow=true&limit=2');
    expect([first, second].map((each) => each?.kind === 'refusedLogin' && each.reason)).toEqual([
      'badUserNameOrPassword',
      'connectionRateExceeded',
    ]);
  });

  it('of the admin API is noted as well', async () => {
    const headers = { authorization: 'Bearer a-wrong-token' };
    expect((await broker.admin('/api/v1/status', { headers })).status).toBe(401);
    const noted = await trail('kind=refusedLogin&follow=true&limit=4');
    expect(noted.at(-1)).toMatchObject({ method: 'adminToken', address: '127.0.0.1', clientName: '' });
    expect(JSON.stringify(noted)).not.toContain('a-wrong-token');
  });
});

describe('a quota', () => {
  it('that a client wants more of is noted with what it allows', async () => {
    const account = { username: 'city/bike', password: Buffer.from(PASSWORD) };
    const { client } = await broker.connect(MQTT_5, { clientId: 'greedy', ...account });
    await subscribe(client, { topic: 'a', qos: 1 });
    client.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'b', qos: 1 }] });
    await client.expect('suback');
    const [noted] = await trail('kind=quotaExceeded&tenant=city&follow=true&limit=1');
    expect(noted).toMatchObject({ clientId: 'greedy', quota: 'client.subscriptionsMax', limit: 1, count: 1 });
  });
});

describe('a change', () => {
  it('is recorded with the name of the token, and survives the broker', async () => {
    const clientId = newClientId('kicked');
    const account = { username: 'city/bike', password: Buffer.from(PASSWORD) };
    await broker.connect(MQTT_5, { clientId, ...account, ...persistent(MQTT_5) });
    const headers = { authorization: `Bearer ${CITY_TOKEN}` };
    const url = `/api/v1/session?client=${clientId}&discard=true`;
    expect((await broker.admin(url, { method: 'DELETE', headers })).status).toBe(200);
    expect((await broker.admin(url, { method: 'DELETE', headers })).status).toBe(404);
    expect((await broker.admin('/api/v1/drain', { method: 'POST', headers })).status).toBe(403);
    await broker.reload();
    await broker.restart();
    const changes = await trail('kind=administrativeChange');
    const discard = { who: 'city-ops', action: 'session.discard', tenant: 'city', target: clientId };
    expect(changes.filter((each) => 'who' in each && each.who === 'city-ops')).toMatchObject([
      { ...discard, outcome: 'begun', address: '127.0.0.1' },
      { ...discard, outcome: 'begun' },
      { ...discard, outcome: 'failed', reason: expect.stringContaining('NOT_FOUND') as unknown },
      { who: 'city-ops', action: 'drain.begin', outcome: 'refused' },
    ]);
    expect(changes.filter((each) => 'who' in each && each.who === 'signal')).toMatchObject([
      { action: 'broker.reload', outcome: 'begun' },
    ]);
  });

  it('that a command made while the broker was away is taken in by its next start', async () => {
    await broker.stop();
    const environment = {
      SPOKE_DATA_DIRECTORY: broker.dataDirectory,
      SPOKE_AUTH_USERS_FILE: join(directory, 'users.yaml'),
      SPOKE_ADMIN_PORT: '1',
    };
    const harness = new CliHarness({ directory, environment, stdin: PASSWORD });
    const command = ['user', 'add', 'city/scooter', '--password-stdin', '--cost', '10'];
    expect((await harness.run(...command)).err).not.toContain('warning');
    await broker.startAgain();
    const made = (await trail('kind=administrativeChange&tenant=city')).filter(
      (each) => 'who' in each && each.who === 'command',
    );
    const agent = expect.stringContaining('tester@here') as unknown;
    expect(made).toMatchObject([{ action: 'user.add', target: 'city/scooter', outcome: 'begun', agent }]);
  });

  it('is not for who only watches, and of another tenant not for anybody', async () => {
    const status = async (token: string, path: string, method = 'GET') =>
      (await broker.admin(path, { method, headers: { authorization: `Bearer ${token}` } })).status;
    expect(await status(WATCH_TOKEN, '/api/v1/drain', 'POST')).toBe(403);
    expect(await status(WATCH_TOKEN, '/api/v1/sessions')).toBe(200);
    expect(await status(CITY_TOKEN, '/api/v1/queue?client=a&tenant=default')).toBe(403);
    const tenants = (await trail('', CITY_TOKEN)).map((each) => 'tenant' in each && each.tenant);
    expect(new Set(tenants)).toEqual(new Set(['city']));
  });

  it('of a token counts from the next reload on', async () => {
    const next = CITY_TOKEN.toUpperCase();
    await writeFile(join(directory, 'city'), next);
    await broker.reload();
    const statusWith = async (token: string) =>
      (await broker.admin('/api/v1/sessions', { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await statusWith(CITY_TOKEN)).toBe(401);
    expect(await statusWith(next)).toBe(200);
  });
});
