import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { FailedHandshake, ListenerOptions } from '../../../src/transport/listener.ts';
import { ListenError } from '../../../src/transport/listen-error.ts';
import type { RefusalReason } from '../../../src/transport/admission.ts';
import type { TlsOptions } from '../../../src/transport/tls-handshake.ts';
import {
  certificateAuthority,
  CLIENT_COMMON_NAME,
  clientCertificate,
  serverCertificate,
  strangerCertificate,
} from '../../support/certificates.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startEchoBroker, TEST_LIMITS, type EchoBroker } from './echo-broker.ts';

let broker: EchoBroker | undefined;

afterEach(async () => {
  await broker?.server.close();
  broker = undefined;
});

describe('listening', () => {
  it('says which port is taken and what to do', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const start = startEchoBroker({ listeners: [{ transport: 'tcp', port }] });
    await expect(start).rejects.toThrow(ListenError);
    await expect(start).rejects.toThrow(
      `Cannot listen on tcp 127.0.0.1:${port}: another process uses this port (EADDRINUSE). Stop that process`,
    );
    holder.close();
  });

  it('opens all listeners or none', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port: taken } = holder.address() as AddressInfo;
    const free = await freePort();
    await expect(
      startEchoBroker({
        listeners: [
          { transport: 'tcp', port: free },
          { transport: 'tcp', port: taken },
        ],
      }),
    ).rejects.toThrow(ListenError);
    holder.close();
    broker = await startEchoBroker({ listeners: [{ transport: 'tcp', port: free }] });
    await RawClient.connect({ port: free });
  });

  it.each<[string, TlsOptions | undefined, RegExp]>([
    ['no certificate', undefined, /tls 127\.0\.0\.1:0: it has no certificate/],
    [
      'a key of another certificate',
      { certificate: serverCertificate.cert, key: clientCertificate.key },
      /cannot be used \(.*mismatch.*\)/i,
    ],
    [
      'bytes that are no PEM',
      { certificate: Buffer.from('not PEM'), key: serverCertificate.key },
      /cannot be used/,
    ],
  ])('refuses TLS with %s', async (_case, tls, message) => {
    const listener: ListenerOptions = { transport: 'tls', port: 0, ...(tls && { tls }) };
    await expect(startEchoBroker({ listeners: [listener] })).rejects.toThrow(message);
  });
});

describe('stopping', () => {
  it('refuses new connections and keeps the old ones', async () => {
    broker = await startEchoBroker();
    const { client } = await RawClient.connect({ port: broker.port });
    broker.server.stopAccepting();
    await expect(RawClient.open({ port: broker.port })).rejects.toThrow('ECONNREFUSED');
    await client.roundTrip();
  });

  it('drains: resolves when the clients are gone, drops what is left at the deadline', async () => {
    broker = await startEchoBroker();
    const { client: polite } = await RawClient.connect({ port: broker.port });
    const { client: stubborn } = await RawClient.connect({ port: broker.port });
    polite.end();
    await broker.server.drain(50);
    await stubborn.closed();
    expect(broker.links.map((link) => link.closed)).toEqual([['client'], ['broker']]);
    expect(broker.server.connectionCount).toBe(0);
  });
});

describe('admission', () => {
  it('refuses connections above the maximum, counts them, and takes new ones when some have gone', async () => {
    const refused: RefusalReason[] = [];
    broker = await startEchoBroker({
      limits: { ...TEST_LIMITS, connectionsMax: 2 },
      onRefused: (reason) => refused.push(reason),
    });
    const { client: first } = await RawClient.connect({ port: broker.port });
    await RawClient.connect({ port: broker.port });
    await expect(RawClient.connect({ port: broker.port })).rejects.toThrow(/closed|ECONNRESET|EPIPE/);
    expect(refused).toEqual(['connectionsMax']);
    first.end();
    await first.closed();
    await (await broker.link(0)).until(({ closed }) => closed.length > 0);
    await RawClient.connect({ port: broker.port });
  });

  it('refuses above the rate before any TLS handshake, and refills with time', async () => {
    const refused: RefusalReason[] = [];
    let nowMs = 0;
    broker = await startEchoBroker({
      listeners: [{ transport: 'tls', port: 0, tls: serverTls() }],
      limits: { ...TEST_LIMITS, connectionRateMax: 2 },
      clock: { nowMs: () => nowMs },
      onRefused: (reason) => refused.push(reason),
    });
    const open = (): Promise<RawClient> => RawClient.open({ transport: 'tls', port: broker?.port ?? 0 });
    await open();
    await open();
    await expect(open()).rejects.toThrow();
    nowMs += 500;
    await open();
    await expect(open()).rejects.toThrow();
    expect(refused).toEqual(['connectionRateMax', 'connectionRateMax']);
  });
});

