import { afterEach, describe, expect, it } from 'vitest';
import type { ListenerOptions } from '../../../src/transport/listener.ts';
import { certificateAuthority, serverCertificate } from '../../support/certificates.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startEchoBroker, type EchoBroker } from './echo-broker.ts';

const tls = {
  certificate: serverCertificate.cert,
  key: serverCertificate.key,
  certificateAuthority,
};

const LISTENERS: readonly ListenerOptions[] = [
  { transport: 'tcp', port: 0 },
  { transport: 'tls', port: 0, tls },
  { transport: 'ws', port: 0 },
  { transport: 'wss', port: 0, tls },
];

let broker: EchoBroker;

afterEach(async () => {
  await broker.server.close();
});

describe.each(LISTENERS)('over $transport', (listener) => {
  const { transport } = listener;

  async function start(level: 3 | 4 | 5 = 5): Promise<RawClient> {
    broker = await startEchoBroker({ listeners: [listener] });
    return RawClient.open({ transport, port: broker.port, level });
  }

  it.each([3, 4, 5] as const)('echoes at protocol level %i', async (level) => {
    const client = await start(level);
    client.sendConnect();
    await client.expect('connack');
    client.send({
      cmd: 'publish',
      topic: 'a/b',
      payload: 'one',
      qos: 1,
      messageId: 7,
      dup: false,
      retain: false,
    });
    expect((await client.expect('puback')).messageId).toBe(7);
    expect(String((await client.expect('publish')).payload)).toBe('one');
    expect(broker.links[0]?.link.peer).toMatchObject({ transport, address: '127.0.0.1' });
  });

  it('takes packets split at every byte', async () => {
    const client = await start();
    const bytes = Buffer.concat([
      client.encode({
        cmd: 'connect',
        clientId: 'split',
        clean: true,
        protocolVersion: 5,
        protocolId: 'MQTT',
      }),
      client.encode({ cmd: 'publish', topic: 't', payload: 'split', qos: 0, dup: false, retain: false }),
    ]);
    for (const byte of bytes) {
      client.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.expect('connack');
    expect(String((await client.expect('publish')).payload)).toBe('split');
  });

  it('takes packets joined in one write, and a large one', async () => {
    const client = await start();
    const large = Buffer.alloc(600_000, 'x');
    client.sendConnect();
    await client.expect('connack');
    const publish = { cmd: 'publish', topic: 't', qos: 0, dup: false, retain: false } as const;
    client.send(
      { ...publish, payload: 'first' },
      { ...publish, payload: large },
      { ...publish, payload: 'last' },
      { cmd: 'pingreq' },
    );
    expect(String((await client.expect('publish')).payload)).toBe('first');
    expect(large.equals(Buffer.from((await client.expect('publish')).payload))).toBe(true);
    expect(String((await client.expect('publish')).payload)).toBe('last');
    await client.expect('pingresp');
  });

  it('decodes what came before an orderly end, and tells it once', async () => {
    const client = await start();
    client.sendConnect();
    await client.expect('connack');
    const link = await broker.link(0);
    link.before = () => false;
    client.send({ cmd: 'publish', topic: 't', payload: 'p', qos: 0, dup: false, retain: false });
    client.end();
    await client.closed();
    await link.until(({ closed }) => closed.length > 0);
    expect(link.packets.map((packet) => packet.type)).toEqual(['connect', 'publish']);
    expect(link.closed).toEqual(['client']);
  });

  it('sends the last words before it closes', async () => {
    const client = await start();
    client.sendConnect();
    await client.expect('connack');
    const { link } = await broker.link(0);
    link.send({ type: 'disconnect', reasonCode: 0x8b });
    link.close();
    expect((await client.expect('disconnect')).reasonCode).toBe(0x8b);
    await client.closed();
    expect((await broker.link(0)).closed).toEqual(['broker']);
  });

  it('counts bytes and connections', async () => {
    const client = await start();
    client.sendConnect();
    await client.expect('connack');
    const { traffic } = broker.server;
    expect(traffic.connections[transport]).toBe(1);
    expect(traffic.bytesOut).toBe(client.bytesReceived);
    client.end();
    await (await broker.link(0)).until(({ closed }) => closed.length > 0);
    await broker.server.drain(5_000);
    expect(traffic.connections[transport]).toBe(0);
  });
});
