/** The product's queue store on the measured table, and the queues that are used in it. */
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseQueueStore } from '../../src/adapters/hbase/queue/hbase-queue-store.ts';
import { type DurableQueueStore, type QueueKey, queueKey } from '../../src/queue/durable-queue.ts';
import type { SessionId, TenantId } from '../../src/tenancy/identity.ts';

/** Larger than anything a run appends. */
const QUOTA = { messagesMax: 2 ** 40, bytesMax: 2 ** 50, policy: 'reject' } as const;
const TENANT = 'default' as TenantId;

export function openBenchStore(client: HBaseClient, table: string): Promise<DurableQueueStore> {
  return openHBaseQueueStore({ client, table, defaultQuota: QUOTA, nowMs: () => Date.now() });
}

/** Of the sessions 1 to `count`: they spread over all regions. */
export function benchQueues(count: number): readonly QueueKey[] {
  return Array.from({ length: count }, (_, index) => queueKey(TENANT, (index + 1) as SessionId, 'pending'));
}
