/**
 * Gathers what all publishers append to durable queues and hands it to the store, one call under way at a time:
 * what arrives meanwhile is the next call. Keeps the order of every queue through retries and failures, and tells
 * readers and tickets only what is durable.
 */
import type { AppendEntry, AppendResult, DurableQueueStore, QueueKey, Seq } from '../queue/durable-queue.ts';
import { messageBytes, type QueuedMessage } from '../queue/message.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Incarnation } from '../tenancy/identity.ts';
import type { TimerHandle, Timers } from '../time/clock.ts';
import type { PublishTicket } from './publish-ticket.ts';

/** Who is told that a message became durable in a queue. */
export interface AppendReceiver {
  readonly counters: Counters;
  appended(seq: Seq, queued: QueuedMessage): void;
  /** Durable through `seq`, by an earlier attempt whose answer was lost. */
  reached(seq: Seq): void;
}

export interface AppendRequest {
  readonly queue: QueueKey;
  readonly queued: QueuedMessage;
  readonly receiver: AppendReceiver;
  readonly ticket: PublishTicket | undefined;
  /** undefined: this broker's incarnation and its own count. */
  readonly origin: AppendOrigin | undefined;
}

/** Makes an append idempotent beyond this process: see `AppendEntry.producer`. */
export interface AppendOrigin {
  readonly producer: string;
  readonly sequence: number;
}

export interface AppendBatcherOptions {
  readonly store: DurableQueueStore;
  readonly incarnation: Incarnation;
  readonly timers: Timers;
  /** After this long without an answer the tickets of everything handed in so far fail. */
  readonly storeTimeoutMs: number;
  /** Called with the error of every failed attempt. */
  readonly onStoreError: (error: unknown) => void;
  /** Called whenever `stagedBytes` went down. */
  readonly onSettled: () => void;
}

/** Entries of one store call. */
const BATCH_ENTRIES_MAX = 8192;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1000;

class Batch {
  readonly entries: AppendEntry[] = [];
  readonly receivers: AppendReceiver[] = [];
  readonly tickets: (PublishTicket | undefined)[] = [];
  bytes = 0;

  /** The store gave no answer in time: tickets have failed. */
  givenUp = false;

  get isFull(): boolean {
    return this.entries.length >= BATCH_ENTRIES_MAX || this.bytes >= BATCH_BYTES_MAX;
  }
}

export class AppendBatcher {
  readonly #options: AppendBatcherOptions;
  /** Batches in order; the first is with the store while `#busy`. */
  readonly #batches: Batch[] = [];
  readonly #barriers: { readonly after: Batch; readonly resolve: () => void }[] = [];
  #busy = false;
  #scheduled = false;
  #sequence = 0;
  #stagedBytes = 0;
  #retrying = false;
  #deadline: TimerHandle | undefined;

  constructor(options: AppendBatcherOptions) {
    this.#options = options;
  }

  /** Bytes of messages handed in whose fate is not yet known. */
  get stagedBytes(): number {
    return this.#stagedBytes;
  }

  /** The store failed and has not answered since. */
  get isRetrying(): boolean {
    return this.#retrying;
  }

  append(request: AppendRequest): void {
    const bytes = messageBytes(request.queued.message);
    const batch = this.#openBatch();
    batch.entries.push({
      queue: request.queue,
      producer: request.origin?.producer ?? this.#options.incarnation,
      sequence: request.origin?.sequence ?? ++this.#sequence,
      queued: request.queued,
    });
    batch.receivers.push(request.receiver);
    batch.tickets.push(request.ticket);
    batch.bytes += bytes;
    this.#stagedBytes += bytes;
    request.ticket?.expect();
    if (!this.#busy && !this.#scheduled) {
      this.#scheduled = true;
      this.#options.timers.endOfTurn(this.#startNext);
    }
  }

  /** Resolves when the fate of everything handed in so far is known. */
  barrier(): Promise<void> {
    const last = this.#batches.at(-1);
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#barriers.push({ after: last, resolve }));
  }

