/** A TCP or TLS socket as a byte stream. Errors of the socket end the stream; they are never thrown. */
import type { Socket } from 'node:net';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';

export class SocketStream implements ByteStream {
  readonly #socket: Socket;
  #onWritten: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    // From the start: a stream may be dropped before anybody attaches to it.
    socket.on('error', (error) => {
      this.#failure = error;
    });
  }

  attach(listener: ByteStreamListener): void {
    const socket = this.#socket;
    this.#onWritten = () => {
      listener.onWritten();
    };
    socket.on('data', (chunk: Buffer) => {
      listener.onBytes(chunk);
    });
    socket.on('end', () => {
      listener.onEnd();
    });
    socket.on('close', () => {
      listener.onClosed(this.#failure);
    });
  }

  write(pieces: readonly Buffer[]): void {
    const socket = this.#socket;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(pieces[index] ?? EMPTY);
    socket.write(pieces[last] ?? EMPTY, this.#onWritten);
    if (last > 0) socket.uncork();
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

const EMPTY = Buffer.alloc(0);
