/** Which certificate a TLS listener shows, what it negotiates, and how its certificates are exchanged while it runs. */
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { ListenError } from '../../../src/transport/listen-error.ts';
import type { TlsOptions } from '../../../src/transport/tls-handshake.ts';
import {
  certificateAuthority,
  clientCertificate,
  fleetAuthority,
  fleetClientCertificate,
  fleetServerCertificate,
  renewedServerCertificate,
  serverCertificate,
  type KeyPair,
} from '../../support/certificates.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startEchoBroker, type EchoBroker } from './echo-broker.ts';

const CONNECT = generate({
  cmd: 'connect',
  clientId: 'c',
  clean: true,
  protocolId: 'MQTT',
  protocolVersion: 4,
});

let broker: EchoBroker;

afterEach(async () => {
  await broker.server.close();
});

function pair({ cert, key }: KeyPair) {
  return { certificate: cert, key };
}

async function start(tls: Partial<TlsOptions> = {}, transport: 'tls' | 'wss' = 'tls'): Promise<void> {
  broker = await startEchoBroker({
    listeners: [{ transport, port: 0, tls: { ...pair(serverCertificate), ...tls } }],
  });
}

/** Shakes hands and says nothing; rejects when it is refused. */
async function shakeHands(
  options: ConnectionOptions = {},
  onSession: (session: Buffer) => void = () => undefined,
): Promise<TLSSocket> {
  const socket = connect({ port: broker.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  socket.on('session', onSession);
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

/** The common name of the certificate that is shown to who asks for that server name. */
async function shownTo(servername: string): Promise<unknown> {
  const socket = await shakeHands({ servername });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}

describe('server names', () => {
  it.each([
    ['broker.fleet.example', 'broker.fleet.example'],
    ['BROKER.fleet.Example', 'broker.fleet.example'],
    ['7.bikes.fleet.example', 'broker.fleet.example'],
    ['7.8.bikes.fleet.example', 'localhost'],
    ['bikes.fleet.example', 'localhost'],
    ['localhost', 'localhost'],
    ['unknown.example', 'localhost'],
    ['', 'localhost'],
  ])('%j is shown the certificate of %s', async (name, expected) => {
    await start({ furtherCertificates: [pair(fleetServerCertificate)] });
    expect(await shownTo(name)).toBe(expected);
  });

  it.each(['tls', 'wss'] as const)(
    'choose the certificate over %s, client certificates included',
    async (transport) => {
      await start(
        {
          furtherCertificates: [pair(fleetServerCertificate)],
          certificateAuthority: fleetAuthority,
          requestClientCertificate: true,
        },
        transport,
      );
      const { client } = await RawClient.connect({
        transport,
        port: broker.port,
        serverName: 'broker.fleet.example',
        authority: fleetAuthority,
        clientCertificate: fleetClientCertificate,
      });
      await client.roundTrip();
      expect(broker.links[0]?.link.peer.certificateName).toBe('bike-18');
      const stranger = RawClient.connect({
        transport,
        port: broker.port,
        serverName: 'broker.fleet.example',
        authority: fleetAuthority,
        clientCertificate,
      });
      await expect(stranger).rejects.toThrow();
    },
  );
});

describe('what is negotiated', () => {
  it.each([
    ['TLSv1.2', 'TLSv1.2', 'TLSv1.2'],
    ['TLSv1.2', 'TLSv1.3', 'TLSv1.3'],
    ['TLSv1.3', 'TLSv1.3', 'TLSv1.3'],
  ] as const)('with a minimum of %s and a client of %s: %s', async (minVersion, maxVersion, expected) => {
    await start({ minVersion });
    const socket = await shakeHands({ maxVersion });
    expect(socket.getProtocol()).toBe(expected);
    socket.destroy();
  });

  it('is nothing below the minimum, by any name', async () => {
    await start({ minVersion: 'TLSv1.3', furtherCertificates: [pair(fleetServerCertificate)] });
    for (const servername of ['localhost', 'broker.fleet.example']) {
      await expect(shakeHands({ servername, maxVersion: 'TLSv1.2' })).rejects.toThrow();
    }
    expect(broker.server.traffic.handshakesFailed).toBe(2);
  });

  it.each([
    [['mqtt'], 'mqtt'],
    [['other', 'mqtt'], 'mqtt'],
    [undefined, false],
  ])('of ALPN %j is %s', async (offered, expected) => {
    await start();
    const socket = await shakeHands(offered === undefined ? {} : { ALPNProtocols: offered });
    expect(socket.alpnProtocol).toBe(expected);
    socket.destroy();
  });

  it('leaves no room for clients of another protocol', async () => {
    await start();
    await expect(shakeHands({ ALPNProtocols: ['http/1.1'] })).rejects.toThrow();
    await start({}, 'wss');
    (await shakeHands({ ALPNProtocols: ['http/1.1'] })).destroy();
  });
});

describe('sessions', () => {
  const { cert, key } = fleetClientCertificate;

  /** Connects with a client certificate, takes the session and says whether an earlier one went on. */
  async function handshakeWith(options: ConnectionOptions): Promise<{ reused: boolean; session: Buffer }> {
    const sessions: Buffer[] = [];
    const socket = await shakeHands({ cert, key, ...options }, (session) => sessions.push(session));
    socket.write(CONNECT);
    // With TLS 1.3 the server sees the certificate, and refuses it, after the client is done.
    const end = once(socket, 'close').then(() => Promise.reject(new Error('closed')));
    await Promise.race([once(socket, 'data'), end]);
    const reused = socket.isSessionReused();
    socket.destroy();
    return { reused, session: sessions.at(-1) ?? Buffer.alloc(0) };
  }

  const mutual = {
    certificateAuthority: fleetAuthority,
    requestClientCertificate: true,
    furtherCertificates: [pair(fleetServerCertificate)],
  };

  it.each(
    (['TLSv1.2', 'TLSv1.3'] as const).flatMap((maxVersion) =>
      ['localhost', 'broker.fleet.example'].map((servername) => ({ maxVersion, servername })),
    ),
  )('go on with $maxVersion at $servername, with the name in the certificate', async (options) => {
    await start(mutual);
    const { session } = await handshakeWith(options);
    const { reused } = await handshakeWith({ ...options, session });
    expect(reused).toBe(true);
    expect(broker.links.map(({ link }) => link.peer.certificateName)).toEqual(['bike-18', 'bike-18']);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s end when the authority that let the client in is exchanged',
    async (maxVersion) => {
      await start(mutual);
      const { session } = await handshakeWith({ maxVersion, servername: 'localhost' });
      broker.server.exchangeCertificates(0, { ...pair(serverCertificate), certificateAuthority });
      await expect(handshakeWith({ maxVersion, servername: 'localhost', session })).rejects.toThrow();
      expect(broker.links).toHaveLength(1);
    },
  );
});

describe('the name in a client certificate', () => {
  it.each([
    ['its common name', {}, 'bike-18'],
    ['an alternative name', { certificateName: { field: 'uri' } }, 'urn:bike:18'],
    [
      'a name in a tenant',
      { certificateName: { field: 'dns', tenant: 'acme' } },
      'acme/bike-18.fleet.example',
    ],
    ['nothing where it is ignored', { certificateUse: 'ignored' }, undefined],
  ] as const)('is %s', async (_what, options, expected) => {
    await start({ certificateAuthority: fleetAuthority, requestClientCertificate: true, ...options });
    await RawClient.connect({
      transport: 'tls',
      port: broker.port,
      clientCertificate: fleetClientCertificate,
    });
    expect(broker.links[0]?.link.peer.certificateName).toBe(expected);
  });
});

describe('an exchange of certificates', () => {
  it('counts for new connections and leaves open ones alone', async () => {
    await start();
    const { client } = await RawClient.connect({ transport: 'tls', port: broker.port });
    broker.server.exchangeCertificates(0, {
      ...pair(renewedServerCertificate),
      furtherCertificates: [pair(fleetServerCertificate)],
    });
    await client.roundTrip();
    const renewed = { transport: 'tls', port: broker.port, authority: fleetAuthority } as const;
    await RawClient.connect(renewed);
    await RawClient.connect({ ...renewed, serverName: '7.bikes.fleet.example' });
    await expect(RawClient.connect({ transport: 'tls', port: broker.port })).rejects.toThrow();
    await client.roundTrip();
  });

  it('takes another authority for client certificates', async () => {
    const mutual = { requestClientCertificate: true } as const;
    await start({ ...mutual, certificateAuthority });
    const attempt = (clientPair: KeyPair) =>
      RawClient.connect({ transport: 'tls', port: broker.port, clientCertificate: clientPair });
    await attempt(clientCertificate);
    await expect(attempt(fleetClientCertificate)).rejects.toThrow();
    broker.server.exchangeCertificates(0, {
      ...pair(serverCertificate),
      certificateAuthority: fleetAuthority,
    });
    await attempt(fleetClientCertificate);
    await expect(attempt(clientCertificate)).rejects.toThrow();
  });

  it.each([
    ['keys that do not fit', { certificate: serverCertificate.cert, key: renewedServerCertificate.key }],
    ['no PEM', { certificate: Buffer.from('half a cert'), key: serverCertificate.key }],
    [
      'a further pair that does not fit',
      {
        ...pair(renewedServerCertificate),
        furtherCertificates: [{ certificate: fleetServerCertificate.cert, key: serverCertificate.key }],
      },
    ],
  ])('that brings %s changes nothing', async (_what, bad) => {
    await start();
    expect(() => {
      broker.server.exchangeCertificates(0, bad);
    }).toThrow(ListenError);
    await RawClient.connect({ transport: 'tls', port: broker.port });
  });

  it('tells when the first certificate expires', async () => {
    await start({ furtherCertificates: [pair(fleetServerCertificate)] });
    expect(broker.server.certificateExpiresAtMs(0)).toBe(Date.UTC(2120, 0, 1));
    await broker.server.close();
    broker = await startEchoBroker();
    expect(broker.server.certificateExpiresAtMs(0)).toBeUndefined();
  });
});
