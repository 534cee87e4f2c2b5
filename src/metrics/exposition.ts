/** Prometheus' text format, version 0.0.4, from plain numbers. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  /** With its unit, `_total` for counters. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: Iterable<Sample>;
}

export interface HistogramSample {
  readonly labels: Readonly<Record<string, string>>;
  /** Per bucket, not cumulative; one more than there are bounds. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export interface HistogramFamily {
  readonly name: string;
  readonly type: 'histogram';
  readonly help: string;
  /** Upper bounds of the buckets, in the unit of the name. */
  readonly bounds: readonly number[];
  readonly samples: Iterable<HistogramSample>;
}

export function exposition(families: Iterable<MetricFamily | HistogramFamily>): string {
  let text = '';
  for (const family of families) {
    text += `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.type}\n`;
    if (family.type === 'histogram') {
      for (const sample of family.samples) text += histogramLines(family.name, family.bounds, sample);
    } else {
      for (const { labels, value } of family.samples) text += line(family.name, labels, value);
    }
  }
  return text;
}

function histogramLines(name: string, bounds: readonly number[], sample: HistogramSample): string {
  let text = '';
  let total = 0;
  for (let bucket = 0; bucket <= bounds.length; bucket++) {
    total += sample.counts[bucket] ?? 0;
    const bound = bounds[bucket];
    text += line(
      `${name}_bucket`,
      { ...sample.labels, le: bound === undefined ? '+Inf' : String(bound) },
      total,
    );
  }
  return text + line(`${name}_sum`, sample.labels, sample.sum) + line(`${name}_count`, sample.labels, total);
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
