/** A process that appends to queues in HBase through SpokeMQ's own store and tells what it did: see `load-process.ts`. */
import { HBaseClient } from '../../../src/adapters/hbase/client/hbase-client.ts';
import { SystemTimers } from '../../../src/transport/system-time.ts';
import { benchQueues, openBenchStore } from '../bench-store.ts';
import type { StoreLoad } from './load-plan.ts';
import { LoadWindow } from './load-window.ts';
import { publish } from './publishers.ts';
import { appendInCalls } from './store-calls.ts';

const load = JSON.parse(process.argv[2] ?? '') as StoreLoad;
const { zookeeperQuorum, table, warmUpMs, windowMs } = load;
const client = await HBaseClient.connect({ zookeeperQuorum, timers: new SystemTimers() });
const store = await openBenchStore(client, table);
const queues = benchQueues(load.queues);
const window = new LoadWindow(() => client.stats.calls);
await Promise.all([
  // At once, not when what is under way has ended: whoever reads it looks at the CPU time then.
  window.run(warmUpMs, windowMs).then((figures) => {
    console.log(JSON.stringify({ event: 'end', ...figures }));
  }),
  load.kind === 'calls'
    ? appendInCalls(store, queues, load.messagesPerCall, window)
    : publish(store, queues, load, window),
]);
await store.close();
client.close();
