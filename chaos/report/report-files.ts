/** Writes what a proof has found into a directory: the page, its plots and, when promises were broken, the evidence. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DelaySeries } from '../observation/delay-series.ts';
import type { ProofResult } from '../proof.ts';
import { evidenceOf } from './evidence.ts';
import { bandsOf, reportPage, type PlotFile } from './markdown.ts';
import { drawTimePlot, type Line } from './time-plot.ts';

export const EVIDENCE_FILE = 'evidence.json';
const PAGE_FILE = 'report.md';

export async function writeReport(directory: string, result: ProofResult, command: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { durationMs, connected, steadyClients } = result;
  const logarithmic = { type: 'logarithmic' } as const;
  const plots: readonly (PlotFile & { readonly lines: readonly Line[]; readonly isCount?: true })[] = [
    {
      file: 'receipt.svg',
      title: 'From publishing to receipt, by the second of publishing',
      lines: delayLines(result.received),
    },
    {
      file: 'acknowledgement.svg',
      title: 'From publishing to acknowledgement, by the second of publishing',
      lines: delayLines(result.acknowledged),
    },
    {
      file: 'connected.svg',
      title: 'Connected clients, without those that lose their connection by themselves',
      lines: [{ name: 'connected', points: connected.map(({ atS, count }) => ({ atS, value: count })) }],
      isCount: true,
    },
  ];
  for (const { file, title, lines, isCount } of plots) {
    const plot = drawTimePlot({
      title,
      lines,
      bands: bandsOf(result),
      durationS: durationMs / 1000,
      scale: isCount === true ? { type: 'linear', max: steadyClients } : logarithmic,
    });
    await writeFile(join(directory, file), plot);
  }
  await writeFile(join(directory, PAGE_FILE), reportPage(result, command, plots));
  if (result.violations.length === 0 && result.failures.length === 0) return;
  const evidence = { seed: result.seed, failures: result.failures, violations: evidenceOf(result) };
  await writeFile(join(directory, EVIDENCE_FILE), `${JSON.stringify(evidence, null, 2)}\n`);
}

function delayLines(series: DelaySeries): readonly Line[] {
  const points = series.points();
  return [
    { name: 'median', points: points.map(({ atS, medianMs }) => ({ atS, value: medianMs })) },
    { name: 'longest', points: points.map(({ atS, worstMs }) => ({ atS, value: worstMs })) },
  ];
}
