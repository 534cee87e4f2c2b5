/** A TCP or TLS socket as the stream of a link. Errors of the socket end the stream; they are never thrown. */
import type { Socket } from 'node:net';
import type { PeerStream, PeerStreamListener } from '../../cluster/link/peer-transport.ts';

const NOTHING = Buffer.alloc(0);

export class SocketStream implements PeerStream {
  readonly #socket: Socket;
  /** undefined: wants to hear nothing any more. */
  #listener: PeerStreamListener | undefined;
  #failure: string | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A name with several addresses has an error for each, and a message for none.
      this.#failure = error.message === '' ? error.code : error.message;
    });
  }

  attach(listener: PeerStreamListener): void {
    this.#listener = listener;
    this.#socket.on('data', (chunk: Buffer) => {
      this.#listener?.onBytes(chunk);
    });
    this.#socket.on('close', () => {
      this.#listener?.onClosed(this.#failure ?? 'closed by the peer');
      this.#listener = undefined;
    });
  }

  /** A dialled socket stands, with its handshake if it has one. */
  opened(): void {
    this.#listener?.onOpen();
  }

  write(pieces: readonly Buffer[]): void {
    const socket = this.#socket;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(pieces[index] ?? NOTHING);
    socket.write(pieces[last] ?? NOTHING, this.#onWritten);
    if (last > 0) socket.uncork();
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#listener = undefined;
    this.#socket.destroy();
  }

  readonly #onWritten = (): void => {
    if (this.#socket.writableLength === 0) this.#listener?.onDrained();
  };
}
