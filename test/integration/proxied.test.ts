/**
 * Behind proxies, with certificates: whose address sessions and events show, whom a certificate makes of a client,
 * and certificates that are exchanged under connections.
 */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { fleetAuthority, fleetClientCertificate } from '../support/certificates.ts';
import { headerV2, LINE_V4, SOURCE_V4, ssl, tlv, TYPE } from '../support/proxy-headers.ts';
import { RawClient, type RawClientOptions } from '../support/raw-client.ts';
import { RunningBroker, TRANSPORTS } from '../support/running-broker.ts';
import { TestProxy } from '../support/test-proxy.ts';
import { newClientId } from './support/versions.ts';

const pem = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

let directory: string;
/** Certificate and key that tests exchange. */
let tls: { certFile: string; keyFile: string };

async function use(certificate: string, key = certificate): Promise<void> {
  await copyFile(pem(certificate), tls.certFile);
  await copyFile(pem(`${key}-key`), tls.keyFile);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-proxied-'));
  tls = { certFile: join(directory, 'server.pem'), keyFile: join(directory, 'server.key') };
});

afterAll(() => rm(directory, { recursive: true }));

async function proxyTo(port: number, header: Buffer): Promise<number> {
  const proxy = await TestProxy.start({ port, header });
  onTestFinished(() => {
    proxy.close();
  });
  return proxy.port;
}

interface SessionView {
  readonly address: string;
  readonly clientName: string;
}

async function sessionOf(broker: RunningBroker, clientId: string, tenant = 'default'): Promise<SessionView> {
  const response = await broker.admin(`/api/v1/session?tenant=${tenant}&client=${clientId}`);
  return (await response.json()) as SessionView;
}

describe('a broker behind proxies', () => {
  let broker: RunningBroker;

  beforeAll(async () => {
    await use('server');
    const trusted = ['127.0.0.1'];
    broker = await RunningBroker.start({
      tenants: ['default', 'acme'],
      listeners: TRANSPORTS.map((transport) => {
        const proxyProtocol = { trusted, clientUser: transport === 'tcp' ? 'decides' : 'ignored' } as const;
        const shared = { transport, port: 0, proxyProtocol } as const;
        switch (transport) {
          case 'tcp':
            return { ...shared, transport };
          case 'tls':
            return { ...shared, transport, tls };
          case 'ws':
            return { ...shared, transport, forwardedFor: { trusted: ['203.0.113.0/24'] } };
          case 'wss':
            return { ...shared, transport, tls };
        }
      }),
    });
  });

  afterAll(() => broker.dispose());

  it.each(TRANSPORTS)('shows clients where they come from: %s', async (transport) => {
    const clientId = newClientId('proxied');
    const port = await proxyTo(broker.port(transport), LINE_V4);
    const { client } = await RawClient.connect({ transport, port }, { clientId });
    expect((await sessionOf(broker, clientId)).address).toBe(SOURCE_V4.address);
    const events = await (await broker.admin(`/api/v1/events?client=${clientId}&since=start`)).text();
    expect(events).toContain(SOURCE_V4.address);
    client.destroy();
  });

  it('follows X-Forwarded-For behind the PROXY header', async () => {
    const clientId = newClientId('forwarded');
    const port = await proxyTo(broker.port('ws'), LINE_V4);
    const headers = { 'X-Forwarded-For': '127.0.0.1, 2001:db8::9, 203.0.113.8' };
    await RawClient.connect({ transport: 'ws', port, headers }, { clientId });
    expect((await sessionOf(broker, clientId)).address).toBe('2001:db8::9');
  });

  it('takes the user from the certificate that the proxy has seen, whatever CONNECT says', async () => {
    const clientId = newClientId('certified');
    const header = headerV2({ tlvs: [ssl({ tlvs: [tlv(TYPE.sslCommonName, 'acme/bike-7')] })] });
    const port = await proxyTo(broker.port('tcp'), header);
    await RawClient.connect({ port }, { clientId, username: 'default/other', password: Buffer.from('x') });
    expect((await sessionOf(broker, clientId, 'acme')).clientName).toBe('bike-7');
  });

  it('counts what it refuses', async () => {
    await expect(broker.connect()).rejects.toThrow();
    const metrics = await (await broker.admin('/metrics')).text();
    expect(metrics).toMatch(/^spoke_proxy_headers_refused_total\{reason="missing"\} [1-9]/m);
    expect(metrics).toMatch(/^spoke_connect_timeouts_total 0$/m);
    expect(metrics).toMatch(
      /^spoke_certificate_expires_timestamp_seconds\{transport="tls",port="\d+"\} \d+$/m,
    );
  });
});

