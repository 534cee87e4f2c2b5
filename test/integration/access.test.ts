/** Who gets in with users from a file and certificates, what rules let them do, and that tenants never meet. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { CLIENT_COMMON_NAME, clientCertificate, strangerCertificate } from '../support/certificates.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  publishPacket,
  subscribe,
  take,
} from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent, VERSIONS, type Version } from './support/versions.ts';

const CHEAP = { ln: 10, r: 8, p: 1 };
const PASSWORD = 'correct horse';
/** CONNACK return codes of MQTT 3. */
const BAD_USER_NAME_OR_PASSWORD = 4;
const NOT_AUTHORIZED = 5;

let directory: string;
let broker: RunningBroker;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-users-'));
  const usersFile = join(directory, 'users.yaml');
  const hash = formatPasswordHash(await hashPassword(Buffer.from(PASSWORD), Buffer.alloc(16, 1), CHEAP));
  const full = { password: hash, rules: ['allow all #', 'allow subscribe $SYS/#'] };
  const users = {
    'acme/bike': { password: hash, rules: ['allow all devices/%c/#', 'allow subscribe public/#'] },
    'acme/operator': full,
    operator: full,
    [CLIENT_COMMON_NAME]: { certificate: true, rules: ['allow all #'] },
  };
  await writeFile(usersFile, JSON.stringify({ users }));
  broker = await RunningBroker.start({
    tenants: ['default', 'acme'],
    auth: { mode: 'file', usersFile },
    sys: { intervalS: 1 },
  });
});

afterAll(async () => {
  await broker.dispose();
  await rm(directory, { recursive: true });
});

function as(username: string, clientId = newClientId(), password = PASSWORD) {
  return { username, clientId, password: Buffer.from(password) };
}

async function connectedAs(
  username: string,
  version: Version = MQTT_5,
  clientId?: string,
): Promise<RawClient> {
  const { client, connack } = await broker.connect(version, as(username, clientId));
  expect(connack.reasonCode ?? connack.returnCode).toBe(0);
  return client;
}

describe.each(VERSIONS)('$version: a client', (version) => {
  it('with the right password gets in', async () => {
    await expectNothing(await connectedAs('acme/bike', version));
  });

  it.each([
    { what: 'a wrong password', connect: as('acme/bike', 'wrong', 'guess') },
    { what: 'an unknown user', connect: as('acme/nobody', 'nobody') },
    { what: 'a user of another tenant', connect: as('bike', 'other-tenant') },
    { what: 'no user name', connect: { clientId: 'anonymous' } },
  ])('with $what is refused, and told no more than that', async ({ connect }) => {
    const { client, connack } = await broker.connect(version, connect);
    if (version.level === 5) expect(connack.reasonCode).toBe(REASON.badUserNameOrPassword);
    else expect(connack.returnCode).toBe(BAD_USER_NAME_OR_PASSWORD);
    expect(connack.properties?.reasonString ?? '').not.toMatch(/hash|user .* exists/);
    await client.closed();
  });

  it('may use the topics of its rules and no others', async () => {
    const clientId = newClientId('bike');
    const client = await connectedAs('acme/bike', version, clientId);
    const refused = version.level === 5 ? REASON.notAuthorized : 0x80;
    const filters = [
      `devices/${clientId}/#`,
      'devices/#',
      'devices/other/#',
      'public/a',
      '#',
      `$share/g/devices/other/#`,
    ];
    const granted = await subscribe(client, ...filters.map((topic) => ({ topic, qos: 1 as const })));
    expect(granted).toEqual([1, refused, refused, 1, refused, refused]);
    await subscribe(client, { topic: `$share/g/devices/${clientId}/x`, qos: 1 });

    client.send(publishPacket({ topic: `devices/${clientId}/state`, qos: 0, payload: 'mine' }));
    expect(payloads([await take(client)])).toEqual(['mine']);
    // At QoS 0 there is nobody to tell.
    client.send(publishPacket({ topic: 'devices/other/state', qos: 0 }));
    client.send(publishPacket({ topic: 'public/news', qos: 0 }));
    await expectNothing(client);
  });

  it.each([1, 2] as const)(
    'that publishes where it may not is told, or loses its connection [3.1.1 MQTT-3.3.5-2], QoS %i',
    async (qos) => {
      const client = await connectedAs('acme/bike', version);
      const watcher = await connectedAs('acme/operator');
      await subscribe(watcher, { topic: 'forbidden', qos: 1 });
      if (version.level === 5) {
        expect(await publish(client, { topic: 'forbidden', qos })).toBe(REASON.notAuthorized);
        await expectNothing(client);
      } else {
        client.send(publishPacket({ topic: 'forbidden', qos }));
        await client.closed();
        await expect(client.next()).rejects.toThrow('closed');
      }
      await expectNothing(watcher);
    },
  );

  it('may not leave a will where it may not publish', async () => {
    const { client, connack } = await broker.connect(version, {
      ...as('acme/bike'),
      will: { topic: 'forbidden', payload: 'x', qos: 0, retain: false },
    });
    if (version.level === 5) expect(connack.reasonCode).toBe(REASON.notAuthorized);
    else expect(connack.returnCode).toBe(NOT_AUTHORIZED);
    await client.closed();
  });
});

