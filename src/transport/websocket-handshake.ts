/**
 * Upgrades HTTP/1.1 requests to WebSockets that carry MQTT [MQTT-6.0.0-3]: one path, the subprotocols `mqtt` and
 * `mqttv3.1`, no compression, bounded frames. Pages of any origin may connect unless told otherwise: MQTT has no ambient
 * credentials (cookies) that another origin's page could borrow, but a port on loopback may be one.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { AddressRanges } from './address-ranges.ts';
import { forwardedAddress } from './forwarded-for.ts';
import type { Incoming } from './incoming.ts';
import type { OnHandshakeFailed } from './tls-handshake.ts';

export const DEFAULT_PATH = '/mqtt';

/** [MQTT-6.0.0-4]; `mqttv3.1` is what clients of MQTT 3.1 send. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'] as const;

/** An upgrade request is a few hundred bytes; cookies of the page may come with it. */
const HEADER_BYTES_MAX = 8192;

/** One frame may carry several packets, so a small limit on packets leaves room for a few of them. */
const FRAME_BYTES_MIN = 65_536;

/**
 * Pieces that one message, or one frame, may come in: each costs far more memory than the few bytes that may be in it.
 * A large message comes in as many as its packets over a slow link.
 */
const PIECES_MIN = 4096;
const PIECE_BYTES = 256;

export interface WebSocketOptions {
  readonly path: string;
  readonly packetBytesMax: number;
  /** Whether one more connection may come from where this one does; false: it has been dropped. */
  readonly admitAddress: (incoming: Incoming) => boolean;
  /** Proxies whose X-Forwarded-For counts; absent: nobody's. */
  readonly forwardedFor?: AddressRanges;
  /** Of web pages that may connect; absent: any. */
  readonly origins?: ReadonlySet<string>;
}

/** `socket` is the one below the WebSocket. */
export type OnUpgraded = (incoming: Incoming, webSocket: WebSocket, socket: Socket) => void;

export class WebSocketHandshake {
  readonly #options: WebSocketOptions;
  readonly #onUpgraded: OnUpgraded;
  readonly #onFailed: OnHandshakeFailed;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #pending = new Map<Socket, Incoming>();

  constructor(options: WebSocketOptions, onUpgraded: OnUpgraded, onFailed: OnHandshakeFailed) {
    this.#options = options;
    this.#onUpgraded = onUpgraded;
    this.#onFailed = onFailed;
    this.#http = createServer({ maxHeaderSize: HEADER_BYTES_MAX });
    this.#http.on('request', (_request, response) => {
      response.writeHead(426, { Connection: 'close', Upgrade: 'websocket', 'Content-Type': 'text/plain' });
      response.end('This port speaks MQTT over WebSocket.\n');
    });
    this.#http.on('upgrade', (request: IncomingMessage, _socket, head: Buffer) => {
      this.#upgrade(request, head);
    });
    const maxPayload = Math.max(FRAME_BYTES_MIN, options.packetBytesMax);
    const piecesMax = Math.max(PIECES_MIN, Math.ceil(maxPayload / PIECE_BYTES));
    this.#webSockets = new WebSocketServer({
      noServer: true,
      // A few bytes of zeros would become megabytes.
      perMessageDeflate: false,
      // Pings are answered where their answers are bounded: see `WebSocketStream`.
      autoPong: false,
      clientTracking: false,
      maxPayload,
      maxFragments: piecesMax,
      maxBufferedChunks: piecesMax,
      handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
    });
    this.#webSockets.on('wsClientError', (error, _socket, request) => {
      this.#refuse(request.socket, 400, error.message, undefined);
    });
  }

  /** Waits for the upgrade request on a socket that nobody else reads: the incoming one, or TLS over it. */
  begin(incoming: Incoming, socket: Socket): void {
    this.#pending.set(socket, incoming);
    socket.once('close', () => {
      // Closed before it was upgraded or refused: too slow, no HTTP, no upgrade, or gone.
      if (this.#pending.delete(socket)) this.#onFailed('no upgrade request came', incoming.address);
    });
    this.#http.emit('connection', socket);
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    const incoming = this.#pending.get(socket);
    this.#pending.delete(socket);
    socket.on('error', ignoreError);
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== this.#options.path) {
      this.#refuse(socket, 404, `MQTT is at ${this.#options.path}`, incoming);
    } else if (!offersMqtt(request)) {
      this.#refuse(socket, 400, 'Sec-WebSocket-Protocol must offer mqtt', incoming);
    } else if (!this.#mayConnect(request)) {
      this.#refuse(socket, 403, 'Pages of this origin may not connect', incoming);
    } else if (incoming !== undefined) {
      this.#findClient(request, incoming);
      if (!this.#options.admitAddress(incoming)) return;
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        socket.off('error', ignoreError);
        this.#onUpgraded(incoming, webSocket, socket);
      });
    }
  }

  /** Programs that are no browsers name no origin. */
  #mayConnect({ headers: { origin } }: IncomingMessage): boolean {
    const { origins } = this.#options;
    return origins === undefined || origin === undefined || origins.has(origin);
  }

  #findClient({ headers }: IncomingMessage, incoming: Incoming): void {
    const { forwardedFor } = this.#options;
    if (forwardedFor === undefined) return;
    const header = [headers['x-forwarded-for'] ?? []].flat().join(',');
    const address = forwardedAddress(incoming.address, header === '' ? undefined : header, forwardedFor);
    if (address === incoming.address) return;
    incoming.address = address;
    // The header names no port.
    incoming.port = 0;
  }

  #refuse(socket: Socket, status: number, advice: string, incoming: Incoming | undefined): void {
    this.#onFailed(advice, incoming?.address);
    const body = `${advice}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    socket.destroySoon();
  }
}

function offersMqtt(request: IncomingMessage): boolean {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return SUBPROTOCOLS.some((name) => offered.includes(name));
}

/** A peer that resets during the upgrade: the socket closes, and nothing more is to be said. */
function ignoreError(): void {}
