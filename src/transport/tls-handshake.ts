/**
 * Ends TLS on accepted sockets: server certificates by the name a client asks for, client certificates where the
 * listener asks for them, ALPN. Its certificates can be exchanged while it runs; connections that are open keep
 * theirs. A handshake that fails or takes too long drops its socket and harms nothing else.
 */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import {
  certificateName,
  COMMON_NAME,
  type CertificateNameRule,
  type CertificateUse,
} from './certificate-name.ts';
import type { Incoming } from './incoming.ts';
import { ServerCertificates, type ServerCertificatesOptions } from './server-certificates.ts';

export interface TlsOptions extends ServerCertificatesOptions {
  /** Ask clients for a certificate; default false. */
  readonly requestClientCertificate?: boolean;
  /** Refuse clients without a valid certificate; default true where one is asked for. */
  readonly rejectUnauthorized?: boolean;
  /** Where in a client certificate its user name is; default: the common name. */
  readonly certificateName?: CertificateNameRule;
  /** Default: agrees. */
  readonly certificateUse?: CertificateUse;
}

export interface TlsHandshakeOptions {
  readonly tls: TlsOptions;
  /** Protocols to choose from with a client that offers some (RFC 7301); one that offers none of them is refused. */
  readonly alpn: readonly string[] | undefined;
  readonly timeoutMs: number;
}

/** `address` is undefined for a socket that is gone already. */
export type OnHandshakeFailed = (detail: string, address: string | undefined) => void;

export type OnSecure = (incoming: Incoming, socket: TLSSocket) => void;

export class TlsHandshake {
  readonly #server: Server;
  #certificates: ServerCertificates;
  /** Those under way, by the addresses of both ends: Node does not say which socket a TLS socket runs over. */
  readonly #underWay = new Map<string, Incoming>();

  /** Throws Node's error when certificate, key or CA cannot be used. */
  constructor(
    { tls, alpn, timeoutMs }: TlsHandshakeOptions,
    onSecure: OnSecure,
    onFailed: OnHandshakeFailed,
  ) {
    const requestCert = tls.requestClientCertificate === true;
    this.#certificates = new ServerCertificates(tls);
    this.#server = createServer({
      ...this.#certificates.fallback,
      requestCert,
      rejectUnauthorized: requestCert && tls.rejectUnauthorized !== false,
      handshakeTimeout: timeoutMs,
      SNICallback: (serverName, answer) => {
        answer(null, this.#certificates.contextFor(serverName));
      },
      ...(alpn && { ALPNProtocols: [...alpn] }),
    });
    this.#server.on('secureConnection', (socket) => {
      const incoming = this.#underWay.get(pathOf(socket));
      if (incoming === undefined) {
        // Gone before it was looked at.
        socket.destroy();
        return;
      }
      this.#underWay.delete(pathOf(socket));
      if (socket.authorized) {
        const name = certificateName(socket.getPeerCertificate(), tls.certificateName ?? COMMON_NAME);
        incoming.identify(name, tls.certificateUse ?? 'agrees');
      }
      onSecure(incoming, socket);
    });
    // After this event Node leaves the socket to us; its error was told already.
    this.#server.on('tlsClientError', (error, socket) => {
      const incoming = this.#underWay.get(pathOf(socket));
      socket.destroy();
      onFailed(error.message, incoming?.address);
    });
  }

  /** When the first certificate expires. */
  get expiresAtMs(): number {
    return this.#certificates.expiresAtMs;
  }

  /** The server never listens itself: sockets are admitted before anything is spent on their handshake. */
  begin(incoming: Incoming): void {
    const { socket } = incoming;
    const path = pathOf(socket);
    this.#underWay.set(path, incoming);
    socket.once('close', () => {
      // A client that comes back at once may have the same port.
      if (this.#underWay.get(path) === incoming) this.#underWay.delete(path);
    });
    this.#server.emit('connection', socket);
  }

  /** From now on handshakes use these. Throws Node's error when they cannot be used; then the old ones stay. */
  exchange(certificates: ServerCertificatesOptions): void {
    const next = new ServerCertificates(certificates);
    this.#server.setSecureContext(next.fallback);
    this.#certificates = next;
  }
}

function pathOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(' ');
}
