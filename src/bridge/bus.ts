/**
 * The port to what other services listen and talk on: channels, which forget, and streams, which keep. Every call that talks to it rejects
 * when it is away or slow; nothing waits for it to come back. Contract suite: `test/contract/bridge-bus-contract.ts`.
 */

export type EntryFields = readonly (readonly [name: string, value: string | Buffer])[];
export type ReceivedFields = ReadonlyMap<string, Buffer>;

export interface StreamEntry {
  readonly id: string;
  /** undefined: the stream has lost it since it was handed out. */
  readonly fields: ReceivedFields | undefined;
}

export interface RejectedEntry {
  readonly entry: StreamEntry;
  /** In words. */
  readonly reason: string;
}

export interface ClaimedEntries {
  /** Some of them may have been this one's before. */
  readonly claimed: number;
  /** Entries that are still others'. */
  readonly left: number;
}

export interface BridgeBus {
  readonly isConnected: boolean;

  /** Resolves when it has been taken, whether or not somebody listens. */
  publish(channel: string, message: Buffer): Promise<void>;

  /**
   * Every message on channels that match, while it is connected; what is said while it is not is missed. `isPattern` false: on that
   * channel. Returns how to stop.
   */
  subscribe(
    channel: string,
    isPattern: boolean,
    onMessage: (channel: string, message: Buffer) => void,
  ): () => void;

  /** All of them, in order, or none; resolves when they are kept. When it rejects they may have been. `lengthMax` 0: none leaves for it. */
  append(stream: string, entries: readonly EntryFields[], lengthMax: number): Promise<void>;

  /** What is handed out is `consumer`'s until it is settled. */
  group(stream: string, group: string, consumer: string): StreamGroup;

  close(): void;
}

/** How much of a stream is wanted at a time. */
export interface ReadBounds {
  readonly entriesMax: number;
  /** Of names and values. The entry that reaches it is the last one, however large. */
  readonly bytesMax: number;
}

/** One consumer of a stream among others: each entry is handed to one of them, and remembered until it is settled. */
export interface StreamGroup {
  /** Makes stream and group, if they are not there: from the first entry on. */
  create(): Promise<void>;

  /** What was handed to this consumer and is not settled, oldest first. */
  unsettled(bounds: ReadBounds): Promise<readonly StreamEntry[]>;

  /** What nobody has been handed; waits up to `waitMs` for it. */
  next(bounds: ReadBounds, waitMs: number): Promise<readonly StreamEntry[]>;

  /** What other consumers were handed `idleMs` ago and longer becomes this one's, unsettled. */
  claim(entriesMax: number, idleMs: number): Promise<ClaimedEntries>;

  /** All of it or nothing: rejected ones go to `STREAM:rejected` with the reason, and none is handed out again. */
  settle(ids: readonly string[], rejected: readonly RejectedEntry[]): Promise<void>;

  /** Entries that are not settled, those that nobody has been handed included; undefined: it does not know. */
  lag(): Promise<number | undefined>;

  /** Whatever waits rejects. */
  close(): void;
}
