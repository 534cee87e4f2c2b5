/** Trims of many queues at a time: each changes one row, whatever lies before it. One call of the store after the other. */
import { LatencyHistogram } from '../../driver/latency-histogram.ts';
import { monotonicMs } from '../../driver/monotonic-clock.ts';
import type { Row } from '../../scenarios/scenario.ts';
import type { DurableQueueStore, QueueKey, Seq } from '../../../src/queue/durable-queue.ts';
import { benchQueues } from '../bench-store.ts';
import { benchMessage } from '../load/bench-message.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import type { HBaseBench, HBaseScenario } from './hbase-scenario.ts';

const QUEUES = 1000;
const QUEUES_PER_CALL = [1, 10, 100, 1000];
/** Of each queue and variant: every call of the window finds something to trim. */
const MESSAGES = 20;

export const trims: HBaseScenario = {
  name: 'hbase-trims',
  title: `Trims in ${QUEUES} queues, one call of the store after the other`,
  columns: [
    { key: 'rate', title: 'queues trimmed/s', digits: 0 },
    { key: 'p50', title: 'p50 ms', digits: 2 },
    { key: 'p99', title: 'p99 ms', digits: 2 },
  ],
  plots: [],
  measure: (bench) => bench.withHBase({}, (hbase) => measureTrims(bench, hbase)),
};

async function measureTrims(bench: HBaseBench, hbase: MeasuredHBase): Promise<Row[]> {
  await hbase.freshTable({ hasEndpoint: true, inMemoryCompaction: 'BASIC' });
  const store = await hbase.openStore();
  const queues = benchQueues(QUEUES);
  const rows: Row[] = [];
  let trimmed = 0;
  for (const perCall of bench.options.isSmoke ? [QUEUES] : QUEUES_PER_CALL) {
    await append(store, queues);
    const latencies = new LatencyHistogram();
    const endMs = monotonicMs() + bench.options.windowMs;
    const startMs = monotonicMs();
    let queuesTrimmed = 0;
    for (let at = 0; monotonicMs() < endMs && at < QUEUES * MESSAGES; at += perCall) {
      const through = (trimmed + Math.floor(at / QUEUES) + 1) as Seq;
      const trim = queues.slice(at % QUEUES, (at % QUEUES) + perCall).map((queue) => ({ queue, through }));
      const calledMs = monotonicMs();
      await store.trim(trim);
      latencies.recordMs(monotonicMs() - calledMs);
      queuesTrimmed += perCall;
    }
    const rate = (queuesTrimmed * 1000) / (monotonicMs() - startMs);
    trimmed += MESSAGES;
    await store.trim(queues.map((queue) => ({ queue, through: trimmed as Seq })));
    bench.log(`trims, ${perCall} queues a call: ${rate.toFixed(0)}/s`);
    rows.push({
      scenario: trims.name,
      variant: `${perCall} queues/call`,
      broker: 'store',
      figures: { rate, p50: latencies.percentileMs(50), p99: latencies.percentileMs(99) },
      note: '',
    });
  }
  await store.close();
  return rows;
}

let sequence = 0;

async function append(store: DurableQueueStore, queues: readonly QueueKey[]): Promise<void> {
  for (let message = 0; message < MESSAGES; message++) {
    await store.append(
      queues.map((queue) => ({
        queue,
        producer: 'bench#1',
        sequence: ++sequence,
        queued: benchMessage(Date.now()),
      })),
    );
  }
}
