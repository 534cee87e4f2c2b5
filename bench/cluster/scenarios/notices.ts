/**
 * Persistent pairs across two brokers, with notices that carry the message and with notices of its position only, so that the broker
 * of the reader reads it from its queue. Both at their usable rate, and at the same rate for their latencies.
 */
import type { Row } from '../../scenarios/scenario.ts';
import { measuredRow } from './cluster-scenario.ts';
import type { ClusterScenario } from './cluster-scenario.ts';
import { measurePairs, PAIR_COLUMNS } from './pairs.ts';

const NAME = 'cluster-notices';
const KINDS = [
  { broker: 'with the message', noticeBytesMax: 65_536 },
  { broker: 'position only', noticeBytesMax: 0 },
];
/** Low enough for both on a small machine. */
const EQUAL_RATE = 500;

export const notices: ClusterScenario = {
  name: NAME,
  title: 'Persistent pairs across two brokers: what a notice carries',
  columns: PAIR_COLUMNS,
  plots: [],
  measure: async (bench) => {
    const rows: Row[] = [];
    for (const { broker, noticeBytesMax } of KINDS) {
      const wanted = { brokers: 2, settings: { cluster: { noticeBytesMax } } };
      await bench.engines.withCluster(wanted, async (cluster) => {
        for (const rate of [EQUAL_RATE, bench.options.traffic.rate]) {
          const variant = rate === undefined ? 'usable rate' : `${rate}/s`;
          const row = measuredRow(bench, { scenario: NAME, variant, broker }, (drivers) =>
            measurePairs(bench, cluster, drivers, { persistent: true, way: 'cross', rate }),
          );
          rows.push(await row);
        }
      });
    }
    return rows;
  },
};
