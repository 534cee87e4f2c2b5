/** SCRAM-SHA-256 over MQTT 5 AUTH, with users from the users file: getting in, being refused, and once more while connected. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsersFileEditor } from '../../src/adapters/file/users-file-editor.ts';
import { hashPassword } from '../../src/auth/password-hash.ts';
import { ScramAuthenticator } from '../../src/auth/scram-authenticator.ts';
import { deriveScramCredentials } from '../../src/auth/scram-credentials.ts';
import { parseListedUser, UserList } from '../../src/auth/user-list.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT } from '../../src/tenancy/identity.ts';
import { startMemoryBroker } from '../support/memory-broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { challengeOf, ScramClient, type Challenge } from '../support/scram-client.ts';
import { disconnect, expectNothing, publish } from './support/exchanges.ts';
import { MQTT_5, newClientId, persistent } from './support/versions.ts';

const METHOD = 'SCRAM-SHA-256';
const PASSWORD = 'correct horse';
const CHEAP = { ln: 10, r: 8, p: 1 };
const ITERATIONS = 4_096;

let directory: string;
let editor: UsersFileEditor;
let broker: RunningBroker;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-scram-'));
  editor = new UsersFileEditor(join(directory, 'users.yaml'), DEFAULT_TENANT);
  await add('bike', ['allow all bikes/#']);
  await add('acme/bike', ['allow all bikes/#']);
  await add('other', ['allow all #']);
  await add('by-password', ['allow all #'], false);
  broker = await RunningBroker.start({
    tenants: ['default', 'acme'],
    auth: { mode: 'file', usersFile: editor.file },
  });
});

afterAll(async () => {
  await broker.dispose();
  await rm(directory, { recursive: true });
});

async function add(name: string, rules: readonly string[], withScram = true): Promise<void> {
  const user = parseListedUser(name, DEFAULT_TENANT);
  if (user === undefined) throw new Error(name);
  const credentials = await deriveScramCredentials(PASSWORD, Buffer.alloc(16, name.length), ITERATIONS);
  const passwordHash = await hashPassword(Buffer.from(PASSWORD), Buffer.alloc(16, 1), CHEAP);
  const scram = withScram ? { credentials, secret: Buffer.alloc(32, 7) } : undefined;
  await editor.add({ user, passwordHash, scram, certificate: false, rules });
}

function login(userName: string, password = PASSWORD, gs2Header = 'n,,'): ScramClient {
  return new ScramClient({ userName, password, gs2Header });
}

function auth(reasonCode: number, authenticationData?: Buffer) {
  const properties = {
    authenticationMethod: METHOD,
    ...(authenticationData === undefined ? {} : { authenticationData }),
  };
  return { cmd: 'auth', reasonCode, properties } as const;
}

/** CONNECT with the first message has been sent. */
async function begun(
  scram: ScramClient,
  connecting: Parameters<RawClient['sendConnect']>[0] = {},
): Promise<RawClient> {
  const client = await broker.open(MQTT_5);
  client.sendConnect({
    clientId: newClientId(),
    ...connecting,
    properties: { ...connecting.properties, authenticationMethod: METHOD, authenticationData: scram.first },
  });
  return client;
}

/** Answers the challenge, which is returned. */
async function answer(client: RawClient, scram: ScramClient): Promise<Challenge> {
  const { reasonCode, properties } = await client.expect('auth');
  expect(reasonCode).toBe(REASON.continueAuthentication);
  expect(properties?.authenticationMethod).toBe(METHOD);
  const serverFirst = properties?.authenticationData ?? Buffer.alloc(0);
  client.send(auth(REASON.continueAuthentication, scram.final(serverFirst)));
  return challengeOf(serverFirst);
}

async function loggedIn(
  name: string,
  connecting: Parameters<RawClient['sendConnect']>[0] = {},
  gs2Header = 'n,,',
): Promise<RawClient> {
  const scram = login(name, PASSWORD, gs2Header);
  const client = await begun(scram, connecting);
  await answer(client, scram);
  const { reasonCode, properties } = await client.expect('connack');
  expect(reasonCode).toBe(0);
  expect(scram.accepts(properties?.authenticationData)).toBe(true);
  return client;
}

