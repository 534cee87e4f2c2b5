import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TICK_MS } from '../../../src/transport/deadline-wheel.ts';
import { LINGER_MS } from '../../../src/transport/connection.ts';
import { serverCertificate } from '../../support/certificates.ts';
import { RawClient } from '../../support/raw-client.ts';
import { delivery, startEchoBroker, TEST_LIMITS, type EchoBroker, type EchoLink } from './echo-broker.ts';
import { ManualTimers } from './manual-timers.ts';

const KEEP_ALIVE_S = 10;
/** The last tick at which a deadline of 1.5 keep-alives may not have passed yet. */
const KEEP_ALIVE_TICKS = (1.5 * KEEP_ALIVE_S * 1000) / TICK_MS;

let broker: EchoBroker;
let timers: ManualTimers;

async function start(): Promise<void> {
  timers = new ManualTimers();
  broker = await startEchoBroker({ timers, limits: { ...TEST_LIMITS, connectTimeoutMs: 2 * TICK_MS } });
}

async function connected(keepalive: number): Promise<{ client: RawClient; link: EchoLink }> {
  await start();
  const { client } = await RawClient.connect({ port: broker.port, level: 5 }, { keepalive });
  return { client, link: await broker.link(0) };
}

afterEach(async () => {
  await broker.server.close();
});

