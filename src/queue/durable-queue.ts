/**
 * The durable queue port: ordered pending messages of each persistent session. The contract is the design's
 * section 4 and is proved for every adapter by `test/contract/durable-queue-contract.ts`.
 *
 * The store assigns positions and keeps the quota; a queue exists from its first append and has one reader.
 */
import type { SessionId, TenantId } from '../tenancy/identity.ts';
import type { QueuedMessage } from './message.ts';

declare const seqBrand: unique symbol;

/** Position of a message in its queue: consecutive from 1, 64 bits at rest, a safe integer in memory. */
export type Seq = number & { readonly [seqBrand]: 'Seq' };

/**
 * `pending`: what is on its way to the client. `held`: QoS 2 messages from the client that wait for PUBREL.
 */
export type QueueKind = 'pending' | 'held';

export interface QueueKey {
  readonly tenant: TenantId;
  readonly sessionId: SessionId;
  readonly kind: QueueKind;
  /** `tenant/sessionId/kind`: unique, for maps and messages to people. */
  readonly text: string;
}

export function queueKey(tenant: TenantId, sessionId: SessionId, kind: QueueKind): QueueKey {
  return { tenant, sessionId, kind, text: `${tenant}/${sessionId}/${kind}` };
}

export interface AppendEntry {
  readonly queue: QueueKey;
  /** Who appends: an incarnation, a publishing session, a will. See `sequence`. */
  readonly producer: string;
  /**
   * Rises with every append of one producer to one queue (gaps allowed). The queue remembers the highest
   * sequence of its `PRODUCERS_REMEMBERED` most recent producers; an append at or below it changes nothing.
   */
  readonly sequence: number;
  readonly queued: QueuedMessage;
  /**
   * The broker has accepted it before, as a QoS 2 message that it answered with PUBREC: what the tenant's queues hold together is
   * no reason to refuse it now.
   */
  readonly owed?: boolean;
  /**
   * Nobody is connected who would take it out of the queue soon: a store that counts the queues of a tenant only now and then
   * counts it at once.
   */
  readonly stays?: boolean;
}

/** Most recent producers whose last sequence a queue remembers. */
export const PRODUCERS_REMEMBERED = 255;

export type AppendStatus =
  /** Durable at `seq`. */
  | 'stored'
  /** This producer's sequence was appended before; `seq` is the position of its latest append. */
  | 'repeat'
  /** Over quota, policy `reject`: nothing stored, `seq` is 0. */
  | 'rejected'
  /** Over quota, policy `drop-newest`: nothing stored, `seq` is 0, and the publisher need not know. */
  | 'dropped';

export interface AppendResult {
  readonly status: AppendStatus;
  readonly seq: Seq;
  /** Oldest messages removed to make room (policy `drop-oldest`). */
  readonly evicted: number;
  /** What the tenant's queues together had no room for: why it was not stored, or took the place of the queue's oldest. */
  readonly tenantFull?: TotalBound | undefined;
}

export interface QueueEntry {
  readonly seq: Seq;
  /** See `DurableQueueStore.mark`. */
  readonly marked: boolean;
  readonly queued: QueuedMessage;
}

export interface QueueBounds {
  /** First position present; `next` when the queue is empty. */
  readonly min: Seq;
  /** The position the next message will get. */
  readonly next: Seq;
  readonly messages: number;
  readonly bytes: number;
}

export type QuotaPolicy = 'reject' | 'drop-oldest' | 'drop-newest';

export interface QueueQuota {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly policy: QuotaPolicy;
}

/** What several queues hold together. */
export interface QueueTotal {
  readonly messages: number;
  readonly bytes: number;
}

export type TotalBound = keyof QueueTotal;

/** Infinity: no limit. */
export interface TotalQuota {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** Of each queue of a tenant that has none of its own, and of all of them together. */
export interface TenantQueueQuota extends QueueQuota {
  /**
   * Pending and held ones, also those with a quota of their own. What is beyond it is treated as by a full queue of the policy that counts for the
   * queue; with `drop-oldest` the oldest of that queue make way for it, and one that holds nothing takes nothing. undefined: no limit.
   */
  readonly together?: TotalQuota | undefined;
}

export interface ReadLimits {
  readonly messagesMax: number;
  /** The first message is returned even when it is larger. */
  readonly bytesMax: number;
}

export interface QueueTrim {
  readonly queue: QueueKey;
  /** Everything up to and including this position goes. */
  readonly through: Seq;
}

/**
 * How a store wants its appends: lanes do not wait for each other, so that one part of the store that is away stalls only
 * its own queues. A caller has one append under way per lane; what arrives meanwhile is the lane's next.
 */
export interface AppendLanes {
  readonly count: number;
  /** 0 to `count - 1`; always the same for a queue. */
  laneOf(queue: QueueKey): number;
  /** Appends under way at a time, over all lanes. */
  readonly callsMax: number;
  /** Entries and message bytes of one append; a single message may be larger. */
  readonly entriesMax: number;
  readonly bytesMax: number;
}

export interface DurableQueueStore {
  readonly lanes: AppendLanes;

  /**
   * Appends in the order given; resolves when all of it is durable. Entries of one call that share a
   * `Message` object are one message in several queues, and an adapter may store its body once.
   * Calls may overlap: a queue sees them in the order they were made. Rejects when the outcome is unknown or
   * the store is away (`StoreUnavailableError`); the caller may repeat with the same producer and sequence.
   */
  append(batch: readonly AppendEntry[]): Promise<readonly AppendResult[]>;

  /** Entries from `from` on (or from the first one present), in order, without gaps between those present. */
  read(queue: QueueKey, from: Seq, limits: ReadLimits): Promise<readonly QueueEntry[]>;

  /**
   * Removes acknowledged prefixes. Idempotent. Resolves when durable; callers need not wait, a lost trim
   * only means that a message is offered again.
   */
  trim(trims: readonly QueueTrim[]): Promise<void>;

  /**
   * Sets the mark of entries, durably: the client sent PUBREC for them. Positions that are no longer present are ignored.
   */
  mark(queue: QueueKey, seqs: readonly Seq[]): Promise<void>;

  bounds(queue: QueueKey): Promise<QueueBounds>;

  /** Removes the queue, its producers and its quota. Idempotent. Resolves when durable. */
  drop(queue: QueueKey): Promise<void>;

  /** Replaces the queue's quota (undefined: back to the store's default); counts for the next append. */
  setQuota(queue: QueueKey, quota: QueueQuota | undefined): Promise<void>;

  /** What all queues of the tenant hold together, pending and held ones. */
  total(tenant: TenantId): QueueTotal;

  /**
   * false: `total` is what the last walk through `list` that came to its end found, and what was stored here since it began with
   * `stays`, for a tenant with a quota of it. Somebody has to walk while a quota is kept of it.
   */
  readonly totalsAreExact: boolean;

  /** Every queue that holds a message, with its bounds, in batches; not a consistent cut. */
  list(): AsyncIterable<readonly (QueueBounds & { readonly queue: QueueKey })[]>;

  /** Removes messages that expired before `nowMs`, see `removableAtMs`; returns how many. May stop early; call again. */
  sweepExpired(nowMs: number): Promise<number>;

  /** Bytes accepted but not yet durable: what back-pressure is decided on. */
  readonly unsyncedBytes: number;

  /** Makes everything accepted durable and releases files and sockets. */
  close(): Promise<void>;
}
