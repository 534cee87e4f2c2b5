/**
 * The steps that bring a snapshot up to date: load the checkpoint of a partition, seed the fold, read a batch, write it. Each may
 * fail and is then tried again where it was: nothing of a batch counts before its checkpoint is durable, and nothing is folded twice.
 */
import type { EventLog, Offset } from '../event-log/event-log.ts';
import type { Clock } from '../time/clock.ts';
import type { HeldPartition, HeldPartitions } from './held-partitions.ts';
import type { PartitionShare } from './partition-share.ts';
import { SnapshotBatch } from './snapshot-batch.ts';
import type { SnapshotFold } from './snapshot-fold.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** Records asked of the log at a time; it hands over fewer when they are large. */
const READ_RECORDS = 10_000;

export interface SnapshotWriterParts {
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  readonly fold: SnapshotFold;
  readonly share: PartitionShare;
  readonly held: HeldPartitions;
  readonly clock: Clock;
  /** Then no step begins, and none goes further than to the end of the call that is under way. */
  readonly isStopping: () => boolean;
}

export class SnapshotWriter {
  checkpoints = 0;
  /** Records read from the log. */
  records = 0;
  /** Rows written because of them. */
  rows = 0;
  readonly #parts: SnapshotWriterParts;
  readonly #batch = new SnapshotBatch();

  constructor(parts: SnapshotWriterParts) {
    this.#parts = parts;
  }

  /** Somebody else folds the partition. What is under way of it may still be written: that harms nobody. */
  release(partition: number): void {
    this.#batch.drop(partition);
    this.#parts.fold.release(partition);
  }

  /** Learns where partitions that were taken on stand: whoever had them before may have gone on until just now. */
  async load(): Promise<void> {
    const { log, snapshot, held, clock } = this.#parts;
    const wanted = held.all.filter(({ folded }) => folded === undefined);
    if (wanted.length === 0) return;
    const starts = await log.startOffsets();
    const checkpoint = await snapshot.loadCheckpoint();
    const ends = await log.endOffsets();
    for (const one of wanted) {
      const start = starts[one.partition] ?? 0;
      one.folded = Math.max(start, checkpoint?.[one.partition] ?? 0) as Offset;
      one.read = one.folded;
      one.end = one.folded;
    }
    held.noteEnds(ends.entries(), clock.nowMs());
    this.#noteCheckpoint(wanted);
  }

  /** Only where there is something to fold, so that an idle service costs no scan. */
  async seed(): Promise<void> {
    const { snapshot, fold, held, isStopping } = this.#parts;
    for (const one of held.all) {
      if (one.seeded || one.lagRecords === 0) continue;
      if (fold.needsSeed) {
        // A scan that broke off has left something behind.
        fold.release(one.partition);
        one.removed.clear();
        const from: Offset[] = [];
        from[one.partition] = one.read;
        for await (const rows of snapshot.scan(one.partition, from)) {
          if (!held.has(one) || isStopping()) return;
          fold.seed(one.removed.sift(rows));
        }
      }
      one.seeded = true;
    }
  }

  async readBatch(): Promise<void> {
    for (const one of this.#parts.held.all) {
      while (this.#mayRead(one)) await this.#read(one);
      if (one.read !== one.folded) this.#parts.held.moveBack(one);
    }
  }

  /** Rows first, then the checkpoint that promises them. */
  async writeBatch(): Promise<void> {
    const { log, snapshot, held, clock } = this.#parts;
    const moved = held.all.flatMap((one) =>
      one.folded !== undefined && one.read > one.folded ? [{ one, read: one.read }] : [],
    );
    if (moved.length === 0) return;
    const { rows } = this.#batch;
    if (rows.length > 0) await snapshot.write(rows);
    const offsets = Array.from({ length: log.partitionCount }, () => 0 as Offset);
    for (const { one, read } of moved) offsets[one.partition] = read;
    await snapshot.saveCheckpoint(offsets);
    this.#batch.clear();
    this.rows += rows.length;
    this.checkpoints++;
    const nowMs = clock.nowMs();
    for (const { one, read } of moved) {
      one.folded = read;
      one.behindSinceMs = one.lagRecords === 0 ? undefined : nowMs;
    }
    this.#noteCheckpoint(moved.map(({ one }) => one));
  }

  async #read(one: HeldPartition): Promise<void> {
    const { log, fold, held } = this.#parts;
    const { partition, end } = one;
    const entries = await log.read(partition, one.read, READ_RECORDS);
    if (!held.has(one)) return;
    const [first] = entries;
    if (first !== undefined && one.read === one.folded) one.behindSinceMs = first.timestampMs;
    this.#batch.add(fold.fold(one.removed.news(entries)));
    this.records += entries.length;
    const last = entries.at(-1);
    // Nothing left before the end: what was there has been compacted away.
    one.read = last === undefined ? end : ((last.offset + 1) as Offset);
  }

  #mayRead(one: HeldPartition): boolean {
    const { held, isStopping } = this.#parts;
    return one.seeded && one.read < one.end && !this.#batch.isFull && held.has(one) && !isStopping();
  }

  #noteCheckpoint(of: readonly HeldPartition[]): void {
    const { held, share } = this.#parts;
    const folded = new Map<number, Offset>();
    for (const one of of)
      if (one.folded !== undefined && held.has(one)) folded.set(one.partition, one.folded);
    share.noteCheckpoint(folded);
  }
}