/** What a login that fails is asked, and the reason in CONNACK. */
async function failed(
  name: string,
  connecting = {},
): Promise<Challenge & { readonly reasonCode: number | undefined }> {
  const scram = login(name, 'guess');
  const client = await begun(scram, connecting);
  const challenge = await answer(client, scram);
  const { reasonCode, properties } = await client.expect('connack');
  expect(properties).not.toHaveProperty('authenticationData');
  await client.closed();
  return { ...challenge, reasonCode };
}

describe('a client that logs in by SCRAM-SHA-256', () => {
  it.each(['bike', 'default/bike', 'acme/bike'])(
    'as %s gets the rights of that user, and is shown that the broker knows it',
    async (name) => {
      const client = await loggedIn(name);
      expect(await publish(client, { topic: 'bikes/1', qos: 1 })).toBe(REASON.noMatchingSubscribers);
      expect(await publish(client, { topic: 'elsewhere', qos: 1 })).toBe(REASON.notAuthorized);
      await disconnect(client);
    },
  );

  it('may support channel binding, and be content without', async () => {
    await disconnect(await loggedIn('bike', {}, 'y,,'));
  });

  it('resumes its session', async () => {
    const clientId = newClientId();
    await disconnect(await loggedIn('bike', { clientId, ...persistent(MQTT_5) }));
    const client = await loggedIn('bike', { clientId, ...persistent(MQTT_5) });
    await disconnect(client);
  });

  it('may name the method first, and wait to be asked', async () => {
    const scram = login('bike');
    const client = await broker.open(MQTT_5);
    client.sendConnect({ clientId: newClientId(), properties: { authenticationMethod: METHOD } });
    const question = await client.expect('auth');
    expect(question.properties).not.toHaveProperty('authenticationData');
    client.send(auth(REASON.continueAuthentication, scram.first));
    await answer(client, scram);
    expect((await client.expect('connack')).reasonCode).toBe(0);
  });

  it('may name itself in CONNECT too, if it names the same user', async () => {
    await disconnect(await loggedIn('bike', { username: 'default/bike' }));
    const scram = login('bike');
    const client = await begun(scram, { username: 'other' });
    await answer(client, scram);
    expect((await client.expect('connack')).reasonCode).toBe(REASON.badUserNameOrPassword);
  });

  it('may log in with the password itself as well', async () => {
    const connecting = { clientId: newClientId(), username: 'bike', password: Buffer.from(PASSWORD) };
    const { connack } = await broker.connect(MQTT_5, connecting);
    expect(connack.reasonCode).toBe(0);
  });
});

describe('a login by SCRAM-SHA-256 that is refused', () => {
  it('tells nothing about who is known: the same questions for unknown users, today and after a restart', async () => {
    const names = ['bike', 'nobody', 'acme/nobody', 'by-password', 'unserved/bike', '+/#', 'acme/other'];
    const before = await Promise.all(names.map((name) => failed(name)));
    for (const { reasonCode, salt, iterations } of before)
      expect({ reasonCode, salt: salt.length, iterations }).toEqual({
        reasonCode: REASON.badUserNameOrPassword,
        salt: 16,
        iterations: ITERATIONS,
      });
    await broker.restart();
    const after = await Promise.all(names.map((name) => failed(name)));
    expect(after.map(({ salt }) => salt)).toEqual(before.map(({ salt }) => salt));
    expect(new Set(before.map(({ salt }) => salt.toString('hex'))).size).toBe(names.length);
    const [known] = before;
    const underAnotherName = await failed('bike', { username: 'nobody' });
    expect(underAnotherName.salt).toEqual(known?.salt);
    expect(await failed('default/nobody')).toMatchObject({ salt: before[1]?.salt });
  });

  it.each([
    ['asks for channel binding', login('bike', PASSWORD, 'p=tls-exporter,,').first],
    ['wants to act for somebody else', login('bike', PASSWORD, 'n,a=other,').first],
    ['is no message of SCRAM', Buffer.from('hello')],
    ['is no UTF-8', Buffer.from('6e2c2c6e3dff2c723d78', 'hex')],
    ['is larger than any', Buffer.from(`n,,n=${'x'.repeat(3_000)},r=x`)],
  ])('because its first message %s breaks the protocol', async (_what, authenticationData) => {
    const client = await broker.open(MQTT_5);
    const properties = { authenticationMethod: METHOD, authenticationData };
    client.sendConnect({ clientId: newClientId(), properties });
    expect((await client.expect('connack')).reasonCode).toBe(REASON.protocolError);
    await client.closed();
  });

  it('where everybody may come in: the method is not offered', async ({ onTestFinished }) => {
    const open = await RunningBroker.forTest({}, onTestFinished);
    const properties = { authenticationMethod: METHOD, authenticationData: login('bike').first };
    const { connack } = await open.connect(MQTT_5, { clientId: newClientId(), properties });
    expect(connack.reasonCode).toBe(REASON.badAuthenticationMethod);
  });
});

