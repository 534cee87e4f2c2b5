/**
 * Keeps the snapshot of one topic of the event log up to date, for its share of the partitions: decides when a step is due and tries
 * again what failed. It may run any number of times on one snapshot, with shares that overlap: rows carry their offset, so every step
 * is idempotent, and whoever takes a partition on goes on from its checkpoint.
 */
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { EventLog, Offset } from '../event-log/event-log.ts';
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';
import { followEnds, pollEnds, type EndListener, type EndWatch } from './end-watch.ts';
import { HeldPartitions } from './held-partitions.ts';
import { allPartitions, type PartitionShare } from './partition-share.ts';
import type { SnapshotFold } from './snapshot-fold.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

/** First wait after a failure of log or snapshot; doubled with each failure that follows. */
const RETRY_DELAY_MIN_MS = 100;
const RETRY_DELAY_MAX_MS = 10_000;

export interface MetadataServiceOptions {
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  readonly fold: SnapshotFold;
  /** Default: all partitions. */
  readonly share?: PartitionShare;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Records behind at which a checkpoint is taken at once. Default 10,000. */
  readonly checkpointRecords?: number;
  /** How long a record may wait for its checkpoint otherwise. Default 5,000. */
  readonly checkpointIntervalMs?: number;
  /** Asks the log for its ends as often as this instead of following it: for a process that needs no record but its share's. */
  readonly pollMs?: number;
  /** Called with every failure of log or snapshot; the service tries again by itself. */
  readonly onFailure?: (error: unknown) => void;
  /** Called with the partitions that came and those that went when the share has changed. */
  readonly onShare?: (taken: readonly number[], released: readonly number[]) => void;
}

/** How far the snapshot is behind in one partition. */
export interface PartitionLag {
  readonly partition: number;
  /** Not in the checkpoint yet; more than there are where compaction has left gaps. */
  readonly records: number;
  /** Since the first of them was written. */
  readonly ms: number;
}

export class MetadataService {
  /** Failures of log or snapshot since the start; each was tried again. */
  failures = 0;
  /** What failed last, of folding and of asking for news; undefined: it has worked since. */
  #foldTrouble: unknown;
  #watchTrouble: unknown;
  readonly #options: MetadataServiceOptions;
  readonly #share: PartitionShare;
  readonly #held = new HeldPartitions();
  readonly #writer: SnapshotWriter;
  #watch: EndWatch | undefined;
  #unwatchShare: () => void = () => undefined;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;
  /** One step more, and no failed one is tried again. */
  #finishing = false;
  #endWait: (() => void) | undefined;

  private constructor(options: MetadataServiceOptions) {
    const { log, snapshot, fold, clock, share = allPartitions(log.partitionCount) } = options;
    this.#options = options;
    this.#share = share;
    const isStopping = (): boolean => this.#stopping;
    this.#writer = new SnapshotWriter({ log, snapshot, fold, share, held: this.#held, clock, isStopping });
  }

  /** Resolves when the service knows where it stands; what was there before is folded in the background. */
  static async start(options: MetadataServiceOptions): Promise<MetadataService> {
    const service = new MetadataService(options);
    try {
      await service.#begin();
    } catch (error) {
      await service.stop();
      throw error;
    }
    return service;
  }

  /** What keeps the snapshot from being brought up to date; undefined: nothing. */
  get trouble(): unknown {
    return this.#foldTrouble ?? this.#watchTrouble;
  }

  /** Checkpoints taken since the start. */
  get checkpoints(): number {
    return this.#writer.checkpoints;
  }

  /** Records read from the log since the start. */
  get records(): number {
    return this.#writer.records;
  }

  /** Rows written to the snapshot since the start. */
  get rows(): number {
    return this.#writer.rows;
  }

  /** Records of the share that are not in the checkpoint yet; more than there are where compaction has left gaps. */
  get lagRecords(): number {
    return this.#held.lagRecords;
  }

  /** Of each partition of the share. */
  get lags(): readonly PartitionLag[] {
    const nowMs = this.#options.clock.nowMs();
    return this.#held.all
      .map((held) => ({ partition: held.partition, records: held.lagRecords, ms: held.lagMs(nowMs) }))
      .toSorted((a, b) => a.partition - b.partition);
  }

