/**
 * Names of all series that brokers and metadata services export, without starting any: what the sources name, and for
 * histograms and what is known of the process a metrics page of a broker that has nothing to tell.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configSchema } from '../../src/app/config-schema.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { limitGauges, MetricsPage } from '../../src/metrics/prometheus.ts';
import { DEFAULT_TENANT } from '../../src/tenancy/identity.ts';
import { PROJECT_DIRECTORY } from './deployment.ts';

const METRIC_NAME = /'(spoke_[a-z0-9_]+)'/g;
const CLAIMED_NAME = /^ *name: '(spoke_[a-z0-9_]+)'/gm;

export function namesInSources(): ReadonlySet<string> {
  return new Set(
    sourceTexts().flatMap((text) => [...text.matchAll(METRIC_NAME)].map(([, name = '']) => name)),
  );
}

function sourceTexts(): readonly string[] {
  const sources = join(PROJECT_DIRECTORY, 'src');
  return readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(sources, file), 'utf8'));
}

/** Names that more than one source claims: the page would have them twice. */
export function namesClaimedTwice(): readonly string[] {
  const claimed = sourceTexts().flatMap((text) =>
    [...text.matchAll(CLAIMED_NAME)].map(([, name = '']) => name),
  );
  return claimed.filter((name, at) => claimed.indexOf(name) !== at);
}

/** Of a page with the counters of one tenant and the limits. */
export async function seriesOnAPage(): Promise<ReadonlySet<string>> {
  const page = new MetricsPage({
    version: '1.2.3',
    tenants: () => [[DEFAULT_TENANT, new Counters()]],
    gauges: [limitGauges(configSchema.parse({}).limits)],
  });
  const lines = (await page.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Set(lines.map((line) => /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? ''));
}

export async function exportedSeries(): Promise<ReadonlySet<string>> {
  return new Set([...namesInSources(), ...(await seriesOnAPage())]);
}
