/** The queue store against a real HBase: tables for tests, and queues that no other test has touched. */
import { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseQueueStore } from '../../src/adapters/hbase/queue/hbase-queue-store.ts';
import { queueTable } from '../../src/adapters/hbase/tables/queue-table.ts';
import { SystemTimers } from '../../src/transport/system-time.ts';
import type {
  DurableQueueStore,
  QueueKey,
  QueueQuota,
  TenantQueueQuota,
} from '../../src/queue/durable-queue.ts';
import { queueKey } from '../../src/queue/durable-queue.ts';
import type { SessionId, TenantId } from '../../src/tenancy/identity.ts';

export function connectHBase(zookeeperQuorum: string): Promise<HBaseClient> {
  return HBaseClient.connect({ zookeeperQuorum, timers: new SystemTimers() });
}

/** A queue table of few regions, which are opened and walked sooner than 128. */
export async function makeQueueTable(client: HBaseClient, namespace: string): Promise<string> {
  const options = {
    namespace,
    messageTtlS: 0,
    inMemoryCompaction: 'BASIC',
    coprocessorJar: '',
  } as const;
  const table = queueTable(options);
  await client.master.createNamespace(namespace);
  await client.master.createTable(
    table,
    [0x40, 0x80, 0xc0].map((start) => Buffer.from([start])),
  );
  return table.name;
}

export interface TestStoreOptions {
  readonly table: string;
  readonly defaultQuota: QueueQuota;
  readonly quotaOf?: (tenant: TenantId) => TenantQueueQuota;
  readonly nowMs: () => number;
  /** Added to every session id: tests that count from 1 get queues of their own. */
  readonly firstSession: number;
}

/** A store with sessions of its own; closing it closes the client. */
export async function openTestStore(
  client: HBaseClient,
  options: TestStoreOptions,
): Promise<DurableQueueStore> {
  const { firstSession, ...rest } = options;
  const store = await openHBaseQueueStore({ client, ...rest });
  const inside = ({ tenant, sessionId, kind }: QueueKey): QueueKey =>
    queueKey(tenant, (sessionId + firstSession) as SessionId, kind);
  const outside = ({ tenant, sessionId, kind }: QueueKey): QueueKey =>
    queueKey(tenant, (sessionId - firstSession) as SessionId, kind);
  return {
    lanes: store.lanes,
    get unsyncedBytes() {
      return store.unsyncedBytes;
    },
    append: (batch) => store.append(batch.map((entry) => ({ ...entry, queue: inside(entry.queue) }))),
    read: (queue, from, limits) => store.read(inside(queue), from, limits),
    trim: (trims) => store.trim(trims.map((trim) => ({ ...trim, queue: inside(trim.queue) }))),
    mark: (queue, seqs) => store.mark(inside(queue), seqs),
    bounds: (queue) => store.bounds(inside(queue)),
    drop: (queue) => store.drop(inside(queue)),
    setQuota: (queue, quota) => store.setQuota(inside(queue), quota),
    total: (tenant) => store.total(tenant),
    totalsAreExact: store.totalsAreExact,
    async *list() {
      for await (const part of store.list()) {
        yield part.map((bounds) => ({ ...bounds, queue: outside(bounds.queue) }));
      }
    },
    sweepExpired: (nowMs) => store.sweepExpired(nowMs),
    close: async () => {
      await store.close();
      client.close();
    },
  };
}

/** Drops every queue that holds something, whoever made it. */
export async function emptyTable(
  client: HBaseClient,
  table: string,
  defaultQuota: QueueQuota,
): Promise<void> {
  const store = await openHBaseQueueStore({ client, table, defaultQuota, nowMs: () => Date.now() });
  const queues: QueueKey[] = [];
  for await (const part of store.list()) queues.push(...part.map(({ queue }) => queue));
  await Promise.all(queues.map((queue) => store.drop(queue)));
}
