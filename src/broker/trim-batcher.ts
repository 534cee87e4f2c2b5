/**
 * Collects how far readers have acknowledged their queues and trims many queues in one call. Nobody waits for a
 * trim: one that is lost means that a message is offered again, with DUP.
 */
import type { DurableQueueStore, QueueKey, Seq } from '../queue/durable-queue.ts';
import type { Timers } from '../time/clock.ts';

/** Acknowledgements are gathered this long. */
const TRIM_DELAY_MS = 20;

export class TrimBatcher {
  readonly #store: DurableQueueStore;
  readonly #timers: Timers;
  readonly #onStoreError: (error: unknown) => void;
  #through = new Map<QueueKey, Seq>();
  #scheduled = false;

  constructor(store: DurableQueueStore, timers: Timers, onStoreError: (error: unknown) => void) {
    this.#store = store;
    this.#timers = timers;
    this.#onStoreError = onStoreError;
  }

  trim(queue: QueueKey, through: Seq): void {
    this.#through.set(queue, through);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.after(TRIM_DELAY_MS, this.#onTimer);
  }

  /** Resolves when every trim asked for so far is durable or has failed. */
  async flush(): Promise<void> {
    const trims = Array.from(this.#through, ([queue, through]) => ({ queue, through }));
    this.#through = new Map();
    if (trims.length === 0) return;
    try {
      await this.#store.trim(trims);
    } catch (error) {
      this.#onStoreError(error);
    }
  }

  readonly #onTimer = (): void => {
    this.#scheduled = false;
    void this.flush();
  };
}
