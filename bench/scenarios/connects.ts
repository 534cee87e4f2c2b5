/**
 * Connections per second (TCP connection, CONNECT, CONNACK; clean sessions) and what one idle connection costs the broker in
 * resident memory.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import type { Bench, Measurement, Scenario } from './scenario.ts';

/** Connections made first and kept, so that what a broker allocates once is not counted as the price of a connection. */
const WARM_CONNECTIONS_PART = 0.1;
const SETTLE_MS = 2000;
const BYTES_PER_KIB = 1024;

export const connects: Scenario = {
  name: 'connects',
  title: 'Connections: rate and memory when idle, clean sessions',
  columns: [
    { key: 'connections', title: 'connections', digits: 0 },
    { key: 'rate', title: 'connects/s', digits: 0 },
    { key: 'brokerUs', title: 'broker µs/connect', digits: 0 },
    { key: 'kib', title: 'KiB per idle connection', digits: 1 },
  ],
  plots: [
    { file: 'connects-rate', title: 'Connections per second', figure: 'rate' },
    { file: 'connects-memory', title: 'Resident memory per idle connection, KiB', figure: 'kib' },
  ],
  variants: ({ scale }) => [
    {
      name: `${scale.connections} clients`,
      measure: (bench) => measureConnects(bench, scale.connections),
    },
  ],
};

async function measureConnects(bench: Bench, connections: number): Promise<Measurement> {
  await openClients(bench, 'warm', Math.ceil(connections * WARM_CONNECTIONS_PART));
  await delay(SETTLE_MS);
  const before = bench.broker.usage();
  const fromMs = monotonicMs();
  const { result: elapsedMs, usage } = await bench.broker.usageDuring(() =>
    openClients(bench, 'measured', connections),
  );
  bench.phase({ name: 'connect', fromMs, toMs: monotonicMs() });
  await delay(SETTLE_MS);
  const settled = bench.broker.usage();
  bench.log(`${connections} connections in ${elapsedMs.toFixed(0)} ms`);
  return {
    figures: {
      connections,
      rate: (connections * 1000) / elapsedMs,
      brokerUs: (usage.cpuMs * 1000) / connections,
      kib: (settled.residentBytes - before.residentBytes) / connections / BYTES_PER_KIB,
    },
    note: '',
  };
}

async function openClients({ broker, drivers }: Bench, group: string, total: number): Promise<number> {
  const elapsed = await Promise.all(
    drivers.shares(total).map(({ driver, first, count }) =>
      driver.call('open', {
        group,
        port: broker.port,
        clients: Array.from({ length: count }, (_, index) => ({
          clientId: `bench-${group}-${first + index}`,
          filters: [],
        })),
        cleanSession: true,
        qos: 0,
      }),
    ),
  );
  return Math.max(...elapsed.map(({ elapsedMs }) => elapsedMs));
}
