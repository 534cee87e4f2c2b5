/**
 * Pinned TLS material for tests: a CA, a server certificate for localhost and 127.0.0.1, a client certificate
 * (common name `bike-17`), and a client certificate of an unrelated CA. A second CA has signed certificates for
 * other server names, one more for localhost, and a client with names of every kind. A third is that of brokers among
 * each other. Valid from 2020 to 2120; the keys protect nothing. Read from files, so that tests need no openssl.
 */
import { existsSync, readFileSync } from 'node:fs';

export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Sources and built files lie at different depths below the package. */
const PLACES = ['../fixtures/tls/', '../../../test/fixtures/tls/'].map(
  (path) => new URL(path, import.meta.url),
);
const directory = PLACES.find((place) => existsSync(place));

function pem(name: string): Buffer {
  return readFileSync(new URL(`${name}.pem`, directory));
}

export const CLIENT_COMMON_NAME = 'bike-17';

export const certificateAuthority: Buffer = pem('ca');
export const serverCertificate: KeyPair = { cert: pem('server'), key: pem('server-key') };
export const clientCertificate: KeyPair = { cert: pem('client'), key: pem('client-key') };
export const fleetAuthority: Buffer = pem('fleet-ca');
/** For broker.fleet.example and *.bikes.fleet.example. */
export const fleetServerCertificate: KeyPair = { cert: pem('fleet-server'), key: pem('fleet-server-key') };
/** For localhost and 127.0.0.1, as `serverCertificate`, but of the fleet's CA. */
export const renewedServerCertificate: KeyPair = {
  cert: pem('renewed-server'),
  key: pem('renewed-server-key'),
};
/** CN bike-18, DNS bike-18.fleet.example, URI urn:bike:18, email bike-18@fleet.example. */
export const fleetClientCertificate: KeyPair = { cert: pem('fleet-client'), key: pem('fleet-client-key') };

/** What brokers trust each other by, and what one of them shows the others, dialling and listening. */
export const peerAuthority: Buffer = pem('peer-ca');
export const peerCertificate: KeyPair = { cert: pem('peer'), key: pem('peer-key') };

/** Well formed, but signed by a CA that the server does not know. */
export const strangerCertificate: KeyPair = { cert: pem('stranger'), key: pem('stranger-key') };
