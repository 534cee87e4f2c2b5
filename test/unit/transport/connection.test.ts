import { afterEach, describe, expect, it } from 'vitest';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DIRTY_MAX } from '../../../src/transport/turn-queue.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startEchoBroker, TEST_LIMITS, type EchoBroker, type EchoLink } from './echo-broker.ts';

const PACKET_BYTES_MAX = 2_000;

let broker: EchoBroker;

afterEach(async () => {
  await broker.server.close();
});

async function open(): Promise<RawClient> {
  broker = await startEchoBroker({ limits: { ...TEST_LIMITS, packetBytesMax: PACKET_BYTES_MAX } });
  return RawClient.open({ port: broker.port, level: 5 });
}

async function connected(): Promise<{ client: RawClient; link: EchoLink }> {
  const client = await open();
  client.sendConnect();
  await client.expect('connack');
  return { client, link: await broker.link(0) };
}

function publish(client: RawClient, payload: string): Buffer {
  return client.encode({ cmd: 'publish', topic: 't', payload, qos: 0, dup: false, retain: false });
}

function payloadsOf(link: EchoLink): string[] {
  return link.packets.flatMap((packet) => (packet.type === 'publish' ? [packet.payload.toString()] : []));
}

describe('violations', () => {
  it('refuses an announced size above the limit before any CONNECT, without waiting for the bytes', async () => {
    const client = await open();
    client.send(Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f));
    await client.closed();
    const link = await broker.link(0);
    expect(link.violations.map((violation) => violation.reasonCode)).toEqual([REASON.packetTooLarge]);
    expect(link.packets).toEqual([]);
  });

  it('refuses a first packet that is not CONNECT', async () => {
    const client = await open();
    client.send({ cmd: 'pingreq' });
    await client.closed();
    expect((await broker.link(0)).violations).toHaveLength(1);
  });

  it('tells one violation and decodes nothing after it, in the same chunk or later', async () => {
    const { client, link } = await connected();
    client.send(
      publish(client, 'before'),
      Buffer.of(0x30, 0x00),
      publish(client, 'after'),
      Buffer.of(0x00, 0x00),
    );
    await link.until(({ violations }) => violations.length > 0);
    client.send(publish(client, 'later'));
    await client.expect('publish');
    expect((await client.expect('disconnect')).reasonCode).toBe(REASON.malformedPacket);
    await client.closed();
    expect(payloadsOf(link)).toEqual(['before']);
    expect(link.violations).toHaveLength(1);
    expect(link.closed).toEqual(['broker']);
  });
});

