/** Tenants of a running broker: made, suspended, resumed and deleted through the admin API, and found again after a restart. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { CLIENT_QUOTAS, TENANT_QUOTAS } from '../../src/quota/tenant-limits.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  subscribe,
  take,
  takeAll,
} from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, persistent } from './support/versions.ts';

const LIMIT_MAX = Number.MAX_SAFE_INTEGER - 1;
/** Of which the protocol allows no large number. */
const SMALL: ReadonlySet<string> = new Set(['packetBytesMax', 'receiveMaximum', 'inFlightMax']);

let broker: RunningBroker;

beforeEach(async () => {
  broker = await RunningBroker.forTest();
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(method: string, path: string, body?: object): Promise<Answer> {
  const json = body && { body: JSON.stringify(body) };
  const response = await broker.admin(path, { method, ...json });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const create = (tenant: string) => ask('POST', '/api/v1/tenants', { tenant });
const change = (tenant: string, what: 'suspend' | 'resume') =>
  ask('POST', `/api/v1/tenant/${what}?tenant=${tenant}`);

/** Resolves when the tenant is not found any more. */
async function gone(tenant: string): Promise<void> {
  await expect
    .poll(() => ask('GET', `/api/v1/tenant?tenant=${tenant}`), { timeout: 10_000 })
    .toMatchObject({
      status: 404,
    });
}

/** A persistent session with a subscription to `news`, its client connected. */
async function reader(tenant: string, clientId = 'bike'): Promise<RawClient> {
  const { client } = await broker.connect(MQTT_5, {
    ...persistent(MQTT_5),
    clientId,
    username: `${tenant}/any`,
  });
  await subscribe(client, { topic: 'news', qos: 1 });
  return client;
}

async function writer(tenant: string): Promise<RawClient> {
  const { client } = await broker.connect(MQTT_5, { clientId: 'writer', username: `${tenant}/any` });
  return client;
}

describe('a tenant', () => {
  it('is served as soon as it is made, and is told from others by nothing but its name', async () => {
    const refused = await broker.connect(MQTT_5, { clientId: 'bike', username: 'acme/any' });
    expect(refused.connack.reasonCode).toBe(REASON.notAuthorized);
    expect(await create('acme')).toMatchObject({ status: 201, body: { tenant: 'acme', state: 'active' } });
    expect(await create('acme')).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const bikes = [await reader('acme'), await reader('default')];
    const writers = [await writer('acme'), await writer('default')];
    for (const [at, each] of writers.entries())
      await publish(each, { topic: 'news', qos: 1, retain: true, payload: `of ${at}` });
    for (const [at, each] of bikes.entries()) {
      expect(payloads([await take(each)])).toEqual([`of ${at}`]);
      await expectNothing(each);
    }
    expect(await ask('GET', '/api/v1/tenant?tenant=acme')).toMatchObject({
      body: { sessions: 2, subscriptions: 1, retainedMessages: 1, connections: 2, configured: false },
    });
  });

  it('that is suspended keeps everything and serves nobody, over a restart too', async () => {
    await create('acme');
    const bike = await reader('acme');
    const sender = await writer('acme');
    await disconnect(bike);
    await publish(sender, { topic: 'news', qos: 1, payload: 'kept' });
    expect(await change('acme', 'suspend')).toMatchObject({ status: 200, body: { state: 'suspended' } });
    expect(await sender.expect('disconnect')).toMatchObject({ reasonCode: REASON.administrativeAction });
    await sender.closed();
    await broker.restart();
    const refused = await broker.connect(MQTT_5, { clientId: 'bike', username: 'acme/any' });
    expect(refused.connack).toMatchObject({
      reasonCode: REASON.banned,
      properties: { reasonString: 'the tenant is suspended' },
    });
    const old = await broker.connect(MQTT_3_1_1, { clientId: 'old', username: 'acme/any' });
    expect(old.connack.returnCode).toBe(5);
    await change('acme', 'resume');
    const { client, connack } = await broker.connect(MQTT_5, {
      ...persistent(MQTT_5),
      clientId: 'bike',
      username: 'acme/any',
    });
    expect(connack.sessionPresent).toBe(true);
    expect(payloads(await takeAll(client, 1))).toEqual(['kept']);
  });

  it('that is deleted leaves nothing, and may come again as if it had never been', async () => {
    await create('acme');
    await disconnect(await reader('acme', 'away'));
    const bike = await reader('acme');
    const sender = await writer('acme');
    await publish(sender, { topic: 'news', qos: 1, retain: true, payload: 'old' });
    await take(bike);
    const others = await reader('default');
    expect(await ask('DELETE', '/api/v1/tenant?tenant=acme')).toMatchObject({
      status: 202,
      body: { state: 'deleting' },
    });
    await bike.closed();
    await gone('acme');
    expect(await ask('GET', '/api/v1/queues')).toMatchObject({ body: { items: [] } });
    expect(await ask('GET', '/api/v1/sessions?tenant=acme')).toMatchObject({ body: { items: [] } });
    await create('acme');
    const { client, connack } = await broker.connect(MQTT_5, {
      ...persistent(MQTT_5),
      clientId: 'bike',
      username: 'acme/any',
    });
    expect(connack.sessionPresent).toBe(false);
    await subscribe(client, { topic: '#', qos: 1 });
    await expectNothing(client);
    expect(await ask('GET', '/api/v1/session?tenant=acme&client=bike')).toMatchObject({
      body: { sessionId: 1 },
    });
    await expectNothing(others);
  });

  it('is deleted to the end by the next start when the broker stops in between', async () => {
    await create('acme');
    for (let n = 0; n < 20; n++) await disconnect(await reader('acme', `bike-${n}`));
    const stopping = ask('DELETE', '/api/v1/tenant?tenant=acme');
    await stopping;
    await broker.restart();
    await gone('acme');
    expect(await ask('GET', '/api/v1/sessions?tenant=acme')).toMatchObject({ body: { items: [] } });
  });

  it('of the configuration may be suspended, and comes back if it were deleted, so it is not', async () => {
    expect(await ask('DELETE', '/api/v1/tenant?tenant=default')).toMatchObject({
      status: 409,
      body: { message: 'tenant "default" is named by the configuration, and would come back' },
    });
    const bike = await reader('default');
    await change('default', 'suspend');
    await bike.closed();
    expect(await ask('GET', '/api/v1/tenant?tenant=default')).toMatchObject({
      body: { state: 'suspended', configured: true, sessions: 1 },
    });
  });

  it('has quotas of its own as soon as they are changed, and no others than there are', async () => {
    await create('acme');
    const bike = await reader('acme');
    const limits = { 'tenant.connectionsMax': 1 };
    expect(await ask('PATCH', '/api/v1/tenant?tenant=acme', { limits })).toMatchObject({ body: { limits } });
    const refused = await broker.connect(MQTT_5, { clientId: 'other', username: 'acme/any' });
    expect(refused.connack.reasonCode).toBeGreaterThanOrEqual(0x80);
    expect((await broker.connect(MQTT_5, { clientId: 'other' })).connack.reasonCode).toBe(0);
    await expectNothing(bike);
    const everyLimit = Object.fromEntries([
      ...TENANT_QUOTAS.map((name) => [`tenant.${name}`, LIMIT_MAX]),
      ...CLIENT_QUOTAS.map((name) => [`client.${name}`, SMALL.has(name) ? 65_535 : LIMIT_MAX]),
    ]) as Record<string, number>;
    const chain: string[] = [];
    expect(await ask('PATCH', '/api/v1/tenant?tenant=acme', { limits: everyLimit, chain })).toMatchObject({
      status: 200,
      body: { limits: everyLimit },
    });
    await ask('PATCH', '/api/v1/tenant?tenant=acme', { limits: {} });
    const { connack } = await broker.connect(MQTT_5, { clientId: 'other', username: 'acme/any' });
    expect(connack.reasonCode).toBe(0);
    for (const [name, value] of [
      ['connections', 1],
      ['client.packetBytesMax', 2 ** 40],
      ['tenant.sessionsMax', LIMIT_MAX + 1],
    ] as const)
      expect(await ask('PATCH', '/api/v1/tenant?tenant=acme', { limits: { [name]: value } })).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining(name) as unknown },
      });
  });

  it('whose chain is another one keeps those connected whom that still asks about', async () => {
    const usersFile = join(broker.dataDirectory, 'users.yaml');
    const cost = { ln: 10, r: 8, p: 1 };
    const password = formatPasswordHash(await hashPassword(Buffer.from('right'), Buffer.alloc(16, 1), cost));
    const rules = ['allow all #'];
    await writeFile(usersFile, JSON.stringify({ users: { 'acme/bike': { password, rules } } }));
    await broker.stop();
    const chain = ['file', 'anonymous'] as const;
    await broker.startAgain({
      auth: {
        mode: 'chain',
        chain: [...chain],
        usersFile,
        anonymousRules: rules,
        passwords: { scryptLn: 10 },
      },
      defaultTenant: 'acme',
    });
    await create('acme');
    const asBike = { clientId: 'bike', username: 'bike', password: Buffer.from('right') };
    const { client: bike } = await broker.connect(MQTT_5, asBike);
    const { client: guest, connack } = await broker.connect(MQTT_5, { clientId: 'guest' });
    expect(connack.reasonCode).toBe(0);
    await ask('PATCH', '/api/v1/tenant?tenant=acme', { chain: ['anonymous', 'file'] });
    for (const client of [bike, guest]) await expectNothing(client);
    await ask('PATCH', '/api/v1/tenant?tenant=acme', { chain: ['file'] });
    expect(await guest.expect('disconnect')).toMatchObject({ reasonCode: REASON.administrativeAction });
    await expectNothing(bike);
    const again = await broker.connect(MQTT_5, { clientId: 'guest' });
    expect(again.connack.reasonCode).toBe(REASON.badUserNameOrPassword);
  });

  it('that there is not is said to be none', async () => {
    for (const answer of [
      await ask('GET', '/api/v1/tenant?tenant=nobody'),
      await change('nobody', 'suspend'),
      await ask('DELETE', '/api/v1/tenant?tenant=nobody'),
      await ask('PATCH', '/api/v1/tenant?tenant=nobody', { chain: [] }),
    ])
      expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await ask('POST', '/api/v1/tenants', { tenant: 'a b' })).toMatchObject({ status: 400 });
    expect(await ask('POST', '/api/v1/tenants', { tenant: 'acme', chain: ['mysql'] })).toMatchObject({
      status: 400,
      body: { message: 'there is no authenticator "mysql" here' },
    });
  });
});

describe('a user name without a tenant', () => {
  it('is one of the default tenant, or of none', async () => {
    await broker.stop();
    await broker.startAgain({ tenants: ['acme'], defaultTenant: 'acme' });
    const { connack } = await broker.connect(MQTT_5, { clientId: 'bike', username: 'any' });
    expect(connack.reasonCode).toBe(REASON.success);
    expect(await ask('GET', '/api/v1/session?tenant=acme&client=bike')).toMatchObject({
      body: { clientName: 'any' },
    });
    await broker.stop();
    await broker.startAgain({ tenants: ['acme'], defaultTenant: '' });
    for (const username of ['any', undefined]) {
      const refused = await broker.connect(MQTT_5, {
        clientId: 'bike',
        ...(username === undefined ? {} : { username }),
      });
      expect(refused.connack.reasonCode).toBe(REASON.badUserNameOrPassword);
    }
  });
});
