/**
 * The durable queue store of the embedded profile: a journal, an index of it in memory, and checkpoints of the
 * index. See docs/adr/0003-embedded-store.md for why. One process per directory.
 */
import path from 'node:path';
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type {
  AppendEntry,
  AppendResult,
  DurableQueueStore,
  QueueBounds,
  QueueEntry,
  QueueKey,
  QueueQuota,
  QueueTotal,
  QueueTrim,
  ReadLimits,
  Seq,
  TenantQueueQuota,
} from '../../../queue/durable-queue.ts';
import type { TenantId } from '../../../tenancy/identity.ts';
import { SINGLE_LANE } from '../../../queue/single-lane.ts';
import { nodeFileSystem } from '../file-system.ts';
import type { FileSystem } from '../file-system.ts';
import { lockDirectory } from '../journal/directory-lock.ts';
import type { DirectoryLock } from '../journal/directory-lock.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalEvent } from '../journal/recovery.ts';
import { AppendStager } from './append-stager.ts';
import type { CheckpointKeeper } from './checkpoint-keeper.ts';
import { MARKED_FLAG } from './entry-arena.ts';
import type { QueueIndex } from './queue-index.ts';
import { QueueReader } from './queue-reader.ts';
import {
  DROPPED,
  droppedBody,
  MARKED,
  POSITIONS_PER_RECORD_MAX,
  positionsBody,
  QUOTA,
  quotaBody,
  REMOVED,
  TRIMMED,
  trimmedBody,
} from './queue-records.ts';
import type { QueueTable } from './queue-table.ts';
import { SegmentCleaner } from './segment-cleaner.ts';
import { recoverStore } from './store-recovery.ts';

export const DEFAULT_INDEX_BYTES_MAX = 256 * 1024 * 1024;
export const DEFAULT_CHECKPOINT_BYTES = 128 * 1024 * 1024;
/** A checkpoint waits for this many times its own size of journal, so that it never costs more than a quarter. */
const CHECKPOINT_SIZE_FACTOR = 4;
/** Queues per batch of `list`. */
const LIST_BATCH = 256;
/** Positions one call of `sweepExpired` looks at. */
const SWEEP_POSITIONS_MAX = 100_000;

/** What the store reports besides answering calls; none of it stops it. */
export type StoreEvent =
  | JournalEvent
  | { readonly type: 'checkpointDamaged'; readonly path: string; readonly error: unknown }
  /** A message that was durable cannot be read any more and was taken out of its queue. */
  | { readonly type: 'messageLost'; readonly queue: QueueKey; readonly seq: Seq; readonly error: unknown }
  /** Checkpoint or cleaning failed; tried again later. */
  | { readonly type: 'maintenanceFailed'; readonly error: unknown };

export interface EmbeddedQueueStoreOptions {
  /** Made if it is not there. */
  readonly directory: string;
  /** `os` survives `kill -9`, not a loss of power. */
  readonly durability: 'fsync' | 'os';
  readonly defaultQuota: QueueQuota;
  /** In place of it, asked at each append. Default: every tenant has `defaultQuota`. */
  readonly quotaOf?: ((tenant: TenantId) => TenantQueueQuota) | undefined;
  readonly nowMs: () => number;
  readonly segmentBytes?: number;
  /** Blocks of segments kept for reading. */
  readonly cacheBytes?: number;
  /** Index in memory; beyond it the middle of deep queues goes to a scratch file. */
  readonly indexBytesMax?: number;
  /** Journal bytes between two checkpoints, at least. */
  readonly checkpointBytes?: number;
  readonly fileSystem?: FileSystem;
  readonly observe?: (event: StoreEvent) => void;
}

/** Gauges; bytes unless said otherwise. */
export interface EmbeddedQueueStats {
  readonly segments: number;
  readonly diskBytes: number;
  readonly liveBytes: number;
  readonly queues: number;
  readonly indexBytes: number;
  readonly spilledBytes: number;
  readonly cacheBytes: number;
  readonly unsyncedBytes: number;
  /** Since the start, count. */
  readonly syncs: number;
  readonly segmentsRewritten: number;
  /** Found at the start. */
  readonly tornBytes: number;
  readonly damagedBytes: number;
}

/**
 * Opens or creates the store in a directory. Rejects with `DirectoryLockedError` while another process uses it;
 * damage found is repaired as far as it can be and reported to `observe`.
 */
