/**
 * A queue that many messages have passed is read at its head as fast as a new one, from memory and from files. Beside it what
 * the same rows cost a plain table, where each passed message is a deleted row in front of the head.
 */
import { LatencyHistogram } from '../../driver/latency-histogram.ts';
import { monotonicMs } from '../../driver/monotonic-clock.ts';
import type { Row } from '../../scenarios/scenario.ts';
import type { DurableQueueStore, QueueKey, Seq } from '../../../src/queue/durable-queue.ts';
import { benchQueues } from '../bench-store.ts';
import { DeletedRows } from '../deleted-rows.ts';
import { benchMessage } from '../load/bench-message.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import { TABLE, type TableLayout } from '../queue-table.ts';
import type { HBaseBench, HBaseScenario } from './hbase-scenario.ts';

/** Messages in the queue when its head is read, and messages of one read. */
const PENDING = 50;
const READ_MESSAGES = 10;
const READS = 1000;
const WARM_UP_READS = 200;
const APPEND_MESSAGES = 500;
/** Deletes cost so much that a tenth of the messages shows it. */
const DELETED_MAX = 100_000;
/** Within this factor two medians count as equal on a shared machine. */
const EQUAL_FACTOR = 1.5;
const LAYOUT: TableLayout = { hasEndpoint: true, inMemoryCompaction: 'BASIC' };

export const heads: HBaseScenario = {
  name: 'hbase-heads',
  title: `Reads of ${READ_MESSAGES} messages at the head of a queue, one after the other`,
  columns: [
    { key: 'passed', title: 'passed before', digits: 0 },
    { key: 'p50', title: 'p50 ms', digits: 2 },
    { key: 'p99', title: 'p99 ms', digits: 2 },
  ],
  plots: [{ file: 'hbase-heads', title: 'HBase: p50 of a read at the head, milliseconds', figure: 'p50' }],
  measure: (bench) =>
    bench.withHBase({}, async (hbase) => [
      ...(await measureQueues(bench, hbase)),
      ...(await measureDeletes(bench, hbase)),
    ]),
};

async function measureQueues(bench: HBaseBench, hbase: MeasuredHBase): Promise<Row[]> {
  const { passedMessages } = bench.options;
  await hbase.freshTable(LAYOUT);
  const store = await hbase.openStore();
  const [young, old] = benchQueues(2);
  if (young === undefined || old === undefined) throw new Error('two queues are needed');
  bench.log(`passing ${passedMessages} messages through one queue`);
  await pass(store, old, passedMessages);
  await pass(store, young, 0);
  const rows: Row[] = [];
  for (const variant of ['in memory', 'after a flush']) {
    if (variant !== 'in memory') await hbase.flush();
    const readers = { young: await headReader(store, young), old: await headReader(store, old) };
    // In turn, so that whatever else happens on the machine happens to both.
    const latencies = await timeInTurn([readers.young, readers.old]);
    const [youngMs = Number.NaN, oldMs = Number.NaN] = latencies.map((each) => each.percentileMs(50));
    const verdict = oldMs <= youngMs * EQUAL_FACTOR ? 'as fast as a new one' : 'SLOWER than a new one';
    rows.push(
      row(variant, 'new queue', 0, latencies[0], ''),
      row(variant, 'old queue', passedMessages, latencies[1], verdict),
    );
    bench.log(`${variant}: p50 ${youngMs.toFixed(2)} ms new, ${oldMs.toFixed(2)} ms old: ${verdict}`);
  }
  await store.close();
  return rows;
}

async function measureDeletes(bench: HBaseBench, hbase: MeasuredHBase): Promise<Row[]> {
  const passed = Math.min(bench.options.passedMessages, DELETED_MAX);
  await hbase.freshTable({ ...LAYOUT, hasEndpoint: false });
  const deleted = new DeletedRows(hbase.client, TABLE);
  await deleted.pass(passed, PENDING);
  const rows: Row[] = [];
  for (const variant of ['in memory', 'after a flush']) {
    if (variant !== 'in memory') await hbase.flush();
    const [latencies] = await timeInTurn([() => deleted.readHead(READ_MESSAGES)]);
    bench.log(`deleted rows, ${variant}: p50 ${latencies?.percentileMs(50).toFixed(2) ?? ''} ms`);
    rows.push(
      row(variant, 'deleted rows', passed, latencies, 'a plain table, scanned from the queue’s first row'),
    );
  }
  return rows;
}

function row(
  variant: string,
  broker: string,
  passed: number,
  latencies: LatencyHistogram | undefined,
  note: string,
): Row {
  const [p50, p99] = [50, 99].map((percent) => latencies?.percentileMs(percent) ?? Number.NaN);
  const figures = { passed, p50: p50 ?? Number.NaN, p99: p99 ?? Number.NaN };
  return { scenario: heads.name, variant, broker, figures, note };
}

let sequence = 0;

/** Appends and trims; afterwards `PENDING` messages are in the queue. */
async function pass(store: DurableQueueStore, queue: QueueKey, messages: number): Promise<void> {
  const total = messages + PENDING;
  for (let done = 0; done < total; done += APPEND_MESSAGES) {
    const count = Math.min(APPEND_MESSAGES, total - done);
    await store.append(
      Array.from({ length: count }, () => ({
        queue,
        producer: 'bench#1',
        sequence: ++sequence,
        queued: benchMessage(Date.now()),
      })),
    );
    const through = Math.min(messages, done + count - PENDING);
    if (through > 0) await store.trim([{ queue, through: through as Seq }]);
  }
}

async function headReader(store: DurableQueueStore, queue: QueueKey): Promise<() => Promise<void>> {
  const { min } = await store.bounds(queue);
  return async () => {
    const entries = await store.read(queue, min, { messagesMax: READ_MESSAGES, bytesMax: 2 ** 20 });
    if (entries.length !== READ_MESSAGES || entries[0]?.seq !== min)
      throw new Error(`the head of ${queue.text} was read wrongly: ${entries.length} messages`);
  };
}

async function timeInTurn(readers: readonly (() => Promise<void>)[]): Promise<LatencyHistogram[]> {
  const latencies = readers.map(() => new LatencyHistogram());
  for (let read = -WARM_UP_READS; read < READS; read++) {
    for (const [index, readHead] of readers.entries()) {
      const startMs = monotonicMs();
      await readHead();
      if (read >= 0) latencies[index]?.recordMs(monotonicMs() - startMs);
    }
  }
  return latencies;
}
