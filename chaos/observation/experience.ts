/**
 * What clients notice of a fault: who lost the connection and for how long, how long acknowledgements and messages took. Counts only
 * clients that do not lose their connection by themselves. Times are those of `performance.now()`.
 */
import type { ConnectionEvent } from '../../src/fleet/fleet-client.ts';

export interface Noticed {
  /** Different clients that lost a connection which had stood. */
  readonly clientsDisconnected: number;
  /** The longest that one client was without a connection. */
  readonly longestAwayMs: number;
  /** From handing a message to the client library to PUBACK or PUBCOMP, times without a connection included. */
  readonly longestToAckMs: number;
  /** To the first delivery to a receiver. */
  readonly longestToReceiveMs: number;
}

export class Experience {
  readonly #isSteady: (client: string) => boolean;
  readonly #standing = new Set<string>();
  readonly #awaySinceMs = new Map<string, number>();
  readonly #disconnected = new Set<string>();
  #longestAwayMs = 0;
  #longestToAckMs = 0;
  #longestToReceiveMs = 0;

  constructor(isSteady: (client: string) => boolean) {
    this.#isSteady = isSteady;
  }

  /** Steady clients with a connection. */
  get standing(): number {
    return this.#standing.size;
  }

  /** Forgets everything but who is connected. */
  begin(): void {
    this.#disconnected.clear();
    this.#longestAwayMs = 0;
    this.#longestToAckMs = 0;
    this.#longestToReceiveMs = 0;
  }

  noticed(nowMs: number): Noticed {
    const away = [...this.#awaySinceMs.values()].map((sinceMs) => nowMs - sinceMs);
    return {
      clientsDisconnected: this.#disconnected.size,
      longestAwayMs: Math.max(this.#longestAwayMs, ...away),
      longestToAckMs: this.#longestToAckMs,
      longestToReceiveMs: this.#longestToReceiveMs,
    };
  }

  onConnection({ type, clientId }: ConnectionEvent, nowMs: number): void {
    if (!this.#isSteady(clientId)) return;
    if (type === 'connected') {
      this.#standing.add(clientId);
      const sinceMs = this.#awaySinceMs.get(clientId);
      this.#awaySinceMs.delete(clientId);
      if (sinceMs !== undefined) this.#longestAwayMs = Math.max(this.#longestAwayMs, nowMs - sinceMs);
    }
    if (type === 'lost' && this.#standing.delete(clientId)) {
      this.#disconnected.add(clientId);
      this.#awaySinceMs.set(clientId, nowMs);
    }
  }

  acknowledged(publisher: string, delayMs: number): void {
    if (this.#isSteady(publisher)) this.#longestToAckMs = Math.max(this.#longestToAckMs, delayMs);
  }

  /** Counts when neither is flaky. */
  received(publisher: string, receiver: string, delayMs: number): void {
    if (this.#isSteady(publisher) && this.#isSteady(receiver))
      this.#longestToReceiveMs = Math.max(this.#longestToReceiveMs, delayMs);
  }
}
