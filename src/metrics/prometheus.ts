/**
 * The metrics page: counters of every tenant, gauges of the parts, every limit, and what prom-client knows of the
 * process (event loop delay, CPU, memory). Everything is read when the page is asked for; nothing in between.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { BrokerLimits } from '../broker/limits.ts';
import { exposition } from './exposition.ts';
import type { MetricFamily, Sample } from './exposition.ts';
import { tenantFamilies } from './tenant-metrics.ts';
import type { TenantCounters } from './tenant-metrics.ts';

/** A number, or several that labels tell apart, read from the part that knows it. */
export interface GaugeSource {
  /** `spoke_…` with its unit; `_total` when it only rises. */
  readonly name: string;
  readonly help: string;
  readonly type: MetricFamily['type'];
  read(): number | Iterable<Sample>;
}

export interface MetricsSources {
  readonly tenants: () => TenantCounters;
  readonly gauges: readonly GaugeSource[];
  readonly version: string;
}

export class MetricsPage {
  readonly #sources: MetricsSources;
  readonly #process = new Registry();

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    collectDefaultMetrics({ register: this.#process });
  }

  get contentType(): string {
    return this.#process.contentType;
  }

  async text(): Promise<string> {
    const { tenants, gauges, version } = this.#sources;
    const families = [buildInfo(version), ...tenantFamilies(tenants()), ...gauges.map(familyOf)];
    return exposition(families) + (await this.#process.metrics());
  }
}

function buildInfo(version: string): MetricFamily {
  return {
    name: 'spoke_build_info',
    type: 'gauge',
    help: 'Always 1; the version is the label.',
    samples: [{ labels: { version }, value: 1 }],
  };
}

function familyOf(source: GaugeSource): MetricFamily {
  const value = source.read();
  const samples = typeof value === 'number' ? [{ labels: {}, value }] : value;
  return { name: source.name, type: source.type, help: source.help, samples };
}

/** Every limit beside the gauge it bounds, so that a dashboard can draw both. */
export function limitGauges(limits: BrokerLimits): GaugeSource {
  const samples = Object.entries(limits).flatMap(([name, limit]: [string, unknown]) =>
    limitSamples(name, limit),
  );
  return { name: 'spoke_limit', help: 'Configured limits, by key.', type: 'gauge', read: () => samples };
}

function limitSamples(name: string, limit: unknown): readonly Sample[] {
  if (typeof limit === 'number') return [{ labels: { name }, value: limit }];
  if (limit === null || typeof limit !== 'object') return [];
  return Object.entries(limit).flatMap(([key, value]: [string, unknown]) =>
    limitSamples(`${name}.${key}`, value),
  );
}
