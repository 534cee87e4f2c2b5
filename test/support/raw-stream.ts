/** The client's end of one connection over any of the four transports: bytes in, bytes out, no MQTT. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { certificateAuthority, type KeyPair } from './certificates.ts';

export interface RawStreamOptions {
  /** Default tcp. */
  readonly transport?: 'tcp' | 'tls' | 'ws' | 'wss';
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** Of a WebSocket; default /mqtt. */
  readonly path?: string;
  /** Of a WebSocket; default `mqtt`. */
  readonly subprotocols?: readonly string[];
  readonly clientCertificate?: KeyPair;
  /** Whom the server's certificate must come from; default: the CA of `certificates.ts`. */
  readonly authority?: Buffer;
  /** Asked for with SNI; default localhost. */
  readonly serverName?: string;
  /** Offered with ALPN. */
  readonly alpn?: readonly string[];
  /** The address to come from; default: any. */
  readonly localAddress?: string;
  /** Of the upgrade request of a WebSocket. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RawStream {
  onBytes: (chunk: Buffer) => void;
  /** Once; with the error that ended the connection, if one did. */
  onClosed: (error: Error | undefined) => void;
  write(bytes: Buffer): void;
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
}

/** Rejects when the connection, the TLS handshake or the WebSocket upgrade is refused. */
export function openRawStream(options: RawStreamOptions): Promise<RawStream> {
  const transport = options.transport ?? 'tcp';
  return transport === 'ws' || transport === 'wss'
    ? openWebSocket(webSocketOf(transport, options))
    : openSocket(socketOf(transport, options), transport === 'tls' ? 'secureConnect' : 'connect');
}

function tlsOptions(options: RawStreamOptions) {
  return {
    ca: options.authority ?? certificateAuthority,
    servername: options.serverName ?? 'localhost',
    ...options.clientCertificate,
    ...(options.alpn && { ALPNProtocols: [...options.alpn] }),
  };
}

/** What Node takes where a connection begins. */
function addressOf({ host = '127.0.0.1', port, localAddress }: RawStreamOptions) {
  return { host, port, ...(localAddress !== undefined && { localAddress }) };
}

function socketOf(transport: 'tcp' | 'tls', options: RawStreamOptions): Socket {
  const address = addressOf(options);
  return transport === 'tls'
    ? connectTls({ ...address, ...tlsOptions(options) })
    : connectTcp({ ...address, noDelay: true });
}

/** A WebSocket without MQTT around it, for tests that break the WebSocket rules themselves. */
export function webSocketOf(transport: 'ws' | 'wss', options: RawStreamOptions): WebSocket {
  const { host, port, localAddress } = addressOf(options);
  const url = `${transport}://${host.includes(':') ? `[${host}]` : host}:${port}${options.path ?? '/mqtt'}`;
  return new WebSocket(url, [...(options.subprotocols ?? ['mqtt'])], {
    ...tlsOptions(options),
    ...(localAddress !== undefined && { localAddress }),
    ...(options.headers && { headers: { ...options.headers } }),
  });
}

function openSocket(socket: Socket, readyEvent: 'connect' | 'secureConnect'): Promise<RawStream> {
  const stream: RawStream = {
    onBytes: ignore,
    onClosed: ignore,
    write: (bytes) => {
      socket.write(bytes);
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    end: () => {
      socket.end();
    },
    destroy: () => {
      if (readyEvent === 'connect') socket.resetAndDestroy();
      else socket.destroy();
    },
  };
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    socket.on('error', (error) => {
      failure = error;
      reject(error);
    });
    socket.on('close', () => {
      stream.onClosed(failure);
    });
    socket.once(readyEvent, () => {
      socket.on('data', (chunk: Buffer) => {
        stream.onBytes(chunk);
      });
      resolve(stream);
    });
  });
}

function openWebSocket(webSocket: WebSocket): Promise<RawStream> {
  webSocket.binaryType = 'nodebuffer';
  const stream: RawStream = {
    onBytes: ignore,
    onClosed: ignore,
    write: (bytes) => {
      webSocket.send(bytes, { binary: true });
    },
    pause: () => {
      webSocket.pause();
    },
    resume: () => {
      webSocket.resume();
    },
    end: () => {
      webSocket.close();
    },
    destroy: () => {
      webSocket.terminate();
    },
  };
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    webSocket.on('error', (error) => {
      failure = error;
      reject(error);
    });
    webSocket.on('close', () => {
      stream.onClosed(failure);
    });
    webSocket.on('message', (data: Buffer) => {
      stream.onBytes(data);
    });
    webSocket.once('open', () => {
      resolve(stream);
    });
  });
}

function ignore(): void {
  // Replaced by the client that owns the stream; nothing can arrive before that.
}
