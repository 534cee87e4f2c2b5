/**
 * One ZooKeeper session after another, over node-zookeeper-client: reads nodes and watches them, reconnects for as long as it is open,
 * begins a new session when one expired, notices a server that says nothing, and can be closed at any moment. Keeps no node.
 */
import type { Client, ZooKeeperException } from 'node-zookeeper-client';
import type { TimerHandle, Timers } from '../../../time/clock.ts';

/** Asked of ZooKeeper; how long it keeps the session of a process that says nothing. Pings go out at a third of it. */
const SESSION_TIMEOUT_MS = 10_000;
/** Without an answer to a read, or to a new connection's first packet, for this long the connection is given up. */
const ANSWER_TIMEOUT_MS = 3_000;
/** Between attempts to connect, when every server of the quorum was tried. */
const RECONNECT_MS = 250;
const NO_NODE = -101;
/** The library's state in which a closed socket is not opened again. */
const STATE_CLOSING = -1;

export interface ZooKeeperSessionOptions {
  /** `host:port,host:port`. */
  readonly quorum: string;
  readonly timers: Timers;
  /** A connection stands: watches of the one before are gone. */
  readonly onConnected: () => void;
}

export class ZooKeeperSession {
  readonly #options: ZooKeeperSessionOptions;
  readonly #open: (quorum: string) => Client;
  #client: Client | undefined;
  #connected = false;
  #closed = false;
  #timer: TimerHandle | undefined;
  /** The readings under way: the timer of each. */
  readonly #reads = new Set<TimerHandle>();

  private constructor(options: ZooKeeperSessionOptions, open: (quorum: string) => Client) {
    this.#options = options;
    this.#open = open;
    this.#begin();
  }

  /** Begins to connect; does not wait for it. */
  static async open(options: ZooKeeperSessionOptions): Promise<ZooKeeperSession> {
    const { default: zookeeper } = await import('node-zookeeper-client');
    return new ZooKeeperSession(options, (quorum) =>
      zookeeper.createClient(quorum, {
        sessionTimeout: SESSION_TIMEOUT_MS,
        spinDelay: RECONNECT_MS,
        retries: 0,
      }),
    );
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  /**
   * Reads a node, and calls `onChange` once when it changes, appears or disappears: one call per function, however often it was given. `onValue` gets null when there is no such node; it is
   * not called when the connection goes away meanwhile.
   */
  read(path: string, onValue: (data: Buffer | null) => void, onChange: () => void): void {
    const client = this.#client;
    if (client === undefined || !this.#connected) return;
    const timer = this.#options.timers.after(ANSWER_TIMEOUT_MS, () => {
      this.#reads.delete(timer);
      client.connectionManager.socket?.destroy();
    });
    this.#reads.add(timer);
    const done = (): void => {
      timer.cancel();
      this.#reads.delete(timer);
    };
    client.getData(path, onChange, (error: ZooKeeperException | null, data) => {
      if (error === null) {
        done();
        onValue(data ?? null);
      } else if (error.code === NO_NODE) {
        client.exists(path, onChange, (existsError, stat) => {
          done();
          if (existsError !== null && existsError.code !== NO_NODE) return;
          // It appeared between the two: the watch was set on a node that is there, so read it.
          if (stat !== null) onChange();
          else onValue(null);
        });
      } else {
        done();
      }
    });
  }

  /** Ends the session and every timer; the socket is gone when this returns, or as soon as ZooKeeper has said goodbye. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTimers();
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    const { socket } = client.connectionManager;
    if (this.#connected) {
      this.#connected = false;
      // Says goodbye, so that ZooKeeper forgets the session at once; the end of the stream follows what is written.
      client.close();
      socket?.end();
      socket?.unref();
    } else {
      abandon(client);
    }
  }

  #begin(): void {
    const client = this.#open(this.#options.quorum);
    this.#client = client;
    const manager = client.connectionManager;
    let next = 0;
    manager.findNextServer = (connectTo) => {
      const server = manager.servers[next % manager.servers.length];
      const delayMs = next > 0 && next % manager.servers.length === 0 ? RECONNECT_MS : 0;
      next++;
      this.#schedule(delayMs, () => {
        if (server === undefined) return;
        connectTo(server);
        this.#schedule(ANSWER_TIMEOUT_MS, () => manager.socket?.destroy());
      });
    };
    client.on('connected', () => {
      if (client !== this.#client) return;
      this.#timer?.cancel();
      this.#connected = true;
      this.#options.onConnected();
    });
    client.on('disconnected', () => {
      if (client === this.#client) this.#connected = false;
    });
    client.on('expired', () => {
      if (client !== this.#client) return;
      this.#connected = false;
      abandon(client);
      this.#schedule(RECONNECT_MS, () => {
        this.#begin();
      });
    });
    client.connect();
  }

  #schedule(delayMs: number, action: () => void): void {
    this.#timer?.cancel();
    if (!this.#closed) this.#timer = this.#options.timers.after(delayMs, action);
  }

  #stopTimers(): void {
    this.#timer?.cancel();
    for (const timer of this.#reads) timer.cancel();
    this.#reads.clear();
  }
}

/** Drops a client that has no session to end: no more attempts to connect, no timer, no socket. */
function abandon(client: Client): void {
  const manager = client.connectionManager;
  manager.findNextServer = () => {};
  manager.setState(STATE_CLOSING);
  if (manager.connectTimeoutHandler !== null) clearTimeout(manager.connectTimeoutHandler);
  manager.socket?.destroy();
}
