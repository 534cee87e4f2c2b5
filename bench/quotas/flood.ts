/**
 * Latency of a calm tenant: alone, beside another one that publishes as fast as it can against its quota, and the same
 * without a quota. Each on a broker that was started for it.
 */
import { launcher } from '../brokers/spokemq.ts';
import { startBroker } from '../brokers/start-broker.ts';
import type { TrafficResult } from '../driver/calls.ts';
import { LatencyHistogram } from '../driver/latency-histogram.ts';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import type { Qos } from '../driver/wire.ts';
import type { SessionKind } from '../option-values.ts';
import type { Column, Measurement, Row } from '../scenarios/scenario.ts';
import { interference } from '../scenarios/interference.ts';
import type { QuotaBenchOptions } from './options.ts';
import { Tenant } from './tenant.ts';

/** What the other tenant does. */
interface Neighbour {
  readonly name: string;
  /** undefined: it is not there. */
  readonly floodQos: Qos | undefined;
  readonly isLimited: boolean;
}

const ALONE: Neighbour = { name: 'alone', floodQos: undefined, isLimited: true };
const NEIGHBOURS: readonly Neighbour[] = [
  ALONE,
  { name: 'flood of QoS 1, quota', floodQos: 1, isLimited: true },
  { name: 'flood of QoS 0, quota', floodQos: 0, isLimited: true },
  { name: 'flood of QoS 1, no quota', floodQos: 1, isLimited: false },
  { name: 'flood of QoS 0, no quota', floodQos: 0, isLimited: false },
];

/** Beside a flood that is held to its quota, p99 may be so many times what it is alone. */
const P99_FACTOR_MAX = 2;
/** Between the order to start and the start, for the order to reach every driver. */
const START_DELAY_MS = 200;

export const FLOOD_SCENARIO = {
  name: 'quotas-flood',
  title: 'A calm tenant beside one that floods',
  columns: [
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'factor', title: 'p99 to alone', digits: 2 },
    { key: 'delivered', title: 'calm msg/s', digits: 0 },
    { key: 'flooded', title: 'flood msg/s', digits: 0 },
    { key: 'cpu', title: 'broker CPU %', digits: 0 },
  ] satisfies readonly Column[],
  plots: [],
};

export async function measureFloods(
  options: QuotaBenchOptions,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const sessions of options.sessions) {
    let aloneMs = Number.NaN;
    for (const neighbour of NEIGHBOURS) {
      const measured = await measure(options, sessions, neighbour);
      const p99Ms = measured.figures['p99'] ?? Number.NaN;
      if (neighbour === ALONE) aloneMs = p99Ms;
      const factor = p99Ms / aloneMs;
      const isTooSlow = neighbour.isLimited && factor > P99_FACTOR_MAX;
      const note = [measured.note, isTooSlow ? `more than ${P99_FACTOR_MAX} times p99 alone` : '']
        .filter((text) => text !== '')
        .join(', ');
      const variant = `${sessions}, ${neighbour.name}`;
      log(`${variant}: p99 ${p99Ms.toFixed(1)} ms, ${factor.toFixed(2)} times alone`);
      rows.push({
        scenario: FLOOD_SCENARIO.name,
        broker: 'spokemq',
        variant,
        figures: { ...measured.figures, factor },
        note,
      });
    }
  }
  return rows;
}

async function measure(
  options: QuotaBenchOptions,
  sessions: SessionKind,
  { floodQos, isLimited }: Neighbour,
): Promise<Measurement> {
  const { pairs, calmRate, publishRateMax, warmUpMs, windowMs, dataRoot } = options;
  const persistent = sessions === 'persistent';
  const broker = await startBroker(
    launcher('spokemq', 'fsync', 'defaults', {
      SPOKE_TENANTS: JSON.stringify(['default', 'calm', 'flood']),
      SPOKE_QUOTAS_TENANT_PUBLISH_RATE_MAX: String(isLimited ? publishRateMax : 0),
    }),
    { dataRoot, nodeArgs: [] },
  );
  const calm = new Tenant('calm', { pairs, persistent, qos: 1, ratePerSecond: calmRate }, false);
  const flood =
    floodQos === undefined
      ? undefined
      : new Tenant('flood', { pairs, persistent, qos: floodQos, ratePerSecond: undefined }, true);
  try {
    await calm.connect(broker.port);
    await flood?.connect(broker.port);
    const startMs = monotonicMs() + START_DELAY_MS;
    const window = { startMs, warmUpMs, windowMs };
    const fromMs = startMs + warmUpMs;
    const [usage, ofCalm, ofFlood] = await Promise.all([
      broker.usageBetween(fromMs, fromMs + windowMs),
      calm.publish(window),
      flood?.publish(window),
    ]);
    const latency = new LatencyHistogram(ofCalm.latencyCounts);
    const perSecond = (result: TrafficResult | undefined): number =>
      ((result?.deliveredInWindow ?? 0) * 1_000) / windowMs;
    return {
      figures: {
        p50: latency.percentileMs(50),
        p99: latency.percentileMs(99),
        delivered: perSecond(ofCalm),
        flooded: perSecond(ofFlood),
        cpu: (usage.cpuMs * 100) / usage.elapsedMs,
      },
      note: [
        ...ofCalm.failures.slice(0, 1),
        ...(ofCalm.lost > 0 ? [`${ofCalm.lost} lost`] : []),
        ...interference(usage, ofCalm.driverCpuMs + (ofFlood?.driverCpuMs ?? 0)),
      ].join(', '),
    };
  } finally {
    await calm.stop();
    await flood?.stop();
    await broker.stop();
  }
}
