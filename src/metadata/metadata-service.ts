/**
 * Folds one topic of the event log into its snapshot: latest row per key first, then the checkpoint. Holds one
 * bounded batch at a time and needs to decode nothing. It may be started any number of times on one snapshot:
 * rows carry their offset, so every step is idempotent.
 */
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { EventLog, LogEntry, LogFollower, Offset } from '../event-log/event-log.ts';
import type { TimerHandle, Timers } from '../time/clock.ts';
import type { SnapshotRow, SnapshotStore } from './snapshot-store.ts';

/** Records read from the log at a time. */
const READ_RECORDS = 1_000;
/** A batch is written when it holds this many rows, or this many bytes of values. */
const BATCH_ROWS_MAX = 50_000;
const BATCH_BYTES_MAX = 16 * 1_048_576;

/** First wait after a failure of log or snapshot; doubled with each failure that follows. */
const RETRY_DELAY_MIN_MS = 100;
const RETRY_DELAY_MAX_MS = 10_000;

export interface MetadataServiceOptions {
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  readonly timers: Timers;
  /** Records behind at which a checkpoint is taken at once. Default 10,000. */
  readonly checkpointRecords?: number;
  /** How long a record may wait for its checkpoint otherwise. Default 5,000. */
  readonly checkpointIntervalMs?: number;
  /** Called with every failure of log or snapshot; the service tries again by itself. */
  readonly onFailure?: (error: unknown) => void;
}

export class MetadataService {
  /** Failures of log or snapshot since the start; each was tried again. */
  failures = 0;
  /** Checkpoints taken since the start. */
  checkpoints = 0;

  readonly #log: EventLog;
  readonly #snapshot: SnapshotStore;
  readonly #timers: Timers;
  readonly #checkpointRecords: number;
  readonly #checkpointIntervalMs: number;
  readonly #onFailure: (error: unknown) => void;

  /** Next offset per partition that is not in the checkpoint, and the end of the log as followed. */
  readonly #folded: Offset[];
  readonly #ends: Offset[];
  #follower: LogFollower | undefined;
  #timer: TimerHandle | undefined;
  #folding: Promise<void> | undefined;
  #stopping = false;
  #endWait: (() => void) | undefined;

  private constructor(options: MetadataServiceOptions, folded: readonly Offset[], ends: readonly Offset[]) {
    this.#log = options.log;
    this.#snapshot = options.snapshot;
    this.#timers = options.timers;
    this.#checkpointRecords = options.checkpointRecords ?? 10_000;
    this.#checkpointIntervalMs = options.checkpointIntervalMs ?? 5_000;
    this.#onFailure = options.onFailure ?? (() => undefined);
    this.#folded = [...folded];
    this.#ends = [...ends];
  }

  /** Resolves when the service follows the log; what was there before is folded in the background. */
  static async start(options: MetadataServiceOptions): Promise<MetadataService> {
    const { log, snapshot } = options;
    const folded = (await snapshot.loadCheckpoint()) ?? (await log.startOffsets());
    const ends = await log.endOffsets();
    const service = new MetadataService(options, folded, ends);
    service.#follower = await log.follow(ends, (entries) => {
      service.#note(entries);
    });
    service.#trigger();
    return service;
  }

  /** Records that are not in the checkpoint yet; more than there are where compaction has left gaps. */
  get lagRecords(): number {
    return this.#ends.reduce((sum, end, partition) => sum + Math.max(0, end - this.#foldedTo(partition)), 0);
  }

  /** Next offset per partition that is not in the checkpoint. */
  get checkpoint(): readonly Offset[] {
    return [...this.#folded];
  }

  /** Resolves when every record that is in the log now is in the checkpoint; rejects if the service stops before. */
  async flush(): Promise<void> {
    const ends = await this.#log.endOffsets();
    for (const [partition, end] of ends.entries()) {
      this.#ends[partition] = Math.max(end, this.#ends[partition] ?? 0) as Offset;
    }
    while (ends.some((end, partition) => this.#foldedTo(partition) < end)) {
      if (this.#stopping) {
        throw new StoreUnavailableError(
          'The snapshot',
          'the metadata service stopped before it was up to date.',
        );
      }
      await this.#fold();
    }
  }

  /** Lets a step that is under way end, tries no failed one again, and follows no more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#endWait?.();
    await this.#follower?.stop();
    await this.#folding;
  }

  #note(entries: readonly LogEntry[]): void {
    for (const { partition, offset } of entries) this.#ends[partition] = (offset + 1) as Offset;
    this.#trigger();
  }

  #trigger(): void {
    const lag = this.lagRecords;
    if (this.#stopping || this.#folding !== undefined || lag === 0) return;
    if (lag >= this.#checkpointRecords) {
      void this.#fold();
    } else {
      this.#timer ??= this.#timers.after(this.#checkpointIntervalMs, () => {
        this.#timer = undefined;
        void this.#fold();
      });
    }
  }

  /** One run at a time: whoever asks during a run waits for that one. Never rejects. */
  #fold(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#folding ??= this.#foldToEnd().finally(() => {
      this.#folding = undefined;
      this.#trigger();
    });
    return this.#folding;
  }

  async #foldToEnd(): Promise<void> {
    let retryDelayMs = RETRY_DELAY_MIN_MS;
    while (!this.#stopping && this.lagRecords > 0) {
      try {
        await this.#foldBatch();
        retryDelayMs = RETRY_DELAY_MIN_MS;
      } catch (error) {
        this.failures++;
        this.#onFailure(error);
        await this.#wait(retryDelayMs);
        retryDelayMs = Math.min(2 * retryDelayMs, RETRY_DELAY_MAX_MS);
      }
    }
  }

  /** Nothing of a batch counts before its checkpoint is durable, so a failure anywhere loses no row. */
  async #foldBatch(): Promise<void> {
    const latest = new Map<string, SnapshotRow>();
    const next = [...this.#folded];
    let bytes = 0;
    for (const [partition, end] of this.#ends.entries()) {
      let from = this.#foldedTo(partition);
      while (from < end && latest.size < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX) {
        const entries = await this.#log.read(partition, from, READ_RECORDS);
        for (const entry of entries) {
          latest.set(entry.key, entry);
          bytes += entry.value?.length ?? 0;
        }
        const last = entries.at(-1);
        // Nothing left before the end: what was there has been compacted away.
        from = last === undefined ? end : ((last.offset + 1) as Offset);
      }
      next[partition] = from;
    }
    if (latest.size > 0) await this.#snapshot.write([...latest.values()]);
    await this.#snapshot.saveCheckpoint(next);
    this.#folded.splice(0, next.length, ...next);
    this.checkpoints++;
  }

  #foldedTo(partition: number): Offset {
    return this.#folded[partition] ?? (0 as Offset);
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#timers.after(delayMs, resolve);
      this.#endWait = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
