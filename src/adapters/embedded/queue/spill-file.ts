/**
 * Index blocks of very deep queues that memory has no room for, in a scratch file. The journal and its
 * checkpoints can rebuild all of it, so nothing is synced and a start begins with an empty file. Reads and
 * writes do not leave the turn: they are rare, 20 KiB each, and served by the page cache.
 */
import path from 'node:path';
import type { FileSystem, OpenFile } from '../file-system.ts';
import { isErrorCode } from '../journal/segment.ts';
import { BLOCK_WORDS } from './entry-arena.ts';
import type { EntryArena } from './entry-arena.ts';

/** Blocks that are written and read together. */
export const EXTENT_BLOCKS = 64;
const EXTENT_BYTES = EXTENT_BLOCKS * BLOCK_WORDS * 4;
const SPILL_NAME = 'index.spill';

/**
 * A spilled block is named by a negative code, -1 - (slot of its extent * EXTENT_BLOCKS + index in the extent), so
 * that a queue can keep it where a block number would stand.
 */
export class SpillFile {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #fileSystem: FileSystem;
  readonly #freeSlots: number[] = [];
  readonly #blocksLeft: number[] = [];
  readonly #scratch = new Uint32Array(EXTENT_BLOCKS * BLOCK_WORDS);
  readonly #scratchBytes = Buffer.from(this.#scratch.buffer);
  #scratchSlot = -1;

  private constructor(fileSystem: FileSystem, file: OpenFile, filePath: string) {
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#path = filePath;
  }

  static async open(fileSystem: FileSystem, directory: string): Promise<SpillFile> {
    const filePath = path.join(directory, SPILL_NAME);
    await removeIfThere(fileSystem, filePath);
    return new SpillFile(fileSystem, await fileSystem.open(filePath, 'create'), filePath);
  }

  /** Bytes in use. */
  get bytes(): number {
    return (this.#blocksLeft.length - this.#freeSlots.length) * EXTENT_BYTES;
  }

  indexInExtent(code: number): number {
    return (-1 - code) % EXTENT_BLOCKS;
  }

  /** Writes EXTENT_BLOCKS blocks, gives them back to the arena and returns the codes that stand for them. */
  write(arena: EntryArena, blocks: readonly number[]): number[] {
    for (const [index, block] of blocks.entries()) {
      const start = arena.wordOf(block);
      this.#scratch.set(arena.slabOf(block).subarray(start, start + BLOCK_WORDS), index * BLOCK_WORDS);
    }
    const slot = this.#freeSlots.pop() ?? this.#blocksLeft.length;
    this.#scratchSlot = -1;
    this.#file.writeSync(this.#scratchBytes, slot * EXTENT_BYTES);
    this.#scratchSlot = slot;
    this.#blocksLeft[slot] = EXTENT_BLOCKS;
    for (const block of blocks) arena.release(block);
    return blocks.map((_, index) => -1 - (slot * EXTENT_BLOCKS + index));
  }

  /** Loads the extent of a code into new blocks, in order, and frees its place in the file. */
  read(arena: EntryArena, code: number): number[] {
    const slot = this.#loadScratch(code);
    const blocks: number[] = [];
    for (let index = 0; index < EXTENT_BLOCKS; index++) {
      const block = arena.allocate();
      const words = this.#scratch.subarray(index * BLOCK_WORDS, (index + 1) * BLOCK_WORDS);
      arena.slabOf(block).set(words, arena.wordOf(block));
      blocks.push(block);
    }
    this.#freeSlot(slot);
    return blocks;
  }

  /** Words of one spilled block, valid until the next call. */
  peek(code: number): Uint32Array {
    this.#loadScratch(code);
    const index = this.indexInExtent(code);
    return this.#scratch.subarray(index * BLOCK_WORDS, (index + 1) * BLOCK_WORDS);
  }

  /** One block of an extent is not wanted any more. */
  release(code: number): void {
    const slot = Math.floor((-1 - code) / EXTENT_BLOCKS);
    const left = (this.#blocksLeft[slot] ?? 1) - 1;
    this.#blocksLeft[slot] = left;
    if (left === 0) this.#freeSlot(slot);
  }

  async close(): Promise<void> {
    await this.#file.close();
    await removeIfThere(this.#fileSystem, this.#path);
  }

  #loadScratch(code: number): number {
    const slot = Math.floor((-1 - code) / EXTENT_BLOCKS);
    if (slot !== this.#scratchSlot) {
      this.#scratchSlot = -1;
      const bytes = this.#file.readSync(this.#scratchBytes, slot * EXTENT_BYTES);
      if (bytes < EXTENT_BYTES)
        throw new Error(`${this.#path} was changed by somebody else: restart the broker`);
      this.#scratchSlot = slot;
    }
    return slot;
  }

  #freeSlot(slot: number): void {
    if (this.#scratchSlot === slot) this.#scratchSlot = -1;
    this.#freeSlots.push(slot);
  }
}

async function removeIfThere(fileSystem: FileSystem, filePath: string): Promise<void> {
  try {
    await fileSystem.remove(filePath);
  } catch (error) {
    if (!isErrorCode(error, 'ENOENT')) throw error;
  }
}
