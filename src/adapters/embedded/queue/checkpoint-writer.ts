/** Writes checkpoints without stalling the event loop; see `checkpoint-format.ts`. */
import type { OpenFile } from '../file-system.ts';
import type { RecordPosition } from '../journal/journal-position.ts';
import {
  ENTRIES_ITEM,
  FORMAT_VERSION,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  frameCrc,
  HEADER_BYTES,
  MAGIC,
  QUEUE_ITEM,
} from './checkpoint-format.ts';
import { BLOCK_ENTRIES, BLOCK_WORDS, ENTRY_BYTES } from './entry-arena.ts';
import type { QueueIndex } from './queue-index.ts';
import { encodeKey, encodeQuota, keyBytes, QUOTA_BYTES } from './queue-records.ts';
import type { QueueTable } from './queue-table.ts';

/**
 * Serialises a table in slices, each queue as it is when its turn comes; the caller syncs the journal before it
 * lets the file count.
 */
export class CheckpointWriter {
  readonly #file: OpenFile;
  readonly #frame = Buffer.allocUnsafe(FRAME_BYTES_MAX);
  readonly #entries = new Uint32Array(BLOCK_WORDS);
  /** The same memory: Node runs on little-endian machines only, so words are written as they lie. */
  readonly #entryBytes = Buffer.from(this.#entries.buffer);
  #used = FRAME_HEADER_BYTES;
  #position = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#position;
  }

  /** `now`: the position from which on records are not in what is serialised at that moment. */
  async write(table: QueueTable, replayFrom: RecordPosition, now: () => RecordPosition): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(FORMAT_VERSION, 8);
    header.writeUInt32LE(replayFrom.segment, 12);
    header.writeUInt32LE(replayFrom.offset, 16);
    await this.#file.write([header], 0);
    this.#position = HEADER_BYTES;
    for (const queue of table.queues()) {
      if (queueItemBytesMax(queue) > FRAME_BYTES_MAX - this.#used) await this.#flush();
      if (queue.dropped) continue;
      this.#used = encodeQueueItem(queue, now(), this.#frame, this.#used);
      await this.#writeEntries(queue);
    }
    if (this.#used > FRAME_HEADER_BYTES) await this.#flush();
    await this.#flush();
  }

  async #writeEntries(queue: QueueIndex): Promise<void> {
    const end = queue.next;
    for (let seq = queue.head; seq < end && !queue.dropped;) {
      const bytesMax = 1 + keyBytes(queue.key) + 12 + BLOCK_ENTRIES * ENTRY_BYTES;
      if (bytesMax > FRAME_BYTES_MAX - this.#used) {
        await this.#flush();
        seq = Math.max(seq, queue.head);
        continue;
      }
      const count = Math.min(queue.copyEntries(seq, this.#entries), end - seq);
      if (count <= 0) return;
      let at = this.#used;
      this.#frame[at] = ENTRIES_ITEM;
      at = encodeKey(queue.key, this.#frame, at + 1);
      at = this.#frame.writeDoubleLE(seq, at);
      at = this.#frame.writeUInt32LE(count, at);
      at += this.#entryBytes.copy(this.#frame, at, 0, count * ENTRY_BYTES);
      this.#used = at;
      seq += count;
    }
  }

  async #flush(): Promise<void> {
    const payload = this.#frame.subarray(FRAME_HEADER_BYTES, this.#used);
    this.#frame.writeUInt32LE(payload.length, 0);
    this.#frame.writeUInt32LE(frameCrc(payload), 4);
    await this.#file.write([this.#frame.subarray(0, this.#used)], this.#position);
    this.#position += this.#used;
    this.#used = FRAME_HEADER_BYTES;
  }
}

function queueItemBytesMax(queue: QueueIndex): number {
  let bytes = 1 + keyBytes(queue.key) + 16 + QUOTA_BYTES + 1;
  queue.producers.forEach((producer) => {
    bytes += 2 + producer.length * 3 + 16;
  });
  return bytes;
}

function encodeQueueItem(queue: QueueIndex, asOf: RecordPosition, target: Buffer, start: number): number {
  target[start] = QUEUE_ITEM;
  let at = encodeKey(queue.key, target, start + 1);
  at = target.writeDoubleLE(queue.next, at);
  at = target.writeUInt32LE(asOf.segment, at);
  at = target.writeUInt32LE(asOf.offset, at);
  at = encodeQuota(queue.quota, target, at);
  target[at++] = queue.producers.size;
  queue.producers.forEach((producer, sequence, seq) => {
    const bytes = target.write(producer, at + 2);
    target.writeUInt16LE(bytes, at);
    at = target.writeDoubleLE(sequence, at + 2 + bytes);
    at = target.writeDoubleLE(seq, at);
  });
  return at;
}
