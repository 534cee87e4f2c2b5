/**
 * The blocks of segment files that are in memory: least recently used ones go first, blocks with bytes that
 * are not yet on disk never. A block is BLOCK_BYTES of a segment at a multiple of BLOCK_BYTES.
 */

export const BLOCK_BYTES = 64 * 1024;
/** 2^20 blocks of 64 KiB: no segment is that large, so segment and block fit one number. */
const BLOCKS_PER_SEGMENT_MAX = 1 << 20;

export function blockKey(segment: number, block: number): number {
  return segment * BLOCKS_PER_SEGMENT_MAX + block;
}

export class BlockCache {
  readonly #bytesMax: number;
  readonly #blocks = new Map<number, Buffer>();
  readonly #pinned = new Map<number, Buffer>();
  #latest = -1;

  /** `bytesMax` bounds what is kept beyond the pinned blocks. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return (this.#blocks.size + this.#pinned.size) * BLOCK_BYTES;
  }

  get(key: number): Buffer | undefined {
    const block = this.#blocks.get(key);
    if (block === undefined) return this.#pinned.get(key);
    if (key !== this.#latest) {
      this.#latest = key;
      this.#blocks.delete(key);
      this.#blocks.set(key, block);
    }
    return block;
  }

  put(key: number, block: Buffer): void {
    this.#blocks.set(key, block);
    this.#latest = key;
    while (this.#blocks.size * BLOCK_BYTES > this.#bytesMax) {
      const oldest = this.#blocks.keys().next();
      if (oldest.done === true) break;
      this.#blocks.delete(oldest.value);
    }
  }

  /** A block with bytes that are not on disk yet: stays until `unpinBefore`. */
  pin(key: number, block: Buffer): void {
    this.#pinned.set(key, block);
  }

  /** All blocks before `key` are full and on disk: from now on they may go. */
  unpinBefore(key: number): void {
    for (const [pinned, block] of this.#pinned) {
      if (pinned >= key) break;
      this.#pinned.delete(pinned);
      this.put(pinned, block);
    }
  }

  /** Forgets the blocks of a segment of `segmentBytes` bytes. */
  forget(segment: number, segmentBytes: number): void {
    for (let block = 0; block * BLOCK_BYTES < segmentBytes; block++)
      this.#blocks.delete(blockKey(segment, block));
  }
}
