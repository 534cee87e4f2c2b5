/**
 * Brokers, each a process, behind a real HAProxy with the configuration that is shipped for clusters: who gets new connections, and
 * whose connections end when one of the brokers dies, hangs, or is added.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HAProxyCluster } from '../../../engines/haproxy/haproxy-cluster.ts';
import { fleetAuthority, fleetClientCertificate } from '../../support/certificates.ts';
import { ProxiedBroker } from '../../support/proxied-broker.ts';
import { RawClient, type RawClientOptions } from '../../support/raw-client.ts';
import { MQTT_5, newClientId } from '../support/versions.ts';

const pem = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));

const CLIENTS = 12;
/** As shipped, faster. */
const TIMINGS = {
  checkMs: 200,
  fastCheckMs: 100,
  checkTimeoutMs: 500,
  slowStartMs: 1_000,
  handshakeMs: 1_000,
};
const WAIT = { timeout: 20_000, interval: 50 };
/** HAProxy itself comes from 127.0.0.1. */
const CLIENT_ADDRESS = '127.0.0.77';
const atBroker = { serverName: 'broker.fleet.example', authority: fleetAuthority };

let directory: string;
let one: ProxiedBroker;
let two: ProxiedBroker;
let third: ProxiedBroker;
let haproxy: HAProxyCluster;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-haproxy-cluster-'));
  const certificateFile = join(directory, 'front.pem');
  await writeFile(
    certificateFile,
    Buffer.concat([await readFile(pem('fleet-server')), await readFile(pem('fleet-server-key'))]),
  );
  const tls = { certificateFile, clientAuthorityFile: pem('fleet-ca') };
  [one, two, third] = await Promise.all([
    ProxiedBroker.start('one'),
    ProxiedBroker.start('two'),
    ProxiedBroker.start('third'),
  ]);
  haproxy = await HAProxyCluster.start({
    fronts: [
      { name: 'mqtt', listener: 'tcp' },
      { name: 'ws', listener: 'ws' },
      { name: 'mqtts', listener: 'tcp', tls },
      { name: 'wss', listener: 'ws', tls },
      { name: 'mqtts-through', listener: 'tls' },
    ],
    brokers: [one.address, two.address],
    timings: TIMINGS,
  });
}, 60_000);

afterAll(async () => {
  await haproxy.stop();
  await Promise.all([one, two, third].map((broker) => broker.dispose()));
  await rm(directory, { recursive: true });
});

/** Of the test that runs. */
const clients = new Set<RawClient>();

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients.clear();
  await expect.poll(async () => sum(await connections()), WAIT).toBe(0);
});

async function connect(
  front = 'mqtt',
  options: Partial<RawClientOptions> = {},
  clientId = newClientId('fleet'),
): Promise<RawClient> {
  const { client, connack } = await RawClient.connect(
    { ...MQTT_5, port: haproxy.port(front), ...options },
    { clientId },
  );
  clients.add(client);
  expect(connack.reasonCode).toBe(0);
  return client;
}

async function connectAll(count: number): Promise<RawClient[]> {
  const connected: RawClient[] = [];
  for (let index = 0; index < count; index++) connected.push(await connect());
  return connected;
}

