/** Appends at the level of the store against messages per call and number of queues, beside the raw limit of the same table. */
import type { Row } from '../../scenarios/scenario.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import type { TableLayout } from '../queue-table.ts';
import {
  APPEND_COLUMNS,
  appendFigures,
  type HBaseBench,
  type HBaseScenario,
  interference,
} from './hbase-scenario.ts';
import { measureRawLimit } from './raw-limit.ts';

export const appends: HBaseScenario = {
  name: 'hbase-appends',
  title: 'Appends at the level of the store, 1,024-byte payload',
  columns: [...APPEND_COLUMNS, { key: 'ofRaw', title: 'of raw', digits: 2 }],
  plots: [
    {
      file: 'hbase-appends-rate',
      title: 'HBase: messages appended per second against the number of queues',
      figure: 'rate',
      along: 'queues',
    },
  ],
  measure: (bench) => bench.withHBase({}, (hbase) => measureAppends(bench, hbase)),
};

const PRODUCT: TableLayout = { hasEndpoint: true, inMemoryCompaction: 'BASIC' };

async function measureAppends(bench: HBaseBench, hbase: MeasuredHBase): Promise<Row[]> {
  const { queueCounts, messagesPerCall, warmUpMs, windowMs, isSmoke } = bench.options;
  const rows: Row[] = [];
  for (const queues of queueCounts) {
    const variant = `${queues} queues`;
    const add = (broker: string, figures: Row['figures'], note: string): void => {
      rows.push({ scenario: appends.name, variant, broker, figures: { queues, ...figures }, note });
    };
    let rawRate = Number.NaN;
    for (const hasEndpoint of isSmoke ? [false] : [false, true]) {
      const { load, way } = await measureRawLimit(bench, hbase, { ...PRODUCT, hasEndpoint }, queues);
      const figures = appendFigures(load);
      if (!hasEndpoint) rawRate = figures['rate'] ?? Number.NaN;
      add(
        hasEndpoint ? 'raw, endpoint' : 'raw',
        figures,
        [way, interference(load)].filter(Boolean).join('; '),
      );
    }
    for (const count of messagesPerCall) {
      await hbase.freshTable(PRODUCT);
      const load = await hbase.storeLoad({
        kind: 'calls',
        queues,
        messagesPerCall: count,
        warmUpMs,
        windowMs,
      });
      const figures = appendFigures(load);
      bench.log(`store, ${variant}, ${count} a call: ${figures['rate']?.toFixed(0) ?? ''}/s`);
      add(
        `store, ${count}/call`,
        { ...figures, ofRaw: (figures['rate'] ?? 0) / rawRate },
        interference(load),
      );
    }
  }
  return rows;
}
