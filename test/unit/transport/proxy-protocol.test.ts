/** PROXY headers before each transport: whose address counts, what becomes of the bytes behind, who is refused. */
import { afterEach, describe, expect, it } from 'vitest';
import { AddressRanges, parseAddressRange } from '../../../src/transport/address-ranges.ts';
import type { RefusalReason } from '../../../src/transport/admission.ts';
import type { ListenerOptions } from '../../../src/transport/listener.ts';
import type { ProxyHeader } from '../../../src/transport/proxy-header.ts';
import type { RefusedProxy } from '../../../src/transport/proxy-refusal.ts';
import type { TransportOptions } from '../../../src/transport/transport-server.ts';
import { TICK_MS } from '../../../src/transport/deadline-wheel.ts';
import { certificateAuthority, serverCertificate } from '../../support/certificates.ts';
import { headerV2, COMMAND, LINE_V4, SOURCE_V4, ssl, tlv, TYPE } from '../../support/proxy-headers.ts';
import { RawClient } from '../../support/raw-client.ts';
import { TestProxy } from '../../support/test-proxy.ts';
import { startEchoBroker, TEST_LIMITS, type EchoBroker } from './echo-broker.ts';
import { ManualTimers } from './manual-timers.ts';

const tls = { certificate: serverCertificate.cert, key: serverCertificate.key, certificateAuthority };

function ranges(...texts: string[]): AddressRanges {
  return new AddressRanges(texts.flatMap((text) => parseAddressRange(text) ?? []));
}

const proxyProtocol = { trusted: ranges('127.0.0.1') };

const LISTENERS: readonly ListenerOptions[] = [
  { transport: 'tcp', port: 0, proxyProtocol },
  { transport: 'tls', port: 0, tls, proxyProtocol },
  { transport: 'ws', port: 0, proxyProtocol },
  { transport: 'wss', port: 0, tls, proxyProtocol },
];

let broker: EchoBroker;
const refused: RefusedProxy[] = [];
const headers: ProxyHeader[] = [];
const proxies: TestProxy[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.close();
  await broker.server.close();
  refused.length = headers.length = 0;
});

async function start(listener: ListenerOptions, options: Partial<TransportOptions> = {}): Promise<void> {
  broker = await startEchoBroker({
    listeners: [listener],
    onProxyRefused: (each) => refused.push(each),
    onProxyHeader: (each) => headers.push(each),
    ...options,
  });
}

async function behind(header: Buffer, pieceBytes?: number): Promise<TestProxy> {
  const proxy = await TestProxy.start({
    port: broker.port,
    header,
    ...(pieceBytes !== undefined && { pieceBytes }),
  });
  proxies.push(proxy);
  return proxy;
}

async function untilRefused(count = 1): Promise<void> {
  while (refused.length < count) await new Promise((resolve) => setImmediate(resolve));
}

const V2 = headerV2({
  tlvs: [tlv(TYPE.authority, 'broker.fleet.example'), tlv(TYPE.uniqueId, 'request-1')],
  checksum: true,
});

