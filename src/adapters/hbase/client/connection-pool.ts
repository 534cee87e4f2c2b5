/**
 * The connections of one client: one per server and service, opened on demand and shared. A server that cannot be reached is not
 * tried again for a moment, so that many calls at once do not become many connects; other servers do not notice.
 */
import { backoffMs } from './backoff.ts';
import { HBaseError } from './hbase-error.ts';
import type { ServiceName } from './protocol.ts';
import { type ConnectionOptions, ServerConnection } from './server-connection.ts';
import type { ServerAddress } from './server-address.ts';

/** Rest of a server after failed connects, milliseconds: doubling from the first to the longest. */
const REST_FIRST_MS = 100;
const REST_MAX_MS = 2_000;

interface ServerSlot {
  connection: ServerConnection | undefined;
  opening: Promise<ServerConnection> | undefined;
  failures: number;
  restUntilMs: number;
  failure: HBaseError | undefined;
}

export class ConnectionPool {
  readonly #options: ConnectionOptions;
  readonly #random: () => number;
  readonly #slots = new Map<string, ServerSlot>();
  #closed = false;

  constructor(options: ConnectionOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** The connection, if it stands already: the way of almost every call. */
  ready(address: ServerAddress, service: ServiceName): ServerConnection | undefined {
    return this.#slots.get(slotKey(address, service))?.connection;
  }

  /** Rejects with `CONNECT_FAILED`, at once while the server rests after failures, or `CLOSED`. */
  get(address: ServerAddress, service: ServiceName): Promise<ServerConnection> {
    if (this.#closed) return Promise.reject(closedError(address));
    const slot = this.#slot(address, service);
    if (slot.connection !== undefined) return Promise.resolve(slot.connection);
    if (slot.failure !== undefined && this.#options.monotonicMs() < slot.restUntilMs) {
      return Promise.reject(slot.failure);
    }
    slot.opening ??= this.#open(slot, address, service);
    return slot.opening;
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#slots.values()) slot.connection?.close();
    this.#slots.clear();
  }

  async #open(slot: ServerSlot, address: ServerAddress, service: ServiceName): Promise<ServerConnection> {
    try {
      const connection = await ServerConnection.open(address, service, this.#options, () => {
        if (slot.connection !== undefined) this.#slots.delete(slotKey(address, service));
      });
      // The server accepted it and was gone before anybody here could use it.
      if (!connection.isOpen) throw brokenError(address);
      if (this.#closed) {
        connection.close();
        throw closedError(address);
      }
      slot.connection = connection;
      slot.failures = 0;
      slot.failure = undefined;
      return connection;
    } catch (error) {
      if (error instanceof HBaseError) slot.failure = error;
      slot.failures++;
      const rest = backoffMs(slot.failures, {
        firstMs: REST_FIRST_MS,
        maxMs: REST_MAX_MS,
        random: this.#random,
      });
      slot.restUntilMs = this.#options.monotonicMs() + rest;
      throw error;
    } finally {
      slot.opening = undefined;
    }
  }

  #slot(address: ServerAddress, service: ServiceName): ServerSlot {
    const key = slotKey(address, service);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { connection: undefined, opening: undefined, failures: 0, restUntilMs: 0, failure: undefined };
      this.#slots.set(key, slot);
    }
    return slot;
  }
}

function slotKey({ name }: ServerAddress, service: ServiceName): string {
  return `${service}@${name}`;
}

function brokenError({ name }: ServerAddress): HBaseError {
  return new HBaseError('CONNECT_FAILED', 'the connection broke as soon as it stood', { server: name });
}

function closedError({ name }: ServerAddress): HBaseError {
  return new HBaseError('CLOSED', 'no connection is opened any more', { server: name });
}
