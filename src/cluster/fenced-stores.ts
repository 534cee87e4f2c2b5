/**
 * The stores of a broker that may lose its place in the cluster: from the moment it has, nothing more is written in its name. A process
 * that was stopped and wakes up asks before its first write, not when its timers say so.
 */
import { PlaceLostError } from '../errors/place-lost-error.ts';
import type {
  EventLog,
  LogFollower,
  LogPosition,
  LogRecord,
  Offset,
  LogEntry,
} from '../event-log/event-log.ts';
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
} from '../queue/durable-queue.ts';
import type { TenantId } from '../tenancy/identity.ts';

/** false: others may be acting for this broker. */
export type MayAct = () => boolean;

export class FencedEventLog implements EventLog {
  readonly partitionCount: number;
  readonly #log: EventLog;
  readonly #mayAct: MayAct;

  constructor(log: EventLog, mayAct: MayAct) {
    this.partitionCount = log.partitionCount;
    this.#log = log;
    this.#mayAct = mayAct;
  }

  partitionOf(partitionKey: string): number {
    return this.#log.partitionOf(partitionKey);
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogPosition[]> {
    assertMayAct(this.#mayAct, 'event log');
    return await this.#log.append(records);
  }

  startOffsets(): Promise<readonly Offset[]> {
    return this.#log.startOffsets();
  }

  endOffsets(): Promise<readonly Offset[]> {
    return this.#log.endOffsets();
  }

  offsetsAt(timestampMs: number): Promise<readonly Offset[]> {
    return this.#log.offsetsAt(timestampMs);
  }

  read(partition: number, from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    return this.#log.read(partition, from, recordsMax);
  }

  follow(from: readonly Offset[], handler: (entries: readonly LogEntry[]) => void): Promise<LogFollower> {
    return this.#log.follow(from, handler);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

export class FencedQueues implements DurableQueueStore {
  readonly lanes: AppendLanes;
  readonly totalsAreExact: boolean;
  readonly #store: DurableQueueStore;
  readonly #mayAct: MayAct;

  constructor(store: DurableQueueStore, mayAct: MayAct) {
    this.lanes = store.lanes;
    this.totalsAreExact = store.totalsAreExact;
    this.#store = store;
    this.#mayAct = mayAct;
  }

  get unsyncedBytes(): number {
    return this.#store.unsyncedBytes;
  }

  async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    assertMayAct(this.#mayAct, 'durable queue');
    return await this.#store.append(batch);
  }

  read(queue: QueueKey, from: Seq, limits: ReadLimits): Promise<readonly QueueEntry[]> {
    return this.#store.read(queue, from, limits);
  }

  async trim(trims: readonly QueueTrim[]): Promise<void> {
    assertMayAct(this.#mayAct, 'durable queue');
    await this.#store.trim(trims);
  }

  async mark(queue: QueueKey, seqs: readonly Seq[]): Promise<void> {
    assertMayAct(this.#mayAct, 'durable queue');
    await this.#store.mark(queue, seqs);
  }

  bounds(queue: QueueKey): Promise<QueueBounds> {
    return this.#store.bounds(queue);
  }

  async drop(queue: QueueKey): Promise<void> {
    assertMayAct(this.#mayAct, 'durable queue');
    await this.#store.drop(queue);
  }

  async setQuota(queue: QueueKey, quota: QueueQuota | undefined): Promise<void> {
    assertMayAct(this.#mayAct, 'durable queue');
    await this.#store.setQuota(queue, quota);
  }

  total(tenant: TenantId): QueueTotal {
    return this.#store.total(tenant);
  }

  list(): AsyncIterable<readonly (QueueBounds & { readonly queue: QueueKey })[]> {
    return this.#store.list();
  }

  async sweepExpired(nowMs: number): Promise<number> {
    assertMayAct(this.#mayAct, 'durable queue');
    return await this.#store.sweepExpired(nowMs);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function assertMayAct(mayAct: MayAct, store: string): void {
  if (!mayAct()) throw new PlaceLostError(store);
}
