/**
 * Pinned TLS material for tests: a CA, a server certificate for localhost and 127.0.0.1, a client certificate
 * (common name `bike-17`), and a client certificate of an unrelated CA. Valid from 2020 to 2120; the keys
 * protect nothing. Read from files, so that tests need no openssl.
 */
import { readFileSync } from 'node:fs';

export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const directory = new URL('../fixtures/tls/', import.meta.url);

function pem(name: string): Buffer {
  return readFileSync(new URL(`${name}.pem`, directory));
}

export const CLIENT_COMMON_NAME = 'bike-17';

export const certificateAuthority: Buffer = pem('ca');
export const serverCertificate: KeyPair = { cert: pem('server'), key: pem('server-key') };
export const clientCertificate: KeyPair = { cert: pem('client'), key: pem('client-key') };
/** Well formed, but signed by a CA that the server does not know. */
export const strangerCertificate: KeyPair = { cert: pem('stranger'), key: pem('stranger-key') };
