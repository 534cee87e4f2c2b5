/**
 * Ends TLS on accepted sockets: server certificate, and client certificates where the listener asks for them. A
 * handshake that fails or takes too long drops its socket and harms nothing else.
 */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';

export interface TlsOptions {
  /** PEM: the server's certificate, then those between it and its CA. */
  readonly certificate: Buffer;
  /** PEM. */
  readonly key: Buffer;
  /** PEM: whom client certificates must come from. Absent: the CAs that Node trusts. */
  readonly certificateAuthority?: Buffer;
  /** Ask clients for a certificate; default false. */
  readonly requestClientCertificate?: boolean;
  /** Refuse clients without a valid certificate; default true where one is asked for. */
  readonly rejectUnauthorized?: boolean;
}

/** `certificateName`: common name of the verified client certificate. */
export type OnSecure = (socket: TLSSocket, certificateName: string | undefined) => void;

export class TlsHandshake {
  readonly #server: Server;

  /** Throws Node's error when certificate, key or CA cannot be used. */
  constructor(options: TlsOptions, timeoutMs: number, onSecure: OnSecure, onFailed: () => void) {
    const requestCert = options.requestClientCertificate === true;
    this.#server = createServer({
      cert: options.certificate,
      key: options.key,
      ...(options.certificateAuthority && { ca: options.certificateAuthority }),
      requestCert,
      rejectUnauthorized: requestCert && options.rejectUnauthorized !== false,
      handshakeTimeout: timeoutMs,
    });
    this.#server.on('secureConnection', (socket) => {
      onSecure(socket, certificateName(socket));
    });
    // After this event Node leaves the socket to us; its error was told already.
    this.#server.on('tlsClientError', (_error, socket) => {
      socket.destroy();
      onFailed();
    });
  }

  /** The server never listens itself: sockets are admitted before anything is spent on their handshake. */
  begin(socket: Socket): void {
    this.#server.emit('connection', socket);
  }
}

function certificateName(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  // Certificates may have no subject, or several common names, whatever Node's types say; the first counts.
  const certificate: { subject?: { CN?: unknown } } = socket.getPeerCertificate();
  const names = certificate.subject?.CN;
  const name: unknown = Array.isArray(names) ? names[0] : names;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
