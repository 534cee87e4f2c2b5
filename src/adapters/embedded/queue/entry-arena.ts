/**
 * Memory for index entries, cut into small blocks of equal size that queues take and give back: a queue of one
 * message costs one block, a deep one 20 bytes a message, and nothing of it is an object the collector sees.
 */

/** An entry is five unsigned 32-bit words. */
export const ENTRY_WORDS = 5;
/** Where its record begins; many entries share the record of a message that went to many queues. */
export const SEGMENT_WORD = 0;
export const OFFSET_WORD = 1;
/** Size counted against the quota. */
export const BYTES_WORD = 2;
/** Seconds since 1970, rounded up; 0: never expires. */
export const EXPIRES_WORD = 3;
/** Flags below, packet identifier in the upper 16 bits. */
export const FLAGS_WORD = 4;

/** Bits 0-1: QoS. */
export const QOS_BITS = 0b11;
export const RETAIN_FLAG = 1 << 2;
/** The record holds subscription identifiers for this entry. */
export const IDENTIFIED_FLAG = 1 << 3;
export const MARKED_FLAG = 1 << 4;
/** Gone, but not at the front: expired, evicted, or lost to damage. */
export const REMOVED_FLAG = 1 << 5;

export const BLOCK_ENTRIES = 16;
export const BLOCK_WORDS = BLOCK_ENTRIES * ENTRY_WORDS;
export const ENTRY_BYTES = ENTRY_WORDS * 4;

const SLAB_BLOCKS_BITS = 8;
const SLAB_BLOCKS = 1 << SLAB_BLOCKS_BITS;

export class EntryArena {
  readonly #slabs: Uint32Array[] = [];
  readonly #free: number[] = [];
  #blocks = 0;

  /** Bytes of the blocks in use. */
  get bytes(): number {
    return this.#blocks * BLOCK_WORDS * 4;
  }

  /** Number of a block whose content is left over from earlier use. */
  allocate(): number {
    this.#blocks++;
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const first = this.#slabs.length << SLAB_BLOCKS_BITS;
    this.#slabs.push(new Uint32Array(SLAB_BLOCKS * BLOCK_WORDS));
    for (let block = first + SLAB_BLOCKS - 1; block > first; block--) this.#free.push(block);
    return first;
  }

  release(block: number): void {
    this.#blocks--;
    this.#free.push(block);
  }

  /** The slab that holds a block, from `wordOf(block)` on. */
  slabOf(block: number): Uint32Array {
    const slab = this.#slabs[block >> SLAB_BLOCKS_BITS];
    if (slab === undefined) throw new Error(`index block ${block} was never allocated`);
    return slab;
  }

  wordOf(block: number): number {
    return (block & (SLAB_BLOCKS - 1)) * BLOCK_WORDS;
  }
}
