/**
 * Takes a batch of appends into the table and the journal: positions, producers, quotas. All of it happens in one
 * turn; whether it became durable is the journal's to say.
 */
import type {
  AppendEntry,
  AppendResult,
  QueueQuota,
  Seq,
  TenantQueueQuota,
} from '../../../queue/durable-queue.ts';
import { removableAtMs } from '../../../queue/message-age.ts';
import { messageBytesMax } from '../../../queue/message-codec.ts';
import { messageBytes } from '../../../queue/message.ts';
import type { QueuedMessage } from '../../../queue/message.ts';
import { beyondTotal, quotaFor, isWithin, quotaVerdict } from '../../../queue/queue-quota.ts';
import type { TenantId } from '../../../tenancy/identity.ts';
import type { Journal } from '../journal/journal.ts';
import { IDENTIFIED_FLAG, RETAIN_FLAG } from './entry-arena.ts';
import type { QueueIndex } from './queue-index.ts';
import { STORED, StoredBody, TRIMMED, trimmedBody } from './queue-records.ts';
import type { KeyedPosition, StoredEntry } from './queue-records.ts';
import type { QueueTable } from './queue-table.ts';

/** More than a record needs for one entry and its share of everything around it. */
const ENTRY_BYTES_MAX = 2048;

const NOTHING_STORED = 0 as Seq;

interface ReservedEntry extends StoredEntry {
  readonly queue: QueueIndex;
  readonly bytes: number;
  readonly delivery: QueuedMessage;
}

export class AppendStager {
  readonly #table: QueueTable;
  readonly #journal: Journal;
  readonly #quotaOf: (tenant: TenantId) => TenantQueueQuota;
  readonly #body = new StoredBody<ReservedEntry>();
  readonly #evictions: KeyedPosition[] = [];

  /** `quotaOf`: for queues without one of their own, and for all together. */
  constructor(table: QueueTable, journal: Journal, quotaOf: (tenant: TenantId) => TenantQueueQuota) {
    this.#table = table;
    this.#journal = journal;
    this.#quotaOf = quotaOf;
  }

  /** Throws `StoreUnavailableError` before anything has changed. */
  stage(batch: readonly AppendEntry[], nowS: number): AppendResult[] {
    let bytesMax = 0;
    for (const { queued } of batch) bytesMax += messageBytesMax(queued.message) + ENTRY_BYTES_MAX;
    this.#journal.assertRoomFor(bytesMax);
    const results: AppendResult[] = [];
    for (const entry of batch) results.push(this.#stageEntry(entry, nowS));
    this.#flush(nowS);
    return results;
  }

  #stageEntry(entry: AppendEntry, nowS: number): AppendResult {
    const { producer, sequence, queued, owed = false } = entry;
    const { kind, tenant } = entry.queue;
    const queue = this.#table.findOrCreate(entry.queue);
    const repeat = queue.producers.repeatOf(producer, sequence);
    if (repeat !== undefined) return { status: 'repeat', seq: repeat, evicted: 0 };
    const bytes = messageBytes(queued.message);
    const ofTenant = this.#quotaOf(tenant);
    const tenantFull = owed
      ? undefined
      : beyondTotal(ofTenant.together, this.#table.totals.peek(tenant), bytes);
    const quota = quotaFor(kind, queue.quota ?? ofTenant, tenantFull && queue);
    const verdict = quotaVerdict(quota, queue.messages, queue.bytes, bytes);
    if (verdict === 'rejected' || verdict === 'dropped')
      return { status: verdict, seq: NOTHING_STORED, evicted: 0, tenantFull };
    const evicted = verdict === 'evict' ? this.#evict(queue, quota, bytes, nowS) : 0;
    if (!this.#body.takes(queued.message, producer)) {
      this.#flush(nowS);
      this.#body.begin(queued.message, producer);
    }
    const seq = queue.reserve(bytes);
    queue.producers.remember(producer, sequence, seq);
    this.#body.add({ key: queue.key, seq, sequence, delivery: queued, flags: 0, queue, bytes });
    return { status: 'stored', seq, evicted, tenantFull };
  }

  /** Makes room at the front. The record of it follows the one of the message it makes room for. */
  #evict(queue: QueueIndex, quota: QueueQuota, bytes: number, nowS: number): number {
    this.#flush(nowS);
    let evicted = 0;
    while (!isWithin(quota, queue.messages, queue.bytes, bytes)) evicted += queue.trim(queue.head);
    this.#evictions.push({ queue: queue.key, through: (queue.head - 1) as Seq });
    return evicted;
  }

  #flush(nowS: number): void {
    if (this.#body.entries.length > 0) {
      const { segment, offset } = this.#journal.append(STORED, this.#body);
      for (const { queue, seq, bytes, delivery } of this.#body.entries) {
        const expiresAtS = expirySeconds(delivery);
        queue.place(seq, segment, offset, bytes, expiresAtS, entryFlags(delivery));
        this.#table.noteExpiry(queue, seq, expiresAtS, nowS);
      }
      this.#body.clear();
    }
    if (this.#evictions.length > 0) this.#journal.append(TRIMMED, trimmedBody(this.#evictions.splice(0)));
  }
}

/** When the index may forget a message, seconds since 1970, rounded up; 0: never. */
export function expirySeconds(queued: QueuedMessage): number {
  const removableMs = removableAtMs(queued);
  return removableMs === undefined ? 0 : Math.min(0xffff_ffff, Math.ceil(removableMs / 1000));
}

/** What of a delivery stands in the index, so that most reads need only the message. */
export function entryFlags(delivery: Omit<QueuedMessage, 'message'>): number {
  const identified = delivery.subscriptionIds === undefined ? 0 : IDENTIFIED_FLAG;
  return (delivery.qos | (delivery.retain ? RETAIN_FLAG : 0) | identified | (delivery.packetId << 16)) >>> 0;
}
