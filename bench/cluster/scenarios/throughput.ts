/**
 * 1:1 pairs at QoS 1 on one, two and three brokers, with both ends of a pair on the same broker and on different ones. A lone broker
 * with its data directory stands beside them: what the cluster costs.
 */
import { spokemq } from '../../brokers/spokemq.ts';
import { measureVariant } from '../../measure.ts';
import type { Row } from '../../scenarios/scenario.ts';
import { measureUsableRate } from '../../scenarios/usable-rate.ts';
import { brokersText, measuredRow } from './cluster-scenario.ts';
import type { ClusterBench, ClusterScenario } from './cluster-scenario.ts';
import { measurePairs, PAIR_COLUMNS, pairShape } from './pairs.ts';
import type { Way } from './pairs.ts';

const NAME = 'cluster-throughput';
const SIZES = [1, 2, 3];

export const throughput: ClusterScenario = {
  name: NAME,
  title: '1:1 pairs in a cluster, QoS 1, 1,024-byte payload',
  columns: PAIR_COLUMNS,
  plots: [
    { file: 'cluster-throughput-rate', title: 'Cluster: usable rate, messages per second', figure: 'rate' },
    { file: 'cluster-throughput-cpu', title: 'Cluster: CPU per message, µs', figure: 'brokerUs' },
  ],
  measure: async (bench) => {
    const rows = await loneRows(bench);
    for (const brokers of SIZES) {
      const ways: readonly Way[] = brokers === 1 ? ['local'] : ['local', 'cross'];
      await bench.engines.withCluster({ brokers }, async (cluster) => {
        for (const session of bench.options.traffic.sessions) {
          for (const way of ways) {
            const name = { scenario: NAME, variant: session, broker: `${brokersText(brokers)}, ${way}` };
            const persistent = session === 'persistent';
            const measure = measuredRow(bench, name, (drivers) =>
              measurePairs(bench, cluster, drivers, { persistent, way }),
            );
            rows.push(await measure);
          }
        }
      });
    }
    return rows;
  },
};

async function loneRows({ options: { traffic }, log }: ClusterBench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const session of traffic.sessions) {
    const shape = pairShape(traffic.pairs, session === 'persistent');
    log(`${NAME}, ${session}, lone broker`);
    const measured = await measureVariant(
      spokemq,
      { name: session, measure: (lone) => measureUsableRate(lone, shape, 1) },
      { ...traffic, nodeArgs: [], onPhase: () => undefined },
    );
    rows.push({ scenario: NAME, variant: session, broker: 'lone broker', ...measured });
  }
  return rows;
}
