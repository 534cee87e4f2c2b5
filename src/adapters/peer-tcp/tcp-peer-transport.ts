/** The network between brokers: TCP, with mutual TLS where it is configured. Each broker listens, and dials every other. */
import { once } from 'node:events';
import {
  connect as connectTcp,
  createServer as createTcpServer,
  Socket,
  type AddressInfo,
  type DropArgument,
  type Server,
} from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import type { ReportLinkProblem } from '../../cluster/link/link-settings.ts';
import type { PeerStream, PeerStreamListener, PeerTransport } from '../../cluster/link/peer-transport.ts';
import type { Endpoint } from '../../cluster/member.ts';
import { clientTls, serverTls, type PeerTls } from './peer-tls.ts';
import { SocketStream } from './socket-stream.ts';

export interface TcpPeerTransportOptions {
  /** Where to listen; port 0: one that is free. */
  readonly listen: Endpoint;
  /** Where peers reach it, if that is not where it listens. */
  readonly advertise: Endpoint | undefined;
  /** undefined: in the clear. */
  readonly tls: PeerTls | undefined;
  readonly handshakeTimeoutMs: number;
  /** Accepted ones at a time; default: `CONNECTIONS_MAX`. */
  readonly connectionsMax?: number;
  /** A connection came to nothing before there was a stream. */
  readonly report: ReportLinkProblem;
}

/** Far more than there are brokers in a mesh: what strangers can hold open until they have to greet. */
const CONNECTIONS_MAX = 1024;
/** A socket that is gone has no address any more. */
const UNKNOWN = 'a stranger';

export class TcpPeerTransport implements PeerTransport {
  readonly address: Endpoint;
  #tls: PeerTls | undefined;
  readonly #handshakeTimeoutMs: number;
  readonly #server: Server;
  /** All there are, those whose handshake is under way included. */
  readonly #sockets: Set<Socket>;
  #onStream: ((stream: PeerStream, from: string) => PeerStreamListener) | undefined;

  /** Rejects with Node's error when it cannot listen there, or the certificate cannot be used. */
  static async listen(options: TcpPeerTransportOptions): Promise<TcpPeerTransport> {
    const { listen, tls } = options;
    const server =
      tls === undefined
        ? createTcpServer({ noDelay: true })
        : createTlsServer({ ...serverTls(tls, options.handshakeTimeoutMs), noDelay: true });
    server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
    server.listen(listen.port, listen.host);
    await once(server, 'listening');
    return new TcpPeerTransport(server, options);
  }

  private constructor(
    server: Server,
    { listen, advertise, tls, handshakeTimeoutMs, report }: TcpPeerTransportOptions,
  ) {
    this.#server = server;
    this.#tls = tls;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    this.address = advertise ?? { host: listen.host, port: (server.address() as AddressInfo).port };
    this.#sockets = new Set();
    server.on('connection', (socket: Socket) => {
      this.#track(socket);
      if (tls === undefined) this.#accept(socket);
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      if (socket.authorized) {
        this.#accept(socket);
        return;
      }
      report(otherEnd(socket), `its certificate: ${String(socket.authorizationError)}`);
      socket.destroy();
    });
    // After this event Node leaves the socket to us; its error was told already.
    server.on('tlsClientError', ({ message }: Error, socket: Socket) => {
      report(otherEnd(socket), `TLS handshake: ${message}`);
      socket.destroy();
    });
    server.on('drop', (dropped?: DropArgument) => {
      const address = dropped?.remoteAddress ?? UNKNOWN;
      report(address, `dropped: there are ${server.maxConnections} connections already`);
    });
    // Of accepting, for want of file descriptors, say: the next one may go well.
    server.on('error', ({ message }) => {
      report(`${this.address.host}:${this.address.port}`, `listening: ${message}`);
    });
  }

  dial(address: Endpoint, listener: PeerStreamListener): PeerStream {
    const socket = this.#connect(address);
    this.#track(socket);
    const stream = new SocketStream(socket);
    stream.attach(listener);
    socket.once(this.#tls === undefined ? 'connect' : 'secureConnect', () => {
      stream.opened();
    });
    return stream;
  }

  accept(onStream: (stream: PeerStream, from: string) => PeerStreamListener): void {
    this.#onStream = onStream;
  }

  /**
   * For connections from now on; those that stand stay. Throws when they cannot be used, or when it talks in the clear: then nothing has
   * changed.
   */
  exchangeCertificates(tls: PeerTls): void {
    if (!(this.#server instanceof TlsServer))
      throw new Error('peer links: in the clear, there are no certificates');
    // The server forgets what it had before it finds that it cannot use what it was given.
    createSecureContext(clientTls(tls));
    this.#server.setSecureContext(serverTls(tls, this.#handshakeTimeoutMs));
    this.#tls = tls;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #connect({ host, port }: Endpoint): Socket {
    try {
      return this.#tls === undefined
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({ ...clientTls(this.#tls), host, port }).setNoDelay(true);
    } catch (error) {
      // An address that is none, which a peer gave itself, is a peer that cannot be reached.
      return new Socket().destroy(error as Error);
    }
  }

  #accept(socket: Socket): void {
    const stream = new SocketStream(socket);
    if (this.#onStream === undefined) stream.destroy();
    else stream.attach(this.#onStream(stream, otherEnd(socket)));
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Before a stream listens: a socket that fails in its handshake must not end the process.
    socket.on('error', () => undefined);
  }
}

function otherEnd({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? UNKNOWN : `${remoteAddress}:${remotePort ?? 0}`;
}
