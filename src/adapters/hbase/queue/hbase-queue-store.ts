/**
 * The durable queue port over HBase: rows, locks, positions and quotas are the endpoint's (docs/adr/0005), this side
 * gathers, encodes and finds the region. Keeps nothing between calls but what it counted, so any number of brokers may use the same queues.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
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
} from '../../../queue/durable-queue.ts';
import { EstimatedTotals } from '../../../queue/estimated-totals.ts';
import type { TenantId } from '../../../tenancy/identity.ts';
import type { HBaseClient } from '../client/hbase-client.ts';
import { LaneCalls } from './lane-calls.ts';
import { decodeReadResponse } from './queue-answers.ts';
import { QueueAppender } from './queue-appender.ts';
import { QueueEndpoint } from './queue-endpoint.ts';
import {
  type BoundsMessage,
  loadQueueProtocol,
  POLICY_NUMBERS,
  type QueueProtocol,
} from './queue-protocol.ts';
import { queueStoreError } from './queue-store-error.ts';
import { callPerRegion } from './region-groups.ts';
import { RegionWalk } from './region-walk.ts';
import { QUEUE_LANES, queueLane, queueOfRow, queueRow } from './row-key.ts';

export interface HBaseQueueStoreOptions {
  /** Stays open when the store is closed. */
  readonly client: HBaseClient;
  /** `namespace:table`; made by `spoke storage apply`. */
  readonly table: string;
  /** Counts for queues without one of their own. */
  readonly defaultQuota: QueueQuota;
  /** In place of it, asked at each append. Default: every tenant has `defaultQuota`. */
  readonly quotaOf?: ((tenant: TenantId) => TenantQueueQuota) | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Appends under way at a time; each lane has one. */
  readonly appendCallsMax?: number;
  /**
   * How long everything but an append goes on trying, milliseconds: nobody repeats it, so it has to outlast a region that is
   * recovered. Default: as long as the client's calls do, which is right for appends, that their caller repeats.
   */
  readonly patienceMs?: number;
}

export const APPEND_CALLS_MAX = 16;
/** Of one append: large enough that a call's fixed cost does not count, small enough for HBase's handlers and the heap. */
const APPEND_ENTRIES_MAX = 2_048;
const APPEND_BYTES_MAX = 1024 * 1024;

/** Does not call HBase. */
export async function openHBaseQueueStore(options: HBaseQueueStoreOptions): Promise<HBaseQueueStore> {
  return new HBaseQueueStore(options, await loadQueueProtocol());
}

interface RowTrim {
  readonly row: Buffer;
  readonly through: number;
}

