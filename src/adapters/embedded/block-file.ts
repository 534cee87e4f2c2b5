/**
 * Immutable files of entries in checksummed blocks, written once from front to back: archive segments of the
 * event log and sorted runs of the snapshot. A file has its name only once it is finished and durable.
 *
 *     file    := magic "SPOKEBLK" | block* | footer block | trailer
 *     block   := u32 bytes | u32 crc | entry*                      (integers little endian, crc of the entries)
 *     footer  := JSON { meta, blocks: [[position, bytes, first], …] }
 *     trailer := u64 position of the footer block | u32 its bytes | u32 crc of the 12 bytes before
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { readSafeInteger, writeSafeInteger } from './entry-codec.ts';
import type { FileSystem, OpenFile } from './file-system.ts';

const MAGIC = Buffer.from('SPOKEBLK', 'latin1');
const FRAME_BYTES = 8;
const TRAILER_BYTES = 16;
/** A block is closed when it has grown to this size. */
const BLOCK_BYTES = 65_536;
/** Handed to the file system at once. */
const WRITE_BYTES = 1_048_576;

export class BlockFileDamagedError extends Error {
  override readonly name = 'BlockFileDamagedError';
  readonly path: string;

  constructor(path: string, fault: string) {
    super(`${path} is damaged: ${fault}. Restore it from a copy if its content is missed.`);
    this.path = path;
  }
}

interface Block {
  readonly position: number;
  readonly bytes: number;
  /** What its first entry was added under: an offset, for readers that look for one. */
  readonly first: number;
}

/** What the names of unfinished files end with; after a crash they are worth nothing. */
export const UNFINISHED_SUFFIX = '.tmp';

export class BlockFileWriter {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #blocks: Block[] = [];
  /** Closed blocks that wait for the file, and where they begin in it. */
  #waiting: Buffer[] = [MAGIC];
  #waitingBytes = MAGIC.length;
  #writtenBytes = 0;
  #block = Buffer.allocUnsafe(2 * BLOCK_BYTES);
  #blockEnd = FRAME_BYTES;
  #blockFirst = 0;
  #closed = false;

