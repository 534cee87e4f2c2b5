import { connect, type AddressInfo } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generate } from 'mqtt-packet';
import { WebSocketServer, type WebSocket } from 'ws';
import { AddressRanges } from '../../../src/transport/address-ranges.ts';
import { WebSocketStream } from '../../../src/transport/websocket-stream.ts';
import { RawClient } from '../../support/raw-client.ts';
import { webSocketOf } from '../../support/raw-stream.ts';
import { startEchoBroker, TEST_LIMITS, type EchoBroker } from './echo-broker.ts';

const CONNECT = generate({
  cmd: 'connect',
  clientId: 'web',
  clean: true,
  protocolId: 'MQTT',
  protocolVersion: 4,
});

let broker: EchoBroker;

beforeEach(async () => {
  broker = await startEchoBroker({
    listeners: [{ transport: 'ws', port: 0, path: '/broker' }],
    limits: { ...TEST_LIMITS, packetBytesMax: 100_000 },
  });
});

afterEach(async () => {
  await broker.server.close();
});

async function open(subprotocols: string[] = ['mqtt']): Promise<WebSocket> {
  const webSocket = webSocketOf('ws', { port: broker.port, path: '/broker', subprotocols });
  await once(webSocket, 'open');
  return webSocket;
}

/** Sends bytes and returns the first answer. */
async function rawRequest(request: string): Promise<string> {
  const socket = connect(broker.port, '127.0.0.1');
  socket.write(request);
  const [head] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return head.toString();
}

/** A masked frame with a reserved bit set. */
const BROKEN_FRAME = Buffer.of(0xa2, 0x80, 0, 0, 0, 0);

