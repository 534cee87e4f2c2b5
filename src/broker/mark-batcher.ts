/**
 * Records PUBRECs: the marks of one turn go to the store in one call per queue, and whoever asked is told when
 * the mark is durable, or that it is not.
 */
import type { DurableQueueStore, QueueKey, Seq } from '../queue/durable-queue.ts';
import type { Timers } from '../time/clock.ts';

/** `error` undefined: durable. */
export type MarkDone = (error?: unknown) => void;

interface PendingMarks {
  readonly seqs: Seq[];
  readonly done: MarkDone[];
}

export class MarkBatcher {
  readonly #store: DurableQueueStore;
  readonly #timers: Timers;
  #pending = new Map<QueueKey, PendingMarks>();

  constructor(store: DurableQueueStore, timers: Timers) {
    this.#store = store;
    this.#timers = timers;
  }

  mark(queue: QueueKey, seq: Seq, done: MarkDone): void {
    let marks = this.#pending.get(queue);
    if (marks === undefined) {
      if (this.#pending.size === 0) this.#timers.endOfTurn(this.#flush);
      this.#pending.set(queue, (marks = { seqs: [], done: [] }));
    }
    marks.seqs.push(seq);
    marks.done.push(done);
  }

  readonly #flush = (): void => {
    const pending = this.#pending;
    this.#pending = new Map();
    for (const [queue, marks] of pending) void this.#record(queue, marks);
  };

  async #record(queue: QueueKey, marks: PendingMarks): Promise<void> {
    let failure: unknown;
    try {
      await this.#store.mark(queue, marks.seqs);
    } catch (error) {
      failure = error;
    }
    for (const done of marks.done) done(failure);
  }
}
