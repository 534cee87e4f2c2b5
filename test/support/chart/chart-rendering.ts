/**
 * The chart's manifests without Helm: its templates filled in by a small reader of the part of the language that they use. Where Helm is,
 * test/integration/helm holds the two equal.
 */
import { readdirSync } from 'node:fs';
import { z } from 'zod';
import { dashboardFiles, deployPath, deployText, deployYaml, yamlDocuments } from '../deployment.ts';
import { rendered } from './template-renderer.ts';
import { parseTemplate, type ParsedTemplate } from './template-syntax.ts';

export const CHART = 'helm/spokemq';
/** Of the installation that is rendered. */
export const RELEASE = { name: 'fleet', namespace: 'mqtt' };

export type Values = Readonly<Record<string, unknown>>;

const values = z.record(z.string(), z.unknown());
const chart = z.object({ name: z.string(), version: z.string(), appVersion: z.string() });

export function defaultValues(): Values {
  return values.parse(deployYaml(`${CHART}/values.yaml`));
}

/** As Helm does it: maps into each other, everything else instead of what was there. */
export function mergedValues(into: Values, from: Values): Values {
  const merged: Record<string, unknown> = { ...into };
  for (const [key, value] of Object.entries(from)) {
    const [before, after] = [values.safeParse(merged[key]), values.safeParse(value)];
    merged[key] = before.success && after.success ? mergedValues(before.data, after.data) : value;
  }
  return merged;
}

export function templateFiles(): readonly string[] {
  return readdirSync(deployPath(`${CHART}/templates`)).map((name) => `${CHART}/templates/${name}`);
}

/** With the default values and those over them. Throws where a template is wrong, and says which. */
export function renderedChart(over: Values): unknown[] {
  const templates = templateFiles().map((file) => [file, parsed(file)] as const);
  const defined = new Map(templates.flatMap(([, template]) => [...template.defined]));
  const root = rootOf(mergedValues(defaultValues(), over));
  return templates.flatMap(([file, { body }]) => {
    if (file.endsWith('.tpl')) return [];
    const text = of(file, () => rendered(body, defined, root));
    return file.endsWith('.txt') ? [] : of(file, () => yamlDocuments(text)).filter((made) => made !== null);
  });
}

function parsed(file: string): ParsedTemplate {
  return of(file, () => parseTemplate(deployText(file)));
}

function of<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function rootOf(ofChart: Values): unknown {
  const { name, version, appVersion } = chart.parse(deployYaml(`${CHART}/Chart.yaml`));
  return {
    Values: ofChart,
    Chart: { Name: name, Version: version, AppVersion: appVersion },
    Release: { Name: RELEASE.name, Namespace: RELEASE.namespace, Service: 'Helm' },
    Files: {
      Get: (file: string) => deployText(`${CHART}/${file}`),
      Glob: (pattern: string) => ({ AsConfig: () => asConfig(pattern) }),
    },
  };
}

/** The data of a ConfigMap. */
function asConfig(pattern: string): string {
  if (pattern !== 'files/dashboards/*.json') throw new Error(`files are asked for by ${pattern}`);
  return dashboardFiles()
    .map((file) => `${file.slice(file.lastIndexOf('/') + 1)}: ${JSON.stringify(deployText(file))}`)
    .join('\n');
}