  /** Next offset per partition that is not in the checkpoint; 0 where the partition is not ours. */
  get checkpoint(): readonly Offset[] {
    const { partitionCount } = this.#options.log;
    return Array.from({ length: partitionCount }, (_, partition) => this.#foldedTo(partition));
  }

  /** Resolves when every record of the share that is in the log now is in the checkpoint; rejects if the service stops before. */
  async flush(): Promise<void> {
    const ends = await this.#options.log.endOffsets();
    this.#noteEnds(ends.entries());
    while (this.#held.all.some(({ partition, folded }) => (folded ?? -1) < (ends[partition] ?? 0))) {
      if (this.#stopping) {
        throw new StoreUnavailableError(
          'The snapshot',
          'the metadata service stopped before it was up to date.',
        );
      }
      await this.#run();
    }
  }

  /** Lets a step that is under way end, tries no failed one again, and hears of nothing more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#endWait?.();
    this.#unwatchShare();
    await this.#watch?.stop();
    await this.#running;
  }

  /** Takes one more checkpoint if that works at once, and stops. Never rejects. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#endWait?.();
    try {
      await this.#running;
      this.#noteEnds((await this.#options.log.endOffsets()).entries());
      await this.#run();
    } catch (error) {
      this.#failed(error);
    }
    await this.stop();
  }

  async #begin(): Promise<void> {
    const { log, timers, pollMs } = this.#options;
    this.#unwatchShare = this.#share.watch((partitions) => {
      this.#divide(partitions);
    });
    await this.#writer.load();
    const ends = await log.endOffsets();
    const listener: EndListener = (news) => {
      this.#watchTrouble = undefined;
      this.#noteEnds(news);
      this.#trigger();
    };
    const onFailure = (error: unknown): void => {
      this.#watchTrouble = error;
      this.#failed(error);
    };
    this.#watch =
      pollMs === undefined
        ? await followEnds(log, ends, listener)
        : pollEnds(log, { timers, everyMs: pollMs, onFailure }, listener);
    listener(ends.entries());
  }

  #divide(partitions: readonly number[]): void {
    if (this.#stopping) return;
    const ours = new Set(partitions);
    const released = this.#held.all.flatMap(({ partition }) => (ours.has(partition) ? [] : [partition]));
    const taken = partitions.filter((partition) => this.#held.get(partition) === undefined);
    for (const partition of released) {
      this.#held.release(partition);
      this.#writer.release(partition);
    }
    for (const partition of taken) this.#held.take(partition);
    if (taken.length > 0 || released.length > 0) this.#options.onShare?.(taken, released);
    // Before we watch the log, whoever starts us goes on from here.
    if (this.#watch !== undefined) this.#trigger();
  }

  #noteEnds(ends: Iterable<readonly [partition: number, end: Offset]>): void {
    this.#held.noteEnds(ends, this.#options.clock.nowMs());
  }

  #trigger(): void {
    if (this.#stopping || this.#finishing || this.#running !== undefined) return;
    const { timers, checkpointRecords = 10_000, checkpointIntervalMs = 5_000 } = this.#options;
    const lag = this.lagRecords;
    if (lag >= checkpointRecords || this.#held.hasUnloaded) {
      void this.#run();
    } else if (lag > 0) {
      this.#timer ??= timers.after(checkpointIntervalMs, () => {
        this.#timer = undefined;
        void this.#run();
      });
    }
  }

  /** One run at a time: whoever asks during a run waits for that one. Never rejects. */
  #run(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running ??= this.#foldToEnd().finally(() => {
      this.#running = undefined;
      this.#trigger();
    });
    return this.#running;
  }

  async #foldToEnd(): Promise<void> {
    let retryDelayMs = RETRY_DELAY_MIN_MS;
    while (!this.#stopping && (this.lagRecords > 0 || this.#held.hasUnloaded)) {
      try {
        await this.#writer.load();
        await this.#writer.seed();
        await this.#writer.readBatch();
        await this.#writer.writeBatch();
        retryDelayMs = RETRY_DELAY_MIN_MS;
        this.#foldTrouble = undefined;
      } catch (error) {
        this.#foldTrouble = error;
        this.#failed(error);
        await this.#wait(retryDelayMs);
        retryDelayMs = Math.min(2 * retryDelayMs, RETRY_DELAY_MAX_MS);
      }
      if (this.#finishing) return;
    }
  }

  #foldedTo(partition: number): Offset {
    return this.#held.get(partition)?.folded ?? (0 as Offset);
  }

  #failed(error: unknown): void {
    this.failures++;
    this.#options.onFailure?.(error);
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#stopping || this.#finishing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.timers.after(delayMs, resolve);
      this.#endWait = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
