/** What cases are played against: connections to a broker, and what can be asked of it when all of them have ended. */

/** The client's end of a connection. */
export interface Wire {
  send(bytes: Buffer): void;
  end(): void;
  reset(): void;
  pause(): void;
  resume(): void;
  readonly isClosed: boolean;
}

export interface FuzzTarget {
  readonly name: 'links' | 'sockets' | 'accounts';
  open(onBytes: (bytes: Buffer) => void): Promise<Wire>;
  /** Resolves when the broker has answered what it was sent, or a good while has passed. */
  settle(): Promise<void>;
  /** All connections of the case have ended: what is not as it was before the first. */
  leftovers(): Promise<string[]>;
  /** Connections and messages that it refused so far, by its own counters; undefined: it has none to ask. */
  refusals(): Promise<number | undefined>;
  /** Topics whose messages may reach nobody but those who watch. */
  readonly forbidden: readonly string[];
  /** Payloads of messages that its auditor got. */
  readonly audited: ReadonlySet<string>;
  dispose(): Promise<void>;
}
