/**
 * A run: snapshot rows sorted by key in an immutable file, each key once. Removed rows are in it as tombstones.
 */
import path from 'node:path';
import { z } from 'zod';
import type { SnapshotRow } from '../../../metadata/snapshot-store.ts';
import { BlockFile, BlockFileDamagedError, BlockFileWriter } from '../block-file.ts';
import { encodeEntry, entryBytesMax, entryEnd, entryKey, entryOffset } from '../entry-codec.ts';
import type { FileSystem } from '../file-system.ts';

const RUN_NAME = /^run-(\d{10})$/;

const runMeta = z.object({ rows: z.number(), minOffset: z.number() });
/** `minOffset`: of all rows; the largest safe integer when there are none. */
export type RunMeta = z.infer<typeof runMeta>;

export function runFileName(number: number): string {
  return `run-${String(number).padStart(10, '0')}`;
}

export function runOfFileName(name: string): number | undefined {
  const digits = RUN_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export class SortedRun {
  readonly number: number;
  readonly file: BlockFile;
  readonly rows: number;
  readonly minOffset: number;

  private constructor(number: number, file: BlockFile, meta: RunMeta) {
    this.number = number;
    this.file = file;
    this.rows = meta.rows;
    this.minOffset = meta.minOffset;
  }

  /** Rejects with `BlockFileDamagedError`. */
  static async open(fileSystem: FileSystem, directory: string, number: number): Promise<SortedRun> {
    const file = await BlockFile.open(fileSystem, path.join(directory, runFileName(number)));
    const meta = runMeta.safeParse(file.meta);
    if (meta.success) return new SortedRun(number, file, meta.data);
    await file.release();
    throw new BlockFileDamagedError(file.path, 'it is not a run of a snapshot');
  }
}

/** Writes one run; rows must come sorted by key, each key once. */
export class RunWriter {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #number: number;
  readonly #file: BlockFileWriter;
  #rows = 0;
  #minOffset = Number.MAX_SAFE_INTEGER;

  private constructor(fileSystem: FileSystem, directory: string, number: number, file: BlockFileWriter) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#number = number;
    this.#file = file;
  }

  static async create(fileSystem: FileSystem, directory: string, number: number): Promise<RunWriter> {
    const file = await BlockFileWriter.create(fileSystem, path.join(directory, runFileName(number)));
    return new RunWriter(fileSystem, directory, number, file);
  }

  add(row: SnapshotRow): void {
    this.#count(row.offset);
    this.#file.add(0, entryBytesMax(row, ''), (target, at) => encodeEntry(target, at, row, ''));
  }

  /** Adds a row as it lies in a block of another run. */
  addEncoded(block: Buffer, at: number): void {
    const end = entryEnd(block, at);
    this.#count(entryOffset(block, at));
    this.#file.add(0, end - at, (target, to) => to + block.copy(target, to, at, end));
  }

  /** To be awaited every few hundred rows: what bounds the memory. */
  async flush(): Promise<void> {
    if (this.#file.isFull) await this.#file.flush();
  }

  /** Durable when resolved, under its name. */
  async finish(): Promise<SortedRun> {
    const meta: RunMeta = { rows: this.#rows, minOffset: this.#minOffset };
    await this.#file.finish(meta);
    return SortedRun.open(this.#fileSystem, this.#directory, this.#number);
  }

  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  #count(offset: number): void {
    this.#rows++;
    this.#minOffset = Math.min(this.#minOffset, offset);
  }
}

/** The rows of one run, one after the other. */
export class RunCursor {
  readonly #file: BlockFile;
  #nextBlock = 0;
  block: Buffer = Buffer.alloc(0);
  /** Where the current row lies in `block`. */
  at = 0;
  key = '';
  offset = 0;
  #end = 0;

  constructor(run: SortedRun) {
    this.#file = run.file;
  }

  /** Goes on to the next row of the block; false: there is none, `load` gets more. */
  advance(): boolean {
    this.at = this.#end;
    return this.#settle();
  }

  /** Goes on to the first row of the next block; false: that was the last one. */
  async load(): Promise<boolean> {
    if (this.#nextBlock >= this.#file.blockCount) return false;
    this.block = await this.#file.readBlock(this.#nextBlock++);
    this.at = 0;
    return this.#settle();
  }

  #settle(): boolean {
    if (this.at >= this.block.length) return false;
    this.#end = entryEnd(this.block, this.at);
    this.key = entryKey(this.block, this.at);
    this.offset = entryOffset(this.block, this.at);
    return true;
  }
}
