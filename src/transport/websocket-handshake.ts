/**
 * Upgrades HTTP/1.1 requests to WebSockets that carry MQTT [MQTT-6.0.0-3]: one path, the subprotocols `mqtt` and
 * `mqttv3.1`, no compression, bounded frames. Pages of any origin may connect: MQTT has no ambient credentials
 * (cookies) that another origin's page could borrow.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { Watched, type DeadlineWheel } from './deadline-wheel.ts';

export const DEFAULT_PATH = '/mqtt';

/** [MQTT-6.0.0-4]; `mqttv3.1` is what clients of MQTT 3.1 send. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'] as const;

/** An upgrade request is a few hundred bytes; cookies of the page may come with it. */
const HEADER_BYTES_MAX = 8192;

/** Frames may be cut anywhere, so a frame above this is no more than an unusual client's habit. */
const FRAME_BYTES_MIN = 1_048_576;

export interface WebSocketOptions {
  readonly path: string;
  /** Time for the request to arrive. */
  readonly timeoutMs: number;
  readonly packetBytesMax: number;
}

export type OnUpgraded = (webSocket: WebSocket, socket: Socket, certificateName: string | undefined) => void;

export class WebSocketHandshake {
  readonly #options: WebSocketOptions;
  readonly #wheel: DeadlineWheel;
  readonly #onUpgraded: OnUpgraded;
  readonly #onFailed: () => void;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #pending = new Map<Socket, PendingUpgrade>();

  constructor(options: WebSocketOptions, wheel: DeadlineWheel, onUpgraded: OnUpgraded, onFailed: () => void) {
    this.#options = options;
    this.#wheel = wheel;
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
    this.#webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      maxPayload: Math.max(FRAME_BYTES_MIN, options.packetBytesMax),
      handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
    });
    this.#webSockets.on('wsClientError', (error, _socket, request) => {
      this.#refuse(request.socket, 400, error.message);
    });
  }

  /** Waits for the upgrade request on a socket that nobody else reads. */
  begin(socket: Socket, certificateName: string | undefined): void {
    const pending = new PendingUpgrade(socket, certificateName);
    this.#pending.set(socket, pending);
    this.#wheel.watch(pending, this.#options.timeoutMs);
    socket.once('close', () => {
      // Closed before it was upgraded or refused: too slow, no HTTP, no upgrade, or gone.
      if (this.#settle(socket) !== undefined) this.#onFailed();
    });
    this.#http.emit('connection', socket);
  }

  #settle(socket: Socket): PendingUpgrade | undefined {
    const pending = this.#pending.get(socket);
    if (pending === undefined) return undefined;
    this.#pending.delete(socket);
    this.#wheel.unwatch(pending);
    return pending;
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    const pending = this.#settle(socket);
    socket.on('error', ignoreError);
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== this.#options.path) {
      this.#refuse(socket, 404, `MQTT is at ${this.#options.path}`);
    } else if (!offersMqtt(request)) {
      this.#refuse(socket, 400, 'Sec-WebSocket-Protocol must offer mqtt');
    } else {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        socket.off('error', ignoreError);
        this.#onUpgraded(webSocket, socket, pending?.certificateName);
      });
    }
  }

  #refuse(socket: Socket, status: number, advice: string): void {
    this.#onFailed();
    const body = `${advice}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    socket.destroySoon();
  }
}

class PendingUpgrade extends Watched {
  readonly certificateName: string | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket, certificateName: string | undefined) {
    super();
    this.#socket = socket;
    this.certificateName = certificateName;
  }

  override onDeadline(): void {
    this.#socket.destroy();
  }
}

function offersMqtt(request: IncomingMessage): boolean {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return SUBPROTOCOLS.some((name) => offered.includes(name));
}

/** A peer that resets during the upgrade: the socket closes, and nothing more is to be said. */
function ignoreError(): void {}
