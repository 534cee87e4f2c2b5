/**
 * The state of all queues: what the journal's records add up to. Live operations and replay change it through
 * the same methods. Reads no file and no clock.
 */
import type { QueueKey } from '../../../queue/durable-queue.ts';
import { TenantTotals } from '../../../queue/tenant-totals.ts';
import { BLOCK_WORDS, EntryArena } from './entry-arena.ts';
import { ExpiryBuckets } from './expiry-buckets.ts';
import { QueueIndex } from './queue-index.ts';
import type { IndexEntry, IndexMemory } from './queue-index.ts';
import { SegmentUsage } from './segment-usage.ts';
import { EXTENT_BLOCKS } from './spill-file.ts';
import type { SpillFile } from './spill-file.ts';

/** Spilling goes this far below the bound, so that it is rare. */
const SPILL_TARGET = 0.9;
/** When the bound cannot be met, many shallow queues being the reason, the next try waits for this much growth. */
const SPILL_RETRY_GROWTH = 1.05;
/** Both ends of a queue stay in memory, an extent each. */
const SPILLABLE_BLOCKS_MIN = 3 * EXTENT_BLOCKS;

export class QueueTable {
  readonly memory: IndexMemory;
  readonly totals = new TenantTotals();
  readonly #queues = new Map<string, QueueIndex>();
  readonly #expiry = new ExpiryBuckets();
  #spillAgainAt = 0;

  constructor(spill: SpillFile) {
    this.memory = { arena: new EntryArena(), usage: new SegmentUsage(), spill };
  }

  get queueCount(): number {
    return this.#queues.size;
  }

  queues(): IterableIterator<QueueIndex> {
    return this.#queues.values();
  }

  find(key: QueueKey): QueueIndex | undefined {
    return this.#queues.get(key.text);
  }

  findOrCreate(key: QueueKey): QueueIndex {
    let queue = this.#queues.get(key.text);
    if (queue === undefined) {
      queue = new QueueIndex(key, this.memory, this.totals.of(key.tenant));
      this.#queues.set(key.text, queue);
    }
    return queue;
  }

  /** A message that a record or a checkpoint says is there. */
  restore(queue: QueueIndex, seq: number, entry: IndexEntry, nowS: number): void {
    queue.restore(seq, entry);
    this.noteExpiry(queue, seq, entry.expiresAtS, nowS);
  }

  noteExpiry(queue: QueueIndex, seq: number, expiresAtS: number, nowS: number): void {
    if (expiresAtS !== 0) this.#expiry.add(queue, seq, expiresAtS, nowS);
  }

  /** See `ExpiryBuckets.due`. */
  expired(nowS: number, positionsMax: number): Generator<{ queue: QueueIndex; seqs: number[] }> {
    return this.#expiry.due(nowS, positionsMax);
  }

  drop(queue: QueueIndex): void {
    queue.discard();
    this.#expiry.forget(queue);
    this.#queues.delete(queue.key.text);
  }

  /** Spills the middle of the deepest queues until the index fits `bytesMax` with some room to spare. */
  spillBeyond(bytesMax: number): void {
    const { arena } = this.memory;
    if (arena.bytes <= Math.max(bytesMax, this.#spillAgainAt)) return;
    const target = bytesMax * SPILL_TARGET;
    const deepest = [...this.#queues.values()].filter((queue) => queue.blockCount >= SPILLABLE_BLOCKS_MIN);
    deepest.sort((left, right) => right.blockCount - left.blockCount);
    for (const queue of deepest) {
      if (arena.bytes <= target) return;
      queue.spillMiddle(Math.ceil((arena.bytes - target) / (BLOCK_WORDS * 4)));
    }
    this.#spillAgainAt = arena.bytes * SPILL_RETRY_GROWTH;
  }
}
