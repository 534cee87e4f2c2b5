/**
 * Records PUBRECs: the marks of one turn go to the store in one call per queue, and whoever asked is told when
 * the mark is durable, or that it is not. A queue has one call under way: what comes meanwhile waits for it, because
 * PUBREL packets leave in the order of the PUBREC packets [MQTT-4.6.0-4].
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
  readonly #pending = new Map<QueueKey, PendingMarks>();
  /** Queues with a call under way. */
  readonly #busy = new Set<QueueKey>();
  #flushing = false;

  constructor(store: DurableQueueStore, timers: Timers) {
    this.#store = store;
    this.#timers = timers;
  }

  mark(queue: QueueKey, seq: Seq, done: MarkDone): void {
    let marks = this.#pending.get(queue);
    if (marks === undefined) this.#pending.set(queue, (marks = { seqs: [], done: [] }));
    marks.seqs.push(seq);
    marks.done.push(done);
    if (this.#flushing || this.#busy.has(queue)) return;
    this.#flushing = true;
    this.#timers.endOfTurn(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    for (const queue of [...this.#pending.keys()]) if (!this.#busy.has(queue)) void this.#record(queue);
  };

  /** Until nothing is left to record. */
  async #record(queue: QueueKey): Promise<void> {
    this.#busy.add(queue);
    for (let marks = this.#take(queue); marks !== undefined; marks = this.#take(queue)) {
      let failure: unknown;
      try {
        await this.#store.mark(queue, marks.seqs);
      } catch (error) {
        failure = error;
      }
      for (const done of marks.done) done(failure);
      // A later mark must not be on record without an earlier one: the next connection would begin with its PUBREL.
      if (failure !== undefined) for (const done of this.#take(queue)?.done ?? []) done(failure);
    }
    this.#busy.delete(queue);
  }

  #take(queue: QueueKey): PendingMarks | undefined {
    const marks = this.#pending.get(queue);
    this.#pending.delete(queue);
    return marks;
  }
}
