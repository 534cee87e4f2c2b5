/** What a running broker's metrics page says. */
import type { RunningBroker } from '../../support/running-broker.ts';

/** The sum over all samples that have these labels; 0: there is none. */
export async function metric(
  broker: RunningBroker,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const page = await (await broker.admin('/metrics')).text();
  return sumOf(page, name, labels);
}

/** The same of a page. */
export function sumOf(page: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of page.split('\n')) {
    const [, sampleName, sampleLabels = '', value] = SAMPLE.exec(line) ?? [];
    if (sampleName === name && wanted.every((label) => sampleLabels.includes(label))) sum += Number(value);
  }
  return sum;
}

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
