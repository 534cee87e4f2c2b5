/** What links need of a network: connections as ordered bytes both ways. A transport knows no frames and decides nothing. */
import type { Endpoint } from '../member.ts';

export interface PeerStream {
  /** In order, as one write. Nobody changes the pieces any more. */
  write(pieces: readonly Buffer[]): void;
  /** Written and not taken by the network yet. */
  readonly backlogBytes: number;
  /** Sends what was written, then ends. */
  end(): void;
  /** Ends at once, with everything unsent. The listener hears nothing any more. */
  destroy(): void;
}

/** None of these is called within a call of the stream's or the transport's. */
export interface PeerStreamListener {
  /** Of a dialled stream: it stands. */
  onOpen(): void;
  /** The chunk is the listener's: nobody writes to it again. */
  onBytes(chunk: Buffer): void;
  /** Everything written has been taken. */
  onDrained(): void;
  /** Gone, or never come about; the last call. */
  onClosed(why: string): void;
}

export interface PeerTransport {
  /** Where peers reach this one. */
  readonly address: Endpoint;
  dial(address: Endpoint, listener: PeerStreamListener): PeerStream;
  /** `onStream` is called for each stream that others dialled; `from` names its other end for people. Call once. */
  accept(onStream: (stream: PeerStream, from: string) => PeerStreamListener): void;
  /** Takes no more streams, destroys those there are, and frees the address. */
  close(): Promise<void>;
}
