/**
 * The network between one bike and the broker, as a byte stream that can break the way radio does: closed,
 * reset, or silent, where nobody is told and the broker keeps a dead connection until it notices.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** `closed`: FIN. `reset`: RST. `silent`: the socket stays open, unread and unwritten. */
export type Outage = 'closed' | 'reset' | 'silent';

/** How long a silent connection is kept before the fleet's own machine gives its socket back. */
const GHOST_LIFETIME_MS = 20_000;

export class RadioLink extends Duplex {
  readonly #socket: Socket;
  #outage: Outage = 'closed';

  constructor(address: BrokerAddress) {
    super({ allowHalfOpen: false });
    const { host, port } = address;
    this.#socket = address.tls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => {
      if (!this.push(chunk)) this.#socket.pause();
    });
    this.#socket.on('end', () => this.push(null));
    this.#socket.on('error', (error) => {
      this.destroy(error);
    });
    this.#socket.on('close', () => {
      this.destroy();
    });
  }

  /** Breaks the connection now: nothing more gets through in either direction. */
  break(outage: Outage): void {
    this.#outage = outage;
    this.destroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#outage === 'silent' && !this.#socket.destroyed) this.#abandon();
    else if (this.#outage === 'reset') this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    done(error);
  }

  /** Leaves a half-open connection behind: what the broker has of it is the bike's last one, until it is taken over. */
  #abandon(): void {
    const socket = this.#socket;
    socket.removeAllListeners('data').pause();
    const timer = setTimeout(() => socket.destroy(), GHOST_LIFETIME_MS);
    timer.unref();
    socket.unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
  }
}
