/** A connection without sockets: bytes go straight into a `Connection` of the broker, and its answers straight out. */
import type { ByteStream, ByteStreamListener } from '../../src/transport/byte-stream.ts';
import type { Wire } from './fuzz-target.ts';

export class MemoryWire implements ByteStream {
  isClosed = false;
  backlogBytes = 0;
  readonly #onBytes: (bytes: Buffer) => void;
  #listener: ByteStreamListener | undefined;
  /** Sent by the client while it is not read. */
  readonly #unread: Buffer[] = [];
  /** Written while the client does not read. */
  readonly #untaken: Buffer[] = [];
  #isRead = true;
  #reads = true;
  #ended = false;

  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  // --- the broker's end

  attach(listener: ByteStreamListener): void {
    this.#listener = listener;
  }

  write(pieces: readonly Buffer[]): void {
    if (this.isClosed) return;
    this.#untaken.push(Buffer.concat(pieces));
    this.backlogBytes += Buffer.concat(pieces).length;
    if (this.#reads) this.#take();
  }

  /** Also what a client asks for that stops reading. */
  pause(): void {
    this.#isRead = false;
  }

  resume(): void {
    this.#isRead = true;
    for (let chunk = this.#unread.shift(); chunk !== undefined; chunk = this.#unread.shift()) {
      this.#listener?.onBytes(chunk);
      // The broker may have stopped reading again.
      if (!this.#mayRead()) return;
    }
    if (this.#ended) this.#listener?.onEnd();
  }

  end(): void {
    this.#close(undefined);
  }

  destroy(): void {
    this.#close(undefined);
  }

  // --- the client's end

  get client(): Wire {
    const isClosed = (): boolean => this.isClosed;
    return {
      send: (bytes) => {
        this.#send(bytes);
      },
      end: () => {
        this.#finish();
      },
      reset: () => {
        this.#close(new Error('reset'));
      },
      pause: () => {
        this.#reads = false;
      },
      resume: () => {
        this.#reads = true;
        this.#take();
      },
      get isClosed() {
        return isClosed();
      },
    };
  }

  #send(bytes: Buffer): void {
    if (this.isClosed) return;
    if (this.#isRead) this.#listener?.onBytes(Buffer.from(bytes));
    else this.#unread.push(Buffer.from(bytes));
  }

  /** FIN. */
  #finish(): void {
    this.#ended = true;
    if (this.#isRead && !this.isClosed) this.#listener?.onEnd();
  }

  #mayRead(): boolean {
    return this.#isRead;
  }

  #take(): void {
    if (this.#untaken.length === 0) return;
    for (const bytes of this.#untaken.splice(0)) this.#onBytes(bytes);
    this.backlogBytes = 0;
    setImmediate(() => {
      if (!this.isClosed) this.#listener?.onWritten();
    });
  }

  #close(error: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    setImmediate(() => this.#listener?.onClosed(error));
  }
}
