/**
 * Gives disk space back: removes segments in which nothing is wanted any more, and rewrites those in which little
 * is, by copying their live messages to the end of the journal.
 */
import type { Journal, SegmentSize } from '../journal/journal.ts';
import type { ScannedRecord } from '../journal/segment-scan.ts';
import { MARKED_FLAG } from './entry-arena.ts';
import { MOVED, STORED, StoredBody, StoredReader } from './queue-records.ts';
import type { QueueTable } from './queue-table.ts';

/** A segment is worth rewriting when less than this part of it is live. */
const SPARSE_RATIO = 0.35;
/** Nothing is rewritten while the journal is smaller than this many times what is live in it. */
const DISK_FACTOR = 2;
/** Segments rewritten in one go; the next go continues. */
const REWRITES_PER_RUN_MAX = 8;

export class SegmentCleaner {
  readonly #table: QueueTable;
  readonly #journal: Journal;
  readonly #body = new StoredBody();
  #rewritten = 0;

  constructor(table: QueueTable, journal: Journal) {
    this.#table = table;
    this.#journal = journal;
  }

  /** Segments rewritten since the start. */
  get rewritten(): number {
    return this.#rewritten;
  }

  /** Touches only segments before `neededFromSegment`: the later ones may still be replayed. */
  async run(neededFromSegment: number): Promise<void> {
    await this.#removeDead(neededFromSegment);
    for (let count = 0; count < REWRITES_PER_RUN_MAX; count++) {
      const sparsest = this.#sparsest(neededFromSegment);
      if (sparsest === undefined) return;
      await this.#rewrite(sparsest.number);
      await this.#removeDead(neededFromSegment);
    }
  }

  async #removeDead(neededFromSegment: number): Promise<void> {
    const { usage } = this.#table.memory;
    const dead = this.#journal
      .segments()
      .filter(({ number }) => number < neededFromSegment && usage.messages(number) === 0);
    if (dead.length === 0) return;
    // The trims and copies that made them superfluous have to outlive them.
    await this.#journal.durable();
    for (const { number } of dead) {
      await this.#journal.removeSegment(number);
      usage.forget(number);
    }
  }

  #sparsest(neededFromSegment: number): SegmentSize | undefined {
    const { usage } = this.#table.memory;
    const segments = this.#journal.segments();
    const onDisk = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    if (onDisk < usage.liveBytes * DISK_FACTOR) return undefined;
    const ratio = ({ number, bytes }: SegmentSize): number => usage.bytes(number) / bytes;
    return segments
      .filter((segment) => segment.number < neededFromSegment && ratio(segment) < SPARSE_RATIO)
      .sort((left, right) => ratio(left) - ratio(right))[0];
  }

  async #rewrite(segment: number): Promise<void> {
    await this.#journal.scan(segment, (record) => {
      if (record.type === STORED || record.type === MOVED) this.#copyLive(record);
    });
    this.#rewritten++;
  }

  /** Copies a record with those of its entries that still point to it. */
  #copyLive({ segment, offset, body }: ScannedRecord): void {
    const reader = new StoredReader(body);
    this.#body.clear();
    this.#body.beginEncoded(body.subarray(0, reader.messageBytes), reader.producer);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      const { key, seq, sequence, delivery } = entry;
      const queue = this.#table.find(key);
      if (
        queue?.isPresent(seq) !== true ||
        queue.segmentOf(seq) !== segment ||
        queue.offsetOf(seq) !== offset
      )
        continue;
      this.#body.add({ key, seq, sequence, delivery, flags: queue.flagsOf(seq) & MARKED_FLAG });
    }
    if (this.#body.entries.length === 0) return;
    const to = this.#journal.append(MOVED, this.#body);
    for (const { key, seq } of this.#body.entries) this.#table.find(key)?.moveTo(seq, to.segment, to.offset);
  }
}
