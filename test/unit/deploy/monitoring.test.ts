/** Alert rules and dashboards ask only for what brokers and metadata services export. */
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dashboardFiles, deployJson, deployText, deployYaml } from '../../support/deployment.ts';
import {
  exportedSeries,
  namesClaimedTwice,
  namesInSources,
  seriesOnAPage,
} from '../../support/exported-series.ts';
import { seriesAskedFor } from '../../support/promql.ts';

const alertsFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Spoke[A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string().optional() }),
        }),
      ),
    }),
  ),
});

const panel = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ refId: z.string(), expr: z.string(), datasource: z.unknown() })).default([]),
});
const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), definition: z.string().optional() })),
  }),
  panels: z.array(panel),
});

/** Of Prometheus itself. */
const SERIES_OF_PROMETHEUS = ['up'];

const rules = alertsFile
  .parse(deployYaml('helm/spokemq/files/alerts.yaml'))
  .groups.flatMap((group) => group.rules);
const dashboards = dashboardFiles().map((file) => dashboard.parse(deployJson(file)));

let known: ReadonlySet<string>;

beforeAll(async () => {
  known = new Set([...(await exportedSeries()), ...SERIES_OF_PROMETHEUS]);
});

/** What an expression asks for that nobody exports; variables of Grafana get a value first. */
function unknownIn(expression: string): readonly string[] {
  const filled = expression.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h');
  return seriesAskedFor(filled).filter((name) => !known.has(name));
}

describe('the names of series', () => {
  it('are all found in the sources', async () => {
    const onPage = [...(await seriesOnAPage())].filter((name) => name.startsWith('spoke_'));
    const inSources = namesInSources();
    expect(onPage.filter((name) => !inSources.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
    expect(inSources).toContain('spoke_kafka_available');
  });

  it('are each of one source', () => {
    expect(namesClaimedTwice()).toEqual([]);
  });

  it('are told from those that nobody exports', () => {
    expect(unknownIn('sum(rate(spoke_no_such_total[5m])) / spoke_sessions')).toEqual(['spoke_no_such_total']);
    expect(() => unknownIn('sum(rate(spoke_sessions)')).toThrow('no PromQL');
  });
});

describe('alert rules', () => {
  it.each(rules)('$alert asks for what is exported', ({ expr }) => {
    expect(seriesAskedFor(expr)).not.toEqual([]);
    expect(unknownIn(expr)).toEqual([]);
  });

  it('have names of their own', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('say only labels that their expressions keep', () => {
    for (const { alert, expr, annotations } of rules) {
      const [, kept] = /^\S+ by \(([^)]*)\)/.exec(expr) ?? [];
      if (kept === undefined) continue;
      const said = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
      const names = kept.split(/, */);
      expect(
        said.filter((label) => !names.includes(label ?? '')),
        alert,
      ).toEqual([]);
    }
  });

  it('are all explained in the manual', () => {
    const manual = deployText('../docs/operations.md');
    expect(rules.map(({ alert }) => alert).filter((alert) => !manual.includes(`\`${alert}\``))).toEqual([]);
  });
});

describe.each(dashboards)('dashboard "$title"', ({ panels, templating, uid }) => {
  it('asks for what is exported', () => {
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expect(expressions).not.toEqual([]);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
    for (const { definition } of templating.list) {
      const [, name] = /^label_values\((\w+), \w+\)$/.exec(definition ?? '') ?? [];
      if (definition !== undefined) expect(known).toContain(name);
    }
  });

  it('can be asked of any data source', () => {
    const sources = panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource));
    for (const source of sources)
      expect(source).toEqual({ type: 'prometheus', uid: expect.stringContaining('datasource') as string });
  });

  it('has no two panels in one place, or of one number', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}/${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  it('has an address of its own', () => {
    expect(uid).toMatch(/^spokemq-/);
    expect(dashboards.filter((other) => other.uid === uid)).toHaveLength(1);
  });
});