function upgradeRequest({ version, extensions }: { version: number; extensions?: string }): string {
  const lines = [
    'GET /broker HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Version: ${version}`,
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: mqtt',
    ...(extensions === undefined ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A masked frame. */
function frame(firstByte: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(firstByte, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}

/** Upgrades by hand, then sends these bytes; returns what the broker answered, to the end of the connection. */
async function exchange(bytes: Buffer): Promise<Buffer> {
  const socket = connect(broker.port, '127.0.0.1');
  socket.write(Buffer.concat([Buffer.from(upgradeRequest({ version: 13 })), bytes]));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  const answer = Buffer.concat(chunks);
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4);
}

describe('the upgrade', () => {
  it.each([
    [['mqtt'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
    [['other', 'mqttv3.1', 'mqtt'], 'mqtt'],
  ])('[MQTT-6.0.0-4] of %j selects %s', async (offered, selected) => {
    expect((await open(offered)).protocol).toBe(selected);
  });

  it.each([[['other']], [[]]])('[MQTT-6.0.0-3] offering %j is refused', async (offered) => {
    await expect(open(offered)).rejects.toThrow('400');
  });

  it('at another path is refused, with a query is not', async () => {
    await expect(RawClient.open({ transport: 'ws', port: broker.port, path: '/other' })).rejects.toThrow(
      '404',
    );
    await RawClient.connect({ transport: 'ws', port: broker.port, path: '/broker?from=page' });
  });

  it('of a page of another origin is refused where origins are named, and of a program is not', async () => {
    await broker.server.close();
    broker = await startEchoBroker({
      listeners: [{ transport: 'ws', port: 0, origins: new Set(['https://app.example.com']) }],
    });
    const from = (headers: Record<string, string>) =>
      RawClient.connect({ transport: 'ws', port: broker.port, headers });
    await from({});
    await from({ Origin: 'https://app.example.com' });
    for (const origin of ['https://evil.example.com', 'http://app.example.com', 'null'])
      await expect(from({ Origin: origin })).rejects.toThrow('403');
    expect(broker.server.traffic.handshakesFailed).toBe(3);
  });

  it('of a version nobody speaks is refused and counted', async () => {
    const response = await rawRequest(upgradeRequest({ version: 7 }));
    expect(response).toMatch(/^HTTP\/1\.1 400 /);
    expect(broker.server.traffic.handshakesFailed).toBe(1);
  });

  it('of a plain request is asked for', async () => {
    const response = await fetch(`http://127.0.0.1:${broker.port}/broker`);
    expect(response.status).toBe(426);
  });

  it('uses no compression', async () => {
    const response = await rawRequest(upgradeRequest({ version: 13, extensions: 'permessage-deflate' }));
    expect(response).toMatch(/^HTTP\/1\.1 101 /);
    expect(response).not.toContain('permessage-deflate');
  });

  it('that fails leaves the listener serving', async () => {
    const garbage = connect(broker.port, '127.0.0.1');
    garbage.on('data', () => undefined);
    garbage.write('\x00\x01\x02 not HTTP\r\n\r\n');
    await once(garbage, 'close');
    const reset = connect(broker.port, '127.0.0.1');
    await once(reset, 'connect');
    reset.resetAndDestroy();
    await expect(open(['other'])).rejects.toThrow('400');
    await open();
    expect(broker.server.traffic.handshakesFailed).toBe(3);
  });
});

describe('X-Forwarded-For', () => {
  const trusted = new AddressRanges([{ address: '127.0.0.1', family: 'ipv4', prefixBits: 32 }]);

  it('of a trusted proxy is what connections from one address are counted by', async () => {
    await broker.server.close();
    broker = await startEchoBroker({
      listeners: [{ transport: 'ws', port: 0, forwardedFor: trusted }],
      limits: { ...TEST_LIMITS, connectionsPerAddressMax: 1 },
    });
    const from = (header: string) =>
      RawClient.connect({ transport: 'ws', port: broker.port, headers: { 'X-Forwarded-For': header } });
    const { client } = await from('203.0.113.7');
    await from('203.0.113.8');
    await expect(from('203.0.113.7')).rejects.toThrow();
    expect(broker.server.traffic.refused.connectionsPerAddressMax).toBe(1);
    client.destroy();
    await (await broker.link(0)).until(({ closed }) => closed.length > 0);
    await from('203.0.113.7');
  });

  async function addressWith(forwardedFor: AddressRanges | undefined, header: string): Promise<unknown> {
    await broker.server.close();
    broker = await startEchoBroker({
      listeners: [{ transport: 'ws', port: 0, ...(forwardedFor && { forwardedFor }) }],
    });
    const headers = { 'X-Forwarded-For': header };
    await RawClient.connect({ transport: 'ws', port: broker.port, headers });
    return broker.links[0]?.link.peer;
  }

  it('of a trusted proxy names the client, the rightmost that is not trusted', async () => {
    expect(await addressWith(trusted, '198.51.100.1, 203.0.113.7, 127.0.0.1')).toMatchObject({
      address: '203.0.113.7',
      port: 0,
    });
  });

  it('of anybody else does not', async () => {
    const other = new AddressRanges([{ address: '10.0.0.0', family: 'ipv4', prefixBits: 8 }]);
    expect(await addressWith(other, '203.0.113.7')).toMatchObject({ address: '127.0.0.1' });
    expect(await addressWith(undefined, '203.0.113.7')).toMatchObject({ address: '127.0.0.1' });
  });
});

describe('frames', () => {
  it('[MQTT-6.0.0-1] of text end the connection', async () => {
    const webSocket = await open();
    webSocket.send(CONNECT);
    await once(webSocket, 'message');
    webSocket.send('text');
    const [code] = (await once(webSocket, 'close')) as [number];
    expect(code).toBe(1003);
    const link = await broker.link(0);
    await link.until(({ closed }) => closed.length > 0);
    expect(link.closed).toHaveLength(1);
  });

  it('decode nothing after one of text', async () => {
    const webSocket = await open();
    webSocket.send('text');
    webSocket.send(CONNECT);
    const [code] = (await once(webSocket, 'close')) as [number];
    expect(code).toBe(1003);
    expect((await broker.link(0)).packets).toEqual([]);
  });

  it('[MQTT-6.0.0-2] may cut packets anywhere, fragmented frames included', async () => {
    const webSocket = await open();
    webSocket.send(CONNECT.subarray(0, 3), { binary: true, fin: false });
    webSocket.send(CONNECT.subarray(3), { binary: true, fin: true });
    const [connack] = (await once(webSocket, 'message')) as [Buffer];
    expect(connack.toString('hex')).toBe('20020000');
  });

  it('are taken at every cut, several packets to a frame and several frames to a packet', async () => {
    const packets = Buffer.concat([CONNECT, generate({ cmd: 'pingreq' }), generate({ cmd: 'pingreq' })]);
    for (let cut = 1; cut < packets.length; cut++) {
      const webSocket = await open();
      const received: Buffer[] = [];
      webSocket.on('message', (data: Buffer) => received.push(data));
      webSocket.send(packets.subarray(0, cut));
      webSocket.send(packets.subarray(cut));
      while (Buffer.concat(received).length < 8) await once(webSocket, 'message');
      expect(Buffer.concat(received).toString('hex'), `cut at ${cut}`).toBe('20020000d000d000');
      webSocket.terminate();
    }
  });

  it('that say they are compressed end the connection, however little they hold', async () => {
    // What a page of zeros becomes; inflated it would be a thousand times as long.
    const bomb = deflateRawSync(Buffer.alloc(100_000));
    const answer = await exchange(frame(0xc2, bomb.subarray(0, 100)));
    // Close, 1002: protocol error.
    expect(answer.subarray(0, 4).toString('hex')).toMatch(/^88..03ea$/);
    await (await broker.link(0)).until(({ closed }) => closed.length > 0);
    expect(broker.server.traffic.webSocketViolations.frame).toBe(1);
  });

  it('in more pieces than their bytes are worth end the connection', async () => {
    const pieces = Array.from({ length: 5_000 }, (_none, index) =>
      frame(index === 0 ? 0x02 : 0x00, Buffer.of(0)),
    );
    const answer = await exchange(Buffer.concat(pieces));
    // Close, 1008: against the policy.
    expect(answer.subarray(0, 4).toString('hex')).toMatch(/^88..03f0$/);
    expect(broker.server.traffic.webSocketViolations.frame).toBe(1);
  });

  it.each([
    ['not masked', Buffer.of(0x82, 0x00)],
    ['of a reserved opcode', frame(0x83, Buffer.alloc(0))],
    ['that go on with nothing begun', frame(0x80, Buffer.alloc(1))],
    ['that announce more than 2^53 bytes', Buffer.from('82ff' + 'ff'.repeat(8), 'hex')],
  ])('%s end the connection', async (_what, bytes) => {
    const answer = await exchange(bytes);
    expect(answer[0]).toBe(0x88);
  });

  it('of pings are answered, and in a flood that nobody takes the answers of end the connection', async () => {
    const webSocket = await open();
    webSocket.ping('are you there');
    const [data] = (await once(webSocket, 'pong')) as [Buffer];
    expect(data.toString()).toBe('are you there');

    const link = await broker.link(0);
    webSocket.on('error', () => undefined);
    webSocket.pause();
    const ping = Buffer.alloc(125);
    while (link.closed.length === 0 && webSocket.readyState === webSocket.OPEN) {
      for (let round = 0; round < 1_000; round++) webSocket.ping(ping);
      await new Promise((resolve) => setImmediate(resolve));
    }
    webSocket.terminate();
    await link.until(({ closed }) => closed.length > 0);
    expect(broker.server.traffic.webSocketViolations.pings).toBe(1);
  });

  it('above the bound end the connection', async () => {
    const webSocket = await open();
    webSocket.on('error', () => undefined);
    webSocket.send(Buffer.alloc(2_000_000));
    await once(webSocket, 'close');
    const link = await broker.link(0);
    await link.until(({ closed }) => closed.length > 0);
    expect(link.packets).toEqual([]);
  });

  it('may hold several packets of the largest size, up to a bound of their own', async () => {
    await broker.server.close();
    broker = await startEchoBroker({
      listeners: [{ transport: 'ws', port: 0, path: '/broker' }],
      limits: { ...TEST_LIMITS, packetBytesMax: 1_000 },
    });
    const client = await RawClient.open({ transport: 'ws', port: broker.port, path: '/broker' });
    const publish = { cmd: 'publish', topic: 't', qos: 0, dup: false, retain: false } as const;
    const packet = client.encode({ ...publish, payload: Buffer.alloc(990) });
    client.send(CONNECT, ...Array.from({ length: 65 }, () => packet));
    await client.expect('connack');
    for (let count = 0; count < 65; count++) await client.expect('publish');
    client.send(...Array.from({ length: 66 }, () => packet));
    await client.closed();
    expect((await broker.link(0)).packets).toHaveLength(66);
  });

  it('hold what came together with the close frame during a pause', async () => {
    const client = await RawClient.open({ transport: 'ws', port: broker.port, path: '/broker' });
    const link = await broker.link(0);
    link.before = (packet) => {
      if (packet.type === 'connect') link.link.pauseReading('handshake');
      return false;
    };
    client.send(CONNECT, { cmd: 'disconnect' });
    client.end();
    await client.closed();
    expect(link.packets.map((packet) => packet.type)).toEqual(['connect']);
    link.link.resumeReading('handshake');
    await link.until(({ closed }) => closed.length > 0);
    expect(link.packets.map((packet) => packet.type)).toEqual(['connect', 'disconnect']);
    expect(link.closed).toEqual(['client']);
  });

  it('that are broken do no harm on a stream that was dropped before anybody attached to it', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/broker' });
    await once(server, 'listening');
    const closed = new Promise<number>((resolve) => {
      server.on('connection', (webSocket, request) => {
        webSocket.on('close', resolve);
        new WebSocketStream(webSocket, request.socket, () => undefined).destroy();
        // What the receiver finds in bytes that were read before.
        webSocket.emit('error', new RangeError('Invalid WebSocket frame'));
      });
    });
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(Buffer.concat([Buffer.from(upgradeRequest({ version: 13 })), BROKEN_FRAME]));
    socket.resume();
    await closed;
    socket.destroy();
    server.close();
  });

  it('that are broken, sent with the upgrade by clients that reset at once, do no harm', async () => {
    const bytes = Buffer.concat([Buffer.from(upgradeRequest({ version: 13 })), BROKEN_FRAME]);
    for (let round = 0; round < 100; round++) {
      const socket = connect(broker.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(bytes);
      socket.resetAndDestroy();
    }
    await RawClient.connect({ transport: 'ws', port: broker.port, path: '/broker' });
  });
});
