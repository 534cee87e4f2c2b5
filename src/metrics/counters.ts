/**
 * What a tenant's broker counts. Plain numbers, so that the core imports no metrics library; the exporter in
 * `metrics/prometheus.ts` and the `$SYS` publisher read them.
 */
import type { QuotaName } from '../quota/tenant-limits.ts';

export const DROP_REASONS = [
  'queueFull',
  'queueEvicted',
  'transientQueueFull',
  'outboxFull',
  'bytesOutQuota',
  'expired',
  'tooLarge',
  'offlineQoS0',
  'retainedQuota',
  'sharedNoMember',
  'sessionEnded',
  'notAuthorized',
] as const;

/** Why a message that was accepted did not reach a subscriber. */
export type DropReason = (typeof DROP_REASONS)[number];

export class Counters {
  connectionsAccepted = 0;
  connectionsRefused = 0;
  /** Now. */
  connections = 0;
  /** The same, to any broker. */
  clusterConnections = 0;
  sessions = 0;
  subscriptions = 0;
  retainedMessages = 0;
  retainedBytes = 0;
  sessionsExpired = 0;
  /** Sessions closed here because the broker that had them died. */
  sessionsOfDeadBrokers = 0;
  takeOvers = 0;
  willsPublished = 0;
  /** PUBLISH packets that were not taken: not authorized, bad topic. */
  publishesRefused = 0;
  /** Filters of SUBSCRIBE packets that were not granted: not authorized, bad filter, too many. */
  subscriptionsRefused = 0;
  /** Subscriptions ended because their user may not have them any more. */
  subscriptionsWithdrawn = 0;
  protocolViolations = 0;
  keepAliveTimeouts = 0;
  storeFailures = 0;
  /** Index: QoS. PUBLISH packets and their payload bytes. */
  readonly messagesIn: [number, number, number] = [0, 0, 0];
  readonly messagesOut: [number, number, number] = [0, 0, 0];
  readonly payloadBytesIn: [number, number, number] = [0, 0, 0];
  readonly payloadBytesOut: [number, number, number] = [0, 0, 0];
  readonly redelivered: [number, number, number] = [0, 0, 0];
  readonly drops = new Map<DropReason, number>();
  /** How often each was exceeded. */
  readonly quotasExceeded = new Map<QuotaName, number>();
  /** Time from PUBLISH to PUBACK or PUBREC; see `LatencyHistogram`. */
  readonly acknowledgementLatency = new LatencyHistogram();

  drop(reason: DropReason, messages = 1): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + messages);
  }

  quotaExceeded(quota: QuotaName): void {
    this.quotasExceeded.set(quota, (this.quotasExceeded.get(quota) ?? 0) + 1);
  }
}

/** Upper bounds of the latency buckets, milliseconds. */
export const LATENCY_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] as const;

export class LatencyHistogram {
  /** Not cumulative; one more than there are bounds, the last for everything above. */
  readonly counts = new Float64Array(LATENCY_BUCKETS_MS.length + 1);
  sumMs = 0;
  count = 0;

  observe(durationMs: number): void {
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && durationMs > (LATENCY_BUCKETS_MS[bucket] ?? Infinity))
      bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumMs += durationMs;
    this.count++;
  }
}
