/**
 * Mutual TLS between brokers: each shows a certificate, and it counts when the brokers' own authority has signed it. Names in it do
 * not: brokers come and go, and whoever has a key of that authority is one of them. So the authority must sign nobody else.
 */
import type { ConnectionOptions, TlsOptions } from 'node:tls';

export interface PeerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Of all brokers, and of nothing else. */
  readonly ca: Buffer;
}

/** Whoever is not authorized is let through the handshake, for the listener to refuse: Node would not say who it was. */
export function serverTls({ cert, key, ca }: PeerTls, handshakeTimeoutMs: number): TlsOptions {
  return {
    cert,
    key,
    ca,
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
  };
}

export function clientTls({ cert, key, ca }: PeerTls): ConnectionOptions {
  return { cert, key, ca, rejectUnauthorized: true, checkServerIdentity: () => undefined };
}
