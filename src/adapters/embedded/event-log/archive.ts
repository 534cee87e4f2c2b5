/**
 * The older part of the log: immutable files, each with a range of offsets, together without a gap. Takes what
 * leaves the journal, and exchanges files for compacted ones while readers go on.
 */
import path from 'node:path';
import type { LogEntry, Offset } from '../../../event-log/event-log.ts';
import { BlockFileDamagedError, UNFINISHED_SUFFIX } from '../block-file.ts';
import { removeIfThere } from '../durable-file.ts';
import type { FileSystem } from '../file-system.ts';
import { ArchiveView } from './archive-view.ts';
import { archiveFileName, archiveOfFileName, ArchiveSegment, ArchiveWriter } from './archive-segment.ts';

/** A stretch of the archive that is not what was written; what it held is lost. */
export type OnDamage = (path: string, error: unknown) => void;

export class Archive {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #onDamage: OnDamage;
  /** By rising range. */
  #segments: readonly ArchiveSegment[] = [];
  #nextNumber = 0;

  private constructor(fileSystem: FileSystem, directory: string, onDamage: OnDamage) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#onDamage = onDamage;
  }

  /** Rejects with the file system's errors, never because of what is in the files. */
  static async open(fileSystem: FileSystem, directory: string, onDamage: OnDamage): Promise<Archive> {
    const archive = new Archive(fileSystem, directory, onDamage);
    await fileSystem.makeDirectory(directory);
    const names = await fileSystem.list(directory);
    const numbers = names
      .map(archiveOfFileName)
      .filter((number) => number !== undefined)
      .sort((a, b) => b - a);
    for (const name of names) {
      if (name.endsWith(UNFINISHED_SUFFIX)) await fileSystem.remove(path.join(directory, name));
    }
    archive.#nextNumber = (numbers[0] ?? -1) + 1;
    // Newest first: a compacted file stands for the older ones whose ranges it covers.
    for (const number of numbers) await archive.#openSegment(number);
    archive.#segments = archive.#segments.toSorted((a, b) => a.meta.firstOffset - b.meta.firstOffset);
    return archive;
  }

  /** Offset behind the last range; 0 when there is nothing. */
  get end(): Offset {
    return (this.#segments.at(-1)?.meta.endOffset ?? 0) as Offset;
  }

  get start(): Offset | undefined {
    return this.#segments[0]?.meta.firstOffset as Offset | undefined;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { file }) => sum + file.bytes, 0);
  }

  /** By rising range. */
  get segments(): readonly ArchiveSegment[] {
    return this.#segments;
  }

  createSegment(): Promise<ArchiveWriter> {
    return ArchiveWriter.create(this.#fileSystem, this.#directory, this.#nextNumber++);
  }

  /** Takes a file whose range begins at or behind `end`. */
  add(segment: ArchiveSegment): void {
    this.#segments = [...this.#segments, segment];
  }

  /** Puts one file in the place of neighbours whose ranges it covers; their files go with their last reader. */
  async replace(replaced: readonly ArchiveSegment[], by: ArchiveSegment): Promise<void> {
    const first = this.#segments.findIndex((segment) => segment === replaced[0]);
    this.#segments = this.#segments.toSpliced(first, replaced.length, by);
    for (const { number, file } of replaced) {
      await file.release();
      await this.#removeFile(number);
    }
  }

  /** The first so many files are no longer wanted; they go with their last reader. */
  async dropOldest(count: number): Promise<void> {
    const dropped = this.#segments.slice(0, count);
    this.#segments = this.#segments.slice(count);
    for (const { number, file } of dropped) {
      await file.release();
      await this.#removeFile(number);
    }
  }

  /** Up to `recordsMax` records from `from` on; empty: there are none up to the `end` of this moment. */
  async read(from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    const onDamage = (error: BlockFileDamagedError): void => {
      this.#onDamage(error.path, error);
    };
    let next: number = from;
    for (let segment = this.#at(next); segment !== undefined; segment = this.#at(next)) {
      const reading = segment;
      const entries = await holding(reading, () => reading.read(from, recordsMax, onDamage));
      if (entries.length > 0) return entries;
      next = reading.meta.endOffset;
    }
    return [];
  }

  /** What is in the archive now, from an offset on. */
  view(from: Offset): ArchiveView {
    return new ArchiveView(this.#segments, from, this.#onDamage);
  }

  /** Earliest offset whose record is not older than a time. */
  async firstSince(timestampMs: number): Promise<Offset | undefined> {
    let next = 0;
    for (let segment = this.#at(next); segment !== undefined; segment = this.#at(next)) {
      const reading = segment;
      next = reading.meta.endOffset;
      if (reading.meta.maxTimestampMs < timestampMs) continue;
      const found = await holding(reading, () => reading.firstSince(timestampMs));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments) await file.release();
  }

  async #openSegment(number: number): Promise<void> {
    try {
      const segment = await ArchiveSegment.open(this.#fileSystem, this.#directory, number);
      if (this.#segments.some((newer) => overlap(newer, segment))) {
        await segment.file.release();
        await this.#removeFile(number);
      } else {
        this.#segments = [...this.#segments, segment];
      }
    } catch (error) {
      if (!(error instanceof BlockFileDamagedError)) throw error;
      this.#onDamage(error.path, error); // The file stays, for whoever wants to look at it.
    }
  }

  #removeFile(number: number): Promise<void> {
    return removeIfThere(this.#fileSystem, path.join(this.#directory, archiveFileName(number)));
  }

  /** The file that holds an offset, or the next one: looked for anew each time, since compaction goes on. */
  #at(offset: number): ArchiveSegment | undefined {
    return this.#segments.find(({ meta }) => meta.endOffset > offset);
  }
}

/** Keeps a file open during a read. */
async function holding<T>(segment: ArchiveSegment, read: () => Promise<T>): Promise<T> {
  segment.file.retain();
  try {
    return await read();
  } finally {
    await segment.file.release();
  }
}

function overlap(left: ArchiveSegment, right: ArchiveSegment): boolean {
  return left.meta.firstOffset < right.meta.endOffset && right.meta.firstOffset < left.meta.endOffset;
}
