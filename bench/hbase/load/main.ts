/** A process that appends to queues in HBase through SpokeMQ's own store and tells what it did: see `load-process.ts`. */
import { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseQueueStore } from '../../../src/adapters/hbase/queue/hbase-queue-store.ts';
import { type DurableQueueStore, queueKey } from '../../../src/queue/durable-queue.ts';
import type { SessionId, TenantId } from '../../../src/tenancy/identity.ts';
import { SystemTimers } from '../../../src/transport/system-time.ts';
import type { StoreLoad } from './load-plan.ts';
import { LoadWindow } from './load-window.ts';
import { publish } from './publishers.ts';
import { appendInCalls } from './store-calls.ts';

/** Larger than anything a run appends. */
const QUOTA = { messagesMax: 2 ** 40, bytesMax: 2 ** 50, policy: 'reject' } as const;

const plan = JSON.parse(process.argv[2] ?? '') as StoreLoad;
const client = await HBaseClient.connect({
  zookeeperQuorum: plan.zookeeperQuorum,
  timers: new SystemTimers(),
});
const store = await openHBaseQueueStore({
  client,
  table: plan.table,
  defaultQuota: QUOTA,
  nowMs: () => Date.now(),
});
const queues = Array.from({ length: plan.queues }, (_, index) =>
  queueKey('default' as TenantId, (index + 1) as SessionId, 'pending'),
);
const window = new LoadWindow(() => client.stats.calls);
const [figures] = await Promise.all([
  window.run(plan.warmUpMs, plan.windowMs),
  makeLoad(plan, store, window),
]);
console.log(JSON.stringify({ event: 'end', ...figures }));
await store.close();
client.close();

function makeLoad(load: StoreLoad, target: DurableQueueStore, during: LoadWindow): Promise<void> {
  return load.kind === 'calls'
    ? appendInCalls(target, queues, load.messagesPerCall, during)
    : publish(target, queues, load.ratePerSecond, during);
}
