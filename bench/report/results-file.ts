/**
 * Writes what a run measured: everything as JSON, and the plots of each scenario as SVG.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row, Scenario } from '../scenarios/scenario.ts';
import { drawPlot } from './svg-plot.ts';

export interface Results {
  /** When the run began, ISO 8601. */
  readonly startedAt: string;
  /** Arguments of the bench, so that the run can be repeated. */
  readonly command: string;
  readonly machine: string;
  readonly brokers: readonly { readonly name: string; readonly version: string; readonly settings: string }[];
  readonly rows: readonly Row[];
}

export function writeResults(directory: string, results: Results, scenarios: readonly Scenario[]): string[] {
  mkdirSync(directory, { recursive: true });
  const files = [join(directory, 'results.json')];
  writeFileSync(files[0] ?? '', `${JSON.stringify(results, undefined, 2)}\n`);
  for (const scenario of scenarios) {
    const rows = results.rows.filter((row) => row.scenario === scenario.name);
    for (const plot of scenario.plots) {
      const svg = drawPlot(plot, rows);
      if (svg === undefined) continue;
      const file = join(directory, `${plot.file}.svg`);
      writeFileSync(file, svg);
      files.push(file);
    }
  }
  return files;
}
