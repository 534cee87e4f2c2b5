/**
 * Where the records lie that are in the journal and not in the archive yet. Knows positions, offsets and
 * times, not the records themselves.
 */
import type { Offset } from '../../../event-log/event-log.ts';
import type { RecordPosition } from '../journal/journal-position.ts';

/** Parallel lists, one element per record, offsets rising. */
interface TailSegment {
  readonly number: number;
  readonly offsets: number[];
  readonly positions: number[];
  readonly timestampsMs: number[];
}

export interface TailRecord extends RecordPosition {
  readonly logOffset: Offset;
}

export class LogTail {
  /** By rising journal segment, so offsets rise too. */
  #segments: TailSegment[] = [];

  /** `at` is behind everything added before. */
  add(logOffset: Offset, at: RecordPosition, timestampMs: number): void {
    let segment = this.#segments.at(-1);
    if (segment?.number !== at.segment) {
      segment = { number: at.segment, offsets: [], positions: [], timestampsMs: [] };
      this.#segments.push(segment);
    }
    segment.offsets.push(logOffset);
    segment.positions.push(at.offset);
    segment.timestampsMs.push(timestampMs);
  }

  /** First offset present. */
  get start(): Offset | undefined {
    return this.#segments[0]?.offsets[0] as Offset | undefined;
  }

  /** Time of the first record in the journal segment that is written to. */
  get newestSegmentSinceMs(): number | undefined {
    return this.#segments.at(-1)?.timestampsMs[0];
  }

  /** First record at or after an offset. */
  find(from: Offset): TailRecord | undefined {
    for (const segment of this.#segments) {
      const last = segment.offsets.at(-1);
      if (last === undefined || last < from) continue;
      return recordOf(segment, lowerBound(segment.offsets, from));
    }
    return undefined;
  }

  /** Earliest offset whose record is not older than a time. */
  firstSince(timestampMs: number): Offset | undefined {
    for (const segment of this.#segments) {
      const index = segment.timestampsMs.findIndex((timestamp) => timestamp >= timestampMs);
      if (index >= 0) return recordOf(segment, index)?.logOffset;
    }
    return undefined;
  }

  /** Forgets whole segments, now that their records are elsewhere. */
  forget(segments: ReadonlySet<number>): void {
    this.#segments = this.#segments.filter(({ number }) => !segments.has(number));
  }
}

function recordOf(segment: TailSegment, index: number): TailRecord | undefined {
  const logOffset = segment.offsets[index];
  const offset = segment.positions[index];
  if (logOffset === undefined || offset === undefined) return undefined;
  return { segment: segment.number, offset, logOffset: logOffset as Offset };
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
