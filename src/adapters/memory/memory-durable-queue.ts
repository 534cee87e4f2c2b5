/**
 * The durable queue port in memory: the same contract in every respect but surviving the process. For tests,
 * simulations and brokers that may forget everything when they stop.
 */
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import type {
  AppendEntry,
  AppendLanes,
  AppendResult,
  DurableQueueStore,
  QueueBounds,
  QueueEntry,
  QueueKey,
  QueueQuota,
  QueueTotal,
  QueueTrim,
  ReadLimits,
  Seq,
  TenantQueueQuota,
} from '../../queue/durable-queue.ts';
import { removableAtMs } from '../../queue/message-age.ts';
import { detach, messageBytes } from '../../queue/message.ts';
import { ProducerWindow } from '../../queue/producer-window.ts';
import { beyondTotal, quotaFor, isWithin, quotaVerdict } from '../../queue/queue-quota.ts';
import { SINGLE_LANE } from '../../queue/single-lane.ts';
import { TenantTotals, type TenantTotal } from '../../queue/tenant-totals.ts';
import type { TenantId } from '../../tenancy/identity.ts';

/** Queues per batch of `list`. */
const LIST_BATCH = 256;

interface StoredEntry extends QueueEntry {
  readonly bytes: number;
}

class MemoryQueue {
  readonly key: QueueKey;
  readonly producers = new ProducerWindow();
  /** In order of position. */
  readonly entries = new Map<Seq, StoredEntry>();
  quota: QueueQuota | undefined;
  next = 1;
  bytes = 0;
  readonly #total: TenantTotal;

  constructor(key: QueueKey, total: TenantTotal) {
    this.key = key;
    this.#total = total;
  }

  get messages(): number {
    return this.entries.size;
  }

  get bounds(): QueueBounds {
    const first = this.entries.keys().next();
    const min = first.done === true ? this.next : first.value;
    return { min: min as Seq, next: this.next as Seq, messages: this.entries.size, bytes: this.bytes };
  }

  add(entry: StoredEntry): void {
    this.entries.set(entry.seq, entry);
    this.bytes += entry.bytes;
    this.#total.add(1, entry.bytes);
  }

  remove(seq: Seq): void {
    const bytes = this.entries.get(seq)?.bytes;
    if (bytes === undefined) return;
    this.entries.delete(seq);
    this.bytes -= bytes;
    this.#total.add(-1, -bytes);
  }

  clear(): void {
    this.#total.add(-this.messages, -this.bytes);
    this.entries.clear();
    this.bytes = 0;
  }
}

export class MemoryDurableQueue implements DurableQueueStore {
  readonly lanes: AppendLanes = SINGLE_LANE;
  readonly unsyncedBytes = 0;
  readonly totalsAreExact = true;
  readonly #quotaOf: (tenant: TenantId) => TenantQueueQuota;
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #totals = new TenantTotals();
  #closed = false;

  /** `quotaOf`: in place of `defaultQuota`, asked at each append. */
  constructor(
    defaultQuota: QueueQuota,
    quotaOf: (tenant: TenantId) => TenantQueueQuota = () => defaultQuota,
  ) {
    this.#quotaOf = quotaOf;
  }

  async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    await this.#open();
    return batch.map((entry) => this.#append(entry));
  }

  async read(key: QueueKey, from: Seq, limits: ReadLimits): Promise<readonly QueueEntry[]> {
    await this.#open();
    const found: QueueEntry[] = [];
    let bytes = 0;
    for (const { bytes: entryBytes, ...entry } of this.#queues.get(key.text)?.entries.values() ?? []) {
      if (entry.seq < from) continue;
      bytes += entryBytes;
      if (found.length >= limits.messagesMax || (found.length > 0 && bytes > limits.bytesMax)) break;
      found.push(entry);
    }
    return found;
  }

