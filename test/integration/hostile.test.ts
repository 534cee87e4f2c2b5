/**
 * Clients that mean harm, or are as broken as if they did: each meets the limit that stops it, a counter shows that it
 * did, and a pair of well-behaved clients goes on meanwhile. `docs/hostile-clients.md` is the table of them.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker, TRANSPORTS } from '../support/running-broker.ts';
import { disconnect, publish, publishPacket, subscribe } from './support/exchanges.ts';
import { metric } from './support/metrics.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from './support/versions.ts';

const LIMITS = {
  packetBytesMax: 65_536,
  connectTimeoutMs: 1_000,
  connectionsMax: 400,
  clientIdBytesMax: 64,
  subscriptionsPerSessionMax: 20,
  wildcardLevelsPerSessionMax: 60,
  topicLevelsMax: 16,
  topicBytesMax: 200,
  receiveMaximum: 10,
  requestsMax: 4,
  outboxBytesHigh: 65_536,
  stallTimeoutMs: 1_000,
  retainedMessagesMax: 50,
  retainedBytesMax: 100_000,
  transientQueue: { messagesMax: 100, bytesMax: 65_536 },
};

/** Round trips that the pair has to complete after each attack, and how long one may take. */
const ROUND_TRIPS = 20;

let broker: RunningBroker;
let witness: { readonly from: RawClient; readonly to: RawClient };

beforeEach(async () => {
  await start({});
});

afterEach(async () => {
  // Whatever was done, others are served.
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    witness.from.send(publishPacket({ topic: 'witness', qos: 1, payload: String(trip) }));
    await witness.from.expect('puback');
    expect((await witness.to.expect('publish')).payload.toString()).toBe(String(trip));
    witness.to.send({ cmd: 'puback', messageId: trip + 1 });
  }
  await broker.dispose();
});

async function start(limits: object): Promise<void> {
  broker = await RunningBroker.start({ limits: { ...LIMITS, ...limits } });
  const { client: to } = await broker.connect(MQTT_5, { clientId: 'witness-to' });
  await subscribe(to, { topic: 'witness', qos: 1 });
  const { client: from } = await broker.connect(MQTT_5, { clientId: 'witness-from' });
  witness = { from, to };
}

async function restart(limits: object): Promise<void> {
  await broker.dispose();
  await start(limits);
}

