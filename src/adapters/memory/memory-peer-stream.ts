/**
 * A connection between two brokers of one process: what is written arrives later, in order and in pieces, or is held up, or is lost
 * with the connection. Everything depends on the time and the random numbers that are passed in.
 */
import type { PeerStream, PeerStreamListener } from '../../cluster/link/peer-transport.ts';
import type { Clock, Timers } from '../../time/clock.ts';

export interface MemoryWire {
  readonly time: Clock & Timers;
  /** Milliseconds on the way, one direction. */
  readonly latencyMs: () => number;
  /** Uniform in [0, 1): where bytes are cut. */
  readonly random: () => number;
  /** Nothing arrives on this connection now. */
  readonly isHeldUp: (connection: MemoryConnection) => boolean;
}

interface Arrival {
  /** Its time has come; it may be held up, or wait for one before it. */
  isDue: boolean;
  readonly bytes: number;
  readonly happen: () => void;
}

/** One end. What it writes arrives at the other one. */
export class MemoryPeerStream implements PeerStream {
  backlogBytes = 0;
  /** undefined: nobody listens any more. */
  listener: PeerStreamListener | undefined;
  readonly #wire: MemoryWire;
  readonly #connection: MemoryConnection;
  /** On their way to this end. */
  #arrivals: Arrival[] = [];
  #lastDueMs = 0;

  constructor(wire: MemoryWire, connection: MemoryConnection) {
    this.#wire = wire;
    this.#connection = connection;
  }

  write(pieces: readonly Buffer[]): void {
    if (this.listener === undefined) return;
    const other = this.#connection.otherEnd(this);
    for (const piece of pieces) {
      for (const part of this.#cut(piece)) {
        this.backlogBytes += part.length;
        other.expect(part.length, () => {
          this.#taken(part.length);
          other.listener?.onBytes(part);
        });
      }
    }
  }

  end(): void {
    this.#connection.endedBy(this, 'ended by the peer');
  }

  destroy(): void {
    const other = this.#connection.otherEnd(this);
    other.loseBytes();
    this.#connection.endedBy(this, 'reset by the peer');
  }

  /** Something reaches this end, after all that is on its way to it. */
  expect(bytes: number, happen: () => void): void {
    const { time, latencyMs } = this.#wire;
    const dueMs = Math.max(this.#lastDueMs, time.nowMs() + latencyMs());
    this.#lastDueMs = dueMs;
    const arrival: Arrival = { isDue: false, bytes, happen };
    this.#arrivals.push(arrival);
    time.after(dueMs - time.nowMs(), () => {
      arrival.isDue = true;
      this.arrive();
    });
  }

  /** Lets happen what is due, unless the connection is held up. */
  arrive(): void {
    while (!this.#wire.isHeldUp(this.#connection)) {
      const next = this.#arrivals[0];
      if (next?.isDue !== true) return;
      this.#arrivals.shift();
      next.happen();
    }
  }

  loseBytes(): void {
    this.#arrivals = this.#arrivals.filter(({ bytes }) => bytes === 0);
  }

  #taken(bytes: number): void {
    this.backlogBytes -= bytes;
    if (this.backlogBytes === 0) this.listener?.onDrained();
  }

  /** Sometimes in two, so that receivers are used to it. */
  *#cut(piece: Buffer): Generator<Buffer> {
    const at = this.#wire.random() < 0.2 ? Math.floor(this.#wire.random() * piece.length) : 0;
    if (at > 0) yield piece.subarray(0, at);
    yield piece.subarray(at);
  }
}

export class MemoryConnection {
  readonly dialled: MemoryPeerStream;
  readonly accepted: MemoryPeerStream;
  /** Names of the brokers at both ends. */
  readonly between: readonly [string, string];
  readonly #onGone: () => void;

  constructor(wire: MemoryWire, between: readonly [string, string], onGone: () => void) {
    this.between = between;
    this.#onGone = onGone;
    this.dialled = new MemoryPeerStream(wire, this);
    this.accepted = new MemoryPeerStream(wire, this);
  }

  otherEnd(end: MemoryPeerStream): MemoryPeerStream {
    return end === this.dialled ? this.accepted : this.dialled;
  }

  /** One end is done with it; the other one hears of it later, after what is on its way. */
  endedBy(end: MemoryPeerStream, why: string): void {
    if (end.listener === undefined) return;
    this.#detach(end);
    const other = this.otherEnd(end);
    other.expect(0, () => {
      const { listener } = other;
      if (listener === undefined) return;
      this.#detach(other);
      listener.onClosed(why);
    });
  }

  /** Broken: what is on its way is lost, and both ends hear of it. */
  breaks(): void {
    for (const end of [this.dialled, this.accepted]) {
      end.loseBytes();
      end.expect(0, () => {
        const { listener } = end;
        if (listener === undefined) return;
        this.#detach(end);
        listener.onClosed('connection lost');
      });
    }
  }

  #detach(end: MemoryPeerStream): void {
    end.listener = undefined;
    if (this.otherEnd(end).listener === undefined) this.#onGone();
  }
}
