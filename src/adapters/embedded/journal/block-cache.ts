/**
 * The blocks of segment files that are in memory: least recently used ones go first, blocks with bytes that
 * are not yet on disk never. A block is BLOCK_BYTES of a segment at a multiple of BLOCK_BYTES.
 *
 * Memory of blocks that go is used again, or every 64 KiB written would bring the collector closer to its next
 * full mark. So a block from `get` is valid in this turn only.
 */

export const BLOCK_BYTES = 64 * 1024;
/** 2^20 blocks of 64 KiB: no segment is that large, so segment and block fit one number. */
const BLOCKS_PER_SEGMENT_MAX = 1 << 20;

/** A block just loaded must not be gone again before its reader had its turn. */
const BLOCKS_MIN = 4;
/** Blocks kept for use again. */
const SPARE_BLOCKS_MAX = 64;

export function blockKey(segment: number, block: number): number {
  return segment * BLOCKS_PER_SEGMENT_MAX + block;
}

export class BlockCache {
  readonly #blocksMax: number;
  readonly #blocks = new Map<number, Buffer>();
  readonly #pinned = new Map<number, Buffer>();
  readonly #spare: Buffer[] = [];
  #latest = -1;

  /** `bytesMax` bounds what is kept beyond the pinned blocks. */
  constructor(bytesMax: number) {
    this.#blocksMax = Math.max(BLOCKS_MIN, Math.floor(bytesMax / BLOCK_BYTES));
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

  /** Memory for a block, with whatever was in it before. */
  allocate(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** The block is not used by anybody any more. */
  recycle(block: Buffer): void {
    if (this.#spare.length < SPARE_BLOCKS_MAX) this.#spare.push(block);
  }

  put(key: number, block: Buffer): void {
    this.#blocks.set(key, block);
    this.#latest = key;
    if (this.#blocks.size <= this.#blocksMax) return;
    for (const oldest of this.#blocks.keys()) {
      this.#drop(oldest);
      return;
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
    for (let block = 0; block * BLOCK_BYTES < segmentBytes; block++) this.#drop(blockKey(segment, block));
  }

  #drop(key: number): void {
    const block = this.#blocks.get(key);
    if (block === undefined) return;
    this.#blocks.delete(key);
    this.recycle(block);
  }
}