async function dial(port: number): Promise<Socket> {
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => undefined).on('data', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const counted = (name: string, labels = {}) => metric(broker, name, labels);

describe('connections', () => {
  it('that never finish their handshake or CONNECT are dropped: connectTimeoutMs', async () => {
    const beginnings = { tcp: '101a', tls: '160301', ws: '474554202f', wss: '160301' };
    const slow = await Promise.all(
      TRANSPORTS.map(async (transport) => {
        const socket = await dial(broker.port(transport));
        socket.write(Buffer.from(beginnings[transport], 'hex'));
        return socket;
      }),
    );
    await Promise.all(slow.map((socket) => once(socket, 'close')));
    expect(await counted('spoke_connect_timeouts_total')).toBe(TRANSPORTS.length);
  });

  it('that send their CONNECT byte by byte are dropped all the same', async () => {
    const socket = await dial(broker.port());
    const trickle = setInterval(() => socket.write(Buffer.of(0x10)), 100);
    socket.write(Buffer.from('10ff7f', 'hex'));
    await once(socket, 'close');
    clearInterval(trickle);
    expect(await counted('spoke_connect_timeouts_total')).toBe(1);
  });

  it('that never speak are so many and no more: connectionsMax', async () => {
    const silent = await Promise.all(
      Array.from({ length: LIMITS.connectionsMax }, () => dial(broker.port())),
    );
    await expect.poll(() => silent.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(2);
    expect(await counted('spoke_connections_not_admitted_total', { reason: 'connectionsMax' })).toBe(2);
    await Promise.all(silent.filter(({ closed }) => !closed).map((socket) => once(socket, 'close')));
    await broker.connect();
  });

  it('come only so fast: connectionRateMax', async () => {
    await restart({ connectionRateMax: 10 });
    const hasty = await Promise.all(Array.from({ length: 40 }, () => dial(broker.port())));
    await expect.poll(() => hasty.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(20);
    expect(
      await counted('spoke_connections_not_admitted_total', { reason: 'connectionRateMax' }),
    ).toBeGreaterThanOrEqual(20);
  });

  it('from one address are so many and no more: connectionsPerAddressMax', async () => {
    await restart({ connectionsPerAddressMax: 5 });
    const greedy = { localAddress: '127.0.0.66' };
    for (let left = 5; left > 0; left--) await broker.connect(greedy, { clientId: newClientId() });
    const sixth = connectSocket({ host: '127.0.0.1', port: broker.port(), ...greedy });
    sixth.on('error', () => undefined);
    await once(sixth, 'close');
    await broker.connect({ localAddress: '127.0.0.67' });
    expect(
      await counted('spoke_connections_not_admitted_total', { reason: 'connectionsPerAddressMax' }),
    ).toBe(1);
  });

  it('whose peer has vanished end with their keep-alive', async () => {
    const { client } = await broker.connect({}, { keepalive: 1 });
    await client.closed();
    expect(await counted('spoke_keep_alive_timeouts_total')).toBe(1);
  });

  it('of one client that come back in a storm cost the event log next to nothing', async () => {
    const clientId = 'stormy';
    const storm = await Promise.all(Array.from({ length: 300 }, () => broker.open()));
    for (const client of storm) client.sendConnect({ clientId, clean: false });
    const outcomes = await Promise.all(storm.map((client) => client.next().catch(() => undefined)));
    const accepted = outcomes.filter((packet) => packet?.cmd === 'connack' && packet.returnCode === 0).length;
    expect(accepted).toBeGreaterThanOrEqual(1);
    const refused = await counted('spoke_connections_refused_total');
    expect(accepted + refused).toBe(storm.length);
    expect(await counted('spoke_take_overs_total')).toBe(accepted - 1);
    // How many had their turn before a later one came depends on how they came in.
    expect(refused).toBeGreaterThan(0);
    const { connack } = await broker.connect({}, { clientId, clean: false });
    expect(connack.sessionPresent).toBe(true);
  });

  it('with an endless client identifier are refused: clientIdBytesMax', async () => {
    const { connack } = await broker.connect(MQTT_5, { clientId: 'x'.repeat(65) });
    expect(connack.reasonCode).toBe(REASON.clientIdentifierNotValid);
    expect(await counted('spoke_connections_refused_total')).toBe(1);
  });

  it('with an endless user name are refused too', async () => {
    const { connack } = await broker.connect(MQTT_5, { clientId: newClientId(), username: 'x'.repeat(65) });
    expect(connack.reasonCode).toBe(REASON.badUserNameOrPassword);
    expect(await counted('spoke_connections_refused_total')).toBe(1);
  });

  it('with wills may be cut by the hundred', async () => {
    const clients = await Promise.all(
      Array.from({ length: 300 }, async (_none, index) => {
        const will = {
          topic: `wills/${index}`,
          payload: Buffer.from('gone'),
          qos: 1 as const,
          retain: false,
        };
        return (await broker.connect({}, { clientId: `testator-${index}`, will })).client;
      }),
    );
    for (const client of clients) client.destroy();
    await expect.poll(() => counted('spoke_wills_published_total'), { timeout: 10_000 }).toBe(clients.length);
  });
});

describe('packets', () => {
  it('larger than packetBytesMax end the connection, before they have arrived', async () => {
    const { client } = await broker.connect(MQTT_5);
    const userProperties = Object.fromEntries(
      Array.from({ length: 5_000 }, (_none, index) => [`name-${index}`, 'value']),
    );
    client.send(publishPacket({ topic: 't', properties: { userProperties } }));
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.packetTooLarge });
    await client.closed();
    expect(await counted('spoke_protocol_violations_total')).toBe(1);
  });

  it.each(['text', 'compressed', 'not masked', 'oversize'])(
    'in WebSocket frames that are %s end the connection',
    async (kind) => {
      const frames = {
        text: '8180000000' + '00',
        compressed: 'c28000000000',
        'not masked': '820100',
        oversize: '82ff' + '00000000ffffffff' + '00000000',
      };
      const socket = await dial(broker.port('ws'));
      socket.write(
        'GET /mqtt HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
          'Sec-WebSocket-Protocol: mqtt\r\n\r\n',
      );
      await once(socket, 'data');
      socket.write(Buffer.from(frames[kind as keyof typeof frames], 'hex'));
      await expect.poll(() => counted('spoke_websocket_violations_total')).toBe(1);
      socket.destroy();
    },
  );
});

describe('subscriptions', () => {
  it.each([
    ['transient', {}],
    ['persistent', persistent(MQTT_5)],
  ])(
    'of a %s session make a publish only so expensive: wildcardLevelsPerSessionMax',
    async (_session, lifetime) => {
      const clientId = newClientId();
      const { client } = await broker.connect(MQTT_5, { clientId, ...lifetime });
      const deep = (name: number) => ({ topic: `a/+/+/+/+/+/+/+/+/+/${name}`, qos: 0 as const });
      const many = Array.from({ length: 8 }, (_none, name) => deep(name));
      expect((await subscribe(client, ...many)).filter((code) => code === 0)).toHaveLength(6);
      client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [deep(0).topic, deep(99).topic] });
      await client.expect('unsuback');
      expect(await subscribe(client, deep(6), deep(7), deep(6))).toEqual([0, REASON.quotaExceeded, 0]);
      if ('clean' in lifetime) {
        await disconnect(client);
        const { client: again } = await broker.connect(MQTT_5, { clientId, ...lifetime });
        expect(await subscribe(again, deep(8))).toEqual([REASON.quotaExceeded]);
      }
    },
  );

  it('are so many, so deep and so long, the name of their group included', async () => {
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId() });
    const bomb = Array.from({ length: 300 }, (_none, index) => ({
      topic: `bomb/+/${index}`,
      qos: 0 as const,
    }));
    const granted = await subscribe(client, ...bomb);
    expect(granted.slice(0, 20)).toEqual(Array(20).fill(0));
    expect(new Set(granted.slice(20))).toEqual(new Set([REASON.quotaExceeded]));
    const { client: other } = await broker.connect(MQTT_5, { clientId: newClientId() });
    const refused = await subscribe(
      other,
      { topic: Array(17).fill('+').join('/'), qos: 0 },
      { topic: 'x'.repeat(201), qos: 0 },
      { topic: `$share/${'g'.repeat(200)}/t`, qos: 0 },
    );
    expect(refused).toEqual(Array(3).fill(REASON.topicFilterInvalid));
    expect(await counted('spoke_subscriptions_refused_total')).toBe(283);
  });

  it('of a persistent session are no more for being asked for all at once: subscriptionsPerSessionMax', async () => {
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId(), ...persistent(MQTT_5) });
    const packets = Array.from({ length: 10 }, (_none, packet) => ({
      cmd: 'subscribe' as const,
      messageId: packet + 1,
      subscriptions: Array.from({ length: 10 }, (_each, index) => ({
        topic: `t/${packet}/${index}`,
        qos: 0 as const,
      })),
    }));
    client.send(...packets);
    let granted = 0;
    for (let left = packets.length; left > 0; left--) {
      granted += (await client.expect('suback')).granted.filter((code) => code === 0).length;
    }
    expect(granted).toBe(LIMITS.subscriptionsPerSessionMax);
    expect(await counted('spoke_subscriptions')).toBe(LIMITS.subscriptionsPerSessionMax + 1);
  });

  it('come and go in a flood, each answered in its turn: requestsMax', async () => {
    const { client } = await broker.connect(MQTT_3_1_1, { clientId: newClientId(), clean: false });
    const rounds = 500;
    for (let round = 0; round < rounds; round++) {
      client.send(
        { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'in/and/out', qos: 1 }] },
        { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['in/and/out'] },
      );
    }
    for (let round = 0; round < rounds; round++) {
      expect((await client.expect('suback')).granted).toEqual([1]);
      await client.expect('unsuback');
    }
  });
});