  async trim(trims: readonly QueueTrim[]): Promise<void> {
    await this.#open();
    for (const { queue: key, through } of trims) {
      const queue = this.#queues.get(key.text);
      for (const seq of queue?.entries.keys() ?? []) {
        if (seq > through) break;
        queue?.remove(seq);
      }
    }
  }

  async mark(key: QueueKey, seqs: readonly Seq[]): Promise<void> {
    await this.#open();
    const entries = this.#queues.get(key.text)?.entries;
    for (const seq of seqs) {
      const entry = entries?.get(seq);
      if (entry !== undefined) entries?.set(seq, { ...entry, marked: true });
    }
  }

  async bounds(key: QueueKey): Promise<QueueBounds> {
    await this.#open();
    return this.#queues.get(key.text)?.bounds ?? { min: 1 as Seq, next: 1 as Seq, messages: 0, bytes: 0 };
  }

  async drop(key: QueueKey): Promise<void> {
    await this.#open();
    this.#queues.get(key.text)?.clear();
    this.#queues.delete(key.text);
  }

  async setQuota(key: QueueKey, quota: QueueQuota | undefined): Promise<void> {
    await this.#open();
    this.#queueOf(key).quota = quota;
  }

  total(tenant: TenantId): QueueTotal {
    return this.#totals.peek(tenant);
  }

  async *list(): AsyncIterable<readonly (QueueBounds & { readonly queue: QueueKey })[]> {
    await this.#open();
    const present = [...this.#queues.values()].filter(({ entries }) => entries.size > 0);
    for (let start = 0; start < present.length; start += LIST_BATCH) {
      yield present.slice(start, start + LIST_BATCH).map((queue) => ({ queue: queue.key, ...queue.bounds }));
    }
  }

  async sweepExpired(nowMs: number): Promise<number> {
    await this.#open();
    let swept = 0;
    for (const queue of this.#queues.values()) {
      for (const { seq, queued } of queue.entries.values()) {
        if ((removableAtMs(queued) ?? Infinity) >= nowMs) continue;
        queue.remove(seq);
        swept++;
      }
    }
    return swept;
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #append({ queue: key, producer, sequence, queued, owed = false }: AppendEntry): AppendResult {
    const queue = this.#queueOf(key);
    const repeat = queue.producers.repeatOf(producer, sequence);
    if (repeat !== undefined) return { status: 'repeat', seq: repeat, evicted: 0 };
    const bytes = messageBytes(queued.message);
    const ofTenant = this.#quotaOf(key.tenant);
    const tenantFull = owed ? undefined : beyondTotal(ofTenant.together, this.total(key.tenant), bytes);
    const quota = quotaFor(key.kind, queue.quota ?? ofTenant, tenantFull && queue.bounds);
    const verdict = quotaVerdict(quota, queue.messages, queue.bytes, bytes);
    if (verdict === 'rejected' || verdict === 'dropped')
      return { status: verdict, seq: 0 as Seq, evicted: 0, tenantFull };
    let evicted = 0;
    for (const oldest of queue.entries.keys()) {
      if (isWithin(quota, queue.messages, queue.bytes, bytes)) break;
      queue.remove(oldest);
      evicted++;
    }
    const seq = queue.next++ as Seq;
    const stored = { ...queued, message: detach(queued.message) };
    queue.add({ seq, marked: false, queued: stored, bytes });
    queue.producers.remember(producer, sequence, seq);
    return { status: 'stored', seq, evicted, tenantFull };
  }

  #queueOf(key: QueueKey): MemoryQueue {
    let queue = this.#queues.get(key.text);
    if (queue === undefined) {
      queue = new MemoryQueue(key, this.#totals.of(key.tenant));
      this.#queues.set(key.text, queue);
    }
    return queue;
  }

  /** Takes a turn of its own, as a store with a disk does: a caller must not rely on less. */
  async #open(): Promise<void> {
    if (this.#closed) throw new StoreUnavailableError('the queue store in memory', 'it was closed');
    await Promise.resolve();
  }
}
