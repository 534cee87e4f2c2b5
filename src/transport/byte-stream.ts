/**
 * What a connection needs of a transport, alike for TCP, TLS and WebSocket: ordered bytes both ways, back-pressure
 * and an end. It knows no packets, keeps no bytes of its own and never throws for what a peer does.
 */

export interface ByteStream {
  /** Called from now on; set once, before the first byte can arrive. */
  attach(listener: ByteStreamListener): void;

  /**
   * Writes the pieces, in order, as one write. They must not change until the write is done: at once when
   * `backlogBytes` is 0 afterwards, else when `onWritten` is called.
   */
  write(pieces: readonly Buffer[]): void;

  /** Bytes written that the operating system has not taken yet. */
  readonly backlogBytes: number;

  /** Bytes may still arrive after this: what was read already. */
  pause(): void;
  resume(): void;

  /** Sends what was written, then ends this side in order; what the peer sends is still read. */
  end(): void;

  /** Drops the connection at once, with everything unsent. */
  destroy(): void;
}

export interface ByteStreamListener {
  /** The chunk is the listener's: nobody writes to it again. */
  onBytes(chunk: Buffer): void;
  /** Everything written before has been taken. Also follows writes that left no backlog. */
  onWritten(): void;
  /** The peer ended its side in order: no more bytes come. */
  onEnd(): void;
  /** The stream is gone. Last call, exactly once. */
  onClosed(error: Error | undefined): void;
}
