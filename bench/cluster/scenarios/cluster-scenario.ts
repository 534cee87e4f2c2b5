/** What a scenario of the cluster bench is: rows of clusters of several sizes or settings, beside a lone broker. */
import { DriverPool } from '../../driver/driver-pool.ts';
import type { Column, Measurement, Plot, Row } from '../../scenarios/scenario.ts';
import type { MeasuredCluster } from '../measured-cluster.ts';
import type { MeasuredEngines } from '../measured-engines.ts';
import type { ClusterBenchOptions } from '../options.ts';

export interface ClusterBench {
  readonly options: ClusterBenchOptions;
  readonly engines: MeasuredEngines;
  /** One line of progress. */
  readonly log: (line: string) => void;
}

export interface ClusterScenario {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly plots: readonly Plot[];
  measure(bench: ClusterBench): Promise<readonly Row[]>;
}

/** Names of a row. */
export type RowName = Pick<Row, 'scenario' | 'variant' | 'broker'>;

/** A row with drivers of its own. What fails is a row that says so; it never ends the run. */
export async function measuredRow(
  { options, log }: ClusterBench,
  name: RowName,
  measure: (drivers: DriverPool) => Promise<Measurement>,
): Promise<Row> {
  log(`${name.scenario}, ${name.variant}, ${name.broker}`);
  const drivers = new DriverPool(options.traffic.drivers);
  try {
    return { ...name, ...(await measure(drivers)) };
  } catch (error) {
    return {
      ...name,
      figures: {},
      note: `failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  } finally {
    await drivers.stop();
  }
}

export function brokersText(count: number): string {
  return count === 1 ? '1 broker' : `${count} brokers`;
}

/** Opens persistent sessions with a subscription each. */
export async function openSessions(
  drivers: DriverPool,
  cluster: MeasuredCluster,
  broker: number,
  group: string,
  count: number,
): Promise<void> {
  await Promise.all(
    drivers.shares(count).map((share) =>
      share.driver.call('open', {
        group,
        port: cluster.ports[broker] ?? 0,
        clients: Array.from({ length: share.count }, (_, index) => {
          const clientId = `bench-${group}-${share.first + index}`;
          return { clientId, filters: [`bench/${clientId}`] };
        }),
        cleanSession: false,
        qos: 1,
      }),
    ),
  );
}