describe.each(LISTENERS)('over $transport', (listener) => {
  const { transport } = listener;

  it.each([
    ['v1', LINE_V4],
    ['v2', V2],
  ])(
    'a header (%s) in one piece with the first bytes tells the address and loses nothing',
    async (_, header) => {
      await start(listener);
      const { port } = await behind(header);
      const { client } = await RawClient.connect({ transport, port });
      expect(broker.links[0]?.link.peer).toMatchObject({ transport, ...SOURCE_V4 });
      await client.roundTrip();
      expect(headers).toHaveLength(1);
      expect(broker.server.traffic.handshakesFailed).toBe(0);
    },
  );

  it.each([1, 13, 40])('a header cut into pieces of %i bytes is put together', async (pieceBytes) => {
    await start(listener);
    const { port } = await behind(V2, pieceBytes);
    const { client } = await RawClient.connect({ transport, port });
    const payload = Buffer.alloc(300_000, 'x');
    client.send({ cmd: 'publish', topic: 't', payload, qos: 0, dup: false, retain: false });
    expect(payload.equals(Buffer.from((await client.expect('publish')).payload))).toBe(true);
    expect(broker.links[0]?.link.peer).toMatchObject(SOURCE_V4);
  });

  it.each([
    ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
    ['v2 LOCAL', headerV2({ command: COMMAND.local })],
  ])('%s keeps the address of the socket', async (_, header) => {
    await start(listener);
    const { port } = await behind(header);
    await RawClient.connect({ transport, port });
    expect(broker.links[0]?.link.peer).toMatchObject({ address: '127.0.0.1' });
    expect(broker.links[0]?.link.peer.port).toBeGreaterThan(0);
  });

  it('a missing header of a trusted peer is refused', async () => {
    await start(listener);
    await expect(RawClient.connect({ transport, port: broker.port })).rejects.toThrow();
    expect(refused).toMatchObject([{ reason: 'missing', address: '127.0.0.1' }]);
    expect(broker.server.traffic.proxiesRefused.missing).toBe(1);
    expect(broker.links).toEqual([]);
  });

  it('a header of an untrusted peer is refused, and so is everything else of it', async () => {
    await start({ ...listener, proxyProtocol: { trusted: ranges('10.0.0.0/8', '::1') } });
    const { port } = await behind(LINE_V4);
    await expect(RawClient.connect({ transport, port })).rejects.toThrow();
    await expect(RawClient.connect({ transport, port: broker.port })).rejects.toThrow();
    expect(refused).toMatchObject([{ reason: 'untrusted' }, { reason: 'untrusted' }]);
    expect(broker.server.traffic.proxiesRefused.untrusted).toBe(2);
    expect(broker.links).toEqual([]);
  });

  it('a bad header is refused', async () => {
    await start(listener);
    const { port } = await behind(headerV2({ tlvs: [tlv(TYPE.crc32c, 'xxxx')] }));
    await expect(RawClient.connect({ transport, port })).rejects.toThrow();
    expect(refused).toMatchObject([
      { reason: 'checksum', listener: expect.stringContaining(`${transport} 127.0.0.1:`) as string },
    ]);
    expect(broker.links).toEqual([]);
  });
});

