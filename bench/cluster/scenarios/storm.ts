/**
 * Clients with persistent sessions lose their broker to SIGKILL and dial again, all at once: the two brokers that are left, or the
 * only one there is, which is started again at once. Admission limits are the defaults, so that who is refused comes back later.
 */
import type { DriverPool } from '../../driver/driver-pool.ts';
import { monotonicMs } from '../../driver/monotonic-clock.ts';
import type { Measurement, Row } from '../../scenarios/scenario.ts';
import type { MeasuredCluster } from '../measured-cluster.ts';
import { measuredRow, openSessions } from './cluster-scenario.ts';
import type { ClusterBench, ClusterScenario } from './cluster-scenario.ts';

const NAME = 'cluster-storm';
const SUBJECTS = [
  { broker: 'lone broker, started again', brokers: 1 },
  { broker: '3 brokers, 1 killed', brokers: 3 },
];
const RETRY_MS = 1_000;
const GIVE_UP_MS = 120_000;

export const storm: ClusterScenario = {
  name: NAME,
  title: 'Connection storm after the death of a broker, persistent sessions',
  columns: [
    { key: 'clients', title: 'clients', digits: 0 },
    { key: 'connected', title: 'connected again', digits: 0 },
    { key: 'p50', title: 'half of them after s', digits: 2 },
    { key: 'p99', title: '99 % after s', digits: 2 },
    { key: 'all', title: 'all after s', digits: 2 },
    { key: 'failed', title: 'failed attempts', digits: 0 },
    { key: 'sessionsMissing', title: 'sessions not found', digits: 0 },
  ],
  plots: [{ file: 'cluster-storm', title: 'Connection storm: seconds until all are back', figure: 'all' }],
  measure: async (bench) => {
    const rows: Row[] = [];
    for (const { broker, brokers } of SUBJECTS) {
      const variant = `${bench.options.clients} clients`;
      const row = bench.engines.withCluster({ brokers }, (cluster) =>
        measuredRow(bench, { scenario: NAME, variant, broker }, (drivers) =>
          measureStorm(bench, cluster, drivers),
        ),
      );
      rows.push(await row);
    }
    return rows;
  },
};

async function measureStorm(
  { options: { clients }, log }: ClusterBench,
  cluster: MeasuredCluster,
  drivers: DriverPool,
): Promise<Measurement> {
  const group = 'storm';
  await openSessions(drivers, cluster, 0, group, clients);
  const [first = 0, ...others] = cluster.ports;
  const ports = others.length === 0 ? [first] : others;
  const fromMs = monotonicMs();
  const again = drivers
    .shares(clients)
    .map(({ driver }) =>
      driver.call('reconnect', { group, ports, retryMs: RETRY_MS, giveUpMs: fromMs + GIVE_UP_MS }),
    );
  await cluster.kill(0);
  if (others.length === 0) await cluster.startAgain(0);
  const results = await Promise.all(again);
  const seconds = results
    .flatMap(({ connectedAtMs }) => Array.from(connectedAtMs, (atMs) => (atMs - fromMs) / 1000))
    .sort((a, b) => a - b);
  const failures = results.flatMap((result) => result.failures).slice(0, 1);
  const note = [`connected in each second: ${perSecond(seconds)}`, ...failures].join('; ');
  log(note);
  return {
    figures: {
      clients,
      connected: seconds.length,
      p50: after(seconds, clients, 0.5),
      p99: after(seconds, clients, 0.99),
      all: after(seconds, clients, 1),
      failed: sum(results.map(({ failedAttempts }) => failedAttempts)),
      sessionsMissing: sum(results.map(({ sessionsMissing }) => sessionsMissing)),
    },
    note,
  };
}

/** Seconds until that part of the clients was back; NaN when it never was. */
function after(seconds: readonly number[], clients: number, part: number): number {
  return seconds[Math.ceil(clients * part) - 1] ?? Number.NaN;
}

function perSecond(seconds: readonly number[]): string {
  const counts = Array.from({ length: Math.ceil(seconds.at(-1) ?? 0) }, () => 0);
  for (const second of seconds) counts[Math.floor(second)] = (counts[Math.floor(second)] ?? 0) + 1;
  return counts.join(', ');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
