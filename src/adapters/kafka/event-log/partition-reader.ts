/**
 * Reads stretches of single partitions and asks for offsets, over connections on which nothing waits for news. It goes after
 * leaders that move and gives up at a deadline.
 */
import kafkajsRequests from 'kafkajs/src/protocol/requests/index.js';
import type { ListOffsetsResponse } from 'kafkajs/src/protocol/requests/index.js';
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { Offset } from '../../../event-log/event-log.ts';
import { assertAccepted, KafkaAnswerError } from '../client/kafka-error.ts';
import type { Address, KafkaNodes } from '../client/kafka-nodes.ts';
import { retrying } from '../client/retry.ts';
import type { TopicLeaders } from '../client/topic-leaders.ts';
import { fetchCall } from '../wire/fetch.ts';
import type { FetchedPartition } from '../wire/fetch.ts';
import { decodeRecordBatches } from '../wire/record-batch.ts';
import type { DecodedBatches } from '../wire/record-batch.ts';
import type { KafkaLogStats } from './kafka-log-stats.ts';

const LIST_OFFSETS = kafkajsRequests.requests.ListOffsets.protocol({ version: 2 });
const READ_COMMITTED = 1;
/** What ListOffsets takes for a time: the first offset, or the one behind the last committed record. */
export const EARLIEST = -2;
export const LATEST = -1;
/** What it answers when no record is of that time or later. */
const NO_OFFSET = -1;
/** Big enough that a million small records take a hundred requests, small enough not to be felt in memory. */
const FETCH_BYTES = 1_048_576;

export class PartitionReader {
  readonly #nodes: KafkaNodes;
  readonly #leaders: TopicLeaders;
  readonly #closing: AbortSignal;
  readonly #deadlineMs: number;
  readonly #stats: KafkaLogStats;

  /** `deadlineMs`: how long one call goes on trying. */
  constructor(
    nodes: KafkaNodes,
    leaders: TopicLeaders,
    closing: AbortSignal,
    deadlineMs: number,
    stats: KafkaLogStats,
  ) {
    this.#nodes = nodes;
    this.#leaders = leaders;
    this.#closing = closing;
    this.#deadlineMs = deadlineMs;
    this.#stats = stats;
  }

  /**
   * Records from an offset on, as many as come in one answer; `next` equals `from` at the end of the log. Where `from` is
   * before the start of the log, from there. Rejects with `StoreUnavailableError`.
   */
  async fetch(partition: number, from: Offset): Promise<DecodedBatches> {
    return await this.#trying(`partition ${partition}`, async () => {
      const fetched = await this.#fetchOnce(partition, from);
      if (!fetched.outOfRange) return fetched.batches;
      return (await this.#fetchOnce(partition, await this.startBehind(partition, from))).batches;
    });
  }

  /** The start of the log. Rejects when that is not behind `from`: then the log has lost what was once there. */
  async startBehind(partition: number, from: Offset): Promise<Offset> {
    const [start] = await this.#listOffsets(this.#leader(partition), [partition], EARLIEST);
    if (start !== undefined && start.offset > from) return start.offset;
    throw new Error(
      `Partition ${partition} of ${this.#leaders.topic} ends before offset ${from}, which was there once: the topic was made ` +
        'anew or Kafka has lost acknowledged records. Restore the topic, or remove the snapshot and start all brokers again.',
    );
  }

  /** As the port has it. Rejects with `StoreUnavailableError`. */
  async offsetsAt(timestampMs: number): Promise<readonly Offset[]> {
    // The ends first: what is appended meanwhile is not to be missed.
    const ends = await this.offsets(LATEST);
    const found = await this.#offsetsOf(timestampMs);
    return ends.map((end, partition) => {
      const offset = found[partition];
      return offset === undefined || offset === NO_OFFSET ? end : offset;
    });
  }

  /** One offset per partition. Rejects with `StoreUnavailableError`. */
  async offsets(which: typeof EARLIEST | typeof LATEST): Promise<readonly Offset[]> {
    return await this.#offsetsOf(which);
  }

  async #offsetsOf(timestamp: number): Promise<readonly Offset[]> {
    return await this.#trying('offsets', async () => {
      const answers = await Promise.all(
        [...this.#leaders.byLeader()].map(([leader, partitions]) =>
          this.#listOffsets(leader, partitions, timestamp),
        ),
      );
      const offsets: Offset[] = [];
      for (const { partition, offset } of answers.flat()) offsets[partition] = offset;
      return offsets;
    });
  }

  async #fetchOnce(
    partition: number,
    from: Offset,
  ): Promise<{ readonly outOfRange: boolean; readonly batches: DecodedBatches }> {
    this.#stats.fetchRequests++;
    const call = fetchCall(
      this.#leaders.topic,
      [{ partition, fetchOffset: from, maxBytes: FETCH_BYTES }],
      { maxWaitTime: 0, minBytes: 0, maxBytes: FETCH_BYTES },
      this.#nodes.requestTimeoutMs,
    );
    const [answer] = await this.#nodes.send(this.#leader(partition), call);
    const decoded = decodeFetched(answer, partition, from, this.#leaders.topic);
    this.#stats.recordsRead += decoded.batches.entries.length;
    return decoded;
  }

  async #listOffsets(
    leader: Address,
    partitions: readonly number[],
    timestamp: number,
  ): Promise<readonly { readonly partition: number; readonly offset: Offset }[]> {
    const { request, response } = LIST_OFFSETS({
      isolationLevel: READ_COMMITTED,
      topics: [
        { topic: this.#leaders.topic, partitions: partitions.map((partition) => ({ partition, timestamp })) },
      ],
    });
    const parse = (answer: ListOffsetsResponse): Promise<ListOffsetsResponse> => Promise.resolve(answer);
    const { responses } = await this.#nodes.send(leader, {
      request,
      response: { decode: (payload) => response.decode(payload), parse },
    });
    return responses.flatMap((topic) =>
      topic.partitions.map(({ partition, errorCode, offset }) => {
        assertAccepted(errorCode, `offsets of partition ${partition} of ${this.#leaders.topic}`);
        return { partition, offset: Number(offset) as Offset };
      }),
    );
  }

  #leader(partition: number): Address {
    const leader = this.#leaders.leaderOf(partition);
    if (leader === undefined) throw new RangeError(`${this.#leaders.topic} has no partition ${partition}`);
    return leader;
  }

  async #trying<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await retrying(attempt, {
        deadlineMs: performance.now() + this.#deadlineMs,
        closing: this.#closing,
        beforeRetry: () => this.#leaders.refresh(),
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreUnavailableError(`Kafka topic ${this.#leaders.topic}`, `${what}: ${reason}`, { cause });
    }
  }
}

/** Throws a `KafkaAnswerError` on every error but that the offset is out of the log's range. */
export function decodeFetched(
  answer: FetchedPartition | undefined,
  partition: number,
  from: Offset,
  topic: string,
): { readonly outOfRange: boolean; readonly batches: DecodedBatches } {
  if (answer === undefined) throw new Error(`Kafka has not answered for partition ${partition} of ${topic}`);
  const { errorCode, records, aborted } = answer;
  const error =
    errorCode === 0 ? undefined : new KafkaAnswerError(errorCode, `partition ${partition} of ${topic}`);
  if (error !== undefined && !error.outOfRange) throw error;
  const batches =
    error === undefined
      ? decodeRecordBatches(records, partition, from, aborted)
      : { entries: [], next: from };
  return { outOfRange: error !== undefined, batches };
}
