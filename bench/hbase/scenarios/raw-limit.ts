/**
 * The raw limit: the best that a Java client reaches with batched puts of the same rows. Which way of putting is best depends
 * on machine and number of queues, so all are tried and the fastest counts.
 */
import type { MeasuredLoad } from '../load-process.ts';
import type { MeasuredHBase } from '../measured-hbase.ts';
import type { TableLayout } from '../queue-table.ts';
import type { RawLoad } from '../raw-client.ts';
import type { HBaseBench } from './hbase-scenario.ts';

type RawVariant = Pick<RawLoad, 'way' | 'rowsPerCall' | 'threads'>;

const VARIANTS: readonly RawVariant[] = [
  { way: 'region', rowsPerCall: 100, threads: 8 },
  { way: 'list', rowsPerCall: 1000, threads: 1 },
  { way: 'list', rowsPerCall: 1000, threads: 4 },
  { way: 'list', rowsPerCall: 5000, threads: 2 },
  { way: 'region', rowsPerCall: 500, threads: 4 },
  { way: 'region', rowsPerCall: 2000, threads: 2 },
  { way: 'mutator', rowsPerCall: 2000, threads: 1 },
  { way: 'mutator', rowsPerCall: 2000, threads: 4 },
];

export interface RawLimit {
  readonly load: MeasuredLoad;
  /** How the limit was reached. */
  readonly way: string;
}

/** One fresh table for each way tried. */
export async function measureRawLimit(
  bench: HBaseBench,
  hbase: MeasuredHBase,
  layout: TableLayout,
  queues: number,
): Promise<RawLimit> {
  const { warmUpMs, windowMs, isSmoke } = bench.options;
  let best: RawLimit | undefined;
  for (const variant of isSmoke ? VARIANTS.slice(0, 1) : VARIANTS) {
    await hbase.freshTable(layout);
    const load = await hbase.rawAppends({ ...variant, queues, warmUpMs, windowMs });
    const way = `${variant.way} of ${variant.rowsPerCall}, ${variant.threads} threads`;
    bench.log(`raw puts, ${queues} queues, ${way}: ${rateOf(load).toFixed(0)}/s`);
    if (best === undefined || rateOf(load) > rateOf(best.load)) best = { load, way };
  }
  if (best === undefined) throw new Error('no way of putting was tried');
  return best;
}

function rateOf({ figures }: MeasuredLoad): number {
  return (figures.messages * 1000) / figures.elapsedMs;
}
