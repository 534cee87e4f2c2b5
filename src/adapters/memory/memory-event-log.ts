/**
 * The event log in memory: ordered, partitioned and compactable as any other, and gone with the process.
 * For tests and simulations; a broker that must keep its word uses another adapter.
 */
import type {
  EventLog,
  LogEntry,
  LogFollower,
  LogPosition,
  LogRecord,
  Offset,
} from '../../event-log/event-log.ts';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';

/** Most records one call of a follower's handler gets. */
const FOLLOW_BATCH_RECORDS = 1_000;

/** A read that has got so many bytes of values ends, however few records those are. */
const READ_BYTES = 1_048_576;

interface Follower {
  readonly next: Offset[];
  readonly handler: (entries: readonly LogEntry[]) => void;
  stopped: boolean;
}

interface Partition {
  /** Rising offsets, with gaps after compaction. */
  entries: LogEntry[];
  end: Offset;
}

export class MemoryEventLog implements EventLog {
  readonly partitionCount: number;
  readonly #partitions: Partition[];
  readonly #followers = new Set<Follower>();
  #closed = false;

  constructor(partitionCount = 1) {
    this.partitionCount = partitionCount;
    this.#partitions = Array.from({ length: partitionCount }, () => ({ entries: [], end: 0 as Offset }));
  }

  partitionOf(partitionKey: string): number {
    return hash(partitionKey) % this.partitionCount;
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogPosition[]> {
    await Promise.resolve(); // As everywhere else, nothing happens before the caller has its promise.
    this.#assertOpen();
    const positions = records.map((record) => this.#add(record));
    for (const follower of this.#followers) this.#deliver(follower);
    return positions;
  }

  startOffsets(): Promise<readonly Offset[]> {
    return Promise.resolve(this.#partitions.map(({ entries, end }) => entries[0]?.offset ?? end));
  }

  endOffsets(): Promise<readonly Offset[]> {
    return Promise.resolve(this.#partitions.map(({ end }) => end));
  }

  offsetsAt(timestampMs: number): Promise<readonly Offset[]> {
    return Promise.resolve(
      this.#partitions.map(
        ({ entries, end }) => entries.find((entry) => entry.timestampMs >= timestampMs)?.offset ?? end,
      ),
    );
  }

  read(partition: number, from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    const entries = this.#partitions[partition]?.entries ?? [];
    const first = firstAtOrAfter(entries, from);
    let end = first;
    for (let bytes = 0; end < entries.length && end < first + recordsMax && bytes < READ_BYTES; end++) {
      bytes += entries[end]?.value?.length ?? 0;
    }
    return Promise.resolve(entries.slice(first, end));
  }

  async follow(
    from: readonly Offset[],
    handler: (entries: readonly LogEntry[]) => void,
  ): Promise<LogFollower> {
    await Promise.resolve();
    this.#assertOpen();
    const next = this.#partitions.map((_, partition) => from[partition] ?? (0 as Offset));
    const follower: Follower = { next, handler, stopped: false };
    this.#followers.add(follower);
    this.#deliver(follower);
    return {
      stop: () => {
        follower.stopped = true;
        this.#followers.delete(follower);
        return Promise.resolve();
      },
    };
  }

  /** Forgets every superseded record and every tombstone at once: a compaction lag of zero. */
  compact(): void {
    for (const partition of this.#partitions) {
      const latest = new Map(partition.entries.map((entry) => [entry.key, entry.offset]));
      partition.entries = partition.entries.filter(
        ({ key, value, offset }) => value !== null && latest.get(key) === offset,
      );
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#followers.clear();
    return Promise.resolve();
  }

  #add(record: LogRecord): LogPosition {
    const index = this.partitionOf(record.partitionKey);
    const partition = this.#partitions[index];
    if (partition === undefined) throw new RangeError(`No partition ${index}`);
    const offset = partition.end;
    partition.entries.push({ ...record, partition: index, offset });
    partition.end = (offset + 1) as Offset;
    return { partition: index, offset };
  }

  #deliver(follower: Follower): void {
    for (const [index, partition] of this.#partitions.entries()) {
      for (;;) {
        const first = firstAtOrAfter(partition.entries, follower.next[index] ?? partition.end);
        const batch = partition.entries.slice(first, first + FOLLOW_BATCH_RECORDS);
        const last = batch.at(-1);
        if (last === undefined || follower.stopped) break;
        follower.next[index] = (last.offset + 1) as Offset;
        follower.handler(batch);
      }
    }
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new StoreUnavailableError('The event log in memory', 'it was closed; open a new one.');
  }
}

/** Index of the first entry at or after an offset. */
function firstAtOrAfter(entries: readonly LogEntry[], offset: Offset): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** FNV-1a over UTF-16 code units: any even spread will do, nothing at rest depends on it. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  }
  return state >>> 0;
}
