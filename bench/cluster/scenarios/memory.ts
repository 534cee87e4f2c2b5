/**
 * What a persistent session with one subscription costs a broker that does not own it, beside the broker to which its client is
 * connected: the growth of resident memory.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Row } from '../../scenarios/scenario.ts';
import { measuredRow, openSessions } from './cluster-scenario.ts';
import type { ClusterScenario } from './cluster-scenario.ts';

const NAME = 'cluster-memory';
const SUBJECTS = ['the broker with the connection', 'the other broker'];
/** Sessions made first and kept, so that what a broker allocates once is not counted as the price of a session. */
const WARM_PART = 0.1;
const SETTLE_MS = 2_000;
const BYTES_PER_KIB = 1024;

export const memory: ClusterScenario = {
  name: NAME,
  title: 'Resident memory per persistent session with one subscription',
  columns: [
    { key: 'sessions', title: 'sessions', digits: 0 },
    { key: 'kib', title: 'KiB per session', digits: 2 },
  ],
  plots: [{ file: 'cluster-memory', title: 'Resident memory per persistent session, KiB', figure: 'kib' }],
  measure: (bench) =>
    bench.engines.withCluster({ brokers: 2 }, async (cluster) => {
      const { sessions } = bench.options;
      const variant = `${sessions} sessions`;
      const rows: Row[] = [];
      const resident = (): number[] => SUBJECTS.map((_, broker) => cluster.residentBytes(broker));
      const whole = measuredRow(bench, { scenario: NAME, variant, broker: 'both' }, async (drivers) => {
        await openSessions(drivers, cluster, 0, 'warm', Math.ceil(sessions * WARM_PART));
        await delay(SETTLE_MS);
        const before = resident();
        await openSessions(drivers, cluster, 0, 'measured', sessions);
        await delay(SETTLE_MS);
        const after = resident();
        SUBJECTS.forEach((broker, index) => {
          const grown = (after[index] ?? Number.NaN) - (before[index] ?? Number.NaN);
          const figures = { sessions, kib: grown / sessions / BYTES_PER_KIB };
          rows.push({ scenario: NAME, variant, broker, figures, note: '' });
        });
        return { figures: {}, note: '' };
      });
      const both = await whole;
      // Only a failure leaves them without rows of their own.
      return rows.length > 0 ? rows : [both];
    }),
};