describe('CONNECT deadline', () => {
  it('drops a connection that says nothing', async () => {
    await start();
    const client = await RawClient.open({ port: broker.port });
    const link = await broker.link(0);
    timers.elapse(2);
    expect(client.isClosed).toBe(false);
    timers.elapse(1);
    await client.closed();
    await link.until(({ closed }) => closed.length > 0);
    expect(link.closed).toEqual(['broker']);
  });

  it('drops a connection that sends its CONNECT byte by byte', async () => {
    await start();
    const client = await RawClient.open({ port: broker.port });
    await broker.link(0);
    for (const byte of [0x10, 0x20, 0x00]) {
      const before = broker.server.traffic.bytesIn;
      client.send(Buffer.of(byte));
      while (broker.server.traffic.bytesIn === before) await new Promise((resolve) => setImmediate(resolve));
      timers.elapse(1);
    }
    await client.closed();
  });

  it('drops a WebSocket that never asks for its upgrade', async () => {
    timers = new ManualTimers();
    broker = await startEchoBroker({
      timers,
      listeners: [{ transport: 'ws', port: 0 }],
      limits: { ...TEST_LIMITS, connectTimeoutMs: 2 * TICK_MS },
    });
    const client = await RawClient.open({ port: broker.port });
    client.send(Buffer.from('GET /mqtt HTTP/1.1\r\nHost: h\r\n'));
    while (!client.isClosed) {
      timers.elapse(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(broker.links).toEqual([]);
    expect(broker.server.traffic).toMatchObject({ connectTimeouts: 1, handshakesFailed: 1 });
  });

  it('drops a TLS handshake that does not go on', async () => {
    timers = new ManualTimers();
    broker = await startEchoBroker({
      timers,
      listeners: [
        {
          transport: 'tls',
          port: 0,
          tls: { certificate: serverCertificate.cert, key: serverCertificate.key },
        },
      ],
    });
    const client = await RawClient.open({ port: broker.port });
    client.send(Buffer.of(0x16, 0x03, 0x01));
    while (!client.isClosed) {
      timers.elapse(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (broker.server.traffic.handshakesFailed === 0)
      await new Promise((resolve) => setImmediate(resolve));
    expect(broker.server.traffic.connectTimeouts).toBe(1);
  });

  it('is one for handshake and CONNECT together', async () => {
    timers = new ManualTimers();
    broker = await startEchoBroker({
      timers,
      listeners: [{ transport: 'ws', port: 0 }],
      limits: { ...TEST_LIMITS, connectTimeoutMs: 2 * TICK_MS },
    });
    const slow = connect(broker.port, '127.0.0.1');
    await once(slow, 'connect');
    // Accepted after the slow one, so that is too.
    await RawClient.connect({ transport: 'ws', port: broker.port });
    timers.elapse(2);
    slow.write(
      'GET /mqtt HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: mqtt\r\n\r\n',
    );
    await broker.link(1);
    expect(broker.server.traffic.connectTimeouts).toBe(0);
    timers.elapse(1);
    expect(broker.server.traffic.connectTimeouts).toBe(1);
    await (await broker.link(1)).until(({ closed }) => closed.length > 0);
    slow.destroy();
  });
});

describe('[MQTT-3.1.2-22] keep-alive', () => {
  it('times out after one and a half keep-alives, not before', async () => {
    const { client, link } = await connected(KEEP_ALIVE_S);
    timers.elapse(KEEP_ALIVE_TICKS);
    expect(link.keepAliveTimeouts).toBe(0);
    timers.elapse(1);
    expect(link.keepAliveTimeouts).toBe(1);
    expect((await client.expect('disconnect')).reasonCode).toBe(0x8d);
    await client.closed();
    expect(link.closed).toEqual(['broker']);
  });

  it('starts anew with every packet', async () => {
    const { client, link } = await connected(KEEP_ALIVE_S);
    for (let round = 0; round < 3; round++) {
      timers.elapse(KEEP_ALIVE_TICKS - 1);
      await client.roundTrip();
    }
    timers.elapse(KEEP_ALIVE_TICKS);
    expect(link.keepAliveTimeouts).toBe(0);
    timers.elapse(1);
    expect(link.keepAliveTimeouts).toBe(1);
  });

  it('survives keep-alives longer than the wheel', async () => {
    const keepAliveS = 600;
    const { link } = await connected(keepAliveS);
    const ticks = (1.5 * keepAliveS * 1000) / TICK_MS;
    timers.elapse(ticks);
    expect(link.keepAliveTimeouts).toBe(0);
    timers.elapse(1);
    expect(link.keepAliveTimeouts).toBe(1);
  });

  it('never times out with keep-alive 0', async () => {
    const { client, link } = await connected(0);
    timers.elapse(10_000);
    await client.roundTrip();
    expect(link.keepAliveTimeouts).toBe(0);
  });

  it('does not count the time a client is not read', async () => {
    const { client, link } = await connected(KEEP_ALIVE_S);
    link.link.pauseReading('store');
    timers.elapse(5 * KEEP_ALIVE_TICKS);
    expect(link.keepAliveTimeouts).toBe(0);
    link.link.resumeReading('store');
    await client.roundTrip();
  });
});

describe('a socket that takes nothing', () => {
  const STALL_MS = 4 * TICK_MS;

  /** A client that does not read, and what is sent to it until its socket is full. */
  async function stuck(): Promise<{ client: RawClient; link: EchoLink }> {
    timers = new ManualTimers();
    broker = await startEchoBroker({ timers, limits: { ...TEST_LIMITS, stallTimeoutMs: STALL_MS } });
    const { client } = await RawClient.connect({ port: broker.port });
    const link = await broker.link(0);
    client.pause();
    while (link.link.outboxBytes < TEST_LIMITS.outboxBytesHigh) {
      link.link.sendPublish(delivery('t', Buffer.alloc(100_000)), 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { client, link };
  }

  it('is dropped and counted in its time, however long its keep-alive', async () => {
    const { link } = await stuck();
    timers.elapse(4);
    expect(link.closed).toEqual([]);
    timers.elapse(1);
    await link.until(({ closed }) => closed.length > 0);
    expect(broker.server.traffic.stalled).toBe(1);
  });

  it('has all its time again once it took what it had', async () => {
    const { client, link } = await stuck();
    timers.elapse(4);
    client.resume();
    await link.until(({ drains }) => drains > 0);
    while (link.link.outboxBytes > 0) await new Promise((resolve) => setImmediate(resolve));
    timers.elapse(1_000);
    await client.closed(1).catch(() => undefined);
    expect(client.isClosed).toBe(false);
    expect(broker.server.traffic.stalled).toBe(0);
  });
});

describe('closing', () => {
  it('drops a client that keeps its side open', async () => {
    const { client, link } = await connected(0);
    client.pause();
    link.link.send({ type: 'connack', sessionPresent: false, reasonCode: 0 });
    link.link.close();
    await link.until(({ closed }) => closed.length > 0);
    expect(broker.server.connectionCount).toBe(1);
    timers.elapse(LINGER_MS / TICK_MS + 1);
    await broker.server.drain(LINGER_MS);
    expect(broker.server.connectionCount).toBe(0);
  });
});
