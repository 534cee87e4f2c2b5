/**
 * Followers of the log: each first reads what is there, partition by partition, then listens to the tail that all of them
 * share. Between the two there is neither a gap nor a duplicate.
 */
import type { LogEntry, LogFollower, Offset } from '../../../event-log/event-log.ts';
import type { LogTail, TailListener } from './log-tail.ts';
import { LATEST } from './partition-reader.ts';
import type { PartitionReader } from './partition-reader.ts';

/** Partitions that one follower reads at once while it catches up: each holds an answer of a mebibyte. */
const CATCHING_UP_MAX = 4;

type Handler = (entries: readonly LogEntry[]) => void;

export class LogFollowers {
  readonly #reader: PartitionReader;
  readonly #tail: LogTail;
  readonly #closing: AbortSignal;

  constructor(reader: PartitionReader, tail: LogTail, closing: AbortSignal) {
    this.#reader = reader;
    this.#tail = tail;
    this.#closing = closing;
  }

  /** Resolves when the handler has everything up to the ends seen at the call. Rejects with `StoreUnavailableError`. */
  async follow(from: readonly Offset[], handler: Handler): Promise<LogFollower> {
    await this.#tail.start();
    const ends = await this.#reader.offsets(LATEST);
    const follower = new Follower(handler);
    const partitions = ends.keys();
    const catchUp = async (): Promise<void> => {
      for (const partition of partitions) {
        await this.#catchUp(follower, partition, from[partition] ?? (0 as Offset));
      }
    };
    try {
      await Promise.all(Array.from({ length: CATCHING_UP_MAX }, catchUp));
      await Promise.all(ends.map((end, partition) => this.#tail.reached(partition, end)));
    } catch (error) {
      follower.stop();
      throw error;
    }
    return {
      stop: () => {
        follower.stop();
        return Promise.resolve();
      },
    };
  }

  async #catchUp(follower: Follower, partition: number, from: Offset): Promise<void> {
    const place = follower.place(from);
    while (!follower.stopped && !this.#closing.aborted) {
      if (place.next >= this.#tail.position(partition)) {
        // In the same turn as the comparison: whatever the tail hands over from here on is the follower's.
        follower.leaves.push(this.#tail.join(partition, place));
        return;
      }
      const { entries, next } = await this.#reader.fetch(partition, place.next);
      place.deliver(entries);
      place.next = next;
    }
  }
}

class Follower {
  /** How to leave each partition of the tail. */
  readonly leaves: (() => void)[] = [];
  stopped = false;
  readonly #handler: Handler;

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  stop(): void {
    this.stopped = true;
    for (const leave of this.leaves) leave();
  }

  place(from: Offset): FollowerPlace {
    return new FollowerPlace(from, (entries) => this.#handOver(entries));
  }

  /** A handler that throws has broken an invariant: the process stops before anything is acknowledged. */
  #handOver(entries: readonly LogEntry[]): void {
    if (this.stopped) return;
    try {
      this.#handler(entries);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Where one follower is in one partition. */
class FollowerPlace implements TailListener {
  next: Offset;
  readonly #handOver: Handler;

  constructor(next: Offset, handOver: Handler) {
    this.next = next;
    this.#handOver = handOver;
  }

  deliver(entries: readonly LogEntry[]): void {
    const first = entries[0];
    const fresh =
      first !== undefined && first.offset < this.next
        ? entries.filter(({ offset }) => offset >= this.next)
        : entries;
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.next = (last.offset + 1) as Offset;
    this.#handOver(fresh);
  }
}
