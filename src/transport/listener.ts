/**
 * One listening address. Admits connections before their handshakes cost anything, takes them through TLS and
 * WebSocket as configured, and hands over byte streams; it knows no MQTT.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { PeerAddress } from '../broker/client-link.ts';
import type { Admission } from './admission.ts';
import type { ByteStream } from './byte-stream.ts';
import type { DeadlineWheel } from './deadline-wheel.ts';
import { ListenError, listenError } from './listen-error.ts';
import { SocketStream } from './socket-stream.ts';
import { TlsHandshake, type OnSecure, type TlsOptions } from './tls-handshake.ts';
import { DEFAULT_PATH, WebSocketHandshake, type OnUpgraded } from './websocket-handshake.ts';
import { WebSocketStream } from './websocket-stream.ts';

export type Transport = PeerAddress['transport'];

/** Loopback: listening beyond it is a decision (see `app/`). */
export const DEFAULT_HOST = '127.0.0.1';
/** Connections the kernel holds until they are accepted; a fleet that comes back at once needs many. */
export const DEFAULT_BACKLOG = 4096;
/** How long a connection is silent before TCP asks whether the peer is still there. */
const TCP_KEEP_ALIVE_MS = 60_000;

export interface ListenerOptions {
  readonly transport: Transport;
  readonly host?: string;
  /** 0: the system chooses; see `ListenerAddress`. */
  readonly port: number;
  /** Of a WebSocket listener. */
  readonly path?: string;
  /** Needed by tls and wss. */
  readonly tls?: TlsOptions;
  readonly backlog?: number;
}

export interface ListenerAddress {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

export interface ListenerContext {
  readonly admission: Admission;
  readonly wheel: DeadlineWheel;
  readonly limits: { readonly connectTimeoutMs: number; readonly packetBytesMax: number };
  readonly onStream: (stream: ByteStream, peer: PeerAddress) => void;
  readonly onHandshakeFailed: () => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #name: string;
  readonly #server: Server;
  readonly #beginHandshake: (socket: Socket) => void;
  /** Every socket that is open, whatever became of it. */
  readonly #sockets = new Set<Socket>();

  /** Throws `ListenError` when TLS is needed and cannot be used as given. */
  constructor(options: ListenerOptions, context: ListenerContext) {
    this.#options = options;
    this.#context = context;
    this.#name = `${options.transport} ${options.host ?? DEFAULT_HOST}:${options.port}`;
    this.#beginHandshake = this.#handshakeOf(options.transport);
    this.#server = createServer(
      {
        // A client that ends its side still gets the answers to what it sent before. Under TLS a half-open socket
        // would outlive an abandoned handshake, so there the end of one side ends both.
        allowHalfOpen: options.tls === undefined,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      },
      (socket) => {
        this.#accept(socket);
      },
    );
  }

  /** Resolves when connections are accepted. Rejects with `ListenError`. */
  listen(): Promise<ListenerAddress> {
    const { transport, host = DEFAULT_HOST, port, backlog = DEFAULT_BACKLOG } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(listenError(this.#name, error));
      });
      this.#server.listen({ host, port, backlog }, () => {
        this.#server.removeAllListeners('error');
        // Accepting can fail later (no descriptors left); the connection is lost, the listener is not.
        this.#server.on('error', () => {
          this.#context.admission.acceptFailed();
        });
        resolve({ transport, host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  /** Frees the address; connections that are open stay. */
  stopAccepting(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Stops accepting and drops every connection, handshakes included. */
  close(): void {
    this.stopAccepting();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    if (!this.#context.admission.enter()) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#context.admission.leave();
    });
    this.#beginHandshake(socket);
  }

  #handshakeOf(transport: Transport): (socket: Socket) => void {
    switch (transport) {
      case 'tcp':
        return (socket) => {
          this.#hand(new SocketStream(socket), socket, undefined);
        };
      case 'tls':
        return this.#tlsHandshake((socket, certificateName) => {
          this.#hand(new SocketStream(socket), socket, certificateName);
        });
      case 'ws': {
        const upgrade = this.#webSocketHandshake();
        return (socket) => {
          upgrade.begin(socket, undefined);
        };
      }
      case 'wss': {
        const upgrade = this.#webSocketHandshake();
        return this.#tlsHandshake((socket, certificateName) => {
          upgrade.begin(socket, certificateName);
        });
      }
    }
  }

  #tlsHandshake(onSecure: OnSecure): (socket: Socket) => void {
    const { tls } = this.#options;
    if (tls === undefined) {
      throw new ListenError(
        this.#name,
        'it has no certificate',
        'Give this listener a certificate and a key.',
      );
    }
    try {
      const { limits, onHandshakeFailed } = this.#context;
      const handshake = new TlsHandshake(tls, limits.connectTimeoutMs, onSecure, onHandshakeFailed);
      return (socket) => {
        socket.on('error', ignoreError);
        handshake.begin(socket);
      };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ListenError(
        this.#name,
        `its certificate, key or CA cannot be used (${reason})`,
        'Give PEM files that belong together.',
        { cause },
      );
    }
  }

  #webSocketHandshake(): WebSocketHandshake {
    const { limits, wheel, onHandshakeFailed } = this.#context;
    const options = {
      path: this.#options.path ?? DEFAULT_PATH,
      timeoutMs: limits.connectTimeoutMs,
      packetBytesMax: limits.packetBytesMax,
    };
    const onUpgraded: OnUpgraded = (webSocket, socket, certificateName) => {
      this.#hand(new WebSocketStream(webSocket, socket), socket, certificateName);
    };
    return new WebSocketHandshake(options, wheel, onUpgraded, onHandshakeFailed);
  }

  #hand(stream: ByteStream, socket: Socket, certificateName: string | undefined): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // Gone before it was looked at.
      stream.destroy();
      return;
    }
    this.#context.onStream(stream, {
      transport: this.#options.transport,
      address: remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress,
      port: remotePort,
      certificateName,
    });
  }
}

/** What ends a socket shows as its closing; see each caller. */
function ignoreError(): void {}
