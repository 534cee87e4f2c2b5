/** CONNECT and CONNACK: who is let in, under which name, with which limits, and how long silence is borne. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { packet, str } from '../packets/wire.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { disconnect, expectNothing, publish, publishPacket, subscribe, take } from './support/exchanges.ts';
import {
  MQTT_3_1,
  MQTT_3_1_1,
  MQTT_5,
  newClientId,
  persistent,
  VERSIONS,
  type Version,
} from './support/versions.ts';

/** CONNACK return codes of MQTT 3. */
const IDENTIFIER_REJECTED = 2;
const SERVER_UNAVAILABLE = 3;
const NOT_AUTHORIZED = 5;

const LIMITS = { receiveMaximum: 100, packetBytesMax: 65_536, topicAliasMaximum: 7, sessionExpiryMaxS: 3600 };

/** A second is acted upon to the second. */
const PAST_ONE_SECOND_MS = 2_300;

let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start({ limits: LIMITS });
});

afterAll(() => broker.dispose());

describe.each(VERSIONS)('$version', (version) => {
  it('is accepted', async () => {
    const { client, connack } = await broker.connect(version, { clientId: newClientId() });
    expect(connack.sessionPresent).toBe(false);
    expect(connack.returnCode ?? connack.reasonCode).toBe(0);
    await expectNothing(client);
  });

  it('serves packets that follow CONNECT without waiting for CONNACK, in order', async () => {
    const client = await broker.open(version);
    const connect = {
      cmd: 'connect',
      clientId: newClientId(),
      protocolId: version.level === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version.level,
      clean: true,
      keepalive: 0,
    } as const;
    const topic = newClientId('eager');
    client.send(
      connect,
      { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic, qos: 0 }] },
      publishPacket({ topic, payload: 'at once' }),
      { cmd: 'pingreq' },
    );
    await client.expect('connack');
    expect((await client.expect('suback')).messageId).toBe(7);
    expect((await client.expect('publish')).payload.toString()).toBe('at once');
    await client.expect('pingresp');
  });

  it('ends the connection at a second CONNECT', async () => {
    const { client } = await broker.connect(version, { clientId: newClientId() });
    client.sendConnect({ clientId: newClientId() });
    if (version.level === 5) {
      expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.protocolError });
    }
    await client.closed();
  });

  it('refuses the user name of an unknown tenant', async () => {
    const { client, connack } = await broker.connect(version, {
      clientId: newClientId(),
      username: 'nowhere/bike',
      password: Buffer.from('x'),
    });
    if (version.level === 5) expect(connack.reasonCode).toBe(REASON.notAuthorized);
    else expect(connack.returnCode).toBe(NOT_AUTHORIZED);
    await client.closed();
  });
});

describe('the client identifier', () => {
  it('is assigned when an MQTT 5 client has none, and is its own', async () => {
    const one = await broker.connect(MQTT_5, { clientId: '' });
    const other = await broker.connect(MQTT_5, { clientId: '' });
    const assigned = one.connack.properties?.assignedClientIdentifier;
    expect(assigned).toBeTruthy();
    expect(other.connack.properties?.assignedClientIdentifier).not.toBe(assigned);
    await broker.connect(MQTT_5, { clientId: assigned ?? '' });
    expect(await one.client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.sessionTakenOver });
  });

  it('is not mentioned when the client has one', async () => {
    const { connack } = await broker.connect(MQTT_5, { clientId: newClientId() });
    expect(connack.properties).not.toHaveProperty('assignedClientIdentifier');
  });

  it('may be empty on MQTT 3.1.1 with a clean session only', async () => {
    const clean = await broker.connect(MQTT_3_1_1, { clientId: '' });
    expect(clean.connack.returnCode).toBe(0);
    const kept = await broker.open(MQTT_3_1_1);
    kept.send(packet(0x10, str('MQTT'), '04', '00', '0000', str('')));
    expect(await kept.expect('connack')).toMatchObject({ returnCode: IDENTIFIER_REJECTED });
    await kept.closed();
  });

  it('may not be empty on MQTT 3.1', async () => {
    const client = await broker.open(MQTT_3_1);
    client.send(packet(0x10, str('MQIsdp'), '03', '02', '0000', str('')));
    expect(await client.expect('connack')).toMatchObject({ returnCode: IDENTIFIER_REJECTED });
    await client.closed();
  });

  it('may be long, and anything UTF-8 has', async () => {
    const { connack } = await broker.connect(MQTT_5, { clientId: `vélo/+#$ ${'x'.repeat(1_000)}` });
    expect(connack.reasonCode).toBe(0);
  });
});