async function connections(): Promise<number[]> {
  return await Promise.all([one, two, third].map((broker) => broker.connections()));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

describe('HAProxy before a cluster', () => {
  it('spreads connections by how many each broker has', async () => {
    await connectAll(CLIENTS);
    expect(await connections()).toEqual([CLIENTS / 2, CLIENTS / 2, 0]);
  });

  it('ends TLS and says whose certificate it was, on TCP and WebSocket, or lets TLS through', async () => {
    const fronts = [
      ['mqtts', { ...atBroker, transport: 'tls', clientCertificate: fleetClientCertificate }, 'bike-18'],
      ['wss', { ...atBroker, transport: 'wss', clientCertificate: fleetClientCertificate }, 'bike-18'],
      ['mqtts', { ...atBroker, transport: 'tls' }, ''],
      ['mqtts-through', { ...atBroker, transport: 'tls' }, ''],
      ['ws', { transport: 'ws' }, ''],
    ] as const;
    for (const [front, options, clientName] of fronts) {
      const clientId = newClientId('tls');
      await connect(front, { localAddress: CLIENT_ADDRESS, ...options }, clientId);
      const answers = await Promise.all(
        [one, two].map((broker) => broker.admin(`/api/v1/session?client=${clientId}`)),
      );
      const found = answers.find(({ status }) => status === 200);
      expect(await found?.json(), front).toMatchObject({ address: CLIENT_ADDRESS, clientName });
    }
  });

  it('a broker that dies: its clients come to the other one, and nobody else notices', async () => {
    const all = await connectAll(CLIENTS);
    const startedMs = performance.now();
    const theirs = await one.connections();
    await one.child.kill();
    const left = await cutOff(all, theirs);
    const back = await connectAll(theirs);
    expect(await two.connections()).toBe(CLIENTS);
    await one.child.start();
    await gets(one);
    // All the time there is for coming through to a broker; who is through may be silent for longer.
    await sleep(Math.max(0, 1.5 * TIMINGS.handshakeMs - (performance.now() - startedMs)));
    await answer([...left, ...back]);
  });

  it('a broker that is not ready gets nobody and keeps those it has; drained, it sends them to the other one', async () => {
    const all = await connectAll(CLIENTS);
    const theirs = await one.connections();
    expect(theirs).toBeGreaterThan(0);
    // For as long as this takes it only says that it is not ready.
    await drain(one, { noticeMs: 600_000 });
    await expect
      .poll(() => haproxy.metrics(), WAIT)
      .toMatch(/^haproxy_server_status\{proxy="brokers-tcp",server="one",state="NOLB"\} 1$/m);
    const came = await connectAll(CLIENTS);
    expect(await one.connections()).toBe(theirs);
    await answer([...all, ...came]);

    await one.admin('/api/v1/drain', { method: 'DELETE' });
    await drain(one, { noticeMs: 0, ratePerS: 1_000 });
    await cutOff(all, theirs);
    expect(await one.connections()).toBe(0);
    await connectAll(theirs);
    expect(await two.connections()).toBe(2 * CLIENTS);
    await one.admin('/api/v1/drain', { method: 'DELETE' });
    await gets(one);
  });

  it('a broker that hangs: its connections are cut, so that clients need not wait for their keep-alive', async () => {
    const all = await connectAll(CLIENTS);
    const theirs = await one.connections();
    expect(theirs).toBeGreaterThan(0);
    one.signal('SIGSTOP');
    try {
      const left = await cutOff(all, theirs);
      await answer(left);
    } finally {
      one.signal('SIGCONT');
    }
    await gets(one);
  });

  it('a broker that is added gets connections, and the reload refuses nobody and cuts nobody', async () => {
    await connectAll(CLIENTS);
    const reloaded = new AbortController();
    const coming = (async () => {
      while (!reloaded.signal.aborted) await connect();
    })();
    await haproxy.reload([one.address, two.address, third.address]);
    reloaded.abort();
    await coming;
    await connectAll(CLIENTS);
    expect(await third.connections()).toBeGreaterThan(0);
    await answer(clients);
    expect(await haproxy.metrics()).toMatch(
      /^haproxy_server_status\{proxy="brokers-tcp",server="third",state="UP"\} 1$/m,
    );
  });
});

async function drain(broker: ProxiedBroker, wish: object): Promise<void> {
  const response = await broker.admin('/api/v1/drain', { method: 'POST', body: JSON.stringify(wish) });
  expect(response.status).toBe(200);
}

/** Resolves with those that still are connected, once so many are not. */
async function cutOff(all: readonly RawClient[], count: number): Promise<RawClient[]> {
  await expect.poll(() => all.filter(({ isClosed }) => isClosed).length, WAIT).toBe(count);
  return all.filter(({ isClosed }) => !isClosed);
}

async function answer(connected: Iterable<RawClient>): Promise<void> {
  for (const client of connected) expect(await client.roundTrip()).toEqual([]);
}

/** Resolves when a broker that had no connection has one again. */
async function gets(broker: ProxiedBroker): Promise<void> {
  await expect
    .poll(async () => {
      await connect();
      return await broker.connections();
    }, WAIT)
    .toBeGreaterThan(0);
}
