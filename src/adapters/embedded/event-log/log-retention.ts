/**
 * Retention, for logs whose records are superseded by nothing: the oldest files go when they are too old, or too many. What is given
 * back is whole files; the newest one stays until there is another, so that offsets go on.
 */
import type { Archive } from './archive.ts';
import type { ArchiveSegment } from './archive-segment.ts';

const DEFAULT_SEGMENT_BYTES = 16 * 1_048_576;
/** A file holds at most this part of what is kept, by age and by bytes. */
const FILES = 32;
const SEGMENT_BYTES_MIN = 64 * 1_024;

export interface LogRetention {
  readonly ageMsMax: number;
  readonly bytesMax: number;
}

interface Retained {
  /** undefined: the log is compacted, and nothing of it goes by age or size. */
  readonly retention?: LogRetention;
  readonly nowMs: () => number;
}

/** Size of a segment that says nothing else. */
export function segmentBytesOf(options: {
  readonly retention?: LogRetention;
  readonly segmentBytes?: number;
}): number {
  const { retention, segmentBytes } = options;
  if (segmentBytes !== undefined || retention === undefined) return segmentBytes ?? DEFAULT_SEGMENT_BYTES;
  const share = Math.floor(retention.bytesMax / FILES);
  return Math.min(DEFAULT_SEGMENT_BYTES, Math.max(SEGMENT_BYTES_MIN, share));
}

/** Whether a segment gets no further records: a log that is rarely written to would keep its newest one beyond any age. */
export function isFullByAge(sinceMs: number | undefined, { retention, nowMs }: Retained): boolean {
  return sinceMs !== undefined && retention !== undefined && sinceMs < nowMs() - retention.ageMsMax / FILES;
}

/** `hasNewer`: there are records behind the archive. */
export async function enforceRetention(
  archive: Archive,
  { retention, nowMs }: Retained,
  hasNewer: boolean,
): Promise<void> {
  if (retention === undefined) return;
  const { ageMsMax, bytesMax } = retention;
  const oldestMs = nowMs() - ageMsMax;
  let { bytes } = archive;
  const mustGo = ({ meta, file }: ArchiveSegment): boolean => {
    const goes = bytes > bytesMax || meta.maxTimestampMs < oldestMs;
    if (goes) bytes -= file.bytes;
    return goes;
  };
  const mayGo = hasNewer ? archive.segments : archive.segments.slice(0, -1);
  const kept = mayGo.findIndex((segment) => !mustGo(segment));
  await archive.dropOldest(kept < 0 ? mayGo.length : kept);
}
