/**
 * The newest records of every partition, fetched once for all followers of this process as Kafka commits them: one waiting
 * request to each leader. When Kafka is away it goes on where it was as soon as Kafka is back.
 */
import type { LogEntry, Offset } from '../../../event-log/event-log.ts';
import type { Availability } from '../client/availability.ts';
import { isPassing } from '../client/kafka-error.ts';
import type { Address, KafkaNodes } from '../client/kafka-nodes.ts';
import { backoffMs, pause } from '../client/retry.ts';
import type { TopicLeaders } from '../client/topic-leaders.ts';
import { fetchCall } from '../wire/fetch.ts';
import type { FetchedPartition } from '../wire/fetch.ts';
import type { KafkaLogStats } from './kafka-log-stats.ts';
import { decodeFetched, LATEST } from './partition-reader.ts';
import type { PartitionReader } from './partition-reader.ts';

/** An idle log costs one request to each leader in this time. */
const WAIT_MS = 1_000;
const PARTITION_BYTES_MAX = 1_048_576;
const RESPONSE_BYTES_MAX = 8 * 1_048_576;

/** Takes records of one partition, in order, from the moment it joins. */
export interface TailListener {
  deliver(entries: readonly LogEntry[]): void;
}

interface Waiter {
  readonly offset: Offset;
  readonly resolve: () => void;
}

interface TailPartition {
  readonly partition: number;
  /** Everything before it has been handed to the listeners. */
  position: Offset;
  readonly listeners: Set<TailListener>;
  /** By rising offset. */
  readonly waiters: Waiter[];
  failures: number;
  retryAtMs: number;
}

export class LogTail {
  readonly #nodes: KafkaNodes;
  readonly #leaders: TopicLeaders;
  readonly #reader: PartitionReader;
  readonly #availability: Availability;
  readonly #stats: KafkaLogStats;
  readonly #closing: AbortSignal;
  readonly #loops = new Set<Address>();
  #partitions: TailPartition[] = [];
  #starting: Promise<void> | undefined;

  constructor(
    nodes: KafkaNodes,
    leaders: TopicLeaders,
    reader: PartitionReader,
    availability: Availability,
    stats: KafkaLogStats,
    closing: AbortSignal,
  ) {
    this.#nodes = nodes;
    this.#leaders = leaders;
    this.#reader = reader;
    this.#availability = availability;
    this.#stats = stats;
    this.#closing = closing;
    closing.addEventListener('abort', () => this.#release(), { once: true });
  }

  /** Begins at the end of the log, the first time it is called. */
  async start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    await this.#starting;
  }

  /** Where the next record of a partition will be handed over. Only once started. */
  position(partition: number): Offset {
    return this.#partition(partition).position;
  }

  /** Returns how to leave. */
  join(partition: number, listener: TailListener): () => void {
    const { listeners } = this.#partition(partition);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** Resolves when every listener has what lies before `offset`, or everything closes; at once when nobody listens. */
  async reached(partition: number, offset: Offset): Promise<void> {
    const tail = this.#partitions[partition];
    if (tail === undefined || tail.position >= offset || tail.listeners.size === 0) return;
    await new Promise<void>((resolve) => {
      const behind = tail.waiters.findLastIndex((waiter) => waiter.offset <= offset);
      tail.waiters.splice(behind + 1, 0, { offset, resolve });
    });
  }

  async #start(): Promise<void> {
    const ends = await this.#reader.offsets(LATEST);
    this.#partitions = ends.map((position, partition) => ({
      partition,
      position,
      listeners: new Set(),
      waiters: [],
      failures: 0,
      retryAtMs: 0,
    }));
    // Appends find out about new leaders too, and a loop that lost its partitions to one has nothing to fail with.
    this.#leaders.onLearnt(() => this.#followLeaders());
    this.#followLeaders();
  }

  #followLeaders(): void {
    for (const leader of this.#leaders.byLeader().keys()) {
      if (this.#closing.aborted || this.#loops.has(leader)) continue;
      this.#loops.add(leader);
      void this.#follow(leader).finally(() => {
        this.#loops.delete(leader);
        this.#followLeaders();
      });
    }
  }

  /** Runs for as long as the broker leads a partition. */
  async #follow(leader: Address): Promise<void> {
    while (!this.#closing.aborted) {
      const led = this.#partitions.filter(({ partition }) => this.#leaders.leaderOf(partition) === leader);
      if (led.length === 0) return;
      const now = performance.now();
      const due = led.filter(({ retryAtMs }) => retryAtMs <= now);
      if (due.length === 0) {
        await pause(Math.min(...led.map(({ retryAtMs }) => retryAtMs)) - now, this.#closing);
        continue;
      }
      const failed = await this.#fetch(leader, due);
      if (failed) await this.#leaders.refresh().catch(() => undefined);
    }
  }

  /** Whether something has gone wrong, for the whole request or for a partition of it. */
  async #fetch(leader: Address, partitions: readonly TailPartition[]): Promise<boolean> {
    this.#stats.fetchRequests++;
    const call = fetchCall(
      this.#leaders.topic,
      rotated(partitions, this.#stats.fetchRequests).map(({ partition, position }) => ({
        partition,
        fetchOffset: position,
        maxBytes: PARTITION_BYTES_MAX,
      })),
      { maxWaitTime: WAIT_MS, minBytes: 1, maxBytes: RESPONSE_BYTES_MAX },
      this.#nodes.requestTimeoutMs,
    );
    try {
      const answers = await this.#nodes.send(leader, call);
      const taken = await Promise.all(answers.map((answer) => this.#take(answer)));
      return taken.includes(false);
    } catch (error) {
      for (const tail of partitions) this.#failed(tail, error);
      return true;
    }
  }

  async #take(answer: FetchedPartition): Promise<boolean> {
    const tail = this.#partition(answer.partition);
    try {
      const { outOfRange, batches } = decodeFetched(
        answer,
        tail.partition,
        tail.position,
        this.#leaders.topic,
      );
      if (outOfRange) tail.position = await this.#reader.startBehind(tail.partition, tail.position);
      else this.#deliver(tail, batches.entries, batches.next);
    } catch (error) {
      this.#failed(tail, error);
      return !isPassing(error);
    }
    tail.failures = 0;
    this.#availability.working(userOf(tail));
    return true;
  }

  #deliver(tail: TailPartition, entries: readonly LogEntry[], next: Offset): void {
    tail.position = next;
    this.#stats.recordsRead += entries.length;
    if (entries.length > 0) for (const listener of tail.listeners) listener.deliver(entries);
    const waiting = tail.waiters.findIndex(({ offset }) => offset > next);
    const reached = tail.waiters.splice(0, waiting < 0 ? tail.waiters.length : waiting);
    for (const { resolve } of reached) resolve();
  }

  #release(): void {
    for (const { waiters } of this.#partitions) for (const { resolve } of waiters.splice(0)) resolve();
  }

  #failed(tail: TailPartition, error: unknown): void {
    tail.failures++;
    tail.retryAtMs = performance.now() + backoffMs(tail.failures);
    if (!this.#closing.aborted) this.#availability.failing(userOf(tail), error);
  }

  #partition(partition: number): TailPartition {
    const tail = this.#partitions[partition];
    if (tail === undefined) throw new RangeError(`The tail has no partition ${partition}`);
    return tail;
  }
}

function userOf({ partition }: TailPartition): string {
  return `reading partition ${partition}`;
}

/** Kafka answers a big batch in full only for the first partition asked for: each must be first at times. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
