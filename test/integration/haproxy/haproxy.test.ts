/**
 * A broker behind a real HAProxy, over every transport: TLS passed through and ended, PROXY protocol 1 and 2, and
 * X-Forwarded-For. Clients come from addresses of their own on loopback, so that it shows whose address is taken.
 */
import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAProxyEngine } from '../../../engines/haproxy/haproxy-engine.ts';
import { fleetAuthority, fleetClientCertificate } from '../../support/certificates.ts';
import { RawClient, type RawClientOptions } from '../../support/raw-client.ts';
import { RunningBroker, TRANSPORTS, type Transport } from '../../support/running-broker.ts';
import { publish, subscribe, take } from '../support/exchanges.ts';
import { newClientId } from '../support/versions.ts';

const pem = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));

/** Of clients; HAProxy itself comes from 127.0.0.1. */
const CLIENT_ADDRESS = '127.0.0.77';

const trusted = ['127.0.0.1'];
const tls = { certFile: pem('server'), keyFile: pem('server-key') };

let directory: string;
/** Every connection of it begins with a PROXY header. */
let proxied: RunningBroker;
/** Believes X-Forwarded-For. */
let forwarded: RunningBroker;
let haproxy: HAProxyEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-haproxy-test-'));
  const proxyProtocol = { trusted };
  proxied = await RunningBroker.start({
    listeners: [
      { transport: 'tcp', port: 0, proxyProtocol: { trusted, clientUser: 'decides' } },
      { transport: 'tls', port: 0, tls, proxyProtocol },
      { transport: 'ws', port: 0, proxyProtocol },
      { transport: 'wss', port: 0, tls, proxyProtocol },
    ],
  });
  forwarded = await RunningBroker.start({
    listeners: [{ transport: 'ws', port: 0, forwardedFor: { trusted } }],
  });
  const certificateFile = join(directory, 'front.pem');
  await writeFile(
    certificateFile,
    Buffer.concat([await readFile(pem('fleet-server')), await readFile(pem('fleet-server-key'))]),
  );
  const ended = { certificateFile, clientAuthorityFile: pem('fleet-ca') };
  haproxy = await HAProxyEngine.start({
    fronts: [
      ...TRANSPORTS.flatMap((transport) =>
        (['v1', 'v2'] as const).map((header) => ({
          name: `${transport}-${header}`,
          brokerPort: proxied.port(transport),
          header,
        })),
      ),
      { name: 'tls-ended', brokerPort: proxied.port('tcp'), header: 'v2', tls: ended },
      { name: 'http', brokerPort: forwarded.port('ws'), header: 'none', mode: 'http' },
      { name: 'https', brokerPort: forwarded.port('ws'), header: 'none', mode: 'http', tls: ended },
    ],
  });
});

afterAll(async () => {
  await haproxy.stop();
  await proxied.dispose();
  await forwarded.dispose();
  await rm(directory, { recursive: true });
});

async function connect(
  front: string,
  transport: Transport,
  clientId: string,
  options: Partial<RawClientOptions> = {},
): Promise<RawClient> {
  const { client, connack } = await RawClient.connect(
    { transport, port: haproxy.port(front), localAddress: CLIENT_ADDRESS, ...options },
    { clientId },
  );
  expect(connack.returnCode).toBe(0);
  return client;
}

async function sessionOf(broker: RunningBroker, clientId: string): Promise<unknown> {
  return await (await broker.admin(`/api/v1/session?client=${clientId}`)).json();
}

const atAnotherName = { serverName: 'broker.fleet.example', authority: fleetAuthority };

describe.each(TRANSPORTS)('%s', (transport) => {
  it.each(['v1', 'v2'])(
    'with PROXY protocol %s shows the client’s address and carries messages',
    async (header) => {
      const clientId = newClientId('haproxy');
      const client = await connect(`${transport}-${header}`, transport, clientId);
      expect(await sessionOf(proxied, clientId)).toMatchObject({ address: CLIENT_ADDRESS });
      await subscribe(client, { topic: clientId, qos: 1 });
      const payload = Buffer.alloc(200_000, 'm');
      const other = await connect(`${transport}-${header}`, transport, newClientId('haproxy'));
      await publish(other, { topic: clientId, qos: 1, payload });
      expect(payload.equals(Buffer.from((await take(client)).payload))).toBe(true);
      client.end();
      other.end();
    },
  );
});

describe('TLS that HAProxy ends', () => {
  it('brings the user of the client certificate with it', async () => {
    const clientId = newClientId('certified');
    const client = await connect('tls-ended', 'tls', clientId, {
      ...atAnotherName,
      clientCertificate: fleetClientCertificate,
    });
    expect(await sessionOf(proxied, clientId)).toMatchObject({
      address: CLIENT_ADDRESS,
      clientName: 'bike-18',
    });
    client.end();
  });

  it('brings no user without one', async () => {
    const clientId = newClientId('uncertified');
    const client = await connect('tls-ended', 'tls', clientId, atAnotherName);
    expect(await sessionOf(proxied, clientId)).toMatchObject({ address: CLIENT_ADDRESS, clientName: '' });
    client.end();
  });
});

describe('X-Forwarded-For', () => {
  it.each([
    ['http', 'ws', {}],
    ['https', 'wss', atAnotherName],
  ] as const)(
    'over %s shows the client’s address, whatever the client says',
    async (front, transport, options) => {
      const clientId = newClientId('forwarded');
      const headers = { 'X-Forwarded-For': '203.0.113.99' };
      const client = await connect(front, transport, clientId, { ...options, headers });
      expect(await sessionOf(forwarded, clientId)).toMatchObject({ address: CLIENT_ADDRESS });
      client.end();
    },
  );
});

describe('health checks', () => {
  it('are taken for what they are', async () => {
    const metrics = await (await proxied.admin('/metrics')).text();
    for (const reason of ['untrusted', 'missing', 'malformed', 'tooLong', 'checksum', 'timedOut'])
      expect(metrics).toContain(`spoke_proxy_headers_refused_total{reason="${reason}"} 0`);
  });
});