describe('client certificates', () => {
  async function start(options: Partial<TlsOptions>, transport: 'tls' | 'wss' = 'tls'): Promise<number> {
    broker = await startEchoBroker({
      listeners: [
        { transport, port: 0, tls: { ...serverTls(), requestClientCertificate: true, ...options } },
      ],
    });
    return broker.port;
  }

  it.each(['tls', 'wss'] as const)('give the link their common name over %s', async (transport) => {
    const port = await start({}, transport);
    await RawClient.connect({ transport, port, clientCertificate });
    expect(broker?.links[0]?.link.peer).toMatchObject({ transport, certificateName: CLIENT_COMMON_NAME });
  });

  it.each([
    ['none', undefined],
    ['one of an unknown CA', strangerCertificate],
  ])('are required: %s is refused', async (_case, certificate) => {
    const port = await start({});
    const attempt = RawClient.connect({
      transport: 'tls',
      port,
      ...(certificate && { clientCertificate: certificate }),
    });
    await expect(attempt).rejects.toThrow();
    expect(broker?.links).toEqual([]);
  });

  it.each([
    ['none', undefined],
    ['one of an unknown CA', strangerCertificate],
  ])('are optional with rejectUnauthorized off: %s has no name', async (_case, certificate) => {
    const port = await start({ rejectUnauthorized: false });
    await RawClient.connect({
      transport: 'tls',
      port,
      ...(certificate && { clientCertificate: certificate }),
    });
    expect(broker?.links[0]?.link.peer.certificateName).toBeUndefined();
  });
});

describe('a TLS port', () => {
  it('drops a connection that ends during its handshake, without waiting for the deadline', async () => {
    broker = await startEchoBroker({ listeners: [{ transport: 'tls', port: 0, tls: serverTls() }] });
    const abandoned = await RawClient.open({ port: broker.port });
    abandoned.send(Buffer.of(0x16, 0x03, 0x01));
    abandoned.end();
    await abandoned.closed(TEST_LIMITS.connectTimeoutMs / 2);
    expect(broker.server.traffic.handshakesFailed).toBe(1);
  });

  it('drops plain MQTT and serves on', async () => {
    const failed: FailedHandshake[] = [];
    broker = await startEchoBroker({
      listeners: [{ transport: 'tls', port: 0, tls: serverTls() }],
      onHandshakeFailed: (each) => failed.push(each),
    });
    const plain = await RawClient.open({ port: broker.port });
    plain.sendConnect();
    await plain.closed();
    expect(broker.server.traffic.handshakesFailed).toBe(1);
    expect(failed).toEqual([
      {
        detail: expect.stringContaining('wrong version number') as string,
        address: '127.0.0.1',
        listener: 'tls 127.0.0.1:0',
      },
    ]);
    await RawClient.connect({ transport: 'tls', port: broker.port });
    expect(broker.links).toHaveLength(1);
  });
});

describe('TCP keep-alive', () => {
  /** Of an accepted connection, as libuv has it: the only place where Node asks the system for keep-alive. */
  interface TcpHandle {
    setKeepAlive(isOn: boolean, delayS: number): number;
  }

  /** Kinds of timer in Linux's list of sockets. */
  const KEEP_ALIVE = 2;
  const TO_BE_ACKNOWLEDGED = 1;

  /** After how many seconds of silence the system asks on the broker's side of the only connection; undefined: never. */
  let keepAliveS: () => Promise<number | undefined>;

  beforeEach(async () => {
    // Linux tells what it does. Of another system it is seen what it was asked for.
    keepAliveS = process.platform === 'linux' ? keepAliveOfLinux : await keepAliveAskedFor();
  });

  async function keepAliveOfLinux(): Promise<number | undefined> {
    const localPort = `:${(broker?.port ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
    for (;;) {
      const rows = (await readFile('/proc/self/net/tcp', 'utf8')).split('\n').slice(1);
      const columns = rows.map((row) => row.trim().split(/\s+/));
      const established = columns.find(([, local, , state]) => local?.endsWith(localPort) && state === '01');
      const [kind = 0, left = 0] = (established?.[5] ?? '').split(':').map((text) => parseInt(text, 16));
      if (established !== undefined && kind !== TO_BE_ACKNOWLEDGED)
        return kind === KEEP_ALIVE ? left / 100 : undefined;
    }
  }

  async function keepAliveAskedFor(): Promise<() => Promise<number | undefined>> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const handle = (server as unknown as { readonly _handle: object })._handle;
    const setKeepAlive = vi.spyOn(Object.getPrototypeOf(handle) as TcpHandle, 'setKeepAlive');
    onTestFinished(() => {
      setKeepAlive.mockRestore();
    });
    server.close();
    return () => {
      const [isOn = false, delayS] = setKeepAlive.mock.lastCall ?? [];
      return Promise.resolve(isOn ? delayS : undefined);
    };
  }

  it('asks after as long as it is told', async () => {
    broker = await startEchoBroker({ listeners: [{ transport: 'tcp', port: 0, tcpKeepAliveMs: 40_000 }] });
    await RawClient.connect({ port: broker.port });
    const delayS = await keepAliveS();
    expect(delayS).toBeGreaterThan(30);
    expect(delayS).toBeLessThanOrEqual(40);
  });

  it('does not ask when it is off', async () => {
    broker = await startEchoBroker({ listeners: [{ transport: 'tcp', port: 0, tcpKeepAliveMs: 0 }] });
    await RawClient.connect({ port: broker.port });
    expect(await keepAliveS()).toBeUndefined();
  });

  it('is asked of every system in the same words', async () => {
    const asked = await keepAliveAskedFor();
    broker = await startEchoBroker({ listeners: [{ transport: 'tcp', port: 0, tcpKeepAliveMs: 40_000 }] });
    await RawClient.connect({ port: broker.port });
    expect(await asked()).toBe(40);
  });
});

function serverTls(): TlsOptions {
  return { certificate: serverCertificate.cert, key: serverCertificate.key, certificateAuthority };
}

async function freePort(): Promise<number> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  await new Promise((resolve) => holder.close(resolve));
  return port;
}
