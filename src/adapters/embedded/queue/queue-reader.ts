/**
 * Reads messages of one queue: positions from its index, bodies from the journal's blocks, all blocks of a batch
 * at once. Hands out durable messages only, in copies that hold no block in memory.
 */
import type { QueueEntry, QueueKey, ReadLimits, Seq } from '../../../queue/durable-queue.ts';
import { decodeMessage, encodedMessageBytes } from '../../../queue/message-codec.ts';
import type { QoS } from '../../../mqtt/qos.ts';
import { RecordDamagedError } from '../journal/journal.ts';
import type { Journal } from '../journal/journal.ts';
import { IDENTIFIED_FLAG, MARKED_FLAG, QOS_BITS, RETAIN_FLAG } from './entry-arena.ts';
import type { QueueIndex } from './queue-index.ts';
import { StoredReader } from './queue-records.ts';

/** Bytes a stored message has beyond those counted against quotas, usually; more takes a buffer of its own. */
const MESSAGE_OVERHEAD_BYTES = 96;

export class QueueReader {
  readonly #journal: Journal;
  readonly #onLost: (queue: QueueIndex, seq: number, error: RecordDamagedError) => void;

  /** `onLost` removes a message that can no longer be read, so that it does not stand in the way for ever. */
  constructor(journal: Journal, onLost: (queue: QueueIndex, seq: number, error: RecordDamagedError) => void) {
    this.#journal = journal;
    this.#onLost = onLost;
  }

  /** Waits for the sync under way when the first message is not durable yet, and no longer than that. */
  async read(queue: QueueIndex, from: number, limits: ReadLimits): Promise<readonly QueueEntry[]> {
    let seqs = this.#select(queue, from, limits);
    if (seqs.length === 0 && queue.messages > 0 && from < queue.next) {
      await this.#journal.durable();
      seqs = this.#select(queue, from, limits);
    }
    const batch = new BatchBuffer(queue, seqs);
    const entries: QueueEntry[] = [];
    let prefetched = false;
    for (const [index, seq] of seqs.entries()) {
      let record = this.#journal.peek(queue.segmentOf(seq), queue.offsetOf(seq));
      if (record === undefined) {
        if (!prefetched) this.#prefetch(queue, seqs, index);
        prefetched = true;
        record = await this.#load(queue, seq);
        if (queue.dropped) return [];
      }
      if (record !== undefined && queue.isPresent(seq)) entries.push(entryOf(queue, seq, record, batch));
    }
    return entries;
  }

  /** Positions of the durable messages from `from` on that fit the limits. */
  #select(queue: QueueIndex, from: number, limits: ReadLimits): Seq[] {
    const seqs: Seq[] = [];
    let bytes = 0;
    for (let seq = Math.max(from, queue.head); seq < queue.next && seqs.length < limits.messagesMax; seq++) {
      if (!queue.isPresent(seq)) continue;
      if (!this.#journal.isDurable(queue.segmentOf(seq), queue.offsetOf(seq))) break;
      bytes += queue.bytesOf(seq);
      if (seqs.length > 0 && bytes > limits.bytesMax) break;
      seqs.push(seq as Seq);
    }
    return seqs;
  }

  #prefetch(queue: QueueIndex, seqs: readonly Seq[], from: number): void {
    for (let index = from; index < seqs.length; index++) {
      const seq = seqs[index];
      if (seq !== undefined) this.#journal.prefetch(queue.segmentOf(seq), queue.offsetOf(seq));
    }
  }

  /** undefined: trimmed while it was being loaded, or damaged. */
  async #load(queue: QueueIndex, seq: number): Promise<Buffer | undefined> {
    while (queue.isPresent(seq)) {
      const segment = queue.segmentOf(seq);
      const offset = queue.offsetOf(seq);
      try {
        return await this.#journal.load(segment, offset);
      } catch (error) {
        if (!(error instanceof RecordDamagedError)) throw error;
        if (!queue.isPresent(seq)) return undefined;
        // Rewriting a sparse segment may have moved the message away just now.
        if (queue.segmentOf(seq) !== segment || queue.offsetOf(seq) !== offset) continue;
        this.#onLost(queue, seq, error);
      }
    }
    return undefined;
  }
}

/** One allocation for the messages of a batch. */
class BatchBuffer {
  readonly #buffer: Buffer;
  #used = 0;

  constructor(queue: QueueIndex, seqs: readonly number[]) {
    let bytes = 0;
    for (const seq of seqs) bytes += queue.bytesOf(seq) + MESSAGE_OVERHEAD_BYTES;
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  /** The first `bytes` bytes of `source`, copied. */
  copy(source: Buffer, bytes: number): Buffer {
    if (this.#used + bytes > this.#buffer.length) return Buffer.from(source.subarray(0, bytes));
    source.copy(this.#buffer, this.#used, 0, bytes);
    const copied = this.#buffer.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return copied;
  }
}

function entryOf(queue: QueueIndex, seq: Seq, record: Buffer, batch: BatchBuffer): QueueEntry {
  const flags = queue.flagsOf(seq);
  const qos = flags & QOS_BITS;
  return {
    seq,
    marked: (flags & MARKED_FLAG) !== 0,
    queued: {
      message: decodeMessage(batch.copy(record, encodedMessageBytes(record, 0)), 0),
      qos: qos as QoS,
      retain: (flags & RETAIN_FLAG) !== 0,
      subscriptionIds:
        (flags & IDENTIFIED_FLAG) === 0 ? undefined : subscriptionIdsIn(record, queue.key, seq),
      packetId: flags >>> 16,
    },
  };
}

function subscriptionIdsIn(record: Buffer, key: QueueKey, seq: Seq): readonly number[] | undefined {
  const reader = new StoredReader(record);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    if (entry.seq === seq && entry.key.text === key.text) return entry.delivery.subscriptionIds;
  }
  return undefined;
}
