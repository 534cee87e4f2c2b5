/**
 * The appends of one lane: batches in order, the first of them with the store, repeated until it has an answer or
 * the deadline has passed. Keeps the order of every queue through retries and failures. When a call may start is
 * the scheduler's to say.
 */
import { PlaceLostError } from '../errors/place-lost-error.ts';
import type { AppendEntry, AppendResult, DurableQueueStore } from '../queue/durable-queue.ts';
import type { TimerHandle, Timers } from '../time/clock.ts';
import { AppendBatch, type AppendReceiver } from './append-batch.ts';
import type { PublishTicket } from './publish-ticket.ts';

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1000;

export interface AppendLaneOptions {
  readonly store: DurableQueueStore;
  readonly timers: Timers;
  /** After this long without an answer the tickets of everything handed in so far fail. */
  readonly storeTimeoutMs: number;
  /** Message bytes at which this lane has more than its share. */
  readonly bytesHigh: number;
  /** Called with every attempt's error; undefined: it succeeded. */
  readonly onAttempt: (error?: unknown) => void;
  /** A batch waits after a pause; ask `attempt` for it. */
  readonly onReady: (lane: AppendLane) => void;
  /** The fate of so many bytes is known. */
  readonly onSettled: (bytes: number) => void;
}

export class AppendLane {
  readonly #options: AppendLaneOptions;
  /** In order; the first is with the store, or was, while `#isHeadClosed`. */
  readonly #batches: AppendBatch[] = [];
  readonly #barriers: { readonly after: AppendBatch; readonly resolve: () => void }[] = [];
  #isHeadClosed = false;
  #isRetrying = false;
  #isCrowded = false;
  #stagedBytes = 0;
  #retryDelayMs = RETRY_FIRST_MS;
  #deadline: TimerHandle | undefined;

  constructor(options: AppendLaneOptions) {
    this.#options = options;
  }

  /** The last attempt failed. */
  get isRetrying(): boolean {
    return this.#isRetrying;
  }

  /** It has held more than its share of staged bytes and not come below half of it since. */
  get isCrowded(): boolean {
    return this.#isCrowded;
  }

  /** Nothing is with the store and nothing waits for it. */
  get isIdle(): boolean {
    return this.#batches.length === 0;
  }

  add(entry: AppendEntry, bytes: number, receiver: AppendReceiver, ticket: PublishTicket | undefined): void {
    this.#openBatch().add(entry, bytes, receiver, ticket);
    this.#stagedBytes += bytes;
    if (this.#stagedBytes >= this.#options.bytesHigh) this.#isCrowded = true;
  }

  /** Resolves when the fate of everything handed in so far is known; undefined: it is already. */
  barrier(): Promise<void> | undefined {
    const last = this.#batches.at(-1);
    if (last === undefined) return undefined;
    return new Promise((resolve) => this.#barriers.push({ after: last, resolve }));
  }

  /**
   * Gives the oldest batch to the store, once. `answered` is called when the store is done with it and before anybody
   * is told, so that the next call is under way while this one's readers are served.
   */
  async attempt(answered: () => void): Promise<void> {
    const batch = this.#batches[0];
    if (batch === undefined) throw new Error('append lane: an attempt without a batch');
    this.#isHeadClosed = true;
    let results: readonly AppendResult[];
    try {
      results = await this.#options.store.append(batch.entries);
    } catch (error) {
      this.#isRetrying = true;
      this.#options.onAttempt(error);
      answered();
      if (error instanceof PlaceLostError) this.#giveUp();
      this.#pause(batch);
      return;
    }
    this.#isRetrying = false;
    this.#options.onAttempt();
    this.#shift(batch);
    answered();
    batch.settle(results);
    this.#tellSettled(batch);
  }

  #openBatch(): AppendBatch {
    const last = this.#batches.at(-1);
    const isClosedHead = this.#isHeadClosed && this.#batches.length === 1;
    if (last !== undefined && !isClosedHead && !last.isFull(this.#options.store.lanes)) return last;
    const batch = new AppendBatch();
    this.#batches.push(batch);
    if (this.#batches.length === 1) this.#setDeadline();
    return batch;
  }

  #pause(batch: AppendBatch): void {
    this.#options.timers.after(this.#retryDelayMs, () => {
      this.#retryDelayMs = Math.min(2 * this.#retryDelayMs, RETRY_MAX_MS);
      if (batch.givenUp) {
        this.#shift(batch);
        this.#tellSettled(batch);
      }
      if (!this.isIdle) this.#options.onReady(this);
    });
  }

  /** The first batch is done with; the deadline of the next one begins. */
  #shift(batch: AppendBatch): void {
    this.#deadline?.cancel();
    this.#batches.shift();
    this.#isHeadClosed = false;
    this.#retryDelayMs = RETRY_FIRST_MS;
    this.#unstage(batch);
    if (!this.isIdle) this.#setDeadline();
  }

  #unstage(batch: AppendBatch): void {
    this.#stagedBytes -= batch.bytes;
    if (this.#stagedBytes * 2 <= this.#options.bytesHigh) this.#isCrowded = false;
  }

  #setDeadline(): void {
    const { timers, storeTimeoutMs } = this.#options;
    this.#deadline = timers.after(storeTimeoutMs, () => {
      // Before anything fails: what is handed in from now on waits for as long again.
      this.#setDeadline();
      this.#giveUp();
    });
  }

  /**
   * The deadline of the first batch has passed, or nothing can be stored any more. What waits behind it must not reach the
   * store either: a publisher repeats what failed, and a queue takes a producer's messages by rising sequence only, so
   * that a later one that is there already would make the earlier one a repeat, and lose it.
   */
  #giveUp(): void {
    const [first, ...waiting] = this.#batches;
    // Until an attempt has an answer what the store has of the first one is unknown: it is settled then.
    this.#isHeadClosed = true;
    this.#batches.splice(1);
    for (const batch of waiting) this.#unstage(batch);
    first?.failTickets();
    for (const batch of waiting) {
      batch.failTickets();
      this.#tellSettled(batch);
    }
  }

  #tellSettled(batch: AppendBatch): void {
    for (const barrier of this.#barriers.splice(0)) {
      if (barrier.after === batch) barrier.resolve();
      else this.#barriers.push(barrier);
    }
    this.#options.onSettled(batch.bytes);
  }
}
