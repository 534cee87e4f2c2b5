/**
 * The index of one queue: where each of its messages lies in the journal, by position. Deep queues keep only
 * their two ends in memory (see `spill-file.ts`); whoever touches the middle gets it loaded.
 */
import type { QueueKey, QueueQuota, Seq } from '../../../queue/durable-queue.ts';
import { ProducerWindow } from '../../../queue/producer-window.ts';
import type { TenantTotal } from '../../../queue/tenant-totals.ts';
import {
  BLOCK_ENTRIES,
  BYTES_WORD,
  ENTRY_WORDS,
  EXPIRES_WORD,
  FLAGS_WORD,
  OFFSET_WORD,
  REMOVED_FLAG,
  SEGMENT_WORD,
} from './entry-arena.ts';
import type { EntryArena } from './entry-arena.ts';
import type { SegmentUsage } from './segment-usage.ts';
import { EXTENT_BLOCKS } from './spill-file.ts';
import type { SpillFile } from './spill-file.ts';

export interface IndexEntry {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
  readonly expiresAtS: number;
  readonly flags: number;
}

/** What all queues of a store share. */
export interface IndexMemory {
  readonly arena: EntryArena;
  readonly usage: SegmentUsage;
  readonly spill: SpillFile;
}

/** Dead block numbers at the front of `#blocks` are cut off once there are this many. */
const DEAD_BLOCKS_MAX = 1024;

export class QueueIndex {
  readonly key: QueueKey;
  readonly producers = new ProducerWindow();
  quota: QueueQuota | undefined;
  /** Set when the queue is dropped; a queue of the same name is then a different one. */
  dropped = false;
  messages = 0;
  bytes = 0;
  readonly #memory: IndexMemory;
  readonly #total: TenantTotal;
  /** Block numbers from `#firstBlock` on; negative ones are spilled, see `SpillFile`. */
  #blocks: number[] = [];
  #firstBlock = 0;
  /** Position of the first slot of the first block. */
  #base: number;
  #head: number;
  #next: number;

  /** `total`: of its tenant, changed with it. */
  constructor(key: QueueKey, memory: IndexMemory, total: TenantTotal, next = 1) {
    this.key = key;
    this.#memory = memory;
    this.#total = total;
    this.#base = next;
    this.#head = next;
    this.#next = next;
  }

  /** First position present; `next` when there is none. */
  get head(): number {
    return this.#head;
  }

  get next(): Seq {
    return this.#next as Seq;
  }

  /** Blocks in memory, about: what spilling could gain. */
  get blockCount(): number {
    return this.#blocks.length - this.#firstBlock;
  }

  /** Takes the next position for a message; `place` must follow in the same turn. */
  reserve(bytes: number): Seq {
    this.#count(1, bytes);
    return this.#next++ as Seq;
  }

  /** Says where a reserved position lies. */
  place(
    seq: number,
    segment: number,
    offset: number,
    bytes: number,
    expiresAtS: number,
    flags: number,
  ): void {
    this.#growTo(seq);
    this.#write(seq, segment, offset, bytes, expiresAtS, flags);
    this.#memory.usage.add(segment, bytes);
  }

