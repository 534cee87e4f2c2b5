/** Appends the way a broker makes them, at offered rates: what publishers get, and after how long. */
import type { Row } from '../../scenarios/scenario.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import {
  APPEND_COLUMNS,
  appendFigures,
  type HBaseBench,
  type HBaseScenario,
  interference,
} from './hbase-scenario.ts';

export const publishers: HBaseScenario = {
  name: 'hbase-publishers',
  title: 'Publishers through the broker’s batcher, 1,024-byte payload',
  columns: [{ key: 'offered', title: 'offered/s', digits: 0 }, ...APPEND_COLUMNS],
  plots: [
    {
      file: 'hbase-publishers-p99',
      title: 'HBase: p99 in milliseconds, due until durable, against messages offered per second',
      figure: 'p99',
      along: 'offered',
    },
  ],
  measure: (bench) => bench.withHBase({}, (hbase) => measurePublishers(bench, hbase)),
};

async function measurePublishers(bench: HBaseBench, hbase: MeasuredHBase): Promise<Row[]> {
  const { queueCounts, offeredRates, warmUpMs, windowMs } = bench.options;
  const rows: Row[] = [];
  for (const queues of queueCounts) {
    for (const offered of offeredRates) {
      await hbase.freshTable({ hasEndpoint: true, inMemoryCompaction: 'BASIC' });
      const rate = Number.isFinite(offered) ? { ratePerSecond: offered } : {};
      const load = await hbase.storeLoad({ kind: 'publishers', queues, ...rate, warmUpMs, windowMs });
      const figures = appendFigures(load);
      bench.log(
        `${queues} queues, ${offered}/s offered: ${figures['rate']?.toFixed(0) ?? ''}/s, p99 ${figures['p99']?.toFixed(1) ?? ''} ms`,
      );
      rows.push({
        scenario: publishers.name,
        variant: Number.isFinite(offered) ? `${offered}/s` : 'as many as taken',
        broker: `${queues} queues`,
        figures: { offered, ...figures },
        note: interference(load),
      });
    }
  }
  return rows;
}
