/**
 * Trims messages a fixed time after they became durable, as brokers do for clients that acknowledge: in one call for all
 * queues that have something to trim, several times a second.
 */
import type { DurableQueueStore, QueueKey, Seq } from '../../../src/queue/durable-queue.ts';
import { preciseNowMs } from './bench-message.ts';

/** Trims are gathered for so long. */
const GATHER_MS = 100;

interface Gathered {
  readonly sinceMs: number;
  /** Highest position of each queue. */
  readonly through: Map<QueueKey, Seq>;
}

export class LateTrims {
  readonly #store: DurableQueueStore;
  readonly #afterMs: number;
  /** Oldest first; the last one is being gathered. */
  readonly #gathered: Gathered[] = [];
  readonly #underWay = new Set<Promise<void>>();

  constructor(store: DurableQueueStore, afterMs: number) {
    this.#store = store;
    this.#afterMs = afterMs;
  }

  appended(queue: QueueKey, seq: Seq): void {
    const nowMs = preciseNowMs();
    let last = this.#gathered.at(-1);
    if (last === undefined || nowMs - last.sinceMs >= GATHER_MS) {
      last = { sinceMs: nowMs, through: new Map() };
      this.#gathered.push(last);
    }
    last.through.set(queue, seq);
  }

  /** Starts the trims that are due. Called often. */
  run(): void {
    const dueMs = preciseNowMs() - this.#afterMs - GATHER_MS;
    for (
      let first = this.#gathered[0];
      first !== undefined && first.sinceMs < dueMs;
      first = this.#gathered[0]
    ) {
      this.#gathered.shift();
      const trims = [...first.through].map(([queue, through]) => ({ queue, through }));
      const trimmed = this.#store.trim(trims);
      this.#underWay.add(trimmed);
      void trimmed.finally(() => this.#underWay.delete(trimmed));
    }
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
