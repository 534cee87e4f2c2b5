/**
 * More appends than a region server's memory can take: HBase itself stops puts while its memory stores are full, and lets endpoint
 * calls through. The endpoint has to hold them back, or a flood of publishers ends the server.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { openHBaseQueueStore } from '../../src/adapters/hbase/queue/hbase-queue-store.ts';
import { queueTable, queueTableSplits } from '../../src/adapters/hbase/tables/queue-table.ts';
import { StoreUnavailableError } from '../../src/errors/store-unavailable-error.ts';
import type { AppendEntry, DurableQueueStore, QueueKey } from '../../src/queue/durable-queue.ts';
import { GENEROUS, queueOf } from '../contract/durable-queue-contract.ts';
import { openClient } from '../support/hbase-rows.ts';
import { messageTo, queued } from '../support/simulated-message.ts';

const NAMESPACE = 'flood';
/** Little, so that the flood need not be long. */
const HEAP_MB = 1_024;
const PAYLOAD_BYTES = 8 * 1024;
/** So many writers, each with queues of its own and one append under way; all together write twice what its memory stores may take. */
const WRITERS = 4;
const QUEUES_EACH = 250;
const ROUNDS = 80;

let engine: HBaseEngine;
let client: HBaseClient;
let store: DurableQueueStore;

beforeAll(async () => {
  engine = await HBaseEngine.start({ heapMb: HEAP_MB });
  client = await openClient(engine.zookeeperQuorum);
  const table = queueTable({
    namespace: NAMESPACE,
    messageTtlS: 0,
    inMemoryCompaction: 'BASIC',
    coprocessorJar: '',
  });
  await client.master.createNamespace(NAMESPACE);
  // All 128 regions: the server is full long before one of them is.
  await client.master.createTable(table, queueTableSplits());
  store = await openHBaseQueueStore({
    client,
    table: table.name,
    defaultQuota: GENEROUS,
    nowMs: () => Date.now(),
  });
});
afterAll(async () => {
  await store.close();
  client.close();
  await engine.stop();
});

/** How often HBase had no room, or no answer, in time. */
async function appendUntilAnswered(batch: readonly AppendEntry[]): Promise<number> {
  for (let refusals = 0; ; refusals++) {
    try {
      await store.append(batch);
      return refusals;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || !engine.master.isRunning) throw error;
    }
  }
}

it('a flood of twice its memory stores ends no server, loses nothing and doubles nothing', async () => {
  const message = queued(messageTo('flood', 'x'.repeat(PAYLOAD_BYTES)));
  const { pid } = engine.master;
  const startedAtMs = performance.now();
  const write = async (writer: number): Promise<number> => {
    const queues = queuesOf(writer);
    let refusals = 0;
    for (let sequence = 1; sequence <= ROUNDS; sequence++) {
      const batch = queues.map((queue) => ({ queue, producer: 'flood', sequence, queued: message }));
      refusals += await appendUntilAnswered(batch);
    }
    return refusals;
  };
  const writers = Array.from({ length: WRITERS }, (_, writer) => writer);
  const refusals = (await Promise.all(writers.map(write))).reduce((sum, each) => sum + each, 0);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const mebibytes = (WRITERS * QUEUES_EACH * ROUNDS * PAYLOAD_BYTES) / 2 ** 20;
  console.info(`${mebibytes.toFixed(0)} MiB in ${seconds.toFixed(1)} s, ${refusals} appends were repeated`);

  expect(engine.master.pid).toBe(pid);
  expect(engine.master.isRunning).toBe(true);
  const bounds = await Promise.all(writers.flatMap(queuesOf).map((queue) => store.bounds(queue)));
  expect(new Set(bounds.map(({ messages }) => messages))).toEqual(new Set([ROUNDS]));
});

function queuesOf(writer: number): QueueKey[] {
  return Array.from({ length: QUEUES_EACH }, (_, index) => queueOf(writer * QUEUES_EACH + index + 1));
}
