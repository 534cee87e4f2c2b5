/** Server redirection (MQTT 5.0, section 4.11): a CONNECT that is sent elsewhere, and a client that is while it is connected. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActiveSession } from '../../src/broker/active-session.ts';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId } from '../../src/tenancy/identity.ts';
import { startMemoryBroker, type MemoryBroker } from '../support/memory-broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { expectNothing, subscribe, take } from './support/exchanges.ts';
import { MQTT_3_1, MQTT_3_1_1, MQTT_5, newClientId, persistent, type Version } from './support/versions.ts';

const ELSEWHERE = 'broker-2.example.org:8883 [fd00::2]:1883';
/** CONNACK return code of MQTT 3. */
const SERVER_UNAVAILABLE = 3;
const REASONS = [REASON.useAnotherServer, REASON.serverMoved] as const;

let running: MemoryBroker;

beforeAll(async () => {
  running = await startMemoryBroker();
});

afterAll(() => running.close());

function connect({ level }: Version, clientId: string, connecting = {}) {
  return RawClient.connect({ port: running.port, level }, { clientId, ...connecting });
}

function sessionOf(clientId: string): ActiveSession {
  const session = running.broker.tenant(DEFAULT_TENANT)?.active(clientId as ClientId);
  if (session === undefined) throw new Error(`${clientId} is not connected`);
  return session;
}

/** The broker sends every CONNECT elsewhere until `body` is done. */
async function redirecting(
  reasonCode: (typeof REASONS)[number],
  serverReference: string | undefined,
  body: () => Promise<void>,
): Promise<void> {
  running.broker.redirection = { reasonCode, serverReference };
  try {
    await body();
  } finally {
    running.broker.redirection = undefined;
  }
}

describe('a CONNECT that is sent elsewhere', () => {
  it.each(REASONS)('is told so with reason %i, and where', async (reasonCode) => {
    await redirecting(reasonCode, ELSEWHERE, async () => {
      const { client, connack } = await connect(MQTT_5, newClientId());
      expect(connack).toMatchObject({ reasonCode, properties: { serverReference: ELSEWHERE } });
      await client.closed();
    });
  });

  it('may be left to find the way itself', async () => {
    await redirecting(REASON.useAnotherServer, undefined, async () => {
      const { connack } = await connect(MQTT_5, newClientId());
      expect(connack.reasonCode).toBe(REASON.useAnotherServer);
      expect(connack.properties).not.toHaveProperty('serverReference');
    });
  });

  it.each([MQTT_3_1, MQTT_3_1_1])('gets the nearest that $version has to say', async (version) => {
    await redirecting(REASON.serverMoved, ELSEWHERE, async () => {
      const { client, connack } = await connect(version, newClientId());
      expect(connack.returnCode).toBe(SERVER_UNAVAILABLE);
      await client.closed();
    });
  });

  it('leaves those who are connected alone, and its own session as it was', async () => {
    const clientId = newClientId();
    const { client } = await connect(MQTT_5, clientId, persistent(MQTT_5));
    await redirecting(REASON.useAnotherServer, ELSEWHERE, async () => {
      await connect(MQTT_5, clientId, persistent(MQTT_5));
      await expectNothing(client);
    });
    const { connack } = await connect(MQTT_5, clientId, persistent(MQTT_5));
    expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.sessionTakenOver });
  });
});

describe('a connected client that is sent elsewhere', () => {
  it.each(REASONS)('is told so with reason %i, and where', async (reasonCode) => {
    const clientId = newClientId();
    const { client } = await connect(MQTT_5, clientId);
    sessionOf(clientId).redirect({ reasonCode, serverReference: ELSEWHERE });
    expect(await client.expect('disconnect')).toMatchObject({
      reasonCode,
      properties: { serverReference: ELSEWHERE },
    });
    await client.closed();
  });

  it('of MQTT 3.1.1 is closed', async () => {
    const clientId = newClientId();
    const { client } = await connect(MQTT_3_1_1, clientId);
    sessionOf(clientId).redirect({ reasonCode: REASON.useAnotherServer, serverReference: ELSEWHERE });
    await client.closed();
    await expect(client.next()).rejects.toThrow('closed');
  });

  it('keeps its session, and leaves its will as if the connection had been lost', async () => {
    const clientId = newClientId();
    const { client: watcher } = await connect(MQTT_5, newClientId('watcher'));
    await subscribe(watcher, { topic: clientId, qos: 1 });
    const will = { topic: clientId, payload: 'gone', qos: 1, retain: false } as const;
    await connect(MQTT_5, clientId, { ...persistent(MQTT_5), will });
    sessionOf(clientId).redirect({ reasonCode: REASON.serverMoved, serverReference: ELSEWHERE });
    await take(watcher);
    const { connack } = await connect(MQTT_5, clientId, persistent(MQTT_5));
    expect(connack.sessionPresent).toBe(true);
  });
});