export class HBaseQueueStore implements DurableQueueStore {
  readonly lanes: AppendLanes;
  readonly totalsAreExact = false;
  readonly #totals = new EstimatedTotals();
  readonly #table: string;
  readonly #endpoint: QueueEndpoint;
  readonly #protocol: QueueProtocol;
  readonly #appender: QueueAppender;
  readonly #walk: RegionWalk;
  readonly #trims: LaneCalls<RowTrim, true>;
  readonly #bounds: LaneCalls<{ readonly row: Buffer }, BoundsMessage>;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  /** Use `openHBaseQueueStore`. */
  constructor(options: HBaseQueueStoreOptions, protocol: QueueProtocol) {
    const { client, table, defaultQuota, nowMs } = options;
    const endpoint = new QueueEndpoint(client, table, options.patienceMs);
    this.lanes = {
      count: QUEUE_LANES,
      laneOf: queueLane,
      callsMax: options.appendCallsMax ?? APPEND_CALLS_MAX,
      entriesMax: APPEND_ENTRIES_MAX,
      bytesMax: APPEND_BYTES_MAX,
    };
    this.#table = table;
    this.#endpoint = endpoint;
    this.#protocol = protocol;
    this.#appender = new QueueAppender({
      endpoint: new QueueEndpoint(client, table),
      quotaOf: options.quotaOf ?? (() => defaultQuota),
      totals: this.#totals,
      nowMs,
    });
    this.#walk = new RegionWalk(endpoint, protocol);
    this.#trims = new LaneCalls((items) =>
      callPerRegion(endpoint, items, async (row, inRegion) => {
        const trim = inRegion.map((each) => ({ queue: each.row, through: each.through }));
        await endpoint.call(protocol.trim, row, { trim });
        return inRegion.map(() => true as const);
      }),
    );
    this.#bounds = new LaneCalls((items) =>
      callPerRegion(endpoint, items, async (row, inRegion) => {
        const queue = inRegion.map((each) => each.row);
        return (await endpoint.call(protocol.bounds, row, { queue })).bounds;
      }),
    );
  }

  get unsyncedBytes(): number {
    return this.#appender.bytesUnderWay;
  }

  append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    return this.#run(() => this.#appender.append(batch));
  }

  read(queue: QueueKey, from: Seq, { messagesMax, bytesMax }: ReadLimits): Promise<readonly QueueEntry[]> {
    return this.#run(async () => {
      const row = queueRow(queue);
      const { encode, method } = this.#protocol.read;
      const request = encode({ queue: row, from, messagesMax, bytesMax });
      return decodeReadResponse(await this.#endpoint.callEncoded(method, row, request));
    });
  }

  trim(trims: readonly QueueTrim[]): Promise<void> {
    return this.#run(async () => {
      await Promise.all(
        trims.map(({ queue, through }) =>
          this.#trims.add(queueLane(queue), { row: queueRow(queue), through }),
        ),
      );
    });
  }

  mark(queue: QueueKey, seqs: readonly Seq[]): Promise<void> {
    return this.#run(async () => {
      const row = queueRow(queue);
      await this.#endpoint.call(this.#protocol.mark, row, { queue: row, seq: seqs });
    });
  }

  bounds(queue: QueueKey): Promise<QueueBounds> {
    return this.#run(async () =>
      boundsOf(await this.#bounds.add(queueLane(queue), { row: queueRow(queue) })),
    );
  }

  drop(queue: QueueKey): Promise<void> {
    return this.#run(async () => {
      const row = queueRow(queue);
      await this.#endpoint.call(this.#protocol.drop, row, { queue: [row] });
    });
  }

  setQuota(queue: QueueKey, quota: QueueQuota | undefined): Promise<void> {
    return this.#run(async () => {
      const row = queueRow(queue);
      const message = quota && { ...quota, policy: POLICY_NUMBERS[quota.policy] };
      await this.#endpoint.call(this.#protocol.setQuota, row, {
        queue: row,
        ...(message && { quota: message }),
      });
    });
  }

  total(tenant: TenantId): QueueTotal {
    return this.#totals.of(tenant);
  }

  async *list(): AsyncGenerator<readonly (QueueBounds & { readonly queue: QueueKey })[]> {
    const parts = this.#walk.queues();
    const count = this.#totals.begin();
    try {
      for (;;) {
        const part = await this.#run(() => parts.next());
        if (part.done === true) break;
        const queues = part.value.map((bounds) => ({ queue: queueOfRow(bounds.queue), ...boundsOf(bounds) }));
        for (const { queue, messages, bytes } of queues) count.found.of(queue.tenant).add(messages, bytes);
        yield queues;
      }
      count.finish();
    } finally {
      count.end();
    }
  }

  sweepExpired(nowMs: number): Promise<number> {
    return this.#run(() => this.#walk.sweep(Math.floor(nowMs)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
  }

  /** What HBase rejects with becomes `StoreUnavailableError`. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed)
      throw new StoreUnavailableError(
        `the queue store in HBase table ${this.#table}`,
        'it was closed; open it again',
      );
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } catch (error) {
      throw queueStoreError(error, this.#table);
    } finally {
      this.#underWay.delete(working);
    }
  }
}

function boundsOf({ min, next, messages, bytes }: BoundsMessage): QueueBounds {
  return { min: min as Seq, next: next as Seq, messages, bytes };
}
