/** When each client's connections came and went, and where to: the latest ones, as evidence. */
import type { ConnectionEvent } from '../../src/fleet/fleet-client.ts';

export interface ConnectionEntry {
  /** `performance.now()` */
  readonly atMs: number;
  readonly type: ConnectionEvent['type'];
  readonly connection: number;
  readonly address: string;
}

/** Per client. */
const ENTRIES_MAX = 2_000;

export class ConnectionLog {
  readonly #entries = new Map<string, ConnectionEntry[]>();

  note({ type, clientId, connection, address }: ConnectionEvent, atMs: number): void {
    let entries = this.#entries.get(clientId);
    if (entries === undefined) this.#entries.set(clientId, (entries = []));
    entries.push({ atMs, type, connection, address: `${address.host}:${address.port}` });
    if (entries.length > ENTRIES_MAX) entries.splice(0, ENTRIES_MAX / 2);
  }

  /** In order, those that happened in between. */
  of(client: string, fromMs: number, throughMs: number): readonly ConnectionEntry[] {
    return (this.#entries.get(client) ?? []).filter(({ atMs }) => atMs >= fromMs && atMs <= throughMs);
  }
}
