/**
 * All listeners of a broker process, the connections they accepted, and what those share: one deadline wheel, one
 * queue for the end of the turn, one pool of chunks. Starting and stopping in order is its promise; who may do what
 * is the broker's.
 */
import type { AcceptLink, PeerAddress } from '../broker/client-link.ts';
import type { Clock, Timers } from '../time/clock.ts';
import { Admission, type AdmissionLimits, type RefusalReason } from './admission.ts';
import type { ByteStream } from './byte-stream.ts';
import { ChunkPool } from './chunk-pool.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext, ConnectionLimits } from './connection-context.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import {
  Listener,
  type FailedHandshake,
  type ListenerAddress,
  type ListenerContext,
  type ListenerOptions,
} from './listener.ts';
import type { ProxyHeader } from './proxy-header.ts';
import type { RefusedProxy } from './proxy-refusal.ts';
import type { TlsOptions } from './tls-handshake.ts';
import { Traffic } from './traffic.ts';
import { TurnQueue } from './turn-queue.ts';

export interface TransportOptions {
  readonly listeners: readonly ListenerOptions[];
  /** Read when needed, so limits that change at run time count from then on. */
  readonly limits: ConnectionLimits & AdmissionLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly accept: AcceptLink;
  /** Asked before anything is taken from a client or sent to one; false: the connection is dropped. Default: always true. */
  readonly mayServe?: () => boolean;
  /** A connection was dropped before its handshake. */
  readonly onRefused?: (reason: RefusalReason) => void;
  /** A connection ended in its TLS handshake or WebSocket upgrade. */
  readonly onHandshakeFailed?: (failed: FailedHandshake) => void;
  /** What a trusted proxy said of a connection. */
  readonly onProxyHeader?: (header: ProxyHeader, proxyAddress: string, listener: string) => void;
  /** A connection was dropped for want of a PROXY header that may be believed. */
  readonly onProxyRefused?: (refused: RefusedProxy) => void;
  /** Grain of keep-alive and CONNECT deadlines; default `TICK_MS`. */
  readonly tickMs?: number;
}

export class TransportServer {
  readonly traffic = new Traffic();
  readonly #listeners: readonly Listener[];
  readonly #context: ConnectionContext;
  readonly #timers: Timers;
  readonly #connections = new Set<Connection>();
  /** Who waits for the last connection to go. */
  readonly #whenEmpty: (() => void)[] = [];

  /** Throws `ListenError` when a listener's TLS files cannot be used. */
  constructor(options: TransportOptions) {
    const { limits, timers } = options;
    this.#timers = timers;
    this.#context = {
      limits,
      wheel: new DeadlineWheel(timers, options.tickMs),
      turn: new TurnQueue(timers),
      chunks: new ChunkPool(),
      traffic: this.traffic,
      mayServe: options.mayServe ?? (() => true),
      onGone: (connection) => {
        this.#connections.delete(connection);
        if (this.#connections.size > 0) return;
        for (const resolve of this.#whenEmpty.splice(0)) resolve();
      },
    };
    const admission = new Admission(limits, options.clock, (reason) => {
      this.traffic.refused[reason]++;
      options.onRefused?.(reason);
    });
    const listenerContext: ListenerContext = {
      admission,
      wheel: this.#context.wheel,
      limits,
      onStream: (stream: ByteStream, peer: PeerAddress, acceptedTick: number) => {
        this.#connections.add(new Connection(stream, peer, this.#context, options.accept, acceptedTick));
      },
      onHandshakeFailed: (failed) => {
        this.traffic.handshakesFailed++;
        options.onHandshakeFailed?.(failed);
      },
      onWebSocketViolation: (violation) => {
        this.traffic.webSocketViolations[violation]++;
      },
      onLate: () => {
        this.traffic.connectTimeouts++;
      },
      onProxyHeader: options.onProxyHeader ?? ignore,
      onProxyRefused: (refused) => {
        this.traffic.proxiesRefused[refused.reason]++;
        options.onProxyRefused?.(refused);
      },
    };
    this.#listeners = options.listeners.map((each) => new Listener(each, listenerContext));
  }

  /** Opens every listener, or none. Rejects with `ListenError`. Resolves with the addresses in the order configured. */
  async listen(): Promise<readonly ListenerAddress[]> {
    const results = await Promise.allSettled(this.#listeners.map((listener) => listener.listen()));
    const addresses: ListenerAddress[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') addresses.push(result.value);
      else {
        await this.close();
        throw result.reason;
      }
    }
    this.#context.wheel.start();
    return addresses;
  }

  /** Connections past their handshakes, now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * The listener number `index`, as configured, uses these certificates from now on; open connections keep theirs.
   * Throws `ListenError` when they cannot be used; then nothing changes.
   */
  exchangeCertificates(index: number, tls: TlsOptions): void {
    this.#listeners[index]?.exchangeCertificates(tls);
  }

  /** When the first certificate of the listener number `index` expires; undefined: it has none. */
  certificateExpiresAtMs(index: number): number | undefined {
    return this.#listeners[index]?.certificateExpiresAtMs;
  }

  /** Frees the addresses; connections stay. */
  stopAccepting(): void {
    for (const listener of this.#listeners) listener.stopAccepting();
  }

  /**
   * Stops accepting, then waits until every connection is gone: the broker closes them, clients receive what was
   * sent. What is left at the deadline is dropped. Resolves when every handler has been told.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.stopAccepting();
    const deadline = this.#timers.after(deadlineMs, () => {
      this.#dropAll();
    });
    await this.#empty();
    deadline.cancel();
    await this.close();
  }

  /** Drops everything at once. Resolves when every handler has been told. */
  async close(): Promise<void> {
    this.#dropAll();
    this.#context.wheel.stop();
    await this.#empty();
  }

  #dropAll(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const listener of this.#listeners) listener.close();
  }

  #empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }
}

/** Nobody counts refusals. */
function ignore(): void {}