describe('who guesses passwords behind a proxy', () => {
  it('is locked out by its own address, and nobody else who comes through the proxy', async () => {
    const usersFile = join(directory, 'users.yaml');
    await writeFile(usersFile, JSON.stringify({ users: {} }));
    const broker = await RunningBroker.forTest({
      listeners: [{ transport: 'tcp', port: 0, proxyProtocol: { trusted: ['127.0.0.1'] } }],
      auth: {
        mode: 'file',
        usersFile,
        lockOut: { userFailures: 0, addressFailures: 2 },
        passwords: { scryptLn: 10 },
      },
    });
    const guess = async (header: Buffer): Promise<number | undefined> => {
      const port = await proxyTo(broker.port('tcp'), header);
      const connect = { clientId: newClientId(), username: newClientId('user'), password: Buffer.from('x') };
      const { client, connack } = await RawClient.connect({ port, level: 5 }, connect);
      client.destroy();
      return connack.reasonCode;
    };
    const [wrong, lockedOut] = [REASON.badUserNameOrPassword, REASON.connectionRateExceeded];
    const other = Buffer.from('PROXY TCP4 203.0.113.77 203.0.113.1 4711 1883\r\n');
    for (const outcome of [wrong, wrong, lockedOut]) expect(await guess(LINE_V4)).toBe(outcome);
    expect(await guess(other)).toBe(wrong);
    const trail = await broker.admin('/api/v1/audit?since=start&kind=lockOut&follow=true&limit=1');
    expect(JSON.parse(await trail.text())).toMatchObject({ by: 'address', address: SOURCE_V4.address });
  });
});

describe('client certificates without a users file', () => {
  async function connectWith(clientUser: 'agrees' | 'decides' | 'ignored', username?: string) {
    await use('server');
    const broker = await RunningBroker.forTest({
      tenants: ['default', 'acme'],
      listeners: [
        {
          transport: 'tls',
          port: 0,
          tls: {
            ...tls,
            caFile: pem('fleet-ca'),
            clientCertificates: 'required',
            clientName: 'uri',
            clientTenant: 'acme',
            clientUser,
          },
        },
      ],
    });
    const clientId = newClientId('holder');
    const { connack } = await broker.connect(
      { transport: 'tls', level: 5, clientCertificate: fleetClientCertificate },
      { clientId, ...(username !== undefined && { username }) },
    );
    if (connack.reasonCode !== REASON.success) return connack.reasonCode;
    for (const tenant of ['default', 'acme']) {
      const { clientName } = await sessionOf(broker, clientId, tenant);
      if (typeof clientName === 'string') return `${tenant}/${clientName}`;
    }
    return undefined;
  }

  it.each([
    ['agrees', undefined, 'acme/urn:bike:18'],
    ['agrees', 'acme/urn:bike:18', 'acme/urn:bike:18'],
    ['agrees', 'acme/other', REASON.badUserNameOrPassword],
    ['decides', 'default/other', 'acme/urn:bike:18'],
    ['ignored', 'default/other', 'default/other'],
    ['ignored', undefined, 'default/'],
  ] as const)('%s, with user name %s: %s', async (clientUser, username, expected) => {
    expect(await connectWith(clientUser, username)).toBe(expected);
  });
});

describe('certificates', () => {
  it('are exchanged under open connections, on SIGHUP, and bad ones are not taken', async () => {
    await use('server');
    const broker = await RunningBroker.forTest({
      listeners: [
        { transport: 'tls', port: 0, tls },
        { transport: 'wss', port: 0, tls },
      ],
    });
    const { client: old } = await broker.connect({ transport: 'tls' }, { clientId: newClientId() });
    const { client: oldWeb } = await broker.connect({ transport: 'wss' }, { clientId: newClientId() });
    const renewed = { authority: fleetAuthority } satisfies Partial<RawClientOptions>;
    const connects = async (choice: Partial<RawClientOptions>): Promise<boolean[]> => {
      const attempts = (['tls', 'wss'] as const).map((transport) =>
        broker.connect({ ...choice, transport }, { clientId: newClientId() }),
      );
      return (await Promise.allSettled(attempts)).map(({ status }) => status === 'fulfilled');
    };
    expect(await connects(renewed)).toEqual([false, false]);

    await use('renewed-server');
    await broker.reload();
    expect(await connects(renewed)).toEqual([true, true]);
    expect(await connects({})).toEqual([false, false]);

    await use('server', 'renewed-server');
    await broker.reload();
    expect(await connects(renewed)).toEqual([true, true]);
    const metrics = await (await broker.admin('/metrics')).text();
    expect(metrics).toMatch(/^spoke_certificate_reloads_total 2$/m);
    expect(metrics).toMatch(/^spoke_certificate_reload_failures_total 2$/m);

    await old.roundTrip();
    await oldWeb.roundTrip();
  });

  it('are exchanged by themselves when their files change', async () => {
    await use('server');
    const broker = await RunningBroker.forTest({ listeners: [{ transport: 'tls', port: 0, tls }] });
    await use('renewed-server');
    const connect = () =>
      broker.connect({ transport: 'tls', authority: fleetAuthority }, { clientId: newClientId() });
    let connected = await connect().catch(() => undefined);
    while (connected === undefined) connected = await connect().catch(() => undefined);
    await connected.client.roundTrip();
  });
});
