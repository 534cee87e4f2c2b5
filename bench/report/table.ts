/**
 * The results as text: one table per scenario, brokers side by side within each variant.
 */
import type { Column, Row, Scenario } from '../scenarios/scenario.ts';

export function formatFigure(value: number | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value)) return '-';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A Markdown table, padded so that it also reads well in a terminal. */
export function formatTable(scenario: Pick<Scenario, 'title' | 'columns'>, rows: readonly Row[]): string {
  const header = ['variant', 'broker', ...scenario.columns.map((column) => column.title), 'note'];
  const body = [...rows].sort(byVariant(rows)).map((row) => cells(row, scenario.columns));
  const widths = header.map((title, index) =>
    Math.max(title.length, ...body.map((line) => line[index]?.length ?? 0)),
  );
  const isNumber = (index: number): boolean => index >= 2 && index < header.length - 1;
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text, index) => pad(text, widths[index] ?? 0, isNumber(index))).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (isNumber(index) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [`### ${scenario.title}`, '', line(header), rule, ...body.map(line), ''].join('\n');
}

function cells(row: Row, columns: readonly Column[]): string[] {
  return [
    row.variant,
    row.broker,
    ...columns.map((column) => formatFigure(row.figures[column.key], column.digits)),
    row.note.replaceAll('|', '/').replaceAll('\n', ' '),
  ];
}

/** Variants in the order in which they first appear; brokers keep their order within a variant. */
function byVariant(rows: readonly Row[]): (a: Row, b: Row) => number {
  const order = [...new Set(rows.map((row) => row.variant))];
  return (a, b) => order.indexOf(a.variant) - order.indexOf(b.variant);
}

function pad(text: string, width: number, alignRight: boolean): string {
  return alignRight ? text.padStart(width) : text.padEnd(width);
}
