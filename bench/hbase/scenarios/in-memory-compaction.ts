/**
 * Messages that live one second, at a steady rate, under each in-memory compaction: what reaches files meanwhile, what stays
 * in memory, and what it costs. The heap is small, so that memory fills up within the run.
 */
import type { Row } from '../../scenarios/scenario.ts';
import { FlushLog } from '../flush-log.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import type { TableLayout } from '../queue-table.ts';
import {
  APPEND_COLUMNS,
  appendFigures,
  type HBaseBench,
  type HBaseScenario,
  interference,
} from './hbase-scenario.ts';

const POLICIES: readonly TableLayout['inMemoryCompaction'][] = ['NONE', 'BASIC', 'EAGER'];
const QUEUES = 1000;
const MESSAGE_LIFE_MS = 1000;
/** A third of it is memory for rows. */
const HEAP_MB = 1024;
const MIB = 2 ** 20;

export const inMemoryCompaction: HBaseScenario = {
  name: 'hbase-in-memory-compaction',
  title: `Messages that live ${MESSAGE_LIFE_MS} ms in ${QUEUES} queues, 1,024-byte payload, heap of ${HEAP_MB} MiB`,
  columns: [
    ...APPEND_COLUMNS.filter(({ key }) => key !== 'perCall'),
    { key: 'seconds', title: 'seconds', digits: 0 },
    { key: 'flushes', title: 'flushes', digits: 0 },
    { key: 'flushedMib', title: 'in files, MiB', digits: 1 },
    { key: 'memoryMib', title: 'in memory at the end, MiB', digits: 1 },
    { key: 'finalMib', title: 'flushed of it, MiB', digits: 1 },
  ],
  plots: [
    {
      file: 'hbase-in-memory-compaction',
      title: 'HBase: MiB in memory after a run of messages that live one second',
      figure: 'memoryMib',
    },
  ],
  measure: async (bench) => {
    const rows: Row[] = [];
    for (const policy of bench.options.isSmoke ? POLICIES.slice(0, 1) : POLICIES) {
      // Each on a heap that nothing went through before.
      rows.push(await bench.withHBase({ heapMb: HEAP_MB }, (hbase) => measurePolicy(bench, hbase, policy)));
    }
    return rows;
  },
};

async function measurePolicy(
  bench: HBaseBench,
  hbase: MeasuredHBase,
  policy: TableLayout['inMemoryCompaction'],
): Promise<Row> {
  const { lifeMs, lifeRate, warmUpMs } = bench.options;
  await hbase.freshTable({ hasEndpoint: true, inMemoryCompaction: policy });
  const log = new FlushLog(hbase.log);
  const load = await hbase.storeLoad({
    kind: 'publishers',
    queues: QUEUES,
    ratePerSecond: lifeRate,
    trimAfterMs: MESSAGE_LIFE_MS,
    warmUpMs,
    windowMs: lifeMs,
  });
  const during = log.since();
  await hbase.flush();
  const last = log.since();
  bench.log(
    `${policy}: ${during.count} flushes, ${(during.fileBytes / MIB).toFixed(1)} MiB in files, ${(last.heapBytes / MIB).toFixed(1)} MiB in memory`,
  );
  return {
    scenario: inMemoryCompaction.name,
    variant: `${lifeRate}/s`,
    broker: policy,
    figures: {
      ...appendFigures(load),
      seconds: (warmUpMs + lifeMs) / 1000,
      flushes: during.count,
      flushedMib: during.fileBytes / MIB,
      memoryMib: last.heapBytes / MIB,
      finalMib: last.fileBytes / MIB,
    },
    note: interference(load),
  };
}