describe('$SYS', () => {
  it('is read by those whose rules name it, and written by no client', async () => {
    const operator = await connectedAs('operator');
    expect(await publish(operator, { topic: '$SYS/broker/version', qos: 1 })).toBe(REASON.notAuthorized);
    expect(await subscribe(operator, { topic: '$SYS/#', qos: 0 })).toEqual([0]);
    expect((await take(operator)).topic).toMatch(/^\$SYS\//);
    const bike = await connectedAs('acme/bike');
    expect(await subscribe(bike, { topic: '$SYS/#', qos: 0 })).toEqual([REASON.notAuthorized]);
  });
});

describe('tenants', () => {
  it('have clients, topics, retained messages and wills of their own', async () => {
    const topic = newClientId('topic');
    const clientId = newClientId('same');
    const ours = await connectedAs('operator', MQTT_5, clientId);
    const theirs = await connectedAs('acme/operator', MQTT_5, clientId);
    await expectNothing(ours);
    await subscribe(ours, { topic: '#', qos: 1 });
    await subscribe(theirs, { topic: '#', qos: 1 });
    await subscribe(theirs, { topic: `$share/group/${topic}`, qos: 1 });

    const sender = await connectedAs('operator');
    await publish(sender, { topic, qos: 1, retain: true, payload: 'for us' });
    expect(payloads([await take(ours)])).toEqual(['for us']);
    await expectNothing(theirs);
    const late = await connectedAs('acme/operator');
    await subscribe(late, { topic, qos: 1 });
    await expectNothing(late);

    const { client: mortal } = await broker.connect(MQTT_5, {
      ...as('operator'),
      will: { topic, payload: 'gone', qos: 1, retain: false },
    });
    mortal.destroy();
    expect(payloads([await take(ours)])).toEqual(['gone']);
    await expectNothing(theirs);
  });

  it('have sessions of their own', async () => {
    const clientId = newClientId('same');
    const { client: ours } = await broker.connect(MQTT_5, {
      ...as('operator', clientId),
      ...persistent(MQTT_5),
    });
    await subscribe(ours, { topic: 't', qos: 1 });
    await disconnect(ours);
    const theirs = await broker.connect(MQTT_5, { ...as('acme/operator', clientId), ...persistent(MQTT_5) });
    expect(theirs.connack.sessionPresent).toBe(false);
    await publish(theirs.client, { topic: 't', qos: 1, payload: 'theirs' });
    const back = await broker.connect(MQTT_5, { ...as('operator', clientId), ...persistent(MQTT_5) });
    expect(back.connack.sessionPresent).toBe(true);
    await expectNothing(back.client);
  });
});

describe('a client certificate', () => {
  it.each(['tls', 'wss'] as const)('is a user of its own over %s', async (transport) => {
    const { client, connack } = await broker.connect(
      { transport, level: 5, clientCertificate },
      { clientId: newClientId() },
    );
    expect(connack.reasonCode).toBe(0);
    const session = await broker.admin(`/api/v1/sessions?connected=true`);
    expect(JSON.stringify(await session.json())).toContain(`"clientName":"${CLIENT_COMMON_NAME}"`);
    await expectNothing(client);
  });

  it('is not needed by who has a password', async () => {
    const { connack } = await broker.connect({ transport: 'tls', level: 5 }, as('operator'));
    expect(connack.reasonCode).toBe(0);
  });

  it('that no known authority signed says nothing about its owner', async () => {
    const attempt = broker.connect(
      { transport: 'tls', level: 5, clientCertificate: strangerCertificate },
      { clientId: newClientId() },
    );
    const outcome = await attempt.then(
      ({ connack }) => connack.reasonCode,
      () => 'refused by TLS',
    );
    expect(['refused by TLS', REASON.badUserNameOrPassword]).toContain(outcome);
  });

  it('missing, with no password either, lets nobody in', async () => {
    const { connack } = await broker.connect({ transport: 'tls', level: 4 }, { clientId: newClientId() });
    expect(connack.returnCode).toBe(BAD_USER_NAME_OR_PASSWORD);
  });
});

describe('the session of a user', () => {
  it('is not taken over by another one who knows its client identifier [5.0 MQTT-3.1.3-8]', async () => {
    const clientId = newClientId('mine');
    const { client } = await broker.connect(MQTT_3_1_1, { ...as('acme/operator', clientId), clean: false });
    const { client: stranger, connack } = await broker.connect(MQTT_5, as('acme/bike', clientId));
    expect(connack.reasonCode).toBe(REASON.clientIdentifierNotValid);
    await stranger.closed();
    await expectNothing(client);
  });
});

describe('a chain that lets guests in', () => {
  it('gives a guest no session of a user, and nobody else a guest’s', async () => {
    const usersFile = join(directory, 'users.yaml');
    const chained = await RunningBroker.forTest({
      tenants: ['default', 'acme'],
      auth: { mode: 'chain', chain: ['file', 'anonymous'], usersFile, anonymousRules: ['allow all #'] },
    });
    const connect = async (as_: object, clientId: string) =>
      (await chained.connect(MQTT_5, { ...persistent(MQTT_5), ...as_, clientId })).connack;
    const user = as('operator');
    const guest = {};
    expect((await connect(user, 'users')).reasonCode).toBe(0);
    expect((await connect(guest, 'guests')).reasonCode).toBe(0);
    expect((await connect(guest, 'users')).reasonCode).toBe(REASON.clientIdentifierNotValid);
    expect((await connect(user, 'guests')).reasonCode).toBe(REASON.clientIdentifierNotValid);
    expect(await connect(guest, 'guests')).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(await connect(user, 'users')).toMatchObject({ reasonCode: 0, sessionPresent: true });
  });
});