  /** As `reserve` and `place`, at any position: positions skipped over become holes. Used when replaying. */
  restore(seq: number, entry: IndexEntry): void {
    if (this.messages === 0 && seq > this.#next) this.skipTo(seq);
    if (seq < this.#base) this.#growFront(seq);
    this.#growTo(seq);
    while (this.#next <= seq) this.#setWord(this.#next++, FLAGS_WORD, REMOVED_FLAG);
    if (this.isPresent(seq)) this.#release(seq);
    this.#write(seq, entry.segment, entry.offset, entry.bytes, entry.expiresAtS, entry.flags);
    this.#memory.usage.add(entry.segment, entry.bytes);
    this.#count(1, entry.bytes);
    if (seq < this.#head || this.messages === 1) this.#head = seq;
  }

  /** Positions below `next` are taken, whether or not their messages are known. Used when replaying. */
  skipTo(next: number): void {
    if (this.messages > 0) {
      if (next > this.#next) this.#growTo(next - 1);
      while (this.#next < next) this.#setWord(this.#next++, FLAGS_WORD, REMOVED_FLAG);
    } else if (next > this.#next) {
      this.#next = next;
      this.#clear();
    }
  }

  isPresent(seq: number): boolean {
    return seq >= this.#head && seq < this.#next && (this.#word(seq, FLAGS_WORD) & REMOVED_FLAG) === 0;
  }

  segmentOf(seq: number): number {
    return this.#word(seq, SEGMENT_WORD);
  }

  offsetOf(seq: number): number {
    return this.#word(seq, OFFSET_WORD);
  }

  bytesOf(seq: number): number {
    return this.#word(seq, BYTES_WORD);
  }

  expiresAtSOf(seq: number): number {
    return this.#word(seq, EXPIRES_WORD);
  }

  flagsOf(seq: number): number {
    return this.#word(seq, FLAGS_WORD);
  }

  setFlags(seq: number, flags: number): void {
    this.#setWord(seq, FLAGS_WORD, flags);
  }

  /** The record of a present message was copied. */
  moveTo(seq: number, segment: number, offset: number): void {
    const bytes = this.bytesOf(seq);
    this.#memory.usage.release(this.segmentOf(seq), bytes);
    this.#memory.usage.add(segment, bytes);
    this.#setWord(seq, SEGMENT_WORD, segment);
    this.#setWord(seq, OFFSET_WORD, offset);
  }

  /** Removes everything up to `through`; returns how many messages went. */
  trim(through: number): number {
    const last = Math.min(through, this.#next - 1);
    const before = this.messages;
    while (this.#head <= last) {
      if ((this.#word(this.#head, FLAGS_WORD) & REMOVED_FLAG) === 0) this.#release(this.#head);
      this.#head++;
      if (this.#head - this.#base > EXTENT_BLOCKS * BLOCK_ENTRIES) this.#freeBehindHead();
    }
    this.#advanceHead();
    return before - this.messages;
  }

  /** Removes one message, wherever it is. False when it is not there. */
  remove(seq: number): boolean {
    if (!this.isPresent(seq)) return false;
    this.#release(seq);
    this.#setWord(seq, FLAGS_WORD, REMOVED_FLAG);
    this.#advanceHead();
    return true;
  }

  /** Copies entries from `from` on, `ENTRY_WORDS` each, into `target`; returns how many. Loads nothing for good. */
  copyEntries(from: number, target: Uint32Array): number {
    const slot = (from - this.#base) % BLOCK_ENTRIES;
    const count = Math.min(BLOCK_ENTRIES - slot, this.#next - from, target.length / ENTRY_WORDS);
    const block = this.#blocks[this.#firstBlock + (from - this.#base - slot) / BLOCK_ENTRIES];
    if (block === undefined || count <= 0) return 0;
    const { arena, spill } = this.#memory;
    const source = block < 0 ? spill.peek(block) : arena.slabOf(block);
    const start = (block < 0 ? 0 : arena.wordOf(block)) + slot * ENTRY_WORDS;
    target.set(source.subarray(start, start + count * ENTRY_WORDS));
    return count;
  }

  /** Moves blocks between the two ends to the spill file; returns how many. */
  spillMiddle(blocksMax: number): number {
    const { arena, spill } = this.#memory;
    let spilled = 0;
    const end = this.#blocks.length - EXTENT_BLOCKS;
    for (let at = this.#firstBlock + EXTENT_BLOCKS; at + EXTENT_BLOCKS <= end && spilled < blocksMax;) {
      const extent = this.#blocks.slice(at, at + EXTENT_BLOCKS);
      const spilledBefore = extent.findLastIndex((block) => block < 0);
      if (spilledBefore >= 0) {
        at += spilledBefore + 1;
        continue;
      }
      for (const [index, code] of spill.write(arena, extent).entries()) this.#blocks[at + index] = code;
      spilled += EXTENT_BLOCKS;
      at += EXTENT_BLOCKS;
    }
    return spilled;
  }

  /** Gives everything back. */
  discard(): void {
    this.trim(this.#next - 1);
    this.dropped = true;
  }

  #release(seq: number): void {
    const bytes = this.bytesOf(seq);
    this.#memory.usage.release(this.segmentOf(seq), bytes);
    this.#count(-1, -bytes);
  }

  #count(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
    this.#total.add(messages, bytes);
  }

  /** Moves the head over holes and frees the blocks behind it. */
  #advanceHead(): void {
    if (this.messages === 0) {
      this.#clear();
      return;
    }
    while ((this.#word(this.#head, FLAGS_WORD) & REMOVED_FLAG) !== 0) this.#head++;
    this.#freeBehindHead();
  }

  #freeBehindHead(): void {
    while (this.#head - this.#base >= BLOCK_ENTRIES) {
      this.#free(this.#blocks[this.#firstBlock]);
      this.#firstBlock++;
      this.#base += BLOCK_ENTRIES;
    }
    if (this.#firstBlock >= DEAD_BLOCKS_MAX && this.#firstBlock * 2 > this.#blocks.length) {
      this.#blocks = this.#blocks.slice(this.#firstBlock);
      this.#firstBlock = 0;
    }
  }

  #clear(): void {
    for (let at = this.#firstBlock; at < this.#blocks.length; at++) this.#free(this.#blocks[at]);
    this.#blocks = [];
    this.#firstBlock = 0;
    this.#base = this.#next;
    this.#head = this.#next;
  }

  #free(block: number | undefined): void {
    if (block === undefined) return;
    if (block < 0) this.#memory.spill.release(block);
    else this.#memory.arena.release(block);
  }

  #growTo(seq: number): void {
    while (this.#base + this.blockCount * BLOCK_ENTRIES <= seq)
      this.#blocks.push(this.#memory.arena.allocate());
  }

  #growFront(seq: number): void {
    const oldBase = this.#base;
    const missing = Math.ceil((oldBase - seq) / BLOCK_ENTRIES);
    const front = Array.from({ length: missing }, () => this.#memory.arena.allocate());
    this.#blocks = [...front, ...this.#blocks.slice(this.#firstBlock)];
    this.#firstBlock = 0;
    this.#base = oldBase - missing * BLOCK_ENTRIES;
    for (let hole = this.#base; hole < oldBase; hole++) this.#setWord(hole, FLAGS_WORD, REMOVED_FLAG);
    this.#head = Math.min(this.#head, seq);
  }

  #write(
    seq: number,
    segment: number,
    offset: number,
    bytes: number,
    expiresAtS: number,
    flags: number,
  ): void {
    const block = this.#blockOf(seq);
    const slab = this.#memory.arena.slabOf(block);
    const at = this.#memory.arena.wordOf(block) + ((seq - this.#base) % BLOCK_ENTRIES) * ENTRY_WORDS;
    slab[at + SEGMENT_WORD] = segment;
    slab[at + OFFSET_WORD] = offset;
    slab[at + BYTES_WORD] = bytes;
    slab[at + EXPIRES_WORD] = expiresAtS;
    slab[at + FLAGS_WORD] = flags;
  }

  #word(seq: number, word: number): number {
    const block = this.#blockOf(seq);
    const at = this.#memory.arena.wordOf(block) + ((seq - this.#base) % BLOCK_ENTRIES) * ENTRY_WORDS + word;
    return this.#memory.arena.slabOf(block)[at] ?? 0;
  }

  #setWord(seq: number, word: number, value: number): void {
    const block = this.#blockOf(seq);
    const at = this.#memory.arena.wordOf(block) + ((seq - this.#base) % BLOCK_ENTRIES) * ENTRY_WORDS + word;
    this.#memory.arena.slabOf(block)[at] = value;
  }

  /** The block of a position, in memory. */
  #blockOf(seq: number): number {
    const at = this.#firstBlock + Math.floor((seq - this.#base) / BLOCK_ENTRIES);
    const block = this.#blocks[at];
    if (block === undefined) throw new Error(`position ${seq} of queue ${this.key.text} is not in its index`);
    return block < 0 ? this.#load(at) : block;
  }

  /** Loads the whole spilled extent that holds `#blocks[at]`. */
  #load(at: number): number {
    const { arena, spill } = this.#memory;
    const first = at - spill.indexInExtent(this.#blocks[at] ?? -1);
    const loaded = spill.read(arena, this.#blocks[at] ?? -1);
    for (const [index, block] of loaded.entries()) {
      // Blocks of the extent that were freed meanwhile lie before the first block.
      if (first + index < this.#firstBlock) arena.release(block);
      else this.#blocks[first + index] = block;
    }
    return this.#blocks[at] ?? -1;
  }
}
