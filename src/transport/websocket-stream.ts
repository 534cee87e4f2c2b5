/**
 * A WebSocket as a byte stream: binary frames carry the bytes, cut anywhere [MQTT-6.0.0-2]; any other data frame
 * ends the connection [MQTT-6.0.0-1], and so do frames that break a rule or a bound, and pings whose answers are not read.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';

/** WebSocket close codes (RFC 6455, section 7.4.1). */
const NORMAL_CLOSURE = 1000;
const UNSUPPORTED_DATA = 1003;

/** Answers to pings that the socket has not taken; whoever asks for more does not read them. */
const PONGS_WAITING_MAX = 64;

/** `frame`: against RFC 6455, too large, or in too many pieces. `pings`: asked for more than is read. */
export type WebSocketViolation = 'frame' | 'notBinary' | 'pings';

export class WebSocketStream implements ByteStream {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #onViolation: (violation: WebSocketViolation) => void;
  #onWritten: (() => void) | undefined;
  #failure: Error | undefined;
  #pongsWaiting = 0;
  readonly #onPongTaken = (): void => {
    this.#pongsWaiting--;
  };

  /** `socket` is the one below the WebSocket: corked, so that all frames of a write leave together. */
  constructor(webSocket: WebSocket, socket: Socket, onViolation: (violation: WebSocketViolation) => void) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#onViolation = onViolation;
    webSocket.binaryType = 'nodebuffer';
    // From the start: a stream that nobody attaches to may still hold a broken frame.
    webSocket.on('error', (error: Error & { code?: string }) => {
      this.#failure = error;
      if (error.code?.startsWith('WS_ERR_') === true) onViolation('frame');
    });
    webSocket.on('ping', (data: Buffer) => {
      this.#answerPing(data);
    });
  }

  attach(listener: ByteStreamListener): void {
    const webSocket = this.#webSocket;
    this.#onWritten = () => {
      listener.onWritten();
    };
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) {
        listener.onBytes(data);
      } else {
        this.#onViolation('notBinary');
        webSocket.close(UNSUPPORTED_DATA, 'MQTT needs binary frames');
        listener.onEnd();
      }
    });
    webSocket.on('close', () => {
      listener.onClosed(this.#failure);
    });
  }

  write(pieces: readonly Buffer[]): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const last = pieces.length - 1;
    this.#socket.cork();
    for (let index = 0; index <= last; index++) {
      this.#webSocket.send(pieces[index] ?? EMPTY, FRAME, index === last ? this.#onWritten : undefined);
    }
    this.#socket.uncork();
  }

  get backlogBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  end(): void {
    this.#webSocket.close(NORMAL_CLOSURE);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  #answerPing(data: Buffer): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    if (this.#pongsWaiting < PONGS_WAITING_MAX) {
      this.#pongsWaiting++;
      this.#webSocket.pong(data, false, this.#onPongTaken);
      return;
    }
    this.#onViolation('pings');
    this.destroy();
  }
}

const FRAME = { binary: true, compress: false } as const;
const EMPTY = Buffer.alloc(0);