export async function openEmbeddedQueueStore(
  options: EmbeddedQueueStoreOptions,
): Promise<EmbeddedQueueStore> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const directory = path.resolve(options.directory);
  await fileSystem.makeDirectory(directory);
  const lock = await lockDirectory(fileSystem, directory);
  try {
    let store: EmbeddedQueueStore | undefined = undefined;
    const recovered = await recoverStore({
      ...options,
      directory,
      fileSystem,
      indexBytesMax: options.indexBytesMax ?? DEFAULT_INDEX_BYTES_MAX,
      observe: options.observe ?? (() => undefined),
      onDurable: () => store?.maintain(),
    });
    store = new EmbeddedQueueStore(options, lock, recovered);
    return store;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

export interface StoreParts {
  readonly table: QueueTable;
  readonly journal: Journal;
  readonly checkpoints: CheckpointKeeper;
}

export class EmbeddedQueueStore implements DurableQueueStore {
  readonly lanes = SINGLE_LANE;
  readonly totalsAreExact = true;
  readonly #table: QueueTable;
  readonly #journal: Journal;
  readonly #checkpoints: CheckpointKeeper;
  readonly #cleaner: SegmentCleaner;
  readonly #stager: AppendStager;
  readonly #reader: QueueReader;
  readonly #lock: DirectoryLock;
  readonly #nowMs: () => number;
  readonly #observe: (event: StoreEvent) => void;
  readonly #indexBytesMax: number;
  readonly #checkpointBytes: number;
  readonly #directory: string;
  #checkpointedAtBytes = 0;
  #maintenance: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Use `openEmbeddedQueueStore`. */
  constructor(options: EmbeddedQueueStoreOptions, lock: DirectoryLock, parts: StoreParts) {
    this.#table = parts.table;
    this.#journal = parts.journal;
    this.#checkpoints = parts.checkpoints;
    this.#lock = lock;
    this.#nowMs = options.nowMs;
    this.#observe = options.observe ?? (() => undefined);
    this.#indexBytesMax = options.indexBytesMax ?? DEFAULT_INDEX_BYTES_MAX;
    this.#checkpointBytes = options.checkpointBytes ?? DEFAULT_CHECKPOINT_BYTES;
    this.#directory = options.directory;
    this.#cleaner = new SegmentCleaner(this.#table, this.#journal);
    this.#stager = new AppendStager(
      this.#table,
      this.#journal,
      options.quotaOf ?? (() => options.defaultQuota),
    );
    this.#reader = new QueueReader(this.#journal, (queue, seq, error) => {
      this.#removePositions(queue, [seq]);
      this.#observe({ type: 'messageLost', queue: queue.key, seq: seq as Seq, error });
    });
  }

  get unsyncedBytes(): number {
    return this.#journal.unsyncedBytes;
  }

  async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    this.#assertOpen();
    const results = this.#stager.stage(batch, this.#nowS());
    this.#table.spillBeyond(this.#indexBytesMax);
    await this.#journal.durable();
    return results;
  }

  async read(key: QueueKey, from: Seq, limits: ReadLimits): Promise<readonly QueueEntry[]> {
    this.#assertOpen();
    const queue = this.#table.find(key);
    return queue === undefined ? [] : this.#reader.read(queue, from, limits);
  }

  async trim(trims: readonly QueueTrim[]): Promise<void> {
    this.#assertOpen();
    this.#journal.assertRoomFor(trims.length * 128);
    const effective: QueueTrim[] = [];
    for (const { queue: key, through } of trims) {
      const queue = this.#table.find(key);
      if (queue === undefined || queue.messages === 0 || through < queue.head) continue;
      const last = Math.min(through, queue.next - 1) as Seq;
      queue.trim(last);
      effective.push({ queue: key, through: last });
    }
    for (let start = 0; start < effective.length; start += POSITIONS_PER_RECORD_MAX) {
      this.#journal.append(TRIMMED, trimmedBody(effective.slice(start, start + POSITIONS_PER_RECORD_MAX)));
    }
    await this.#journal.durable();
  }

  async mark(key: QueueKey, seqs: readonly Seq[]): Promise<void> {
    this.#assertOpen();
    const queue = this.#table.find(key);
    if (queue !== undefined) {
      this.#journal.assertRoomFor(seqs.length * 16);
      const present = seqs.filter((seq) => queue.isPresent(seq));
      for (const seq of present) queue.setFlags(seq, queue.flagsOf(seq) | MARKED_FLAG);
      this.#appendPositions(MARKED, queue, present);
    }
    await this.#journal.durable();
  }

  async bounds(key: QueueKey): Promise<QueueBounds> {
    this.#assertOpen();
    const queue = this.#table.find(key);
    if (queue === undefined) return { min: 1 as Seq, next: 1 as Seq, messages: 0, bytes: 0 };
    const last = queue.next - 1;
    // A position that a crash could still take back is not a bound.
    if (queue.isPresent(last) && !this.#journal.isDurable(queue.segmentOf(last), queue.offsetOf(last))) {
      await this.#journal.durable();
    }
    return boundsOf(queue);
  }

  async drop(key: QueueKey): Promise<void> {
    this.#assertOpen();
    const queue = this.#table.find(key);
    if (queue !== undefined) {
      this.#journal.append(DROPPED, droppedBody(key));
      this.#table.drop(queue);
    }
    await this.#journal.durable();
  }

  async setQuota(key: QueueKey, quota: QueueQuota | undefined): Promise<void> {
    this.#assertOpen();
    if (quota !== undefined || this.#table.find(key) !== undefined) {
      this.#journal.append(QUOTA, quotaBody(key, quota));
      this.#table.findOrCreate(key).quota = quota;
    }
    await this.#journal.durable();
  }

  total(tenant: TenantId): QueueTotal {
    return this.#table.totals.peek(tenant);
  }

  async *list(): AsyncIterable<readonly (QueueBounds & { readonly queue: QueueKey })[]> {
    this.#assertOpen();
    let batch: (QueueBounds & { readonly queue: QueueKey })[] = [];
    for (const queue of this.#table.queues()) {
      if (queue.messages === 0) continue;
      batch.push({ queue: queue.key, ...boundsOf(queue) });
      if (batch.length === LIST_BATCH) {
        yield batch;
        batch = [];
        await nextTurn();
      }
    }
    if (batch.length > 0) yield batch;
  }

  async sweepExpired(nowMs: number): Promise<number> {
    this.#assertOpen();
    this.#journal.assertRoomFor(SWEEP_POSITIONS_MAX * 16);
    let swept = 0;
    for (const { queue, seqs } of this.#table.expired(Math.floor(nowMs / 1000), SWEEP_POSITIONS_MAX)) {
      swept += this.#removePositions(queue, seqs);
    }
    await this.#journal.durable();
    return swept;
  }

  stats(): EmbeddedQueueStats {
    const segments = this.#journal.segments();
    const { arena, usage, spill } = this.#table.memory;
    return {
      segments: segments.length,
      diskBytes: segments.reduce((sum, { bytes }) => sum + bytes, 0) + this.#checkpoints.bytes,
      liveBytes: usage.liveBytes,
      queues: this.#table.queueCount,
      indexBytes: arena.bytes,
      spilledBytes: spill.bytes,
      cacheBytes: this.#journal.cacheBytes,
      unsyncedBytes: this.#journal.unsyncedBytes,
      syncs: this.#journal.syncs,
      segmentsRewritten: this.#cleaner.rewritten,
      tornBytes: this.#journal.tornBytes,
      damagedBytes: this.#journal.damagedBytes,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Takes a checkpoint and cleans up behind it when enough was written since the last one. */
  maintain(): void {
    if (this.#maintenance !== undefined || this.#closing !== undefined) return;
    const dueBytes = Math.max(this.#checkpointBytes, this.#checkpoints.bytes * CHECKPOINT_SIZE_FACTOR);
    if (this.#journal.appendedBytes - this.#checkpointedAtBytes < dueBytes) return;
    this.#maintenance = this.#checkpointAndClean()
      .catch((error: unknown) => {
        this.#observe({ type: 'maintenanceFailed', error });
      })
      .finally(() => {
        this.#maintenance = undefined;
      });
  }

  async #checkpointAndClean(): Promise<void> {
    this.#checkpointedAtBytes = this.#journal.appendedBytes;
    await this.#checkpoints.take(this.#table, this.#journal);
    await this.#cleaner.run(this.#checkpoints.neededFrom.segment);
  }

  async #close(): Promise<void> {
    try {
      await this.#maintenance;
      await this.#journal.durable();
      if (!this.#checkpoints.isCurrent(this.#journal))
        await this.#checkpoints.take(this.#table, this.#journal);
    } finally {
      try {
        await this.#journal.close();
      } finally {
        await this.#table.memory.spill.close();
        await this.#lock.release();
      }
    }
  }

  #removePositions(queue: QueueIndex, seqs: readonly number[]): number {
    const removed = seqs.filter((seq) => queue.remove(seq));
    this.#appendPositions(REMOVED, queue, removed);
    return removed.length;
  }

  #appendPositions(type: number, queue: QueueIndex, seqs: readonly number[]): void {
    for (let start = 0; start < seqs.length; start += POSITIONS_PER_RECORD_MAX) {
      const part = seqs.slice(start, start + POSITIONS_PER_RECORD_MAX);
      this.#journal.append(type, positionsBody(queue.key, part));
    }
  }

  #nowS(): number {
    return Math.floor(this.#nowMs() / 1000);
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return;
    throw new StoreUnavailableError(`the queue store in ${this.#directory}`, 'it was closed; open it again');
  }
}

function boundsOf(queue: QueueIndex): QueueBounds {
  return { min: queue.head as Seq, next: queue.next, messages: queue.messages, bytes: queue.bytes };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
