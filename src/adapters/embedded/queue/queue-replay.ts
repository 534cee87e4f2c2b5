/**
 * Applies journal records to the table at the start. What a checkpoint already contains is left out, queue by
 * queue: a checkpoint is taken while the store works, so each queue has a moment of its own.
 */
import { decodeMessage } from '../../../queue/message-codec.ts';
import { messageBytes } from '../../../queue/message.ts';
import { comparePositions } from '../journal/journal-position.ts';
import type { RecordPosition } from '../journal/journal-position.ts';
import type { ScannedRecord } from '../journal/segment-scan.ts';
import { entryFlags, expirySeconds } from './append-stager.ts';
import { MARKED_FLAG } from './entry-arena.ts';
import type { QueueIndex } from './queue-index.ts';
import type { QueueKey } from '../../../queue/durable-queue.ts';
import {
  decodeKey,
  decodePositions,
  decodeQuotaRecord,
  decodeTrimmed,
  DROPPED,
  MARKED,
  MOVED,
  QUOTA,
  REMOVED,
  STORED,
  StoredReader,
  TRIMMED,
} from './queue-records.ts';
import type { QueueTable } from './queue-table.ts';

export class QueueReplay {
  readonly #table: QueueTable;
  readonly #asOf: ReadonlyMap<string, RecordPosition>;
  readonly #nowS: number;

  /** `asOf`: records of a queue before this position are in the table already, by `QueueKey.text`. */
  constructor(table: QueueTable, asOf: ReadonlyMap<string, RecordPosition>, nowS: number) {
    this.#table = table;
    this.#asOf = asOf;
    this.#nowS = nowS;
  }

  apply(record: ScannedRecord): void {
    switch (record.type) {
      case STORED:
      case MOVED:
        this.#applyStored(record);
        return;
      case TRIMMED:
        for (const { queue: key, through } of decodeTrimmed(record.body)) {
          const queue = this.#queueBefore(key, record);
          if (queue === undefined) continue;
          queue.skipTo(through + 1);
          queue.trim(through);
        }
        return;
      case MARKED: {
        const { queue: key, seqs } = decodePositions(record.body);
        const queue = this.#queueBefore(key, record);
        for (const seq of seqs) {
          queue?.skipTo(seq + 1);
          if (queue?.isPresent(seq) === true) queue.setFlags(seq, queue.flagsOf(seq) | MARKED_FLAG);
        }
        return;
      }
      case REMOVED: {
        const { queue: key, seqs } = decodePositions(record.body);
        const queue = this.#queueBefore(key, record);
        for (const seq of seqs) {
          queue?.skipTo(seq + 1);
          queue?.remove(seq);
        }
        return;
      }
      case DROPPED: {
        const queue = this.#queueBefore(decodeKey(record.body, 0), record);
        if (queue !== undefined) this.#table.drop(queue);
        return;
      }
      case QUOTA: {
        const { queue: key, quota } = decodeQuotaRecord(record.body);
        const queue = this.#queueBefore(key, record);
        if (queue !== undefined) queue.quota = quota;
        return;
      }
      default:
        throw new Error(
          `record type ${record.type} in segment ${record.segment} is not known: start the release that wrote it`,
        );
    }
  }

  #applyStored(record: ScannedRecord): void {
    const { segment, offset, body } = record;
    const reader = new StoredReader(body);
    const message = decodeMessage(body, 0);
    const bytes = messageBytes(message);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      const queue = this.#queueBefore(entry.key, record);
      if (queue === undefined) continue;
      const queued = { ...entry.delivery, message };
      const flags = (entryFlags(queued) | entry.flags) >>> 0;
      const isNew = record.type === MOVED || entry.seq >= queue.next;
      if (isNew) {
        this.#table.restore(
          queue,
          entry.seq,
          { segment, offset, bytes, expiresAtS: expirySeconds(queued), flags },
          this.#nowS,
        );
      }
      if (record.type === STORED) queue.producers.remember(reader.producer, entry.sequence, entry.seq);
    }
  }

  /** The queue as it was when the record was written; undefined: the table is further already. */
  #queueBefore(key: QueueKey, record: ScannedRecord): QueueIndex | undefined {
    const asOf = this.#asOf.get(key.text);
    if (asOf !== undefined && comparePositions(record, asOf) < 0) return undefined;
    return this.#table.findOrCreate(key);
  }
}
