/**
 * Followers of a log with one partition: each first reads what is there, then takes its place among those who
 * get new records as they become durable. Between the two there is neither a gap nor a duplicate.
 */
import type { LogEntry, LogFollower, Offset } from '../../../event-log/event-log.ts';
import type { ArchiveView } from './archive-view.ts';

/** Most records a follower that catches up gets at once. */
const BATCH_RECORDS = 1_000;

export interface FollowedLog {
  /** The archived part of the log as it is now, from an offset on. */
  view(from: Offset): ArchiveView;
  /** Durable records; may be fewer than there are, empty only if there are none up to `end`. */
  read(from: Offset, recordsMax: number): Promise<readonly LogEntry[]>;
  /** Offset behind the last durable record. */
  end(): Offset;
}

type Handler = (entries: readonly LogEntry[]) => void;

interface Follower {
  readonly handler: Handler;
  next: Offset;
  /** Tombstones from this offset on it may still need: what lies before it reads from a view. */
  viewEnd: Offset;
  stopped: boolean;
}

export class LogFollowers {
  readonly #log: FollowedLog;
  /** Those who have caught up. */
  readonly #live = new Set<Follower>();
  readonly #catchingUp = new Set<Follower>();

  constructor(log: FollowedLog) {
    this.#log = log;
  }

  /** Resolves when the follower has everything that is durable. */
  async follow(from: Offset, handler: Handler): Promise<LogFollower> {
    const follower: Follower = { handler, next: from, viewEnd: from, stopped: false };
    this.#catchingUp.add(follower);
    try {
      await this.#readView(follower);
      await this.#catchUp(follower);
    } finally {
      this.#catchingUp.delete(follower);
    }
    return {
      stop: () => {
        follower.stopped = true;
        this.#live.delete(follower);
        return Promise.resolve();
      },
    };
  }

  /** Hands over records that have just become durable, in order. */
  deliver(entries: readonly LogEntry[]): void {
    const first = entries[0]?.offset ?? this.#log.end();
    for (const follower of this.#live) {
      const behind =
        follower.next > first ? entries.filter(({ offset }) => offset >= follower.next) : entries;
      if (behind.length > 0) handOver(follower, behind);
    }
  }

  stopAll(): void {
    for (const follower of [...this.#live, ...this.#catchingUp]) follower.stopped = true;
    this.#live.clear();
  }

  /** Offset from which on tombstones may still be needed by somebody who catches up. */
  tombstonesNeededFrom(): Offset {
    let needed = Number.MAX_SAFE_INTEGER;
    for (const { viewEnd } of this.#catchingUp) needed = Math.min(needed, viewEnd);
    return needed as Offset;
  }

  async #readView(follower: Follower): Promise<void> {
    const view = this.#log.view(follower.next);
    follower.viewEnd = view.end;
    try {
      for await (const entries of view.batches(BATCH_RECORDS)) {
        if (follower.stopped) return;
        handOver(follower, entries);
        await endOfTurn(); // The records may all have come from memory: let others have a turn.
      }
      follower.next = view.end;
    } finally {
      await view.release();
    }
  }

  async #catchUp(follower: Follower): Promise<void> {
    while (!follower.stopped) {
      const end = this.#log.end();
      if (follower.next >= end) {
        // In the same turn as the comparison: whatever becomes durable from here on is delivered.
        this.#live.add(follower);
        return;
      }
      const entries = await this.#log.read(follower.next, BATCH_RECORDS);
      const last = entries.at(-1);
      if (last === undefined) {
        follower.next = end; // What was there has been compacted away.
        continue;
      }
      handOver(follower, entries);
      await endOfTurn();
    }
  }
}

/** A handler that throws has broken an invariant: the process stops before anything is acknowledged. */
function handOver(follower: Follower, entries: readonly LogEntry[]): void {
  const last = entries.at(-1);
  if (last === undefined || follower.stopped) return;
  follower.next = (last.offset + 1) as Offset;
  try {
    follower.handler(entries);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