describe('re-authentication by SCRAM-SHA-256', () => {
  it('gives the client the rights that its user has by then', async () => {
    await add('changing', ['allow all before']);
    await broker.reload();
    const client = await loggedIn('changing');
    expect(await publish(client, { topic: 'before', qos: 1 })).toBe(REASON.noMatchingSubscribers);
    const user = parseListedUser('changing', DEFAULT_TENANT);
    if (user !== undefined) await editor.remove(user);
    await add('changing', ['allow all after']);
    await broker.reload();
    // Nothing that the client has proven has changed, so it has them before it proves it once more.
    expect(await publish(client, { topic: 'before', qos: 1 })).toBe(REASON.notAuthorized);
    const scram = login('changing');
    client.send(auth(REASON.reAuthenticate, scram.first));
    await answer(client, scram);
    const success = await client.expect('auth');
    expect(success.reasonCode).toBe(REASON.success);
    expect(scram.accepts(success.properties?.authenticationData)).toBe(true);
    expect(await publish(client, { topic: 'before', qos: 1 })).toBe(REASON.notAuthorized);
    expect(await publish(client, { topic: 'after', qos: 1 })).toBe(REASON.noMatchingSubscribers);
    await expectNothing(client);
  });

  it('with a wrong password ends the connection [5.0 MQTT-4.12.1-2]', async () => {
    const client = await loggedIn('bike');
    const scram = login('bike', 'guess');
    client.send(auth(REASON.reAuthenticate, scram.first));
    await answer(client, scram);
    expect((await client.expect('disconnect')).reasonCode).toBe(REASON.notAuthorized);
    await client.closed();
  });

  it('as another user ends the connection: the session is not his', async () => {
    const client = await loggedIn('bike');
    const scram = login('other');
    client.send(auth(REASON.reAuthenticate, scram.first));
    await answer(client, scram);
    expect((await client.expect('disconnect')).reasonCode).toBe(REASON.notAuthorized);
    await client.closed();
  });
});

it('the exchange of RFC 7677, section 3, byte for byte', async ({ onTestFinished }) => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const user = {
    tenant: DEFAULT_TENANT,
    clientName: 'user',
    passwordHash: undefined,
    scram: await deriveScramCredentials('pencil', salt, ITERATIONS),
    certificate: false,
    rules: [],
  };
  const users = new UserList([user], Buffer.alloc(32));
  const authenticator = new ScramAuthenticator({
    tenants: new Set([DEFAULT_TENANT]),
    users: () => users,
    iterations: ITERATIONS,
    decoySecret: Buffer.alloc(32),
    newNonce: () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  });
  const running = await startMemoryBroker({ enhancedAuthenticators: [authenticator] });
  onTestFinished(() => running.close());
  const client = await RawClient.open({ port: running.port, level: 5 });
  const authenticationData = Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  client.sendConnect({ clientId: 'rfc', properties: { authenticationMethod: METHOD, authenticationData } });
  expect((await client.expect('auth')).properties?.authenticationData?.toString()).toBe(
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  );
  const final =
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
  client.send(auth(REASON.continueAuthentication, Buffer.from(final)));
  const connack = await client.expect('connack');
  expect(connack.properties?.authenticationData?.toString()).toBe(
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  );
  client.destroy();
});
