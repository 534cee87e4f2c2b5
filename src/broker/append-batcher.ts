/**
 * Gathers what all publishers append to durable queues and hands it to the store, one call under way per lane: what
 * arrives meanwhile is the lane's next. A lane that fails or hangs holds up its own queues and nobody else, and tells
 * readers and tickets only what is durable.
 */
import type { DurableQueueStore, QueueKey } from '../queue/durable-queue.ts';
import { messageBytes, type QueuedMessage } from '../queue/message.ts';
import type { PublishOrigin } from '../routing/subscriber.ts';
import type { Incarnation } from '../tenancy/identity.ts';
import type { Timers } from '../time/clock.ts';
import type { AppendReceiver } from './append-batch.ts';
import { AppendLane } from './append-lane.ts';
import { LaneScheduler } from './lane-scheduler.ts';
import type { PublishTicket } from './publish-ticket.ts';

export interface AppendRequest {
  readonly queue: QueueKey;
  readonly queued: QueuedMessage;
  readonly receiver: AppendReceiver;
  readonly ticket: PublishTicket | undefined;
  /** undefined: this broker's incarnation and its own count. */
  readonly origin: PublishOrigin | undefined;
  /** See `AppendEntry.owed`; default: what has an origin was accepted before. */
  readonly owed?: boolean;
}

export interface AppendBatcherOptions {
  readonly store: DurableQueueStore;
  readonly incarnation: Incarnation;
  readonly timers: Timers;
  /** After this long without an answer the tickets of everything that a lane was handed so far fail. */
  readonly storeTimeoutMs: number;
  /** Staged bytes at which all publishers are stopped: what the lanes share. */
  readonly bytesHigh: number;
  /** Called with the error of every failed attempt. */
  readonly onStoreError: (error: unknown) => void;
  /** Called whenever `stagedBytes` went down. */
  readonly onSettled: () => void;
}

/**
 * One of many lanes may hold this part of `bytesHigh` before its publishers are stopped. A busy queue whose part of
 * the store is away then stops those who publish to it, long before it would stop everybody.
 */
const LANE_SHARE = 1 / 4;

export class AppendBatcher {
  readonly #options: AppendBatcherOptions;
  readonly #lanes: readonly AppendLane[];
  readonly #scheduler: LaneScheduler;
  #sequence = 0;
  #stagedBytes = 0;
  /** How the last attempt of any lane ended. */
  #isAnswering = true;

  constructor(options: AppendBatcherOptions) {
    this.#options = options;
    const { store, timers, storeTimeoutMs, bytesHigh, onStoreError } = options;
    const { count, callsMax } = store.lanes;
    this.#scheduler = new LaneScheduler(timers, count, callsMax);
    const laneOptions = {
      store,
      timers,
      storeTimeoutMs,
      bytesHigh: count === 1 ? bytesHigh : bytesHigh * LANE_SHARE,
      onAttempt: (error?: unknown): void => {
        this.#isAnswering = error === undefined;
        if (error !== undefined) onStoreError(error);
      },
      onReady: (lane: AppendLane): void => {
        this.#scheduler.retry(lane);
      },
      onSettled: (bytes: number): void => {
        this.#stagedBytes -= bytes;
        options.onSettled();
      },
    };
    this.#lanes = Array.from({ length: count }, () => new AppendLane(laneOptions));
  }

  /** Bytes of messages handed in whose fate is not yet known. */
  get stagedBytes(): number {
    return this.#stagedBytes;
  }

  /** The store failed and has not answered since, for any lane. */
  get isRetrying(): boolean {
    return !this.#isAnswering && this.retryingLanes > 0;
  }

  /** Lanes whose last attempt failed. */
  get retryingLanes(): number {
    return this.#lanes.reduce((sum, { isRetrying }) => sum + Number(isRetrying), 0);
  }

  append(request: AppendRequest): void {
    const { queue, queued, receiver, ticket, origin, owed = origin !== undefined } = request;
    const bytes = messageBytes(queued.message);
    const producer = origin?.producer ?? this.#options.incarnation;
    const sequence = origin?.sequence ?? ++this.#sequence;
    const lane = this.#laneOf(queue);
    const wasIdle = lane.isIdle;
    const stays = receiver.isAway === true;
    lane.add({ queue, producer, sequence, queued, owed, stays }, bytes, receiver, ticket);
    this.#stagedBytes += bytes;
    if (wasIdle) this.#scheduler.add(lane);
    if (lane.isCrowded) ticket?.waitForCrowded(lane);
  }

  /** Resolves when the fate of everything handed in so far is known; `queue`: of everything for that queue. */
  async barrier(queue?: QueueKey): Promise<void> {
    if (queue !== undefined) await this.#laneOf(queue).barrier();
    else await Promise.all(this.#lanes.map((lane) => lane.barrier() ?? Promise.resolve()));
  }

  #laneOf(queue: QueueKey): AppendLane {
    const index = this.#options.store.lanes.laneOf(queue);
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`append batcher: the store has no lane ${index}`);
    return lane;
  }
}
