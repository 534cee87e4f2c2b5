/**
 * The event log on one Kafka topic. Every partition is read without a consumer group, so a broker leaves nothing behind in
 * Kafka; appends are idempotent and acknowledged by all in-sync replicas. It makes no topic: `KafkaTopics` does.
 * Needs Kafka 2.5 or later.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type {
  EventLog,
  LogEntry,
  LogFollower,
  LogPosition,
  LogRecord,
  Offset,
} from '../../../event-log/event-log.ts';
import { Availability } from '../client/availability.ts';
import type { KafkaState } from '../client/availability.ts';
import { KafkaNodes } from '../client/kafka-nodes.ts';
import { retrying } from '../client/retry.ts';
import { TopicLeaders } from '../client/topic-leaders.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { partitionOf } from '../wire/partition-of.ts';
import type { Compression } from '../wire/record-batch.ts';
import { KafkaLogStats } from './kafka-log-stats.ts';
import { LogAppender } from './log-appender.ts';
import { LogFollowers } from './log-followers.ts';
import { LogTail } from './log-tail.ts';
import { EARLIEST, LATEST, PartitionReader } from './partition-reader.ts';

/** Longer than Kafka takes to find a new leader when it must first notice that the old one is dead. */
const DEFAULT_DEADLINE_MS = 20_000;
const DEFAULT_WAITING_BYTES_MAX = 64 * 1_048_576;
/** A read that has got so many bytes of values ends: what comes in one answer may be compressed. */
const READ_BYTES = 1_048_576;
/** A leader that moves in an orderly way is away for less. */
const DEFAULT_UNAVAILABLE_AFTER_MS = 3_000;

export interface KafkaEventLogOptions {
  readonly connection: KafkaConnectionOptions;
  readonly topic: string;
  /** An append, a read or the opening that has not succeeded by then rejects, milliseconds. Default 20,000. */
  readonly deadlineMs?: number;
  /** Bytes that may wait to be appended; what comes on top is refused at once. Default 64 MiB. */
  readonly waitingBytesMax?: number;
  /** Of record batches. Both are always read. Default `none`: session events are small and many share no request. */
  readonly compression?: Compression;
  /** How long Kafka must fail before `onState` says so, milliseconds. Default 3,000. */
  readonly unavailableAfterMs?: number;
  readonly onState?: (state: KafkaState) => void;
}

/** Rejects with `StoreUnavailableError` when Kafka cannot be reached, or has no such topic. */
export async function openKafkaEventLog(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
  const { topic, connection, deadlineMs = DEFAULT_DEADLINE_MS } = options;
  const reading = new KafkaNodes(connection);
  const leaders = new TopicLeaders(reading, topic);
  const closing = new AbortController();
  try {
    await retrying(() => leaders.refresh(), {
      deadlineMs: performance.now() + deadlineMs,
      closing: closing.signal,
      beforeRetry: () => Promise.resolve(),
    });
  } catch (cause) {
    reading.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    const advice = `${reason}. Is Kafka there, and does it have the topic?`;
    throw new StoreUnavailableError(`Kafka topic ${topic}`, advice, { cause });
  }
  return new KafkaEventLog(options, reading, leaders, closing);
}

export class KafkaEventLog implements EventLog {
  readonly partitionCount: number;
  readonly stats = new KafkaLogStats();
  readonly #topic: string;
  /** One set of connections for each purpose: Kafka answers one connection's requests in turn, and two of these wait. */
  readonly #nodes: readonly KafkaNodes[];
  readonly #closing: AbortController;
  readonly #availability: Availability;
  readonly #reader: PartitionReader;
  readonly #tail: LogTail;
  readonly #followers: LogFollowers;
  readonly #appender: LogAppender;

  /** Use `openKafkaEventLog`. */
  constructor(
    options: KafkaEventLogOptions,
    reading: KafkaNodes,
    leaders: TopicLeaders,
    closing: AbortController,
  ) {
    const { connection, deadlineMs = DEFAULT_DEADLINE_MS } = options;
    const tailing = new KafkaNodes(connection);
    const appending = new KafkaNodes(connection);
    const { signal } = closing;
    this.#topic = options.topic;
    this.#nodes = [reading, tailing, appending];
    this.#closing = closing;
    this.partitionCount = leaders.partitionCount;
    this.#availability = new Availability(
      options.unavailableAfterMs ?? DEFAULT_UNAVAILABLE_AFTER_MS,
      options.onState ?? (() => undefined),
    );
    this.#reader = new PartitionReader(reading, leaders, signal, deadlineMs, this.stats);
    this.#tail = new LogTail(tailing, leaders, this.#reader, this.#availability, this.stats, signal);
    this.#followers = new LogFollowers(this.#reader, this.#tail, signal);
    const bounds = {
      deadlineMs,
      waitingBytesMax: options.waitingBytesMax ?? DEFAULT_WAITING_BYTES_MAX,
      compression: options.compression ?? 'none',
    };
    this.#appender = new LogAppender(
      appending,
      leaders,
      this.#availability,
      this.stats,
      bounds,
      async (positions) => await this.#handedOver(positions),
    );
  }

  /** False while Kafka has failed for longer than `unavailableAfterMs`. */
  get available(): boolean {
    return this.#availability.available;
  }

  partitionOf(partitionKey: string): number {
    return partitionOf(partitionKey, this.partitionCount);
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogPosition[]> {
    return await this.#appender.append(records);
  }

  async startOffsets(): Promise<readonly Offset[]> {
    this.#assertOpen();
    return await this.#reader.offsets(EARLIEST);
  }

  async endOffsets(): Promise<readonly Offset[]> {
    this.#assertOpen();
    return await this.#reader.offsets(LATEST);
  }

  async offsetsAt(timestampMs: number): Promise<readonly Offset[]> {
    this.#assertOpen();
    return await this.#reader.offsetsAt(timestampMs);
  }

  async read(partition: number, from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    this.#assertOpen();
    for (let next = from; ;) {
      const { entries, next: behind } = await this.#reader.fetch(partition, next);
      // An answer without records may have passed over some that were compacted away or aborted.
      if (entries.length > 0 || behind === next) return entries.slice(0, countWithin(entries, recordsMax));
      next = behind;
    }
  }

  async follow(
    from: readonly Offset[],
    handler: (entries: readonly LogEntry[]) => void,
  ): Promise<LogFollower> {
    this.#assertOpen();
    const follower = await this.#followers.follow(from, handler);
    this.#assertOpen();
    return follower;
  }

  /** At once: nothing is waited for, appends under way reject. */
  close(): Promise<void> {
    this.#closing.abort();
    this.#appender.close();
    this.#availability.close();
    for (const nodes of this.#nodes) nodes.close();
    return Promise.resolve();
  }

  async #handedOver(positions: readonly LogPosition[]): Promise<void> {
    const ends = new Map<number, number>();
    for (const { partition, offset } of positions)
      ends.set(partition, Math.max(ends.get(partition) ?? 0, offset + 1));
    await Promise.all([...ends].map(([partition, end]) => this.#tail.reached(partition, end as Offset)));
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted)
      throw new StoreUnavailableError(`Kafka topic ${this.#topic}`, 'it was closed; open a new one.');
  }
}

function countWithin(entries: readonly LogEntry[], recordsMax: number): number {
  let count = 0;
  for (let bytes = 0; count < entries.length && count < recordsMax && bytes < READ_BYTES; count++) {
    bytes += entries[count]?.value?.length ?? 0;
  }
  return count;
}
