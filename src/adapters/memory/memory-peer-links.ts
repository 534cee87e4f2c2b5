/**
 * Peer links for brokers of one process, for tests and simulation: the real protocol over a network of its own, whose connections
 * can be cut, whose brokers can be parted and can die. The same time and random numbers give the same run.
 */
import type { PeerStream, PeerStreamListener, PeerTransport } from '../../cluster/link/peer-transport.ts';
import { StreamedPeerLinks, type PeerLinksOptions } from '../../cluster/link/streamed-peer-links.ts';
import type { Endpoint } from '../../cluster/member.ts';
import type { Incarnation } from '../../tenancy/identity.ts';
import type { Clock, TimerHandle, Timers } from '../../time/clock.ts';
import { MemoryConnection, type MemoryWire } from './memory-peer-stream.ts';

export interface MemoryPeerHubOptions {
  /** The network's; outlives the brokers. */
  readonly time: Clock & Timers;
  /** Milliseconds that bytes are on their way, one direction; default: none. */
  readonly latencyMs?: () => number;
  /** Uniform in [0, 1); default: always 0.5, which cuts no bytes and jitters nothing. */
  readonly random?: () => number;
}

export type MemoryPeerLinksOptions = Partial<Omit<PeerLinksOptions, 'self' | 'transport'>>;

export class MemoryPeerHub {
  readonly #time: Clock & Timers;
  readonly #random: () => number;
  readonly #wire: MemoryWire;
  readonly #ports = new Map<number, MemoryTransport>();
  readonly #connections = new Set<MemoryConnection>();
  readonly #parted = new Set<string>();
  #lastPort = 0;

  constructor({ time, latencyMs = () => 0, random = () => 0.5 }: MemoryPeerHubOptions) {
    this.#time = time;
    this.#random = random;
    this.#wire = {
      time,
      latencyMs,
      random,
      isHeldUp: ({ between: [one, other] }) => this.#parted.has(pairOf(one, other)),
    };
  }

  /** A broker of that incarnation. `timers`: those of its process, which stop when it dies; default: the network's. */
  join(self: Incarnation, options: MemoryPeerLinksOptions = {}): StreamedPeerLinks {
    const transport = new MemoryTransport(this, self, ++this.#lastPort);
    this.#ports.set(transport.address.port, transport);
    return new StreamedPeerLinks({
      cluster: 'memory',
      random: this.#random,
      report: () => undefined,
      ...options,
      timers: new MortalTimers(options.timers ?? this.#time, transport),
      self,
      transport,
    });
  }

  /** Breaks every connection between the two, now; what is on its way is lost. They may dial again at once. */
  cut(one: Incarnation, other: Incarnation): void {
    for (const connection of this.#between(one, other)) connection.breaks();
  }

  /** From now on nothing passes between the two, and neither hears of it; what is on its way waits. */
  part(one: Incarnation, other: Incarnation): void {
    this.#parted.add(pairOf(one, other));
  }

  heal(one: Incarnation, other: Incarnation): void {
    if (!this.#parted.delete(pairOf(one, other))) return;
    for (const { dialled, accepted } of this.#between(one, other)) {
      this.#time.after(0, () => {
        dialled.arrive();
        accepted.arrive();
      });
    }
  }

  /** The process is gone: it is told nothing more, and what it has written arrives before its peers hear of it. */
  kill(broker: Incarnation): void {
    for (const transport of this.#ports.values()) if (transport.self === broker) transport.die();
    for (const connection of [...this.#connections]) {
      const { between, dialled, accepted } = connection;
      if (between[0] === broker) connection.endedBy(dialled, 'reset by the peer');
      if (between[1] === broker) connection.endedBy(accepted, 'reset by the peer');
    }
  }

  /** For transports. */
  dial(from: MemoryTransport, address: Endpoint, listener: PeerStreamListener): PeerStream {
    const target = this.#ports.get(address.port);
    const connection: MemoryConnection = new MemoryConnection(
      this.#wire,
      [from.self, target?.self ?? ''],
      () => this.#connections.delete(connection),
    );
    const { dialled, accepted } = connection;
    this.#connections.add(connection);
    dialled.listener = listener;
    accepted.expect(0, () => {
      if (dialled.listener === undefined) return;
      const onStream = this.#ports.get(address.port)?.onStream;
      if (onStream === undefined) {
        connection.breaks();
        return;
      }
      accepted.listener = onStream(accepted, from.self);
      dialled.expect(0, () => dialled.listener?.onOpen());
    });
    return dialled;
  }

  /** For transports: nobody listens there any more. */
  leave(transport: MemoryTransport): void {
    this.#ports.delete(transport.address.port);
  }

  *#between(one: Incarnation, other: Incarnation): Generator<MemoryConnection> {
    const pair = pairOf(one, other);
    for (const connection of [...this.#connections]) {
      if (pairOf(...connection.between) === pair) yield connection;
    }
  }
}

/** Of one process: nothing that waits for them happens when it has died. */
class MortalTimers implements Timers {
  readonly #timers: Timers;
  readonly #process: { readonly isDead: boolean };

  constructor(timers: Timers, process: { readonly isDead: boolean }) {
    this.#timers = timers;
    this.#process = process;
  }

  after(delayMs: number, action: () => void): TimerHandle {
    return this.#timers.after(delayMs, this.#whileAlive(action));
  }

  endOfTurn(action: () => void): void {
    this.#timers.endOfTurn(this.#whileAlive(action));
  }

  #whileAlive(action: () => void): () => void {
    return () => {
      if (!this.#process.isDead) action();
    };
  }
}

class MemoryTransport implements PeerTransport {
  readonly self: Incarnation;
  readonly address: Endpoint;
  isDead = false;
  onStream: ((stream: PeerStream, from: string) => PeerStreamListener) | undefined;
  readonly #hub: MemoryPeerHub;

  constructor(hub: MemoryPeerHub, self: Incarnation, port: number) {
    this.#hub = hub;
    this.self = self;
    this.address = { host: 'memory', port };
  }

  dial(address: Endpoint, listener: PeerStreamListener): PeerStream {
    return this.#hub.dial(this, address, listener);
  }

  accept(onStream: (stream: PeerStream, from: string) => PeerStreamListener): void {
    this.onStream = onStream;
  }

  die(): void {
    this.isDead = true;
    this.#hub.leave(this);
  }

  close(): Promise<void> {
    this.#hub.leave(this);
    return Promise.resolve();
  }
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
