/** What it costs that appends wait for the disk (`hbase.wal.hsync`): publishers and raw puts, with and without. */
import type { Row } from '../../scenarios/scenario.ts';
import type { TableLayout } from '../queue-table.ts';
import {
  APPEND_COLUMNS,
  appendFigures,
  type HBaseBench,
  type HBaseScenario,
  interference,
} from './hbase-scenario.ts';
import { measureRawLimit } from './raw-limit.ts';

const QUEUES = 1000;
const LAYOUT: TableLayout = { hasEndpoint: true, inMemoryCompaction: 'BASIC' };

export const walSync: HBaseScenario = {
  name: 'hbase-wal-sync',
  title: `Write-ahead log synced to disk or not, ${QUEUES} queues, as many messages as are taken`,
  columns: APPEND_COLUMNS,
  plots: [
    {
      file: 'hbase-wal-sync',
      title: 'HBase: messages appended per second, log synced or not',
      figure: 'rate',
    },
  ],
  measure: async (bench) => [...(await measureSync(bench, false)), ...(await measureSync(bench, true))],
};

function measureSync(bench: HBaseBench, isSynced: boolean): Promise<Row[]> {
  const { warmUpMs, windowMs } = bench.options;
  const row = { scenario: walSync.name, variant: isSynced ? 'synced' : 'not synced' };
  return bench.withHBase({ walSync: isSynced }, async (hbase) => {
    const raw = await measureRawLimit(bench, hbase, { ...LAYOUT, hasEndpoint: false }, QUEUES);
    await hbase.freshTable(LAYOUT);
    const load = await hbase.storeLoad({ kind: 'publishers', queues: QUEUES, warmUpMs, windowMs });
    const figures = appendFigures(load);
    bench.log(`publishers, ${row.variant}: ${figures['rate']?.toFixed(0) ?? ''}/s`);
    const rawNote = [raw.way, interference(raw.load)].filter((part) => part !== '').join('; ');
    return [
      { ...row, broker: 'raw', figures: appendFigures(raw.load), note: rawNote },
      { ...row, broker: 'publishers', figures, note: interference(load) },
    ];
  });
}
