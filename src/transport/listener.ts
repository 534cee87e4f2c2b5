/**
 * One listening address. Admits connections before their handshakes cost anything, takes them through PROXY header,
 * TLS and WebSocket as configured, and hands over byte streams; it knows no MQTT.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { PeerAddress } from '../broker/client-link.ts';
import { canonicalAddress, networkOf, type AddressRanges } from './address-ranges.ts';
import type { Admission } from './admission.ts';
import type { ByteStream } from './byte-stream.ts';
import type { DeadlineWheel } from './deadline-wheel.ts';
import { Incoming } from './incoming.ts';
import { ListenError, listenError, tlsError } from './listen-error.ts';
import { ProxyHandshake, type ProxyProtocolOptions } from './proxy-handshake.ts';
import type { ProxyHeader } from './proxy-header.ts';
import type { RefusedProxy } from './proxy-refusal.ts';
import { SocketStream } from './socket-stream.ts';
import { TlsHandshake, type OnHandshakeFailed, type OnSecure, type TlsOptions } from './tls-handshake.ts';
import { DEFAULT_PATH, WebSocketHandshake, type OnUpgraded } from './websocket-handshake.ts';
import { WebSocketStream, type WebSocketViolation } from './websocket-stream.ts';

export type Transport = PeerAddress['transport'];

/** Loopback: listening beyond it is a decision (see `app/`). */
export const DEFAULT_HOST = '127.0.0.1';
/** Connections the kernel holds until they are accepted; a fleet that comes back at once needs many. */
export const DEFAULT_BACKLOG = 4096;
/** How long a connection is silent before TCP asks whether the peer is still there. */
const TCP_KEEP_ALIVE_MS = 60_000;

/** Node's own deadline for TLS must not come before the one over all handshakes, which is counted. */
const TLS_DEADLINE_FACTOR = 2;

/** By its registered name (IANA); WebSocket clients negotiate HTTP, if anything. */
const ALPN_MQTT: readonly string[] = ['mqtt'];

export interface ListenerOptions {
  readonly transport: Transport;
  readonly host?: string;
  /** 0: the system chooses; see `ListenerAddress`. */
  readonly port: number;
  /** Of a WebSocket listener. */
  readonly path?: string;
  /** Needed by tls and wss. */
  readonly tls?: TlsOptions;
  /** Every connection begins with a PROXY header. */
  readonly proxyProtocol?: ProxyProtocolOptions;
  /** Of a WebSocket listener: proxies whose X-Forwarded-For counts. */
  readonly forwardedFor?: AddressRanges;
  /** Of a WebSocket listener: web pages that may connect; absent: any. */
  readonly origins?: ReadonlySet<string>;
  /** 0: TCP never asks. */
  readonly tcpKeepAliveMs?: number;
  /** Small packets leave at once (no Nagle); default true. */
  readonly noDelay?: boolean;
  readonly backlog?: number;
}

export interface ListenerAddress {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

/** TLS or WebSocket; for the log. */
export interface FailedHandshake {
  readonly detail: string;
  /** undefined: gone already. */
  readonly address: string | undefined;
  /** `wss 127.0.0.1:8084` */
  readonly listener: string;
}

export interface ListenerContext {
  readonly admission: Admission;
  readonly wheel: DeadlineWheel;
  readonly limits: { readonly connectTimeoutMs: number; readonly packetBytesMax: number };
  readonly onStream: (stream: ByteStream, peer: PeerAddress, acceptedTick: number) => void;
  readonly onHandshakeFailed: (failed: FailedHandshake) => void;
  readonly onWebSocketViolation: (violation: WebSocketViolation) => void;
  /** A connection was dropped in its handshakes because the time for CONNECT was over. */
  readonly onLate: () => void;
  readonly onProxyHeader: (header: ProxyHeader, proxyAddress: string, listener: string) => void;
  readonly onProxyRefused: (refused: RefusedProxy) => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #name: string;
  readonly #server: Server;
  readonly #proxy: ProxyHandshake | undefined;
  readonly #tls: TlsHandshake | undefined;
  readonly #beginHandshake: (incoming: Incoming) => void;
  /** Every socket that is open, whatever became of it. */
  readonly #sockets = new Set<Socket>();
  readonly #onFailed: OnHandshakeFailed = (detail, address) => {
    this.#context.onHandshakeFailed({ detail, address, listener: this.#name });
  };