describe('CONNACK tells an MQTT 5 client', () => {
  it('the limits of the broker', async () => {
    const { connack } = await broker.connect(MQTT_5, { clientId: newClientId() });
    expect(connack.properties).toMatchObject({
      receiveMaximum: LIMITS.receiveMaximum,
      maximumPacketSize: LIMITS.packetBytesMax,
      topicAliasMaximum: LIMITS.topicAliasMaximum,
    });
  });

  it('where answers to it go, if it asks and its identifier can be part of a topic [5.0 MQTT-3.1.2-28]', async ({
    onTestFinished,
  }) => {
    const mqtt = { responseInformation: 'responses/%t/%c' };
    const own = await RunningBroker.forTest({ mqtt }, onTestFinished);
    const told = async (clientId: string, requestResponseInformation?: boolean) => {
      const properties = requestResponseInformation === undefined ? {} : { requestResponseInformation };
      return (await own.connect(MQTT_5, { clientId, properties })).connack.properties?.responseInformation;
    };
    expect(await told('bike', true)).toBe('responses/default/bike');
    expect(await told('bike', false)).toBeUndefined();
    expect(await told('bike')).toBeUndefined();
    expect(await told('bike/#', true)).toBeUndefined();
    const { client: bike } = await own.connect(MQTT_5, { clientId: 'bike' });
    await subscribe(bike, { topic: 'responses/default/bike', qos: 1 });
    const { client: lock } = await own.connect(MQTT_5, { clientId: 'lock' });
    await subscribe(lock, { topic: 'lock', qos: 1 });
    const correlationData = Buffer.from('7');
    const request = { responseTopic: 'responses/default/bike', correlationData };
    await publish(bike, { topic: 'lock', qos: 1, payload: 'open', properties: request });
    const { properties } = await take(lock);
    expect(properties).toMatchObject(request);
    await publish(lock, { topic: properties?.responseTopic ?? '', qos: 1, properties: { correlationData } });
    expect((await take(bike)).properties?.correlationData).toEqual(correlationData);
  });

  it('a session expiry that was lowered, and no other', async () => {
    const ask = async (sessionExpiryInterval: number): Promise<number | undefined> => {
      const { connack } = await broker.connect(MQTT_5, {
        clientId: newClientId(),
        properties: { sessionExpiryInterval },
      });
      return connack.properties?.sessionExpiryInterval;
    };
    expect(await ask(0xffff_ffff)).toBe(LIMITS.sessionExpiryMaxS);
    expect(await ask(LIMITS.sessionExpiryMaxS)).toBeUndefined();
  });

  it('that its authentication method is not offered', async () => {
    const { client, connack } = await broker.connect(MQTT_5, {
      clientId: newClientId(),
      properties: { authenticationMethod: 'SCRAM-SHA-1' },
    });
    expect(connack.reasonCode).toBe(REASON.badAuthenticationMethod);
    await client.closed();
  });

  it('why it was refused, in words', async () => {
    const { connack } = await broker.connect(MQTT_5, { clientId: newClientId(), username: 'nowhere/bike' });
    expect(connack.properties?.reasonString).toContain('tenant');
  });
});

describe('problem information', () => {
  /** What an MQTT 5 client hears of a filter that is refused. */
  async function reasonOfRefusal(requestProblemInformation: boolean) {
    const { client } = await broker.connect(MQTT_5, {
      clientId: newClientId(),
      properties: { requestProblemInformation },
    });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/'.repeat(500), qos: 0 }] });
    return await client.expect('suback');
  }

  it('that was not asked for stays out of everything but CONNACK and DISCONNECT [5.0 MQTT-3.1.2-29]', async () => {
    const suback = await reasonOfRefusal(false);
    expect(suback.granted).toEqual([REASON.topicFilterInvalid]);
    expect(suback.properties?.reasonString).toBeUndefined();
  });

  it('in DISCONNECT says what was wrong', async () => {
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId() });
    client.sendConnect();
    const { properties } = await client.expect('disconnect');
    expect(properties?.reasonString).toContain('CONNECT');
  });
});

