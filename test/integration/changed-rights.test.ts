/** What happens to clients that are connected, and to sessions whose client is away, when their user is changed in the users file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { CLIENT_COMMON_NAME, clientCertificate } from '../support/certificates.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { disconnect, expectNothing, payloads, publish, subscribe, take } from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from './support/versions.ts';

const CHEAP = { ln: 10, r: 8, p: 1 };
const PASSWORD = 'correct horse';
const RULES = ['allow all a/#', 'allow all b/#'];

type ListedUser = Readonly<Record<string, unknown>>;

let directory: string;
let usersFile: string;
let hash: string;
let otherHash: string;
let broker: RunningBroker;

async function hashOf(password: string): Promise<string> {
  return formatPasswordHash(await hashPassword(Buffer.from(password), Buffer.alloc(16, 1), CHEAP));
}

/** The users file says so, and the broker has read it. */
async function change(bike: ListedUser | undefined, others: Readonly<Record<string, ListedUser>> = {}) {
  const everybody = {
    operator: { password: hash, rules: ['allow all #'] },
    [CLIENT_COMMON_NAME]: { certificate: true, rules: RULES },
  };
  const users = { ...everybody, ...(bike === undefined ? {} : { bike }), ...others };
  await writeFile(usersFile, JSON.stringify({ users }));
  await broker.reload();
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-changed-'));
  usersFile = join(directory, 'users.yaml');
  [hash, otherHash] = await Promise.all([hashOf(PASSWORD), hashOf('battery staple')]);
  await writeFile(usersFile, JSON.stringify({ users: { bike: { password: hash, rules: RULES } } }));
  broker = await RunningBroker.start({
    auth: { mode: 'file', usersFile, passwords: { upgradeOnLogin: false } },
  });
});

beforeEach(() => change({ password: hash, rules: RULES }));

afterAll(async () => {
  await broker.dispose();
  await rm(directory, { recursive: true });
});

function as(username: string, more: object = {}) {
  return { username, clientId: newClientId(username), password: Buffer.from(PASSWORD), ...more };
}

async function connected(username: string, more: object = {}): Promise<RawClient> {
  const { client, connack } = await broker.connect(MQTT_5, as(username, more));
  expect(connack.reasonCode).toBe(0);
  return client;
}

async function metric(name: string): Promise<number> {
  const page = await (await broker.admin('/metrics')).text();
  return Number(new RegExp(`^${name}\\{tenant="default"\\} (\\d+)`, 'm').exec(page)?.[1]);
}

async function droppedUnauthorized(): Promise<number> {
  const page = await (await broker.admin('/metrics')).text();
  const [, value] =
    /^spoke_messages_dropped_total\{tenant="default",reason="notAuthorized"\} (\d+)/m.exec(page) ?? [];
  return Number(value ?? 0);
}

async function filtersOnRecord(clientId: string): Promise<readonly string[]> {
  const answer = await broker.admin(`/api/v1/session?client=${clientId}`);
  const { subscriptions } = (await answer.json()) as { subscriptions: { filter: string }[] };
  return subscriptions.map(({ filter }) => filter).sort();
}

describe('when the rules of a user are changed, a client that is connected', () => {
  it.each([
    ['of a session that lasts', persistent(MQTT_5)],
    ['of one that does not', {}],
  ])('%s goes on with the new ones, without the subscriptions they do not allow', async (_, session) => {
    const clientId = newClientId();
    const bike = await connected('bike', { ...session, clientId });
    const operator = await connected('operator');
    const filters = ['a/+/x', 'a/1', '$share/g/a/2', 'b/1', 'b/#'];
    await subscribe(bike, ...filters.map((topic) => ({ topic, qos: 1 as const })));
    const before = await metric('spoke_subscriptions_withdrawn_total');

    await change({ password: hash, rules: ['allow subscribe(qos<=1) b/#', 'allow publish b/1'] });
    await vi.waitFor(async () => {
      expect(await metric('spoke_subscriptions_withdrawn_total')).toBe(before + 3);
    });
    if ('clean' in session) expect(await filtersOnRecord(clientId)).toEqual(['b/#', 'b/1']);
    for (const topic of ['a/1/x', 'a/1', 'a/2', 'b/2']) await publish(operator, { topic, qos: 1 });
    expect((await take(bike)).topic).toBe('b/2');
    expect(await publish(bike, { topic: 'a/1', qos: 1 })).toBe(REASON.notAuthorized);
    expect(await subscribe(bike, { topic: 'a/1', qos: 1 }, { topic: 'b/1', qos: 2 })).toEqual([
      REASON.notAuthorized,
      REASON.notAuthorized,
    ]);

    await change({ password: hash, rules: RULES });
    await vi.waitFor(async () => {
      expect(await subscribe(bike, { topic: 'a/1', qos: 1 })).toEqual([1]);
    });
    await publish(operator, { topic: 'a/1', qos: 1 });
    expect((await take(bike)).topic).toBe('a/1');
    await disconnect(bike, 0, 0);
  });

  it.each([
    ['of a session that lasts', persistent(MQTT_5)],
    ['of one that does not', {}],
  ])('%s gets nothing more of what waits for it and it may not have any more', async (_, session) => {
    const operator = await connected('operator');
    const topic = newClientId('topic');
    const [retained, live] = [`a/${topic}/retained`, `a/${topic}/live`];
    for (const at of [1, 2]) await publish(operator, { topic: `${retained}/${at}`, qos: 1, retain: true });
    const bike = await connected('bike', {
      ...session,
      properties: { ...Reflect.get(session, 'properties'), receiveMaximum: 1 },
    });
    await subscribe(bike, { topic: 'b/#', qos: 1 }, { topic: `${retained}/#`, qos: 1 });
    const first = await bike.expect('publish');
    expect(first.topic).toMatch(retained);
    await subscribe(bike, { topic: `${live}/#`, qos: 1 });
    await publish(operator, { topic: `${live}/1`, qos: 1 });
    await publish(operator, { topic: 'b/1', qos: 1 });
    const before = await metric('spoke_subscriptions_withdrawn_total');
    await change({ password: hash, rules: ['allow all b/#'] });
    await vi.waitFor(async () => {
      expect(await metric('spoke_subscriptions_withdrawn_total')).toBe(before + 2);
    });
    const dropped = await droppedUnauthorized();
    bike.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
    expect((await take(bike)).topic).toBe('b/1');
    await expectNothing(bike);
    expect(await droppedUnauthorized()).toBeGreaterThan(dropped);
    await disconnect(bike, 0, 0);
    for (const at of [1, 2])
      await publish(operator, { topic: `${retained}/${at}`, qos: 1, retain: true, payload: '' });
  });

  it('has to log in again if they do not allow its will, which is published to nobody', async () => {
    const operator = await connected('operator');
    await subscribe(operator, { topic: 'a/#', qos: 1 });
    const will = { topic: 'a/gone', payload: Buffer.from('gone'), qos: 1, retain: false };
    const bike = await connected('bike', { will });
    await change({ password: hash, rules: ['allow all b/#'] });
    expect((await bike.expect('disconnect')).reasonCode).toBe(REASON.administrativeAction);
    await bike.closed();
    await expectNothing(operator);
  });

  it('of another user hears nothing of it', async () => {
    const operator = await connected('operator');
    await change({ password: hash, rules: [] });
    await expectNothing(operator);
  });
});

