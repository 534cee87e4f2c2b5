/** What a broker keeps, wherever it is: everything that outlives the process, opened, and what is to be known of it. */
import type { EventLog, Offset } from '../event-log/event-log.ts';
import type { SnapshotStore } from '../metadata/snapshot-store.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { DurableQueueStore, TenantQueueQuota } from '../queue/durable-queue.ts';
import type { SessionIdGenerator } from '../session/session-id-generator.ts';
import type { TenantId } from '../tenancy/identity.ts';

/** The quota of the tenant's queues, of each and of all together, as it is now. */
export type QueueQuotaOf = (tenant: TenantId) => TenantQueueQuota;

/** What stores ask about tenants. */
export interface TenantFacts {
  /** That the fold of the log has seen; 0: none. */
  readonly highestSessionId: (tenant: TenantId) => number;
  readonly queueQuota: QueueQuotaOf;
}

/** One topic of the event log and its snapshot. */
export interface Topic {
  readonly name: string;
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
  /** Lets compaction forget tombstones that the snapshot has taken in: those before the offset given. */
  keepTombstonesFrom(checkpoint: () => Offset): void;
}

export interface BrokerStores {
  /** Which start of this broker this is: the number of its incarnation. */
  readonly startNumber: number;
  /** Other brokers use them too. */
  readonly shared: boolean;
  readonly queues: DurableQueueStore;
  readonly sessions: Topic;
  readonly retained: Topic;
  /** Small: folded from its beginning. */
  readonly tenants: EventLog;
  readonly sessionIds: SessionIdGenerator;
  /** Nothing in it is superseded; what is too old is deleted. */
  readonly audit: EventLog;
  readonly gauges: readonly GaugeSource[];
  /** Why clients cannot be served now, for people; empty: nothing is known to be away. */
  problems(): readonly string[];
  /** Makes everything accepted durable and lets go of files, sockets and the data directory. */
  close(): Promise<void>;
}

interface Closeable {
  close(): Promise<void>;
}

/** Parts that are closed in the reverse order of their opening. */
export class OpenedParts {
  readonly #parts: Closeable[] = [];

  keep<T extends Closeable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async close(): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part.close();
  }
}
