/**
 * Writes what a run measured, a JSON file and the plots as SVG for each scenario. A run replaces the files of the scenarios it
 * measured and leaves the others.
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

export function writeResults(
  directory: string,
  results: Results,
  scenarios: readonly Pick<Scenario, 'name' | 'plots'>[],
): string[] {
  mkdirSync(directory, { recursive: true });
  const files: string[] = [];
  const write = (name: string, content: string): void => {
    const file = join(directory, name);
    writeFileSync(file, content);
    files.push(file);
  };
  for (const scenario of scenarios) {
    const rows = results.rows.filter((row) => row.scenario === scenario.name);
    write(`${scenario.name}.json`, `${JSON.stringify({ ...results, rows }, undefined, 2)}\n`);
    for (const plot of scenario.plots) {
      const svg = drawPlot(plot, rows);
      if (svg !== undefined) write(`${plot.file}.svg`, svg);
    }
  }
  return files;
}