describe('a client that is connected has to log in again when its user', () => {
  it.each([
    ['is removed', () => undefined],
    ['has another password', () => ({ password: otherHash, rules: RULES })],
    ['has no password any more', () => ({ certificate: true, rules: RULES })],
  ])('%s', async (_, bike) => {
    const five = await connected('bike');
    const three = (await broker.connect(MQTT_3_1_1, as('bike'))).client;
    await change(bike());
    expect((await five.expect('disconnect')).reasonCode).toBe(REASON.administrativeAction);
    await Promise.all([five.closed(), three.closed()]);
    const again = await broker.connect(MQTT_5, as('bike'));
    expect(again.connack.reasonCode).toBe(REASON.badUserNameOrPassword);
  });

  it('is not let in by its certificate any more', async () => {
    const tls = { level: 5, transport: 'tls', clientCertificate } as const;
    const { client, connack } = await broker.connect(tls, { clientId: newClientId() });
    expect(connack.reasonCode).toBe(0);
    await change(undefined, { [CLIENT_COMMON_NAME]: { certificate: true, rules: ['allow all a/#'] } });
    await expectNothing(client);
    await change(undefined, { [CLIENT_COMMON_NAME]: { password: hash, rules: RULES } });
    expect((await client.expect('disconnect')).reasonCode).toBe(REASON.administrativeAction);
  });
});

describe('a session whose client is away when the rules are changed', () => {
  it('is without the subscriptions they do not allow as soon as its client is back, and loses nothing else', async () => {
    const clientId = newClientId();
    const session = { ...persistent(MQTT_5), clientId };
    const bike = await connected('bike', session);
    await subscribe(bike, { topic: 'a/#', qos: 1 }, { topic: 'b/#', qos: 1 });
    await disconnect(bike);
    const operator = await connected('operator');
    await publish(operator, { topic: 'a/1', qos: 1, payload: 'allowed when it came' });
    await publish(operator, { topic: 'b/1', qos: 1, payload: 'while away' });
    await change({ password: hash, rules: ['allow all b/#'] });
    await publish(operator, { topic: 'a/1', qos: 1, payload: 'not any more' });
    const dropped = (await droppedUnauthorized()) + 2;

    const { client, connack } = await broker.connect(MQTT_5, as('bike', session));
    expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(await filtersOnRecord(clientId)).toEqual(['b/#']);
    expect(payloads([await take(client)])).toEqual(['while away']);
    await vi.waitFor(async () => {
      expect(await droppedUnauthorized()).toBe(dropped);
    });
    await publish(operator, { topic: 'a/1', qos: 1 });
    await publish(operator, { topic: 'b/2', qos: 1, payload: 'after' });
    expect(payloads([await take(client)])).toEqual(['after']);
    await expectNothing(client);
  });
});

describe('a hash that is replaced by a better one', () => {
  it('ends no connection of its user', async () => {
    const file = join(directory, 'weak.yaml');
    await writeFile(file, JSON.stringify({ users: { bike: { password: hash, rules: RULES } } }));
    const other = await RunningBroker.forTest({
      auth: { mode: 'file', usersFile: file, passwords: { scryptLn: 11 } },
    });
    const clients = [await other.connect(MQTT_5, as('bike')), await other.connect(MQTT_5, as('bike'))];
    await vi.waitFor(
      async () => {
        const page = await (await other.admin('/metrics')).text();
        expect(page).toMatch(/^spoke_passwords_upgraded_total 1$/m);
      },
      { timeout: 10_000, interval: 100 },
    );
    await other.reload();
    for (const { client } of clients) await expectNothing(client);
  });
});
