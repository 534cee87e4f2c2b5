/**
 * What waits to be appended to one partition, in order, at most one batch of it on its way. A batch is repeated byte by byte,
 * under the same sequence numbers, until Kafka has answered: so it is there once. When it is given up its outcome is unknown,
 * and the lane goes on under a higher producer epoch: should the batch still arrive, Kafka refuses it if anything newer has come
 * before it, so nothing is ever overtaken.
 */
import type { Offset } from '../../../event-log/event-log.ts';
import { BATCH_OVERHEAD_BYTES, encodeRecordBatch } from '../wire/record-batch.ts';
import type { Compression } from '../wire/record-batch.ts';
import { recordBytesMax } from '../wire/log-record-codec.ts';
import type { EncodedRecord } from '../wire/log-record-codec.ts';
import type { AppendCall } from './append-call.ts';

/** Below Kafka's default for `max.message.bytes`, which counts a batch. A bigger record goes alone. */
const BATCH_BYTES_MAX = 512 * 1_024;
const BATCH_RECORDS_MAX = 10_000;
const EPOCH_MAX = 32_767;
const SEQUENCES = 2 ** 31;

export interface QueuedRecord {
  readonly record: EncodedRecord;
  readonly call: AppendCall;
  /** Place within the call. */
  readonly index: number;
}

interface Batch {
  readonly records: readonly QueuedRecord[];
  readonly bytes: Buffer;
}

export class PartitionLane {
  readonly partition: number;
  /** Failures in a row. */
  failures = 0;
  /** By `performance.now()`; not to be sent before. */
  retryAtMs = 0;
  readonly #compression: Compression;
  #waiting: QueuedRecord[] = [];
  #batch: Batch | undefined;
  #producerId: bigint | undefined;
  #epoch = 0;
  #nextSequence = 0;

  constructor(partition: number, compression: Compression) {
    this.partition = partition;
    this.#compression = compression;
  }

  /** Whether there is something to send, or to send again. */
  get hasWork(): boolean {
    return this.#batch !== undefined || this.#waiting.length > 0;
  }

  get needsProducerId(): boolean {
    return this.#producerId === undefined;
  }

  useProducerId(producerId: bigint): void {
    this.#producerId = producerId;
    this.#epoch = 0;
    this.#nextSequence = 0;
  }

  add(record: QueuedRecord): void {
    this.#waiting.push(record);
  }

  /** The batch on its way, or the next one. */
  currentBatch(): Batch | undefined {
    this.#batch ??= this.#nextBatch();
    return this.#batch;
  }

  /** Kafka has the batch. Returns its records, or nothing when it had been given up meanwhile. */
  appended(batch: Batch, baseOffset: Offset): readonly QueuedRecord[] {
    if (this.#batch !== batch) return [];
    this.#batch = undefined;
    this.#nextSequence = (this.#nextSequence + batch.records.length) % SEQUENCES;
    for (const [delta, { call, index }] of batch.records.entries())
      call.place(index, this.partition, (baseOffset + delta) as Offset);
    return batch.records;
  }

  /** Gives a batch up, unless that has been done. Returns what was in it. */
  giveUp(batch: Batch, error: unknown): readonly QueuedRecord[] {
    if (this.#batch !== batch) return [];
    this.#batch = undefined;
    this.#nextSequence = 0;
    if (this.#epoch < EPOCH_MAX) this.#epoch++;
    else this.#producerId = undefined;
    for (const { call } of batch.records) call.fail(error);
    return batch.records;
  }

  /** Gives up what belongs to calls that are settled already. Returns what was dropped. */
  dropSettled(error: unknown): readonly QueuedRecord[] {
    const batch = this.#batch;
    const inBatch = batch?.records.some(({ call }) => call.settled) === true ? this.giveUp(batch, error) : [];
    const dropped = this.#waiting.filter(({ call }) => call.settled);
    if (dropped.length > 0) this.#waiting = this.#waiting.filter(({ call }) => !call.settled);
    return [...inBatch, ...dropped];
  }

  #nextBatch(): Batch | undefined {
    let bytes = BATCH_OVERHEAD_BYTES;
    let count = 0;
    for (const { record } of this.#waiting) {
      bytes += recordBytesMax(record);
      if (count === BATCH_RECORDS_MAX || (count > 0 && bytes > BATCH_BYTES_MAX)) break;
      count++;
    }
    if (count === 0 || this.#producerId === undefined) return undefined;
    const records = this.#waiting.splice(0, count);
    const stamp = { producerId: this.#producerId, epoch: this.#epoch, firstSequence: this.#nextSequence };
    const encoded = records.map(({ record }) => record);
    return { records, bytes: encodeRecordBatch(encoded, stamp, this.#compression) };
  }
}
