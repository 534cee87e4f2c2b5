/**
 * One connection to each broker of a Kafka cluster, opened when it is first used and thrown away at the first doubt: a request
 * that fails or is not answered in time ends the connection it went over. No retries: who asked knows whether it may ask again.
 */
import type { Socket } from 'node:net';
import Broker from 'kafkajs/src/broker/index.js';
import ConnectionPool from 'kafkajs/src/network/connectionPool.js';
import type { Connection, ProtocolCall } from 'kafkajs/src/network/connectionPool.js';
import { DEFAULT_CONNECT_TIMEOUT_MS, DEFAULT_REQUEST_TIMEOUT_MS } from '../kafka-connection-options.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { KafkaUnreachableError } from './kafka-error.ts';
import { openSocket } from './kafka-socket.ts';
import { libraryLogger } from './library-log.ts';

/** `host:port`. */
export type Address = string;

/** kafkajs keeps two connections a broker, one of them for fetches only; this one is enough, because nodes are not shared. */
const ONLY_CONNECTION = 0;

/** What a connection runs over, as long as it is wanted. */
interface Wire {
  readonly sockets: Set<Socket>;
  isGivenUp: boolean;
}

interface Node {
  readonly connection: Promise<Connection>;
  readonly wire: Wire;
}

export class KafkaNodes {
  readonly requestTimeoutMs: number;
  readonly #options: KafkaConnectionOptions;
  readonly #nodes = new Map<Address, Node>();
  /** Where a question goes that every broker can answer, the most promising first. */
  #known: Address[];
  #closed = false;

  constructor(options: KafkaConnectionOptions) {
    this.#options = options;
    this.#known = [...options.brokers];
    this.requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  }

  /** Rejects when the broker cannot be reached or does not answer in time: whether it has acted is then unknown. */
  async send<Decoded, Result>(address: Address, call: ProtocolCall<Decoded, Result>): Promise<Result> {
    const node = this.#node(address);
    try {
      const connection = await node.connection;
      return await connection.send(call);
    } catch (error) {
      this.#discard(address, node);
      throw new KafkaUnreachableError(`${call.request.apiName} to Kafka broker ${address} failed`, error);
    }
  }

  /** Asks one broker after the other until one answers. */
  async sendToAny<Decoded, Result>(call: ProtocolCall<Decoded, Result>): Promise<Result> {
    let last: unknown = new KafkaUnreachableError('No Kafka broker could be asked', 'none is known');
    for (const address of [...this.#known]) {
      if (this.#closed) break;
      try {
        return await this.send(address, call);
      } catch (error) {
        last = error;
        this.#known = [...this.#known.filter((other) => other !== address), address];
      }
    }
    throw last;
  }

  /** The brokers there are now. Those of the configuration stay known: all others may be replaced while we are away. */
  learn(addresses: readonly Address[]): void {
    const wanted = new Set([...addresses, ...this.#options.brokers]);
    const kept = this.#known.filter((address) => wanted.has(address));
    this.#known = [...new Set([...kept, ...wanted])];
    for (const [address, node] of this.#nodes) if (!wanted.has(address)) this.#discard(address, node);
  }

  /** Ends every connection at once; requests under way reject. */
  close(): void {
    this.#closed = true;
    for (const [address, node] of this.#nodes) this.#discard(address, node);
  }

  #node(address: Address): Node {
    if (this.#closed) throw new KafkaUnreachableError('Kafka was not asked', 'the connections were closed');
    const open = this.#nodes.get(address);
    if (open !== undefined) return open;
    const wire: Wire = { sockets: new Set(), isGivenUp: false };
    const node = { connection: this.#connect(address, wire), wire };
    this.#nodes.set(address, node);
    return node;
  }

  async #connect(address: Address, wire: Wire): Promise<Connection> {
    const separator = address.lastIndexOf(':');
    const { clientId, tls = null, sasl = null, onLog } = this.#options;
    const connectionTimeout = this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    const logger = libraryLogger((line) => {
      // kafkajs complains of the end that we gave it.
      if (!wire.isGivenUp) onLog?.(line);
    });
    const connectionPool = new ConnectionPool({
      host: address.slice(0, separator),
      port: Number(address.slice(separator + 1)),
      clientId,
      ssl: tls,
      sasl,
      connectionTimeout,
      requestTimeout: this.requestTimeoutMs,
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
      logger,
      socketFactory: (to) => {
        const socket = openSocket(to);
        wire.sockets.add(socket);
        return socket;
      },
    });
    const authenticationTimeout = this.requestTimeoutMs;
    await new Broker({ connectionPool, logger, authenticationTimeout }).connect();
    return await connectionPool.getConnection(ONLY_CONNECTION);
  }

  #discard(address: Address, node: Node): void {
    if (this.#nodes.get(address) === node) this.#nodes.delete(address);
    node.wire.isGivenUp = true;
    // kafkajs would wait for every request under way; an error on the socket ends them and its timers.
    for (const socket of node.wire.sockets) socket.destroy(new Error('the connection was given up'));
    node.connection.catch(() => undefined);
  }
}
