/** What one pass of the compaction job works on: the log topics with their snapshots, and the queues. */
import type { EventLog, LogPosition } from '../src/event-log/event-log.ts';
import type { SnapshotRow, SnapshotStore } from '../src/metadata/snapshot-store.ts';
import type { DurableQueueStore } from '../src/queue/durable-queue.ts';

/** A row as one record of the log made it. */
export interface RowVersion extends LogPosition {
  readonly key: string;
}

/** What is done to a snapshot beyond its port: by this job only. */
export interface SnapshotUpkeep {
  /** What stands for rows that were removed before a time, milliseconds since 1970, in batches; values are null. */
  tombstones(beforeMs: number, partition: number): AsyncIterable<readonly SnapshotRow[]>;

  /** Removes rows and what they hide, unless a later record has written them since. Durable when resolved. */
  removeThrough(versions: readonly RowVersion[]): Promise<void>;

  /** Removes exactly these versions: what is older of a row may come to light again. Durable when resolved. */
  removeExactly(versions: readonly RowVersion[]): Promise<void>;
}

export interface JobTopic {
  /** `sessions` or `retained`. */
  readonly name: string;
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  readonly upkeep: SnapshotUpkeep;
}

export interface JobStores {
  readonly sessions: JobTopic;
  readonly retained: JobTopic;
  readonly queues: Pick<DurableQueueStore, 'list' | 'drop'>;
}
