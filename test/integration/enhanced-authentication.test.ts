/** MQTT 5 enhanced authentication: the exchange before CONNACK, and once more on an open connection. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/app/config-schema.ts';
import type {
  Credentials,
  EnhancedAuthenticator,
  EnhancedAuthExchange,
  EnhancedAuthStep,
  Principal,
} from '../../src/auth/authenticator.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { startMemoryBroker, type MemoryBroker } from '../support/memory-broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { expectNothing, publish, subscribe, take } from './support/exchanges.ts';
import { newClientId } from './support/versions.ts';

const METHOD = 'MIRROR';
const CHALLENGE = 'drawer';
const RESPONSE = 'reward';

/** Sends a word and wants it back to front; then the client may publish below its own name. */
class MirrorExchange implements EnhancedAuthExchange {
  readonly #credentials: Credentials;
  #challenged = false;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  step(data: Buffer | undefined): Promise<EnhancedAuthStep> {
    return Promise.resolve(this.#step(data?.toString()));
  }

  #step(text: string | undefined): EnhancedAuthStep {
    if (!this.#challenged) {
      this.#challenged = true;
      return { outcome: 'continue', data: Buffer.from(CHALLENGE) };
    }
    if (text !== RESPONSE) {
      return { outcome: 'refused', reasonCode: REASON.notAuthorized, detail: 'wrong response' };
    }
    return { outcome: 'allowed', principal: this.#principal(), data: Buffer.from('welcome') };
  }

  #principal(): Principal {
    const { tenant, clientId } = this.#credentials;
    return {
      tenant,
      clientName: 'mirrored',
      verified: true,
      mayPublish: (topic) => topic.startsWith(`${clientId}/`),
      maySubscribe: () => true,
    };
  }
}

const mirror: EnhancedAuthenticator = {
  method: METHOD,
  begin: (credentials) => new MirrorExchange(credentials),
};

let running: MemoryBroker;
let port: number;

beforeAll(async () => {
  const { limits } = configSchema.parse({ limits: { connectTimeoutMs: 3_000 } });
  running = await startMemoryBroker({ enhancedAuthenticators: [mirror], limits });
  ({ port } = running);
});

afterAll(() => running.close());

function authPacket(reasonCode: number, data?: string, authenticationMethod = METHOD) {
  const properties = {
    authenticationMethod,
    ...(data === undefined ? {} : { authenticationData: Buffer.from(data) }),
  };
  return { cmd: 'auth', reasonCode, properties } as const;
}

/** CONNECT with the method has been sent, and the challenge has come. */
async function challenged(clientId: string): Promise<RawClient> {
  const client = await RawClient.open({ port, level: 5 });
  client.sendConnect({ clientId, properties: { authenticationMethod: METHOD } });
  const auth = await client.expect('auth');
  expect(auth).toMatchObject({
    reasonCode: REASON.continueAuthentication,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(CHALLENGE) },
  });
  return client;
}

async function authenticated(clientId: string): Promise<RawClient> {
  const client = await challenged(clientId);
  client.send(authPacket(REASON.continueAuthentication, RESPONSE));
  expect(await client.expect('connack')).toMatchObject({
    reasonCode: 0,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from('welcome') },
  });
  return client;
}

describe('the exchange before CONNACK', () => {
  it('lets in whoever answers right, with the rights the method gives [5.0 MQTT-3.15.2-1, MQTT-4.12.0-2, MQTT-4.12.0-5]', async () => {
    const clientId = newClientId();
    const client = await authenticated(clientId);
    await subscribe(client, { topic: `${clientId}/#`, qos: 0 });
    client.send({ cmd: 'publish', topic: `${clientId}/a`, payload: 'x', qos: 0, dup: false, retain: false });
    expect((await take(client)).topic).toBe(`${clientId}/a`);
    expect(await publish(client, { topic: 'elsewhere', qos: 1 })).toBe(REASON.notAuthorized);
  });

  it('refuses a wrong answer [5.0 MQTT-4.12.0-4]', async () => {
    const client = await challenged(newClientId());
    client.send(authPacket(REASON.continueAuthentication, 'wrong'));
    expect(await client.expect('connack')).toMatchObject({ reasonCode: REASON.notAuthorized });
    await client.closed();
  });

  it('bears no other method, no other reason and no other packet [5.0 MQTT-3.1.2-30, MQTT-4.12.0-3, MQTT-4.12.0-5]', async () => {
    const switching = await challenged(newClientId());
    switching.send(authPacket(REASON.continueAuthentication, RESPONSE, 'OTHER'));
    expect(await switching.expect('connack')).toMatchObject({ reasonCode: REASON.protocolError });
    await switching.closed();
    const again = await challenged(newClientId());
    again.send(authPacket(REASON.reAuthenticate, RESPONSE));
    expect(await again.expect('connack')).toMatchObject({ reasonCode: REASON.protocolError });
    await again.closed();
    const eager = await challenged(newClientId());
    eager.send({ cmd: 'pingreq' });
    expect(await eager.expect('connack')).toMatchObject({ reasonCode: REASON.protocolError });
    await eager.closed();
  });

  it('that the client lets lie ends with the time for CONNECT, whatever its keep-alive', async () => {
    const client = await challenged(newClientId());
    expect(await client.expect('connack')).toMatchObject({ reasonCode: REASON.notAuthorized });
    await client.closed();
  });

  it('that the client leaves leaves nothing behind', async () => {
    const clientId = newClientId();
    const client = await challenged(clientId);
    client.destroy();
    await client.closed();
    await expectNothing(await authenticated(clientId));
  });
});

describe('re-authentication', () => {
  it('goes on while other packets do [5.0 MQTT-3.15.2-1, MQTT-4.12.1-1]', async () => {
    const clientId = newClientId();
    const client = await authenticated(clientId);
    client.send(authPacket(REASON.reAuthenticate));
    expect(await client.expect('auth')).toMatchObject({ reasonCode: REASON.continueAuthentication });
    await expectNothing(client);
    client.send(authPacket(REASON.continueAuthentication, RESPONSE));
    expect(await client.expect('auth')).toMatchObject({
      reasonCode: REASON.success,
      properties: { authenticationData: Buffer.from('welcome') },
    });
    expect(await publish(client, { topic: `${clientId}/a`, qos: 1 })).toBeLessThan(0x80);
  });

  it('that fails ends the connection [5.0 MQTT-4.12.1-2]', async () => {
    const client = await authenticated(newClientId());
    client.send(authPacket(REASON.reAuthenticate));
    await client.expect('auth');
    client.send(authPacket(REASON.continueAuthentication, 'wrong'));
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.notAuthorized });
    await client.closed();
  });

  it('out of turn, or of a connection made without it, is a protocol error', async () => {
    const early = await authenticated(newClientId());
    early.send(authPacket(REASON.continueAuthentication, RESPONSE));
    expect(await early.expect('disconnect')).toMatchObject({ reasonCode: REASON.protocolError });
    const { client: plain } = await RawClient.connect({ port, level: 5 }, { clientId: newClientId() });
    plain.send(authPacket(REASON.reAuthenticate));
    expect(await plain.expect('disconnect')).toMatchObject({ reasonCode: REASON.protocolError });
  });
});