describe('the limit of sessions', () => {
  it('refuses a new session and lets known ones come back', async () => {
    const small = await RunningBroker.forTest({ limits: { sessionsMax: 1 } });
    await small.connect(MQTT_5, { clientId: 'first' });
    const refused5 = await small.connect(MQTT_5, { clientId: 'second' });
    expect(refused5.connack.reasonCode).toBe(REASON.quotaExceeded);
    const refused4 = await small.connect(MQTT_3_1_1, { clientId: 'second' });
    expect(refused4.connack.returnCode).toBe(SERVER_UNAVAILABLE);
    expect((await small.connect(MQTT_5, { clientId: 'first' })).connack.reasonCode).toBe(0);
  });
});

describe.concurrent('silence', () => {
  it('of a session that is longer than the broker lets any last ends the session', async ({
    onTestFinished,
  }) => {
    const own = await RunningBroker.forTest({ limits: { sessionExpiryMaxS: 1 } }, onTestFinished);
    const versions = [MQTT_3_1_1, MQTT_5];
    const come = async (version: Version): Promise<boolean> => {
      const clientId = `lasting-${version.level}`;
      const { client, connack } = await own.connect(version, { clientId, ...persistent(version) });
      expect(connack.properties?.sessionExpiryInterval).toBe(version.level === 5 ? 1 : undefined);
      // DISCONNECT asks for more as well.
      await disconnect(client, 0, version.level === 5 ? 600 : undefined);
      return connack.sessionPresent;
    };
    expect(await Promise.all(versions.map(come))).toEqual([false, false]);
    expect(await Promise.all(versions.map(come))).toEqual([true, true]);
    await sleep(PAST_ONE_SECOND_MS);
    expect(await Promise.all(versions.map(come))).toEqual([false, false]);
  });

  it('of a client that sends no whole CONNECT ends its connection', async ({ onTestFinished }) => {
    const impatient = await RunningBroker.forTest({ limits: { connectTimeoutMs: 200 } }, onTestFinished);
    const silent = await impatient.open();
    const slow = await impatient.open();
    slow.send(Buffer.from([0x10, 0x0c, 0x00, 0x04]));
    await Promise.all([silent.closed(), slow.closed()]);
    const { client } = await impatient.connect(MQTT_5, { clientId: 'punctual' });
    await expectNothing(client);
  });

  it('of 1.5 keep-alives ends a connection, and PINGREQ keeps it [3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22, MQTT-3.2.2-22]', async () => {
    const startedAt = Date.now();
    const sleepers = await Promise.all(
      VERSIONS.map((version) => broker.connect(version, { clientId: newClientId(), keepalive: 1 })),
    );
    const { client: awake } = await broker.connect(MQTT_3_1_1, { clientId: newClientId(), keepalive: 1 });
    const ping = setInterval(() => {
      awake.send({ cmd: 'pingreq' });
    }, 500);
    try {
      await Promise.all(sleepers.map(({ client }) => client.closed()));
    } finally {
      clearInterval(ping);
    }
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_400);
    expect(awake.isClosed).toBe(false);
    for (const { client } of sleepers) {
      if (client.level < 5) await expect(client.next()).rejects.toThrow('closed');
      else expect(await client.next()).toMatchObject({ reasonCode: REASON.keepAliveTimeout });
    }
  });

  it('is measured by the keep-alive of the broker when that is shorter [5.0 MQTT-3.1.2-22, MQTT-3.2.2-22]', async ({
    onTestFinished,
  }) => {
    const strict = await RunningBroker.forTest({ limits: { keepAliveMaxS: 1 } }, onTestFinished);
    const ask = (keepalive: number) => strict.connect(MQTT_5, { clientId: newClientId(), keepalive });
    const [none, long, short] = await Promise.all([ask(0), ask(600), ask(1)]);
    expect(none.connack.properties?.serverKeepAlive).toBe(1);
    expect(long.connack.properties?.serverKeepAlive).toBe(1);
    expect(short.connack.properties).not.toHaveProperty('serverKeepAlive');
    for (const { client } of [none, long, short]) {
      expect(await client.next()).toMatchObject({ reasonCode: REASON.keepAliveTimeout });
    }
  });

  it('without a keep-alive lasts as long as it likes, and the session with it [3.1.1 MQTT-4.1.0-2] [5.0 MQTT-4.1.0-1]', async () => {
    const { client } = await broker.connect(MQTT_3_1_1, { clientId: newClientId(), keepalive: 0 });
    await subscribe(client, { topic: 'quiet', qos: 0 });
    const { client: other } = await broker.connect(MQTT_3_1_1, { clientId: newClientId(), keepalive: 1 });
    await other.closed();
    await expectNothing(client);
    client.send(publishPacket({ topic: 'quiet' }));
    expect((await client.expect('publish')).topic).toBe('quiet');
  });
});
