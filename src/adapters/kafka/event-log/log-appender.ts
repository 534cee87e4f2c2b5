/**
 * Appends to all partitions of one topic: what arrives while a request to a leader is under way shares the next one. Requests
 * are repeated until Kafka has answered or a deadline has passed; past it the outcome is unknown and the call rejects.
 */
import kafkajsRequests from 'kafkajs/src/protocol/requests/index.js';
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { LogPosition, LogRecord } from '../../../event-log/event-log.ts';
import type { Availability } from '../client/availability.ts';
import { KafkaAnswerError, assertAccepted } from '../client/kafka-error.ts';
import type { Address, KafkaNodes } from '../client/kafka-nodes.ts';
import { backoffMs } from '../client/retry.ts';
import type { TopicLeaders } from '../client/topic-leaders.ts';
import { encodeFields } from '../wire/log-record-codec.ts';
import { partitionOf } from '../wire/partition-of.ts';
import { produceCall } from '../wire/produce.ts';
import type { PartitionProduced } from '../wire/produce.ts';
import type { Compression } from '../wire/record-batch.ts';
import { AppendCall } from './append-call.ts';
import type { KafkaLogStats } from './kafka-log-stats.ts';
import { PartitionLane } from './partition-lane.ts';
import type { QueuedRecord } from './partition-lane.ts';

const INIT_PRODUCER_ID = kafkajsRequests.requests.InitProducerId.protocol({ version: 1 });
/** Means nothing without transactions, but must be positive. */
const TRANSACTION_TIMEOUT_MS = 60_000;
/** Part of a request's time that the leader gets to wait for its replicas, so that its answer comes before we give up on it. */
const REPLICATION_SHARE = 0.8;
const REQUEST_BYTES_MAX = 8 * 1_048_576;

export interface AppendBounds {
  /** A call that has not succeeded by then rejects, milliseconds. */
  readonly deadlineMs: number;
  /** Bytes of keys, values and headers that may wait; more is refused at once. */
  readonly waitingBytesMax: number;
  readonly compression: Compression;
}

type Batch = NonNullable<ReturnType<PartitionLane['currentBatch']>>;

interface Shipment {
  readonly lane: PartitionLane;
  readonly batch: Batch;
}