  private constructor(fileSystem: FileSystem, path: string, file: OpenFile) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#file = file;
  }

  /** Neither the file nor an unfinished one of its name may exist. */
  static async create(fileSystem: FileSystem, path: string): Promise<BlockFileWriter> {
    const file = await fileSystem.open(path + UNFINISHED_SUFFIX, 'create');
    return new BlockFileWriter(fileSystem, path, file);
  }

  /** Size of the file, were it finished now, but for its footer. */
  get bytes(): number {
    return this.#writtenBytes + this.#waitingBytes + this.#blockEnd;
  }

  /** Whether `flush` is to be awaited before more is added: what bounds the memory. */
  get isFull(): boolean {
    return this.#waitingBytes >= WRITE_BYTES;
  }

  /** `encode` writes at most `bytesMax` bytes at the given place and returns where it stopped. */
  add(first: number, bytesMax: number, encode: (target: Buffer, at: number) => number): void {
    if (this.#blockEnd >= BLOCK_BYTES) this.#closeBlock();
    if (this.#blockEnd + bytesMax > this.#block.length) {
      const larger = Buffer.allocUnsafe(this.#blockEnd + bytesMax);
      this.#block.copy(larger, 0, 0, this.#blockEnd);
      this.#block = larger;
    }
    if (this.#blockEnd === FRAME_BYTES) this.#blockFirst = first;
    this.#blockEnd = encode(this.#block, this.#blockEnd);
  }

  async flush(): Promise<void> {
    const chunks = this.#waiting;
    if (chunks.length === 0) return;
    await this.#file.write(chunks, this.#writtenBytes);
    this.#writtenBytes += this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Durable under its name when resolved. `meta` is kept as JSON. */
  async finish(meta: unknown): Promise<void> {
    if (this.#blockEnd > FRAME_BYTES) this.#closeBlock();
    const blocks = this.#blocks.map(({ position, bytes, first }) => [position, bytes, first]);
    const text = Buffer.from(JSON.stringify({ meta, blocks }));
    const footerPosition = this.#writtenBytes + this.#waitingBytes;
    this.add(0, text.length, (target, at) => at + text.copy(target, at));
    this.#closeBlock();
    const trailer = Buffer.alloc(TRAILER_BYTES);
    writeSafeInteger(trailer, 0, footerPosition);
    trailer.writeUInt32LE(FRAME_BYTES + text.length, 8);
    trailer.writeUInt32LE(crc32(trailer.subarray(0, 12)), 12);
    this.#waiting.push(trailer);
    this.#waitingBytes += trailer.length;
    await this.flush();
    await this.#file.datasync();
    await this.#close();
    await this.#fileSystem.rename(this.#path + UNFINISHED_SUFFIX, this.#path);
    await this.#fileSystem.syncDirectory(dirname(this.#path));
  }

  /** Gives up a file that could not be finished, or is not wanted. */
  async abandon(): Promise<void> {
    await this.#close();
    await this.#fileSystem.remove(this.#path + UNFINISHED_SUFFIX);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  #closeBlock(): void {
    const block = this.#block.subarray(0, this.#blockEnd);
    block.writeUInt32LE(block.length - FRAME_BYTES, 0);
    block.writeUInt32LE(crc32(block.subarray(FRAME_BYTES)), 4);
    const position = this.#writtenBytes + this.#waitingBytes;
    this.#blocks.push({ position, bytes: block.length, first: this.#blockFirst });
    this.#waiting.push(block);
    this.#waitingBytes += block.length;
    this.#block = Buffer.allocUnsafe(2 * BLOCK_BYTES);
    this.#blockEnd = FRAME_BYTES;
  }
}

export class BlockFile {
  readonly path: string;
  readonly bytes: number;
  /** As given to `finish`. */
  readonly meta: unknown;
  readonly #file: OpenFile;
  readonly #blocks: readonly Block[];
  #users = 1;

  private constructor(path: string, file: OpenFile, footer: Footer) {
    this.path = path;
    this.#file = file;
    this.bytes = footer.fileBytes;
    this.meta = footer.meta;
    this.#blocks = footer.blocks;
  }

  /** Rejects with `BlockFileDamagedError` if the end of the file is not what was written. */
  static async open(fileSystem: FileSystem, path: string): Promise<BlockFile> {
    const file = await fileSystem.open(path, 'read');
    try {
      return new BlockFile(path, file, await readFooter(file, path));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get blockCount(): number {
    return this.#blocks.length;
  }

  /** Index of the last block whose first entry was added under at most `first`; 0 if there is none. */
  blockFor(first: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.first ?? 0) <= first) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The entries of a block. Rejects with `BlockFileDamagedError`. */
  async readBlock(index: number): Promise<Buffer> {
    const block = this.#blocks[index];
    if (block === undefined) throw new RangeError(`${this.path} has no block ${index}.`);
    return readFramed(this.#file, this.path, block.position, block.bytes);
  }

  /** Reads everything once. Rejects with `BlockFileDamagedError` at the first block that is not as written. */
  async verify(): Promise<void> {
    for (let index = 0; index < this.#blocks.length; index++) await this.readBlock(index);
  }

  /** Keeps the file open until the matching `release`. The one who opened it holds it once. */
  retain(): void {
    this.#users++;
  }

  async release(): Promise<void> {
    this.#users--;
    if (this.#users === 0) await this.#file.close();
  }
}

interface Footer {
  readonly meta: unknown;
  readonly blocks: readonly Block[];
  readonly fileBytes: number;
}

async function readFooter(file: OpenFile, path: string): Promise<Footer> {
  const fileBytes = await file.size();
  const trailer = Buffer.alloc(TRAILER_BYTES);
  if (fileBytes < MAGIC.length + TRAILER_BYTES) throw new BlockFileDamagedError(path, 'it is too short');
  await file.read(trailer, fileBytes - TRAILER_BYTES);
  if (trailer.readUInt32LE(12) !== crc32(trailer.subarray(0, 12))) {
    throw new BlockFileDamagedError(path, 'its end is not what was written');
  }
  const text = await readFramed(file, path, readSafeInteger(trailer, 0), trailer.readUInt32LE(8));
  const footer: unknown = JSON.parse(text.toString());
  if (!isFooter(footer)) throw new BlockFileDamagedError(path, 'its footer is of another form');
  const blocks = footer.blocks.map(([position, bytes, first]) => ({ position, bytes, first }));
  return { meta: footer.meta, blocks, fileBytes };
}

async function readFramed(file: OpenFile, path: string, position: number, bytes: number): Promise<Buffer> {
  const framed = Buffer.allocUnsafeSlow(bytes);
  const filled = await file.read(framed, position);
  const content = framed.subarray(FRAME_BYTES);
  if (
    filled !== bytes ||
    framed.readUInt32LE(0) !== content.length ||
    framed.readUInt32LE(4) !== crc32(content)
  ) {
    throw new BlockFileDamagedError(path, `the block at byte ${position} is not what was written`);
  }
  return content;
}

function isFooter(value: unknown): value is { meta: unknown; blocks: [number, number, number][] } {
  return typeof value === 'object' && value !== null && 'meta' in value && 'blocks' in value;
}