  /** Throws `ListenError` when TLS is needed and cannot be used as given. */
  constructor(options: ListenerOptions, context: ListenerContext) {
    this.#options = options;
    this.#context = context;
    const { transport, host = DEFAULT_HOST, port, tcpKeepAliveMs = TCP_KEEP_ALIVE_MS } = options;
    this.#name = `${transport} ${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#proxy = this.#proxyHandshake();
    const onPlain = this.#onPlain(transport);
    this.#tls = transport === 'tls' || transport === 'wss' ? this.#tlsHandshake(onPlain) : undefined;
    const tls = this.#tls;
    this.#beginHandshake =
      tls === undefined
        ? (incoming) => {
            onPlain(incoming, incoming.socket);
          }
        : (incoming) => {
            incoming.socket.on('error', ignoreError);
            tls.begin(incoming);
          };
    this.#server = createServer(
      {
        // A client that ends its side still gets the answers to what it sent before. Under TLS a half-open socket
        // would outlive an abandoned handshake, so there the end of one side ends both.
        allowHalfOpen: tls === undefined,
        noDelay: options.noDelay ?? true,
        keepAlive: tcpKeepAliveMs > 0,
        keepAliveInitialDelay: tcpKeepAliveMs,
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

  /**
   * New connections get these certificates, open ones keep theirs. Throws `ListenError` when they cannot be used, or
   * the listener has no TLS; then nothing changes.
   */
  exchangeCertificates(tls: TlsOptions): void {
    if (this.#tls === undefined) throw new ListenError(this.#name, 'it has no TLS', 'Restart the broker.');
    try {
      this.#tls.exchange(tls);
    } catch (cause) {
      throw tlsError(this.#name, cause);
    }
  }

  /** When the first of its certificates expires; undefined: it has none. */
  get certificateExpiresAtMs(): number | undefined {
    return this.#tls?.expiresAtMs;
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // Gone before it was looked at.
      socket.destroy();
      return;
    }
    const address = canonicalAddress(remoteAddress) ?? remoteAddress;
    if (this.#proxy?.admits(address) === false || !this.#context.admission.enter()) {
      socket.destroy();
      return;
    }
    const { wheel, limits, onLate } = this.#context;
    const incoming = new Incoming(socket, address, remotePort, onLate);
    wheel.watch(incoming, limits.connectTimeoutMs);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      wheel.unwatch(incoming);
      this.#context.admission.leave();
      if (incoming.network !== undefined) this.#context.admission.leaveFrom(incoming.network);
    });
    if (this.#proxy === undefined) {
      if (this.#speaksForItself(incoming) && !this.#admitAddress(incoming)) return;
      this.#beginHandshake(incoming);
      return;
    }
    this.#proxy.begin(incoming, () => {
      if (this.#speaksForItself(incoming) && !this.#admitAddress(incoming)) return;
      this.#beginHandshake(incoming);
      // TLS reads the socket without its stream, and takes what was put back itself.
      if (this.#tls === undefined) socket.resume();
    });
  }

  /** false: whose connection it is, a header of its upgrade request will say. */
  #speaksForItself({ address }: Incoming): boolean {
    return this.#options.forwardedFor?.has(address) !== true;
  }

  /** Counts the connection under the address it comes from, once that is known. false: too many do; it is dropped. */
  readonly #admitAddress = (incoming: Incoming): boolean => {
    if (incoming.network !== undefined) return true;
    const network = networkOf(incoming.address);
    if (!this.#context.admission.enterFrom(network)) {
      incoming.socket.on('error', ignoreError);
      incoming.socket.destroy();
      return false;
    }
    incoming.network = network;
    return true;
  };

  #proxyHandshake(): ProxyHandshake | undefined {
    const { proxyProtocol } = this.#options;
    const { onProxyHeader, onProxyRefused } = this.#context;
    if (proxyProtocol === undefined) return undefined;
    return new ProxyHandshake(proxyProtocol, {
      onHeader: (header, proxyAddress) => {
        onProxyHeader(header, proxyAddress, this.#name);
      },
      onRefused: (reason, detail, address) => {
        onProxyRefused({ reason, detail, address, listener: this.#name });
      },
    });
  }

  /** What happens to a socket whose bytes are the client's in plain: its own, or what TLS makes of it. */
  #onPlain(transport: Transport): (incoming: Incoming, socket: Socket) => void {
    if (transport === 'tcp' || transport === 'tls') {
      return (incoming, socket) => {
        this.#hand(new SocketStream(socket), incoming);
      };
    }
    const upgrade = this.#webSocketHandshake();
    return (incoming, socket) => {
      upgrade.begin(incoming, socket);
    };
  }

  #tlsHandshake(onSecure: OnSecure): TlsHandshake {
    const { tls, transport } = this.#options;
    if (tls === undefined) {
      throw new ListenError(
        this.#name,
        'it has no certificate',
        'Give this listener a certificate and a key.',
      );
    }
    const { connectTimeoutMs } = this.#context.limits;
    const alpn = transport === 'tls' ? ALPN_MQTT : undefined;
    try {
      const timeoutMs = TLS_DEADLINE_FACTOR * connectTimeoutMs;
      return new TlsHandshake({ tls, alpn, timeoutMs }, onSecure, this.#onFailed);
    } catch (cause) {
      throw tlsError(this.#name, cause);
    }
  }

  #webSocketHandshake(): WebSocketHandshake {
    const { path = DEFAULT_PATH, forwardedFor, origins } = this.#options;
    const options = {
      path,
      packetBytesMax: this.#context.limits.packetBytesMax,
      admitAddress: this.#admitAddress,
      ...(forwardedFor && { forwardedFor }),
      ...(origins && { origins }),
    };
    const onUpgraded: OnUpgraded = (incoming, webSocket, socket) => {
      this.#hand(new WebSocketStream(webSocket, socket, this.#context.onWebSocketViolation), incoming);
    };
    return new WebSocketHandshake(options, onUpgraded, this.#onFailed);
  }

  #hand(stream: ByteStream, incoming: Incoming): void {
    this.#context.wheel.unwatch(incoming);
    const { transport } = this.#options;
    const { address, port, certificateName, certificateDecides, heardTick } = incoming;
    const peer = { transport, address, port, certificateName, certificateDecides };
    this.#context.onStream(stream, peer, heardTick);
  }
}

/** What ends a socket shows as its closing; see each caller. */
function ignoreError(): void {}
