/** 1:1 pairs in a cluster: the shape of their traffic, and its measurement there. */
import type { DriverPool } from '../../driver/driver-pool.ts';
import type { Shape } from '../../scenarios/probe.ts';
import type { Column, Measurement } from '../../scenarios/scenario.ts';
import { measureUsableRate } from '../../scenarios/usable-rate.ts';
import type { MeasuredCluster } from '../measured-cluster.ts';
import type { ClusterBench } from './cluster-scenario.ts';

/** `local`: both ends of a pair on the same broker. `cross`: never. */
export type Way = 'local' | 'cross';

export const PAIR_COLUMNS: readonly Column[] = [
  { key: 'rate', title: 'usable msg/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  { key: 'brokerUs', title: 'servers µs/msg', digits: 1 },
  { key: 'driverUs', title: 'driver µs/msg', digits: 1 },
];

/** More than this many messages unacknowledged, and the publisher waits. */
const IN_FLIGHT_MAX = 200;

export function pairShape(count: number, persistent: boolean): Shape {
  const topics = Array.from({ length: count }, (_, index) => `bench/pairs/${index}`);
  return {
    publishers: count,
    filters: topics,
    topics,
    expectation: 'own',
    qos: 1,
    persistent,
    inFlightMaxPerPublisher: IN_FLIGHT_MAX,
  };
}

/** `rate`: messages a second; undefined: what the command line says, or the usable rate is looked for. */
export async function measurePairs(
  { options: { traffic }, log }: ClusterBench,
  cluster: MeasuredCluster,
  drivers: DriverPool,
  { persistent, way, rate = traffic.rate }: { persistent: boolean; way: Way; rate?: number | undefined },
): Promise<Measurement> {
  const { ports } = cluster;
  // In runs of neighbours: a group is opened with one call for each run.
  const brokerOf = (index: number): number => Math.floor((index * ports.length) / traffic.pairs);
  const shape: Shape = {
    ...pairShape(traffic.pairs, persistent),
    portOf: (role, index) => {
      const step = role === 'publisher' && way === 'cross' ? 1 : 0;
      return ports[(brokerOf(index) + step) % ports.length] ?? 0;
    },
  };
  const bench = {
    broker: cluster.whole,
    drivers,
    options: { ...traffic, rate },
    log,
    phase: () => undefined,
  };
  return await measureUsableRate(bench, shape, 1);
}
