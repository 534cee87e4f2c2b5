/**
 * One archive file: the records of a range of offsets, by offset. Compaction leaves gaps in the records, never
 * in the ranges.
 */
import path from 'node:path';
import { z } from 'zod';
import type { LogEntry, Offset } from '../../../event-log/event-log.ts';
import { BlockFile, BlockFileDamagedError, BlockFileWriter } from '../block-file.ts';
import { decodeEntry, entryEnd, entryOffset, entryTimestampMs } from '../entry-codec.ts';
import type { FileSystem } from '../file-system.ts';

/** A read that has got so many bytes of records ends, however few those are. */
export const READ_BYTES = 1_048_576;

const ARCHIVE_NAME = /^archive-(\d{10})$/;

const archiveMeta = z.object({
  firstOffset: z.number(),
  /** Offset behind the last one of the range. */
  endOffset: z.number(),
  /** Of all records the range ever held; 0: none. */
  maxTimestampMs: z.number(),
  records: z.number(),
  /** Whether compaction has been here: what is superseded inside it or before it is gone. */
  clean: z.boolean(),
});
export type ArchiveMeta = Readonly<z.infer<typeof archiveMeta>>;

export function archiveFileName(number: number): string {
  return `archive-${String(number).padStart(10, '0')}`;
}

export function archiveOfFileName(name: string): number | undefined {
  const digits = ARCHIVE_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export class ArchiveSegment {
  readonly number: number;
  readonly file: BlockFile;
  readonly meta: ArchiveMeta;

  private constructor(number: number, file: BlockFile, meta: ArchiveMeta) {
    this.number = number;
    this.file = file;
    this.meta = meta;
  }

  /** Rejects with `BlockFileDamagedError`. */
  static async open(fileSystem: FileSystem, directory: string, number: number): Promise<ArchiveSegment> {
    const file = await BlockFile.open(fileSystem, path.join(directory, archiveFileName(number)));
    const meta = archiveMeta.safeParse(file.meta);
    if (meta.success) return new ArchiveSegment(number, file, meta.data);
    await file.release();
    throw new BlockFileDamagedError(file.path, 'it is not part of an event log');
  }

  /** Visits the records block by block. Rejects with `BlockFileDamagedError`. */
  async scan(visit: (block: Buffer, at: number) => void): Promise<void> {
    for (let index = 0; index < this.file.blockCount; index++) {
      const block = await this.file.readBlock(index);
      for (let at = 0; at < block.length; at = entryEnd(block, at)) visit(block, at);
    }
  }

  /**
   * Up to `recordsMax` records from `from` on, and no more once they have `READ_BYTES`; blocks that are damaged are reported
   * and left out.
   */
  async read(
    from: Offset,
    recordsMax: number,
    onDamage: (error: BlockFileDamagedError) => void,
  ): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    let bytes = 0;
    const isFull = (): boolean => entries.length >= recordsMax || bytes >= READ_BYTES;
    for (let index = this.file.blockFor(from); index < this.file.blockCount && !isFull(); index++) {
      const block = await this.#readBlock(index, onDamage);
      for (let at = 0; at < block.length && !isFull();) {
        const end = entryEnd(block, at);
        if (entryOffset(block, at) >= from) {
          entries.push(decodeEntry(block, at));
          bytes += end - at;
        }
        at = end;
      }
    }
    return entries;
  }

  /** Earliest offset whose record is not older than a time. Rejects with `BlockFileDamagedError`. */
  async firstSince(timestampMs: number): Promise<Offset | undefined> {
    let found: Offset | undefined;
    await this.scan((block, at) => {
      if (found === undefined && entryTimestampMs(block, at) >= timestampMs) found = entryOffset(block, at);
    });
    return found;
  }

  async #readBlock(index: number, onDamage: (error: BlockFileDamagedError) => void): Promise<Buffer> {
    try {
      return await this.file.readBlock(index);
    } catch (error) {
      if (!(error instanceof BlockFileDamagedError)) throw error;
      onDamage(error);
      return NO_ENTRIES;
    }
  }
}

const NO_ENTRIES = Buffer.alloc(0);

/** Writes one archive file; records must come by rising offset. */
export class ArchiveWriter {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #number: number;
  readonly #file: BlockFileWriter;
  #records = 0;
  #maxTimestampMs = 0;

  private constructor(fileSystem: FileSystem, directory: string, number: number, file: BlockFileWriter) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#number = number;
    this.#file = file;
  }

  static async create(fileSystem: FileSystem, directory: string, number: number): Promise<ArchiveWriter> {
    const file = await BlockFileWriter.create(fileSystem, path.join(directory, archiveFileName(number)));
    return new ArchiveWriter(fileSystem, directory, number, file);
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  /** Adds the encoded entry from `at` to `end`. */
  add(source: Buffer, at: number, end: number): void {
    this.#records++;
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, entryTimestampMs(source, at));
    const first = entryOffset(source, at);
    this.#file.add(first, end - at, (target, to) => to + source.copy(target, to, at, end));
  }

  async flush(): Promise<void> {
    if (this.#file.isFull) await this.#file.flush();
  }

  /** Durable when resolved. `maxTimestampMs`: of records of the range that were left out. */
  async finish(range: {
    readonly firstOffset: number;
    readonly endOffset: number;
    readonly clean: boolean;
    readonly maxTimestampMs: number;
  }): Promise<ArchiveSegment> {
    const meta: ArchiveMeta = {
      ...range,
      maxTimestampMs: Math.max(range.maxTimestampMs, this.#maxTimestampMs),
      records: this.#records,
    };
    await this.#file.finish(meta);
    return ArchiveSegment.open(this.#fileSystem, this.#directory, this.#number);
  }

  abandon(): Promise<void> {
    return this.#file.abandon();
  }
}