export class LogAppender {
  readonly #nodes: KafkaNodes;
  readonly #leaders: TopicLeaders;
  readonly #availability: Availability;
  readonly #stats: KafkaLogStats;
  readonly #bounds: AppendBounds;
  readonly #handedOver: (positions: readonly LogPosition[]) => Promise<void>;
  readonly #lanes: readonly PartitionLane[];
  /** By rising deadline. */
  readonly #calls = new Set<AppendCall>();
  readonly #busy = new Set<Address>();
  #turn: NodeJS.Immediate | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `handedOver` resolves when followers in this process have what lies at these positions. */
  constructor(
    nodes: KafkaNodes,
    leaders: TopicLeaders,
    availability: Availability,
    stats: KafkaLogStats,
    bounds: AppendBounds,
    handedOver: (positions: readonly LogPosition[]) => Promise<void>,
  ) {
    this.#handedOver = handedOver;
    this.#nodes = nodes;
    this.#leaders = leaders;
    this.#availability = availability;
    this.#stats = stats;
    this.#bounds = bounds;
    this.#lanes = Array.from(
      { length: leaders.partitionCount },
      (_, partition) => new PartitionLane(partition, bounds.compression),
    );
  }

  /** Resolves when all in-sync replicas and our own followers have the records. Rejects with `StoreUnavailableError`: the outcome is unknown. */
  async append(records: readonly LogRecord[]): Promise<readonly LogPosition[]> {
    if (this.#closed) throw this.#unavailable('it was closed; open a new one.');
    if (records.length === 0) return [];
    if (this.#stats.bytesWaiting > this.#bounds.waitingBytesMax)
      throw this.#unavailable(
        `${this.#stats.bytesWaiting} bytes wait to be appended already; try again later.`,
      );
    const deadlineMs = performance.now() + this.#bounds.deadlineMs;
    const call = new AppendCall(records.length, deadlineMs, this.#handedOver);
    this.#calls.add(call);
    for (const [index, record] of records.entries()) {
      const queued = { record: encodeFields(record), call, index };
      this.#lane(partitionOf(record.partitionKey, this.#lanes.length)).add(queued);
      this.#stats.recordsWaiting++;
      this.#stats.bytesWaiting += queued.record.fields.length;
    }
    this.#armDeadline();
    // At the end of the turn: what else is appended in it goes along.
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#sendAll();
    });
    try {
      return await call.positions;
    } catch (error) {
      this.#stats.appendsRejected++;
      throw error;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Calls that have not succeeded reject. */
  close(): void {
    this.#closed = true;
    clearImmediate(this.#turn);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#deadlineTimer);
    this.#giveUp([...this.#calls], this.#unavailable('it was closed while an append was under way.'));
  }

  #sendAll(): void {
    if (this.#closed) return;
    const now = performance.now();
    let retryAtMs = Infinity;
    for (const [leader, partitions] of this.#leaders.byLeader()) {
      const lanes = partitions.map((partition) => this.#lane(partition)).filter(({ hasWork }) => hasWork);
      for (const lane of lanes) if (lane.retryAtMs > now) retryAtMs = Math.min(retryAtMs, lane.retryAtMs);
      const due = lanes.filter((lane) => lane.retryAtMs <= now);
      if (due.length > 0 && !this.#busy.has(leader)) void this.#send(leader, due);
    }
    clearTimeout(this.#retryTimer);
    if (retryAtMs < Infinity) this.#retryTimer = setTimeout(() => this.#sendAll(), retryAtMs - now);
  }

  async #send(leader: Address, lanes: readonly PartitionLane[]): Promise<void> {
    this.#busy.add(leader);
    let failed = false;
    try {
      await this.#giveProducerIds(lanes);
      const shipments = shipmentsOf(lanes);
      if (shipments.length > 0) failed = await this.#ship(leader, shipments);
    } catch (error) {
      for (const lane of lanes) this.#failed(lane, error);
      failed = true;
    } finally {
      this.#busy.delete(leader);
    }
    if (failed && !this.#closed) await this.#leaders.refresh().catch(() => undefined);
    this.#sendAll();
  }

  /** Whether a leader should be looked for again. */
  async #ship(leader: Address, shipments: readonly Shipment[]): Promise<boolean> {
    this.#stats.produceRequests++;
    const batches = shipments.map(({ lane, batch }) => ({ partition: lane.partition, batch: batch.bytes }));
    const replicationMs = Math.floor(this.#nodes.requestTimeoutMs * REPLICATION_SHARE);
    const answers = await this.#nodes.send(leader, produceCall(this.#leaders.topic, batches, replicationMs));
    let failed = false;
    for (const shipment of shipments) {
      const answer = answers.find(({ partition }) => partition === shipment.lane.partition);
      failed = !this.#settle(shipment, answer) || failed;
    }
    return failed;
  }

  #settle({ lane, batch }: Shipment, answer: PartitionProduced | undefined): boolean {
    try {
      if (answer === undefined) throw new Error(`Kafka has not answered for partition ${lane.partition}`);
      assertAccepted(answer.errorCode, `partition ${lane.partition} of ${this.#leaders.topic}`);
      const records = lane.appended(batch, answer.baseOffset);
      this.#stats.recordsAppended += records.length;
      this.#forget(records);
      lane.failures = 0;
      this.#availability.working(userOf(lane));
      return true;
    } catch (error) {
      if (error instanceof KafkaAnswerError && !error.passing)
        this.#forget(lane.giveUp(batch, this.#unavailable(error.advice ?? error.message, error)));
      else this.#failed(lane, error);
      return false;
    }
  }

  #failed(lane: PartitionLane, error: unknown): void {
    // Another leader may have taken the batch while this one did not answer.
    if (this.#closed || !lane.hasWork) return;
    lane.failures++;
    lane.retryAtMs = performance.now() + backoffMs(lane.failures);
    this.#stats.batchesRepeated++;
    this.#availability.failing(userOf(lane), error);
  }

  /** Each lane has its own: a lane whose epochs are used up leaves the others alone. */
  async #giveProducerIds(lanes: readonly PartitionLane[]): Promise<void> {
    const without = lanes.filter(({ needsProducerId }) => needsProducerId);
    await Promise.all(without.map(async (lane) => lane.useProducerId(await this.#newProducerId())));
  }

  async #newProducerId(): Promise<bigint> {
    const { producerId } = await this.#nodes.sendToAny(
      INIT_PRODUCER_ID({ transactionalId: null, transactionTimeout: TRANSACTION_TIMEOUT_MS }),
    );
    return BigInt(producerId);
  }

  #armDeadline(): void {
    const [first] = this.#calls;
    if (first === undefined || this.#deadlineTimer !== undefined || this.#closed) return;
    const waitMs = Math.max(0, first.deadlineMs - performance.now());
    this.#deadlineTimer = setTimeout(() => this.#atDeadline(), waitMs);
  }

  #atDeadline(): void {
    this.#deadlineTimer = undefined;
    const now = performance.now();
    const late = [...this.#calls].filter(({ deadlineMs }) => deadlineMs <= now);
    const advice = `no answer within ${this.#bounds.deadlineMs} ms; whether the records are stored is unknown.`;
    if (late.length > 0) this.#giveUp(late, this.#unavailable(advice));
    this.#armDeadline();
  }

  #giveUp(calls: readonly AppendCall[], error: StoreUnavailableError): void {
    for (const call of calls) {
      call.fail(error);
      this.#calls.delete(call);
    }
    for (const lane of this.#lanes) {
      this.#forget(lane.dropSettled(error));
      if (!lane.hasWork) this.#availability.working(userOf(lane));
    }
  }

  #forget(records: readonly QueuedRecord[]): void {
    this.#stats.recordsWaiting -= records.length;
    for (const { record } of records) this.#stats.bytesWaiting -= record.fields.length;
  }

  #lane(partition: number): PartitionLane {
    const lane = this.#lanes[partition];
    if (lane === undefined) throw new RangeError(`${this.#leaders.topic} has no partition ${partition}`);
    return lane;
  }

  #unavailable(advice: string, cause?: unknown): StoreUnavailableError {
    return new StoreUnavailableError(`Kafka topic ${this.#leaders.topic}`, advice, { cause });
  }
}

/** Of as many lanes as one request may carry; the others go with the next. */
function shipmentsOf(lanes: readonly PartitionLane[]): Shipment[] {
  const shipments: Shipment[] = [];
  let bytes = 0;
  for (const lane of lanes) {
    if (bytes >= REQUEST_BYTES_MAX) break;
    const batch = lane.currentBatch();
    if (batch === undefined) continue;
    bytes += batch.bytes.length;
    shipments.push({ lane, batch });
  }
  return shipments;
}

function userOf({ partition }: PartitionLane): string {
  return `appending to partition ${partition}`;
}