describe('messages', () => {
  it('to topics too deep or too long are refused: topicLevelsMax, topicBytesMax', async () => {
    const { client } = await broker.connect(MQTT_5);
    expect(await publish(client, { topic: Array(17).fill('a').join('/'), qos: 1 })).toBe(
      REASON.topicNameInvalid,
    );
    expect(await publish(client, { topic: 'x'.repeat(201), qos: 1 })).toBe(REASON.topicNameInvalid);
    expect(await counted('spoke_publishes_refused_total')).toBe(2);
  });

  it('that are retained are so many and so large, however fast they come', async () => {
    const { client } = await broker.connect(MQTT_5);
    const many = Array.from({ length: 200 }, (_none, index) =>
      publishPacket({ topic: `r/${index}`, retain: true }),
    );
    client.send(...many);
    await client.roundTrip();
    await expect.poll(() => counted('spoke_retained_messages')).toBe(LIMITS.retainedMessagesMax);
    expect(await counted('spoke_messages_dropped_total', { reason: 'retainedQuota' })).toBe(150);
    const large = Buffer.alloc(60_000);
    expect(await publish(client, { topic: 'r/0', retain: true, qos: 1, payload: large })).toBeLessThan(0x80);
    expect(await publish(client, { topic: 'r/1', retain: true, qos: 1, payload: large })).toBe(
      REASON.quotaExceeded,
    );
    expect(await counted('spoke_retained_bytes')).toBeLessThanOrEqual(LIMITS.retainedBytesMax);
  });

  it('in a flood from one client reach only who reads them, and drop a socket that takes nothing: stallTimeoutMs', async () => {
    const { client: stuck } = await broker.connect({}, { clientId: newClientId() });
    await subscribe(stuck, { topic: 'flood', qos: 0 });
    stuck.pause();
    const { client } = await broker.connect({}, { clientId: newClientId() });
    const payload = Buffer.alloc(10_000);
    // More than any kernel takes for a peer that does not read.
    for (let sent = 0; sent < 2_000; sent++) {
      client.send(publishPacket({ topic: 'flood', payload }));
      // So that all of it finds room as long as the socket takes it.
      if (sent % 5 === 0) await client.roundTrip();
    }
    await expect.poll(() => counted('spoke_stalled_connections_total'), { timeout: 10_000 }).toBe(1);
    expect(await counted('spoke_messages_dropped_total', { reason: 'outboxFull' })).toBeGreaterThan(0);
    await expect.poll(() => counted('spoke_connections')).toBe(3);
  });

  it('of QoS 2 that are never released stop an MQTT 5 client: receiveMaximum', async () => {
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId(), ...persistent(MQTT_5) });
    for (let messageId = 1; messageId <= LIMITS.receiveMaximum; messageId++) {
      client.send(publishPacket({ topic: 't', qos: 2, messageId }));
      await client.expect('pubrec');
    }
    client.send(publishPacket({ topic: 't', qos: 2, messageId: 99 }));
    expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.receiveMaximumExceeded });
  });

  it.each([
    ['transient', true],
    ['persistent', false],
  ])(
    'of QoS 2 in any number may wait for their release on MQTT 3.1.1, in a %s session',
    async (_session, clean) => {
      const { client } = await broker.connect(MQTT_3_1_1, { clientId: newClientId(), clean });
      // A client that sends all it has and answers when it gets to it.
      const ids = Array.from({ length: 5 * LIMITS.receiveMaximum }, (_none, index) => index + 1);
      client.send(...ids.map((messageId) => publishPacket({ topic: 't', qos: 2, messageId })));
      for (const messageId of ids) expect(await client.expect('pubrec')).toMatchObject({ messageId });
      client.send(...ids.map((messageId) => ({ cmd: 'pubrel' as const, messageId })));
      for (const messageId of ids) expect(await client.expect('pubcomp')).toMatchObject({ messageId });
      await disconnect(client);
    },
  );
});
