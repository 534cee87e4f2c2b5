/**
 * Collects how far readers have acknowledged their queues and trims many queues in one call. Nobody waits for a
 * trim: one that is lost means that a message is offered again, with DUP.
 */
import type { DurableQueueStore, QueueKey, QueueTrim, Seq } from '../queue/durable-queue.ts';
import type { Timers } from '../time/clock.ts';

/** Acknowledgements are gathered this long. */
const TRIM_DELAY_MS = 20;

export class TrimBatcher {
  readonly #store: DurableQueueStore;
  readonly #timers: Timers;
  readonly #onStoreError: (error: unknown) => void;
  /** By `QueueKey.text`. */
  #waiting = new Map<string, QueueTrim>();
  #scheduled = false;
  /** The last call to the store. */
  #trimming: Promise<void> = Promise.resolve();

  constructor(store: DurableQueueStore, timers: Timers, onStoreError: (error: unknown) => void) {
    this.#store = store;
    this.#timers = timers;
    this.#onStoreError = onStoreError;
  }

  trim(queue: QueueKey, through: Seq): void {
    this.#waiting.set(queue.text, { queue, through });
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.after(TRIM_DELAY_MS, this.#onTimer);
  }

  /** Resolves when every trim asked for so far is durable or has failed. */
  flush(): Promise<void> {
    const trims = [...this.#waiting.values()];
    this.#waiting = new Map();
    if (trims.length > 0) {
      this.#trimming = Promise.all([this.#trimming, this.#store.trim(trims)]).then(
        () => undefined,
        this.#onStoreError,
      );
    }
    return this.#trimming;
  }

  /**
   * Resolves when nothing is waiting or under way for this queue: whoever reads it next is not offered again what
   * was acknowledged.
   */
  async settled(queue: QueueKey): Promise<void> {
    await (this.#waiting.has(queue.text) ? this.flush() : this.#trimming);
  }

  readonly #onTimer = (): void => {
    this.#scheduled = false;
    void this.flush();
  };
}
