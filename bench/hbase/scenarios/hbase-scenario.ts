/** What a scenario of the HBase bench is: rows of several subjects side by side, each on a fresh table. */
import type { Column, Figures, Plot, Row } from '../../scenarios/scenario.ts';
import type { WantedHBase } from '../hbase-life.ts';
import type { MeasuredLoad } from '../load-process.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import type { HBaseBenchOptions } from '../options.ts';

export interface HBaseBench {
  readonly options: HBaseBenchOptions;
  /** One line of progress. */
  readonly log: (line: string) => void;
  /** Gives `work` an HBase of its own. */
  withHBase<Result>(
    options: Partial<WantedHBase>,
    work: (hbase: MeasuredHBase) => Promise<Result>,
  ): Promise<Result>;
}

export interface HBaseScenario {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly plots: readonly Plot[];
  measure(bench: HBaseBench): Promise<readonly Row[]>;
}

/** Columns of everything that appends. */
export const APPEND_COLUMNS: readonly Column[] = [
  { key: 'rate', title: 'messages/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  { key: 'perCall', title: 'messages/call', digits: 1 },
  { key: 'clientUs', title: 'client µs/msg', digits: 1 },
  { key: 'hbaseUs', title: 'HBase µs/msg', digits: 1 },
];

/** Below this part of the machine's CPU time, what others use is taken for the ordinary noise of a quiet machine. */
const OTHERS_PART_MIN = 0.05;

export function appendFigures({ figures, loadCpuMs, hbaseCpuMs }: MeasuredLoad): Figures {
  const { messages, calls, elapsedMs, p50Ms, p99Ms } = figures;
  return {
    rate: (messages * 1000) / elapsedMs,
    p50: p50Ms,
    p99: p99Ms,
    perCall: messages / calls,
    clientUs: (loadCpuMs * 1000) / messages,
    hbaseUs: (hbaseCpuMs * 1000) / messages,
  };
}

/** A remark for a row measured while something else used the machine, or none. */
export function interference({ othersPart }: MeasuredLoad): string {
  return othersPart > OTHERS_PART_MIN ? `others used ${(100 * othersPart).toFixed(0)} % of the machine` : '';
}