  #openBatch(): Batch {
    const last = this.#batches.at(-1);
    const isWithStore = this.#busy && this.#batches.length === 1;
    if (last !== undefined && !isWithStore && !last.isFull) return last;
    const batch = new Batch();
    this.#batches.push(batch);
    return batch;
  }

  readonly #startNext = (): void => {
    this.#scheduled = false;
    const batch = this.#batches[0];
    if (this.#busy || batch === undefined) return;
    this.#busy = true;
    void this.#store(batch);
  };

  async #store(batch: Batch): Promise<void> {
    this.#setDeadline();
    const results = await this.#appendWithRetry(batch);
    this.#deadline?.cancel();
    this.#batches.shift();
    this.#busy = false;
    this.#stagedBytes -= batch.bytes;
    // The next group goes to the store first: its sync runs while this one's readers are served.
    this.#startNext();
    settleAll(batch, results);
    this.#resolveBarriers(batch);
    this.#options.onSettled();
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
   * The deadline of the batch with the store has passed. What waits behind it must not reach the store either: a
   * publisher repeats what failed, and a queue takes a producer's messages by rising sequence only, so that a
   * later one that is there already would make the earlier one a repeat, and lose it.
   */
  #giveUp(): void {
    const [withStore, ...waiting] = this.#batches;
    this.#batches.splice(1);
    for (const batch of waiting) this.#stagedBytes -= batch.bytes;
    if (withStore !== undefined) failTickets(withStore);
    for (const batch of waiting) {
      failTickets(batch);
      this.#resolveBarriers(batch);
    }
    this.#options.onSettled();
  }

  #resolveBarriers(batch: Batch): void {
    for (const barrier of this.#barriers.splice(0)) {
      if (barrier.after === batch) barrier.resolve();
      else this.#barriers.push(barrier);
    }
  }

  /** undefined: no answer before the deadline. */
  async #appendWithRetry(batch: Batch): Promise<readonly AppendResult[] | undefined> {
    const { store, timers, onStoreError } = this.#options;
    for (let delayMs = RETRY_FIRST_MS; ; delayMs = Math.min(2 * delayMs, RETRY_MAX_MS)) {
      try {
        const results = await store.append(batch.entries);
        this.#retrying = false;
        return results;
      } catch (error) {
        this.#retrying = true;
        onStoreError(error);
        await new Promise<void>((resolve) => void timers.after(delayMs, resolve));
        if (batch.givenUp) return undefined;
      }
    }
  }
}

function failTickets(batch: Batch): void {
  batch.givenUp = true;
  for (const [index, ticket] of batch.tickets.entries()) {
    const receiver = batch.receivers[index];
    if (receiver !== undefined) receiver.counters.storeFailures++;
    batch.tickets[index] = undefined;
    ticket?.fail();
  }
}

function settleAll(batch: Batch, results: readonly AppendResult[] | undefined): void {
  for (let index = 0; index < batch.entries.length; index++) {
    const entry = batch.entries[index];
    const receiver = batch.receivers[index];
    if (entry === undefined || receiver === undefined) continue;
    settleOne(entry, receiver, batch.tickets[index], results?.[index]);
  }
}

function settleOne(
  entry: AppendEntry,
  receiver: AppendReceiver,
  ticket: PublishTicket | undefined,
  result: AppendResult | undefined,
): void {
  switch (result?.status) {
    case undefined:
      // Given up: the ticket has failed at the deadline.
      return;
    case 'stored':
      if (result.evicted > 0) receiver.counters.drop('queueEvicted', result.evicted);
      receiver.appended(result.seq, entry.queued);
      ticket?.settle();
      return;
    case 'repeat':
      receiver.reached(result.seq);
      ticket?.settle();
      return;
    case 'dropped':
      receiver.counters.drop('queueFull');
      ticket?.settle();
      return;
    case 'rejected':
      receiver.counters.drop('queueFull');
      ticket?.refuse(REASON.quotaExceeded);
      return;
  }
}
