/**
 * Collects how far readers have acknowledged their queues and trims many queues in one call per lane of the store.
 * Nobody waits for a trim: one that is lost means that a message is offered again, with DUP.
 */
import type { DurableQueueStore, QueueKey, QueueTrim, Seq } from '../queue/durable-queue.ts';
import type { Timers } from '../time/clock.ts';

/** Acknowledgements are gathered this long. */
const TRIM_DELAY_MS = 20;

interface LaneTrims {
  /** By `QueueKey.text`. */
  waiting: Map<string, QueueTrim>;
  /** The last call to the store, and all before it. */
  trimming: Promise<void>;
}

export class TrimBatcher {
  readonly #store: DurableQueueStore;
  readonly #timers: Timers;
  readonly #onStoreError: (error: unknown) => void;
  readonly #lanes: readonly LaneTrims[];
  #scheduled = false;

  constructor(store: DurableQueueStore, timers: Timers, onStoreError: (error: unknown) => void) {
    this.#store = store;
    this.#timers = timers;
    this.#onStoreError = onStoreError;
    this.#lanes = Array.from({ length: store.lanes.count }, () => ({
      waiting: new Map<string, QueueTrim>(),
      trimming: Promise.resolve(),
    }));
  }

  trim(queue: QueueKey, through: Seq): void {
    this.#laneOf(queue)?.waiting.set(queue.text, { queue, through });
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.after(TRIM_DELAY_MS, this.#onTimer);
  }

  /** Resolves when every trim asked for so far is durable or has failed. */
  async flush(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => this.#flushLane(lane)));
  }

  /**
   * Resolves when nothing is waiting or under way for this queue: whoever reads it next is not offered again what
   * was acknowledged.
   */
  async settled(queue: QueueKey): Promise<void> {
    const lane = this.#laneOf(queue);
    if (lane === undefined) return;
    await (lane.waiting.has(queue.text) ? this.#flushLane(lane) : lane.trimming);
  }

  #flushLane(lane: LaneTrims): Promise<void> {
    if (lane.waiting.size === 0) return lane.trimming;
    const trims = [...lane.waiting.values()];
    lane.waiting = new Map();
    lane.trimming = Promise.all([lane.trimming, this.#store.trim(trims)]).then(
      () => undefined,
      this.#onStoreError,
    );
    return lane.trimming;
  }

  #laneOf(queue: QueueKey): LaneTrims | undefined {
    return this.#lanes[this.#store.lanes.laneOf(queue)];
  }

  readonly #onTimer = (): void => {
    this.#scheduled = false;
    void this.flush();
  };
}
