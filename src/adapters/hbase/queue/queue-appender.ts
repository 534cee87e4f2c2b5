/**
 * Appends: one call under way per lane, so that a queue sees them in the order they were made, whatever the network and
 * HBase's threads do to calls that overlap.
 */
import type {
  AppendEntry,
  AppendResult,
  TenantQueueQuota,
  TotalBound,
} from '../../../queue/durable-queue.ts';
import type { EstimatedTotals } from '../../../queue/estimated-totals.ts';
import { messageBytes } from '../../../queue/message.ts';
import type { TenantId } from '../../../tenancy/identity.ts';
import { encodeAppendRequest, type QueueAppend } from './append-request.ts';
import { decodeAppendResponse } from './queue-answers.ts';
import type { QueueEndpoint } from './queue-endpoint.ts';
import { callPerRegion } from './region-groups.ts';
import { queueLane, queueRow } from './row-key.ts';
import { TenantRoom } from './tenant-room.ts';

export interface QueueAppenderOptions {
  readonly endpoint: QueueEndpoint;
  /** For queues without one of their own, and for all together; asked when a call is made. */
  readonly quotaOf: (tenant: TenantId) => TenantQueueQuota;
  /** Told of what was stored for tenants that have a quota of all together. */
  readonly totals: EstimatedTotals;
  readonly nowMs: () => number;
}

/** The entries of one queue, and where in the batch they stood. */
interface Gathered extends QueueAppend {
  readonly tenant: TenantId;
  readonly entries: AppendEntry[];
  readonly indices: number[];
  /** Decided when the call is made. */
  noRoom?: readonly (TotalBound | undefined)[] | undefined;
}

export class QueueAppender {
  readonly #options: QueueAppenderOptions;
  /** The last call of each lane that has one under way. */
  readonly #lanes = new Map<number, Promise<unknown>>();
  #bytesUnderWay = 0;

  constructor(options: QueueAppenderOptions) {
    this.#options = options;
  }

  /** Message bytes of appends that have no answer yet. */
  get bytesUnderWay(): number {
    return this.#bytesUnderWay;
  }

  /** Rejects with `HBaseError` when one of the lanes fails; what the others stored is a repeat next time. */
  async append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const results = new Array<AppendResult>(batch.length);
    const lanes = gather(batch);
    await Promise.all(Array.from(lanes, ([lane, queues]) => this.#inTurn(lane, queues, results)));
    return results;
  }

  async #inTurn(lane: number, queues: ReadonlyMap<string, Gathered>, results: AppendResult[]): Promise<void> {
    const appends = [...queues.values()];
    const bytes = bytesOf(appends);
    this.#bytesUnderWay += bytes;
    const before = this.#lanes.get(lane);
    const work = this.#store(appends, results, before);
    const turn = work.catch(ignore);
    this.#lanes.set(lane, turn);
    try {
      await work;
    } finally {
      this.#bytesUnderWay -= bytes;
      if (this.#lanes.get(lane) === turn) this.#lanes.delete(lane);
    }
  }

  async #store(
    appends: readonly Gathered[],
    results: AppendResult[],
    before: Promise<unknown> | undefined,
  ): Promise<void> {
    await before;
    const { quotaOf, totals } = this.#options;
    const room = new TenantRoom(totals);
    const byQuota = groupByQuota(appends, (append) => {
      const quota = quotaOf(append.tenant);
      append.noRoom = room.take(quota.together, append.tenant, append.entries);
      return quota;
    });
    await Promise.all(byQuota.map(([quota, alike]) => this.#storeUnder(quota, alike, results)));
  }

  /** A request has one quota for all its queues that have none of their own. */
  async #storeUnder(
    defaultQuota: TenantQueueQuota,
    appends: readonly Gathered[],
    results: AppendResult[],
  ): Promise<void> {
    const { endpoint, nowMs } = this.#options;
    const answers = await callPerRegion(endpoint, appends, async (row, inRegion) => {
      const request = encodeAppendRequest(inRegion, { defaultQuota, nowMs: Math.floor(nowMs()) });
      return decodeAppendResponse(await endpoint.callEncoded('Append', row, request));
    });
    for (const [index, append] of appends.entries()) {
      const answer = answers[index];
      const { indices } = append;
      if (answer?.length !== indices.length)
        throw new RangeError('the queue endpoint answered other entries than were sent');
      const answered = append.noRoom === undefined ? answer : this.#ofLimitedTenant(append, answer);
      for (const [position, result] of answered.entries()) results[indices[position] ?? 0] = result;
    }
  }

  /** What is stored and stays counts from now on. */
  #ofLimitedTenant(
    { tenant, entries, noRoom = [] }: Gathered,
    answer: readonly AppendResult[],
  ): readonly AppendResult[] {
    return answer.map((result, position) => {
      const entry = entries[position];
      const tenantFull = noRoom[position];
      if (result.status === 'stored' && result.evicted === 0 && entry?.stays === true)
        this.#options.totals.tell(tenant, messageBytes(entry.queued.message));
      return tenantFull === undefined ? result : { ...result, tenantFull };
    });
  }
}

/** By lane, then by queue. */
function gather(batch: readonly AppendEntry[]): Map<number, Map<string, Gathered>> {
  const lanes = new Map<number, Map<string, Gathered>>();
  for (const [index, entry] of batch.entries()) {
    const { queue } = entry;
    const lane = queueLane(queue);
    let queues = lanes.get(lane);
    if (queues === undefined) lanes.set(lane, (queues = new Map<string, Gathered>()));
    let gathered = queues.get(queue.text);
    if (gathered === undefined)
      queues.set(
        queue.text,
        (gathered = { tenant: queue.tenant, row: queueRow(queue), entries: [], indices: [] }),
      );
    gathered.entries.push(entry);
    gathered.indices.push(index);
  }
  return lanes;
}

/** Queues whose tenants have the same quota go together: mostly all of them. */
function groupByQuota(
  appends: readonly Gathered[],
  quotaOf: (append: Gathered) => TenantQueueQuota,
): readonly (readonly [TenantQueueQuota, readonly Gathered[]])[] {
  const groups: [TenantQueueQuota, Gathered[]][] = [];
  for (const append of appends) {
    const quota = quotaOf(append);
    const group = groups.find(([other]) => isSameQuota(other, quota));
    if (group === undefined) groups.push([quota, [append]]);
    else group[1].push(append);
  }
  return groups;
}

/** As far as a request says it. */
function isSameQuota(one: TenantQueueQuota, other: TenantQueueQuota): boolean {
  return (
    one === other ||
    (one.messagesMax === other.messagesMax && one.bytesMax === other.bytesMax && one.policy === other.policy)
  );
}

function bytesOf(appends: readonly Gathered[]): number {
  let bytes = 0;
  for (const { entries } of appends) for (const { queued } of entries) bytes += messageBytes(queued.message);
  return bytes;
}

function ignore(): void {
  // Its caller knows; the next of the lane only waits for its end.
}