describe('a listener with PROXY protocol', () => {
  const [listener] = LISTENERS as readonly [ListenerOptions];

  it('gives the time for CONNECT to header and CONNECT together', async () => {
    const timers = new ManualTimers();
    const limits = { ...TEST_LIMITS, connectTimeoutMs: 4 * TICK_MS };
    await start(listener, { timers, limits });
    const silent = await RawClient.open({ port: broker.port });
    const half = await RawClient.open({ port: broker.port });
    half.send(V2.subarray(0, 20));
    const whole = await RawClient.open({ port: broker.port });
    // Accepted after the others, so these are too, and the bytes of `half` have been read.
    await RawClient.connect({ port: (await behind(LINE_V4)).port });
    timers.elapse(3);
    whole.send(V2);
    await broker.link(1);
    timers.elapse(1);
    expect(broker.server.traffic.connectTimeouts).toBe(0);
    timers.elapse(1);
    expect(broker.server.traffic.connectTimeouts).toBe(3);
    await Promise.all([silent.closed(), half.closed(), whole.closed()]);
    await untilRefused(2);
    expect(refused).toMatchObject([{ reason: 'timedOut' }, { reason: 'timedOut' }]);
    expect(refused.map(({ detail }) => detail).sort()).toEqual([
      '0 bytes of a header came in time',
      '20 bytes of a header came in time',
    ]);
  });

  it('counts who closes before a header, and does not keep a half-open socket', async () => {
    await start(listener);
    const client = await RawClient.open({ port: broker.port });
    client.send(LINE_V4.subarray(0, 9));
    client.end();
    await client.closed();
    await untilRefused();
    expect(refused).toMatchObject([{ reason: 'closed' }]);
    const gone = await RawClient.open({ port: broker.port });
    gone.destroy();
    await untilRefused(2);
    expect(broker.server.traffic.proxiesRefused.closed).toBe(2);
  });

  it('takes what came with the header from a client that has ended its side', async () => {
    await start(listener);
    const client = await RawClient.open({ port: broker.port });
    client.send(
      LINE_V4,
      client.encode({ cmd: 'connect', clientId: 'c', clean: true, protocolId: 'MQTT', protocolVersion: 4 }),
    );
    client.end();
    await client.expect('connack');
  });

  it('refuses untrusted peers before they cost others anything', async () => {
    const refusals: RefusalReason[] = [];
    await start(
      { ...listener, proxyProtocol: { trusted: ranges('10.0.0.0/8') } },
      {
        limits: { ...TEST_LIMITS, connectionsMax: 1, connectionRateMax: 1 },
        onRefused: (reason) => refusals.push(reason),
      },
    );
    for (let round = 0; round < 3; round++) {
      const client = await RawClient.open({ port: broker.port });
      await client.closed();
    }
    // Neither the one place nor the one token of this second was taken.
    expect(refusals).toEqual([]);
    expect(broker.server.traffic.proxiesRefused.untrusted).toBe(3);
  });

  it('counts connections under the address that the header tells: connectionsPerAddressMax', async () => {
    await start(listener, { limits: { ...TEST_LIMITS, connectionsPerAddressMax: 1 } });
    await RawClient.connect({ port: (await behind(LINE_V4)).port });
    await RawClient.connect({
      port: (await behind(Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 1 1\r\n'))).port,
    });
    await expect(RawClient.connect({ port: (await behind(V2)).port })).rejects.toThrow('closed');
    expect(broker.server.traffic.refused.connectionsPerAddressMax).toBe(1);
  });

  it('takes the name of a verified client certificate if it is told to', async () => {
    const cn = tlv(TYPE.sslCommonName, 'acme/bike-7');
    const verified = headerV2({ tlvs: [ssl({ tlvs: [cn] })] });
    const unverified = headerV2({ tlvs: [ssl({ verify: 19, tlvs: [cn] })] });
    await start({ ...listener, proxyProtocol: { ...proxyProtocol, certificateUse: 'decides' } });
    await RawClient.connect({ port: (await behind(verified)).port });
    await RawClient.connect({ port: (await behind(unverified)).port });
    expect(broker.links.map(({ link }) => link.peer)).toMatchObject([
      { certificateName: 'acme/bike-7', certificateDecides: true },
      { certificateName: undefined, certificateDecides: false },
    ]);
    await broker.server.close();
    await start(listener);
    await RawClient.connect({ port: (await behind(verified)).port });
    expect(broker.links[0]?.link.peer.certificateName).toBeUndefined();
  });
});

describe('addresses of IPv6 listeners', () => {
  it('are shown as IPv4 where they are, and checked so', async () => {
    await start({ transport: 'tcp', host: '::', port: 0, proxyProtocol });
    const { port } = await behind(LINE_V4);
    await RawClient.connect({ port });
    expect(broker.links[0]?.link.peer).toMatchObject(SOURCE_V4);
    await broker.server.close();
    await start({ transport: 'ws', host: '::', port: 0 });
    await RawClient.connect({ transport: 'ws', port: broker.port });
    await RawClient.connect({ transport: 'ws', port: broker.port, host: '::1' });
    expect(broker.links.map(({ link }) => link.peer.address)).toEqual(['127.0.0.1', '::1']);
  });

  it('say in brackets which one is taken', async () => {
    await start({ transport: 'tcp', host: '::1', port: 0 });
    await RawClient.connect({ port: broker.port, host: '::1' });
    const again = startEchoBroker({ listeners: [{ transport: 'tcp', host: '::1', port: broker.port }] });
    await expect(again).rejects.toThrow(`Cannot listen on tcp [::1]:${broker.port}: another process`);
  });
});
