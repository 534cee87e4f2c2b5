/**
 * The snapshot port: the fold of one log topic as rows, and the checkpoint that says how far it reaches.
 * Contract suite: `test/contract/snapshot-store-contract.ts`.
 */
import type { LogPosition, Offset } from '../event-log/event-log.ts';

export interface SnapshotRow extends LogPosition {
  /** Key of the log record. */
  readonly key: string;
  /** Value of the latest log record of that key; null removes the row. */
  readonly value: Buffer | null;
  readonly event: string;
  readonly timestampMs: number;
}

export interface SnapshotStore {
  /** Durable when resolved. A row never overwrites one of the same key with a higher offset. */
  write(rows: readonly SnapshotRow[]): Promise<void>;

  /**
   * Every row present of one partition, or of all, in batches, in no particular order. Of the removed ones (value null) those whose
   * record is at `removedFrom` (one offset per partition) or behind it, none by default: see `RemovedRows`. Removals behind the
   * checkpoint are there for as long as it stands. Values share memory with their batch: whoever keeps one copies it.
   */
  scan(partition?: number, removedFrom?: readonly Offset[]): AsyncIterable<readonly SnapshotRow[]>;

  /**
   * Next offset to read, per partition. Callers write the rows first: a checkpoint promises that every
   * record before it is in the rows. Durable when resolved; never moves backwards.
   */
  saveCheckpoint(offsets: readonly Offset[]): Promise<void>;

  /** undefined: no checkpoint yet, fold the log from its start. */
  loadCheckpoint(): Promise<readonly Offset[] | undefined>;

  close(): Promise<void>;
}
