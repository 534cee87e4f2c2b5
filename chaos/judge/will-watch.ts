/**
 * Wills: each connection carries one that names it, without delay. A connection that CONNACK accepted and that ended without DISCONNECT
 * owes its will exactly once; one whose CONNACK never came, at most once; one that still stands at the end, none.
 */
import type { Violation } from './violation.ts';

interface Connection {
  readonly client: string;
  readonly number: number;
  state: 'connecting' | 'standing' | 'ended' | 'failed';
  endedAtMs: number;
  wills: number;
}

export interface WillTotals {
  /** Connections that CONNACK accepted and that ended without DISCONNECT. */
  readonly owed: number;
  /** How many of them left their will. */
  readonly arrived: number;
  /** Wills of connections whose CONNACK never came. */
  readonly unsure: number;
}

export class WillWatch {
  readonly #connections = new Map<string, Connection>();
  /** Ended, and no will yet. */
  readonly #owed = new Set<Connection>();
  #endedCount = 0;

  connecting(client: string, number: number): void {
    const connection = { client, number, state: 'connecting', endedAtMs: 0, wills: 0 } as const;
    this.#connections.set(key(client, number), { ...connection });
  }

  /** CONNACK said yes. */
  accepted(client: string, number: number): void {
    const connection = this.#connections.get(key(client, number));
    if (connection !== undefined) connection.state = 'standing';
  }

  /** Nobody sent a DISCONNECT. */
  ended(client: string, number: number, nowMs: number): void {
    const connection = this.#connections.get(key(client, number));
    if (connection === undefined) return;
    const wasAccepted = connection.state === 'standing';
    connection.state = wasAccepted ? 'ended' : 'failed';
    connection.endedAtMs = nowMs;
    if (!wasAccepted) return;
    this.#endedCount++;
    if (connection.wills === 0) this.#owed.add(connection);
  }

  /** A will arrived, with QoS 2. */
  arrived(topic: string, client: string, number: number, nowMs: number): Violation | undefined {
    const connection = this.#connections.get(key(client, number));
    const about = { atMs: nowMs, topic, publisher: client, seq: number };
    if (connection === undefined) return { kind: 'phantom', ...about, detail: 'no such connection' };
    this.#owed.delete(connection);
    return ++connection.wills > 1 ? { kind: 'willDuplicated', ...about } : undefined;
  }

  /** Wills that have not arrived of connections that ended before then, of clients that `counts` says yes to. */
  owedSince(markMs: number, counts: (client: string) => boolean = () => true): number {
    let count = 0;
    for (const { client, endedAtMs } of this.#owed) if (endedAtMs < markMs && counts(client)) count++;
    return count;
  }

  get totals(): WillTotals {
    const failed = [...this.#connections.values()].filter(({ state }) => state === 'failed');
    return {
      owed: this.#endedCount,
      arrived: this.#endedCount - this.#owed.size,
      unsure: failed.filter(({ wills }) => wills > 0).length,
    };
  }

  /** To be asked at the end, while the last connections still stand. */
  violations(nowMs: number, topicOf: (client: string) => string): readonly Violation[] {
    const about = ({ client, number }: Connection) => ({
      atMs: nowMs,
      topic: topicOf(client),
      publisher: client,
      seq: number,
    });
    const lost = Array.from(this.#owed, (each) => ({
      kind: 'willLost' as const,
      ...about(each),
      detail: `the connection ended ${((nowMs - each.endedAtMs) / 1000).toFixed(1)} s before`,
    }));
    const premature = [...this.#connections.values()]
      .filter(({ state, wills }) => state === 'standing' && wills > 0)
      .map((each) => ({ kind: 'willPremature' as const, ...about(each) }));
    return [...lost, ...premature];
  }
}

function key(client: string, number: number): string {
  return `${client} ${number}`;
}
