/**
 * Reads the records of a segment file one after the other and finds its way behind damaged bytes. Says what it
 * saw; whether damage is a torn tail or a rotten record is for `recovery.ts` to decide.
 */
import {
  GROUP_MARK_TYPE,
  isIntact,
  recordBytesAt,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
} from './record-framing.ts';
import type { Segment } from './segment.ts';

/** Read at once; a longer record is read in one piece of its own. */
const WINDOW_BYTES = 1024 * 1024;
/** Behind damage a record is looked for byte by byte; only records up to this size are recognised there. */
const SEARCHED_RECORD_BYTES_MAX = 1024 * 1024;

export interface ScannedRecord {
  readonly segment: number;
  readonly offset: number;
  readonly type: number;
  /** A view that is valid during the call only. */
  readonly body: Buffer;
}

export interface Damage {
  readonly offset: number;
  readonly bytes: number;
}

export interface ScanResult {
  /** Stretches in which no intact record was found, in order. */
  readonly damage: readonly Damage[];
  /** Offset of the last group mark, 0 when there is none. */
  readonly lastMark: number;
  readonly records: number;
}

/** Visits every intact record from offset `from` up to `segment.bytes`. */
export async function scanSegment(
  segment: Segment,
  from: number,
  visit: (record: ScannedRecord) => void,
): Promise<ScanResult> {
  const window = new Window(segment);
  const damage: Damage[] = [];
  let lastMark = 0;
  let records = 0;
  let at = Math.max(from, SEGMENT_HEADER_BYTES);
  while (at < segment.bytes) {
    const recordBytes = await window.intactRecordAt(at);
    if (recordBytes === undefined) {
      const next = await window.recordBehind(at);
      damage.push({ offset: at, bytes: next - at });
      at = next;
      continue;
    }
    const { bytes, start } = window;
    const type = bytes[at - start + 8] ?? 0;
    if (type === GROUP_MARK_TYPE) {
      lastMark = at;
    } else {
      records++;
      const body = bytes.subarray(at - start + RECORD_HEADER_BYTES, at - start + recordBytes);
      visit({ segment: segment.number, offset: at, type, body });
    }
    at += recordBytes;
  }
  return { damage, lastMark, records };
}

/** The stretch of the file that is in memory. */
class Window {
  readonly #segment: Segment;
  bytes: Buffer = Buffer.alloc(0);
  /** File offset of `bytes`. */
  start = 0;

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  /** Size of the intact record at file offset `at`, which then lies in `bytes` as a whole. */
  async intactRecordAt(at: number): Promise<number | undefined> {
    const left = this.#segment.bytes - at;
    if (left < RECORD_HEADER_BYTES) return undefined;
    await this.#cover(at, RECORD_HEADER_BYTES);
    const recordBytes = recordBytesAt(this.bytes, at - this.start);
    if (recordBytes === undefined || recordBytes > left) return undefined;
    await this.#cover(at, recordBytes);
    if (this.bytes.length - (at - this.start) < recordBytes) return undefined;
    return isIntact(this.bytes, at - this.start, recordBytes, this.#segment.number) ? recordBytes : undefined;
  }

  /** Offset of the next intact record behind damage at `at`, or the end of the segment. */
  async recordBehind(at: number): Promise<number> {
    const end = this.#segment.bytes;
    // Most often only the body is damaged and its length still leads to the next record.
    await this.#cover(at, Math.min(RECORD_HEADER_BYTES, end - at));
    const claimed = recordBytesAt(this.bytes, at - this.start);
    if (
      claimed !== undefined &&
      at + claimed < end &&
      (await this.intactRecordAt(at + claimed)) !== undefined
    ) {
      return at + claimed;
    }
    for (let candidate = at + 1; candidate + RECORD_HEADER_BYTES <= end; candidate++) {
      if (candidate < this.start || candidate + RECORD_HEADER_BYTES > this.start + this.bytes.length) {
        await this.#cover(candidate, RECORD_HEADER_BYTES);
      }
      const recordBytes = recordBytesAt(this.bytes, candidate - this.start);
      if (recordBytes === undefined || recordBytes > SEARCHED_RECORD_BYTES_MAX) continue;
      if ((await this.intactRecordAt(candidate)) !== undefined) return candidate;
    }
    return end;
  }

  async #cover(at: number, bytes: number): Promise<void> {
    if (at >= this.start && at + bytes <= this.start + this.bytes.length) return;
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), this.#segment.bytes - at);
    const target = Buffer.allocUnsafe(wanted);
    const filled = await this.#segment.read(target, at);
    this.bytes = target.subarray(0, filled);
    this.start = at;
  }
}
