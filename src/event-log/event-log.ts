/**
 * The event log port: an ordered, partitioned, compacted record of keyed values, as Kafka understands it.
 * One instance is one topic (`spoke.session-events`, `spoke.retained`). Contract suite:
 * `test/contract/event-log-contract.ts`.
 *
 * Because a record says the whole truth of its key, an adapter may forget a record once a later one with
 * the same key exists and its compaction lag has passed; offsets never change.
 */

declare const offsetBrand: unique symbol;

/** Position in a partition: rises by at least 1 per record. 64 bits at rest, a safe integer in memory. */
export type Offset = number & { readonly [offsetBrand]: 'Offset' };

export interface LogRecord {
  /** What the partition is chosen by: tenant and client, so that a client's records have one order. */
  readonly partitionKey: string;
  readonly key: string;
  /** The whole state of the key; null is a tombstone: the key has no state any more. */
  readonly value: Buffer | null;
  /** Why the record was written (`SessionOpened`, `Unsubscribed`, …); a header, kept on tombstones too. */
  readonly event: string;
  readonly timestampMs: number;
}

export interface LogPosition {
  readonly partition: number;
  readonly offset: Offset;
}

export interface LogEntry extends LogRecord, LogPosition {}

export interface LogFollower {
  /** Resolves once no further call of the handler can happen. */
  stop(): Promise<void>;
}

export interface EventLog {
  readonly partitionCount: number;

  /** Where records with this partition key go, and always have gone. */
  partitionOf(partitionKey: string): number;

  /**
   * Appends in order and resolves when durable, with the positions, in the order given. Followers in this
   * process have been handed the records before the promise resolves.
   * Rejects with `StoreUnavailableError` when the outcome is unknown.
   */
  append(records: readonly LogRecord[]): Promise<readonly LogPosition[]>;

  /** First offset that can still be read, per partition. */
  startOffsets(): Promise<readonly Offset[]>;

  /** Offset the next record will get, per partition. */
  endOffsets(): Promise<readonly Offset[]>;

  /**
   * Per partition the first offset whose record is of that time or later, or the end if there is none. Every record before it
   * is older; behind it there may be older ones too, because timestamps are event times and need not rise.
   */
  offsetsAt(timestampMs: number): Promise<readonly Offset[]>;

  /**
   * Up to `recordsMax` durable records of one partition from `from` on, fewer when they are large, so that a reader's memory
   * is bounded; empty only at the end.
   */
  read(partition: number, from: Offset, recordsMax: number): Promise<readonly LogEntry[]>;

  /**
   * Hands over every durable record from `from` (one offset per partition) on, each partition in order, in
   * batches, old ones first and then new ones as they become durable. The handler is synchronous.
   * Resolves when every partition has been handed over up to the end offsets seen at the call.
   */
  follow(from: readonly Offset[], handler: (entries: readonly LogEntry[]) => void): Promise<LogFollower>;

  close(): Promise<void>;
}
