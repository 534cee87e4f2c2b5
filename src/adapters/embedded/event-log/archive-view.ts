/**
 * The archive from an offset on as it was at one moment, whatever compaction does meanwhile. Who reads it never
 * sees a value without the tombstone that follows it.
 */
import type { LogEntry, Offset } from '../../../event-log/event-log.ts';
import type { OnDamage } from './archive.ts';
import type { ArchiveSegment } from './archive-segment.ts';

export class ArchiveView {
  /** Offset behind the last one of the view. */
  readonly end: Offset;
  readonly #from: Offset;
  readonly #segments: readonly ArchiveSegment[];
  readonly #onDamage: OnDamage;

  /** Keeps the files open, and so readable, until `release`. */
  constructor(segments: readonly ArchiveSegment[], from: Offset, onDamage: OnDamage) {
    this.#segments = segments.filter(({ meta }) => meta.endOffset > from);
    this.#from = from;
    this.#onDamage = onDamage;
    this.end = (this.#segments.at(-1)?.meta.endOffset ?? from) as Offset;
    for (const { file } of this.#segments) file.retain();
  }

  async *batches(recordsMax: number): AsyncIterable<readonly LogEntry[]> {
    let next = this.#from;
    for (const segment of this.#segments) {
      for (;;) {
        const entries = await segment.read(next, recordsMax, (error) => {
          this.#onDamage(error.path, error);
        });
        const last = entries.at(-1);
        if (last === undefined) break;
        yield entries;
        next = (last.offset + 1) as Offset;
      }
    }
  }

  async release(): Promise<void> {
    for (const { file } of this.#segments) await file.release();
  }
}