describe('paused reading', () => {
  const PAYLOADS = Array.from({ length: 200 }, (_, index) => `payload ${index}`);

  it('keeps order and loses nothing when the handler pauses at every packet', async () => {
    const { client, link } = await connected();
    link.before = (packet) => {
      if (packet.type === 'publish') {
        link.link.pauseReading('store');
        setImmediate(() => {
          link.link.resumeReading('store');
        });
      }
      return false;
    };
    const bytes = Buffer.concat(PAYLOADS.map((payload) => publish(client, payload)));
    for (let start = 0; start < bytes.length; start += 37) client.send(bytes.subarray(start, start + 37));
    await link.until(() => payloadsOf(link).length === PAYLOADS.length);
    expect(payloadsOf(link)).toEqual(PAYLOADS);
  });

  it('decodes nothing while any reason is left', async () => {
    const { client, link } = await connected();
    link.link.pauseReading('store');
    link.link.pauseReading('acks');
    link.link.pauseReading('store');
    client.send(publish(client, 'held'));
    link.link.resumeReading('store');
    await anotherClientIsServed();
    expect(payloadsOf(link)).toEqual([]);
    link.link.resumeReading('acks');
    expect(String((await client.expect('publish')).payload)).toBe('held');
  });

  it('stops within a chunk and never decodes from within resumeReading', async () => {
    const { client, link } = await connected();
    const depths: number[] = [];
    let depth = 0;
    link.before = () => {
      depths.push(++depth);
      link.link.pauseReading('quota');
      link.link.resumeReading('quota');
      depth--;
      return false;
    };
    client.send(...PAYLOADS.map((payload) => publish(client, payload)));
    await link.until(() => payloadsOf(link).length === PAYLOADS.length);
    expect(payloadsOf(link)).toEqual(PAYLOADS);
    expect(Math.max(...depths)).toBe(1);
  });

  it('hands over what came before the end of a client that left meanwhile', async () => {
    const { client, link } = await connected();
    link.before = (packet) => {
      if (packet.type === 'publish') link.link.pauseReading('handshake');
      return false;
    };
    client.send(publish(client, 'first'), publish(client, 'second'), { cmd: 'disconnect', reasonCode: 0 });
    client.end();
    await link.until(() => payloadsOf(link).length === 1);
    link.before = () => false;
    link.link.resumeReading('handshake');
    await link.until(({ closed }) => closed.length > 0);
    expect(link.packets.map((packet) => packet.type)).toEqual([
      'connect',
      'publish',
      'publish',
      'disconnect',
    ]);
    expect(link.closed).toEqual(['client']);
  });

  it('drops what it holds when the broker closes', async () => {
    const { client, link } = await connected();
    link.link.pauseReading('store');
    client.send(publish(client, 'held'));
    await anotherClientIsServed();
    link.link.close();
    link.link.resumeReading('store');
    await client.closed();
    await link.until(({ closed }) => closed.length > 0);
    expect(payloadsOf(link)).toEqual([]);
    expect(link.closed).toEqual(['broker']);
  });

  /** A round trip of a client that came later: what others sent before has been read, were it not paused. */
  async function anotherClientIsServed(): Promise<void> {
    const { client } = await RawClient.connect({ port: broker.port, level: 5 });
    await client.roundTrip();
    client.end();
  }
});

describe('closing', () => {
  it('reports a reset as an error', async () => {
    const { client, link } = await connected();
    client.destroy();
    await link.until(({ closed }) => closed.length > 0);
    expect(link.closed).toEqual(['error']);
  });

  it('survives sending to a connection that is gone', async () => {
    const { client, link } = await connected();
    client.destroy();
    link.link.send({ type: 'pingresp' });
    await link.until(({ closed }) => closed.length > 0);
    link.link.send({ type: 'pingresp' });
    link.link.sendAck('puback', 1, REASON.success);
    link.link.pauseReading('store');
    link.link.resumeReading('store');
    link.link.close();
    await (await RawClient.connect({ port: broker.port })).client.roundTrip();
    expect(link.closed).toHaveLength(1);
    expect(link.link.outboxBytes).toBe(0);
  });

  it('never calls back from within close', async () => {
    const { link } = await connected();
    link.link.close();
    expect(link.closed).toEqual([]);
    await link.until(({ closed }) => closed.length > 0);
  });

  it(
    'never calls back from within close, however many connections close in one turn',
    { timeout: 60_000 },
    async () => {
      await open();
      const clients: RawClient[] = [];
      for (let index = 0; index <= DIRTY_MAX; index++) {
        clients.push((await RawClient.connect({ port: broker.port, level: 5 })).client);
      }
      const told = (): number => broker.links.filter(({ closed }) => closed.length > 0).length;
      for (const { link } of broker.links) {
        link.send({ type: 'disconnect', reasonCode: REASON.serverShuttingDown });
        link.close();
      }
      expect(told()).toBe(0);
      await Promise.all(clients.map((client) => client.expect('disconnect')));
      await broker.server.drain(10_000);
      expect(told()).toBe(broker.links.length);
    },
  );

  it('answers a client that ended its side right after its last packet', async () => {
    const { client } = await connected();
    client.send({
      cmd: 'publish',
      topic: 't',
      payload: 'p',
      qos: 1,
      messageId: 9,
      dup: false,
      retain: false,
    });
    client.end();
    expect((await client.expect('puback')).messageId).toBe(9);
    await client.closed();
  });
});
