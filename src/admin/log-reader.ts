/** Reads an event log in order from a cursor or a time, and follows it; a reader that is slow holds its place in the log, not memory. */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { EventLog, LogEntry, LogFollower, Offset } from '../event-log/event-log.ts';
import type { EventStart } from './admin-port.ts';

/** Read at a time; the log gives fewer when they are large. */
const READ_RECORDS = 4_000;

export interface LogQuery {
  readonly since: EventStart;
  /** Only records up to then; undefined: all. */
  readonly untilMs: number | undefined;
  /** false: ends at the end of the log as it is now. */
  readonly follow: boolean;
}

export interface ReadRecord {
  readonly entry: LogEntry;
  /** As `since` it goes on behind this record. */
  readonly cursor: string;
}

interface Reading {
  readonly query: LogQuery;
  /** Per partition what comes next. */
  readonly next: Offset[];
  /** undefined: it ends only with `signal`. */
  readonly ends: readonly Offset[] | undefined;
  readonly signal: AbortSignal;
  /** Until the end has been reached once: what comes after that is not old. */
  catchingUp: boolean;
}

export class LogReader {
  readonly #log: EventLog;
  readonly #checkTime: (timeMs: number) => void;

  /** `checkTime` throws when the log may not have every record from then on. */
  constructor(log: EventLog, checkTime: (timeMs: number) => void) {
    this.#log = log;
    this.#checkTime = checkTime;
  }

  isCursor(cursor: string): boolean {
    return parseCursor(cursor, this.#log.partitionCount) !== undefined;
  }

  /** `partitions`: which of them; all, if it does not say. Ends when `signal` is aborted, and at once for a cursor that is none. */
  async *read(
    query: LogQuery,
    signal: AbortSignal,
    partitions: readonly number[] = Array.from({ length: this.#log.partitionCount }, (_, index) => index),
  ): AsyncGenerator<ReadRecord, void, undefined> {
    const next = await this.#startOf(query.since);
    if (next === undefined) return;
    const ends = query.follow ? undefined : await this.#log.endOffsets();
    const reading: Reading = { query, next, ends, signal, catchingUp: true };
    const news = new News(signal);
    const follower: LogFollower | undefined = query.follow
      ? await this.#log.follow(await this.#log.endOffsets(), () => {
          news.arrived();
        })
      : undefined;
    try {
      do {
        for (const partition of partitions) yield* this.#rest(partition, reading);
        reading.catchingUp = false;
      } while (query.follow && (await news.wait()));
    } finally {
      await follower?.stop();
    }
  }

  /** Everything of one partition from `next` to its end; `next` moves along. */
  async *#rest(partition: number, reading: Reading): AsyncGenerator<ReadRecord, void, undefined> {
    const { query, next, ends, signal } = reading;
    const sinceMs = timeOf(query.since);
    // How far the reader has come: behind it, compaction may do what it likes.
    let reachedMs = sinceMs;
    while (!signal.aborted && (next[partition] ?? 0) < (ends?.[partition] ?? Infinity)) {
      const entries = await this.#log.read(partition, next[partition] ?? (0 as Offset), READ_RECORDS);
      if (reachedMs !== undefined && reading.catchingUp) this.#checkTime(reachedMs);
      if (entries.length === 0) return;
      for (const entry of entries) {
        next[partition] = (entry.offset + 1) as Offset;
        if (sinceMs !== undefined) reachedMs = Math.max(sinceMs, entry.timestampMs);
        if (isWithin(entry.timestampMs, sinceMs, query.untilMs)) yield { entry, cursor: cursorOf(next) };
      }
      await endOfTurn(); // The records may have come from memory, and clients wait for their turn.
    }
  }

  async #startOf(since: EventStart): Promise<Offset[] | undefined> {
    if (since === 'start') return [...(await this.#log.startOffsets())];
    if (since === 'now') return [...(await this.#log.endOffsets())];
    if ('timeMs' in since) return [...(await this.#log.offsetsAt(since.timeMs))];
    return parseCursor(since.cursor, this.#log.partitionCount);
  }
}

/** Wakes the reader when there is something new; remembers one wake-up while nobody waits. */
class News {
  readonly #signal: AbortSignal;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      this.arrived();
    });
  }

  arrived(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** false: the reader is to stop. */
  async wait(): Promise<boolean> {
    if (!this.#pending && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#pending = false;
    this.#wake = undefined;
    return !this.#signal.aborted;
  }
}

function timeOf(since: EventStart): number | undefined {
  return typeof since === 'object' && 'timeMs' in since ? since.timeMs : undefined;
}

/** Times need not rise with the offsets: the first record that is too late does not end a list. */
function isWithin(timeMs: number, sinceMs = -Infinity, untilMs = Infinity): boolean {
  return sinceMs <= timeMs && timeMs <= untilMs;
}

/** Next offset per partition, as text. */
function cursorOf(next: readonly Offset[]): string {
  return next.join('.');
}

function parseCursor(text: string, partitionCount: number): Offset[] | undefined {
  const offsets = text.split('.').map(Number);
  const valid =
    offsets.length === partitionCount && offsets.every((each) => Number.isSafeInteger(each) && each >= 0);
  return valid && text !== '' ? (offsets as Offset[]) : undefined;
}
