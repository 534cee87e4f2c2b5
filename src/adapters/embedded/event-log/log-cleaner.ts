/**
 * Compaction, as Kafka's log cleaner does it: remember the latest offset of every key in the dirty files, then
 * rewrite all files up to there without what is superseded. Bounded memory, offsets kept, a crash at any moment
 * leaves either the old file or the new one.
 */
import type { Offset } from '../../../event-log/event-log.ts';
import { entryEnd, entryKey, entryOffset, isTombstone } from '../entry-codec.ts';
import type { Archive } from './archive.ts';
import type { ArchiveSegment } from './archive-segment.ts';

/** Keys remembered in one pass, give or take one file; more keys take more passes. */
const PASS_KEYS_MAX = 250_000;

export interface CompactionOptions {
  readonly archive: Archive;
  /** Files with a record younger than this are left alone. */
  readonly olderThanMs: number;
  /** Tombstones from this offset on stay: somebody has not seen them yet. Asked again for each block. */
  readonly tombstonesKeptFrom: () => Offset;
  /** Files are joined up to this size. */
  readonly fileBytesMax: number;
  readonly isStopping: () => boolean;
}

export interface CompactionStats {
  readonly passes: number;
  readonly recordsRead: number;
  readonly recordsRemoved: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** The files at the front of the archive that are old enough to be compacted. */
export function compactableSegments(archive: Archive, olderThanMs: number): readonly ArchiveSegment[] {
  const { segments } = archive;
  const young = segments.findIndex(({ meta }) => meta.maxTimestampMs > olderThanMs);
  return young < 0 ? segments : segments.slice(0, young);
}

export class LogCleaner {
  readonly #options: CompactionOptions;
  #passes = 0;
  #recordsRead = 0;
  #recordsRemoved = 0;

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /** Resolves when nothing old enough is dirty, or when it is told to stop. */
  async run(): Promise<CompactionStats> {
    const { archive, olderThanMs, isStopping } = this.#options;
    const bytesBefore = archive.bytes;
    for (;;) {
      const segments = compactableSegments(archive, olderThanMs);
      if (isStopping() || segments.every(({ meta }) => meta.clean)) break;
      await this.#pass(segments);
    }
    return {
      passes: this.#passes,
      recordsRead: this.#recordsRead,
      recordsRemoved: this.#recordsRemoved,
      bytesBefore,
      bytesAfter: archive.bytes,
    };
  }

  async #pass(segments: readonly ArchiveSegment[]): Promise<void> {
    const latest = new Map<string, Offset>();
    let mapped = segments.findIndex(({ meta }) => !meta.clean);
    while (mapped < segments.length && latest.size < PASS_KEYS_MAX) {
      await segments[mapped]?.scan((block, at) => latest.set(entryKey(block, at), entryOffset(block, at)));
      mapped++;
    }
    let group: ArchiveSegment[] = [];
    let groupBytes = 0;
    for (const segment of segments.slice(0, mapped)) {
      if (group.length > 0 && groupBytes + segment.file.bytes > this.#options.fileBytesMax) {
        await this.#rewrite(group, latest);
        group = [];
        groupBytes = 0;
      }
      group.push(segment);
      groupBytes += segment.file.bytes;
    }
    await this.#rewrite(group, latest);
    this.#passes++;
  }

  async #rewrite(group: readonly ArchiveSegment[], latest: ReadonlyMap<string, Offset>): Promise<void> {
    const { archive, tombstonesKeptFrom, isStopping } = this.#options;
    const [first, last] = [group[0], group.at(-1)];
    if (isStopping() || first === undefined || last === undefined) return;
    const writer = await archive.createSegment();
    try {
      for (const segment of group) {
        for (let index = 0; index < segment.file.blockCount; index++) {
          const block = await segment.file.readBlock(index);
          const keptFrom = tombstonesKeptFrom();
          for (let at = 0, end = 0; at < block.length; at = end) {
            end = entryEnd(block, at);
            const offset = entryOffset(block, at);
            const superseded = (latest.get(entryKey(block, at)) ?? offset) > offset;
            const forgettable = isTombstone(block, at) && offset < keptFrom;
            this.#recordsRead++;
            if (superseded || forgettable) this.#recordsRemoved++;
            else writer.add(block, at, end);
          }
          await writer.flush();
        }
      }
      const compacted = await writer.finish({
        firstOffset: first.meta.firstOffset,
        endOffset: last.meta.endOffset,
        clean: true,
        maxTimestampMs: Math.max(...group.map(({ meta }) => meta.maxTimestampMs)),
      });
      await archive.replace(group, compacted);
    } catch (error) {
      await writer.abandon().catch(() => undefined); // the first error says more
      throw error;
    }
  }
}
