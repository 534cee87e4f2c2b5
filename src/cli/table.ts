/** Aligned columns for people; `--json` is for programs. */
import { printable } from '../app/printable.ts';

export interface Column<Row> {
  readonly title: string;
  /** Numbers are aligned to the right. */
  readonly value: (row: Row) => string | number;
}

const GAP = '  ';

export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const widths = columns.map(({ title }, at) =>
    cells.reduce((width, cell) => Math.max(width, cellText(cell[at] ?? '').length), title.length),
  );
  const line = (values: readonly (string | number)[], titles: boolean): string =>
    values
      .map((value, at) => {
        const width = widths[at] ?? 0;
        const toTheRight = typeof (titles ? cells[0]?.[at] : value) === 'number';
        return toTheRight ? cellText(value).padStart(width) : cellText(value).padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  return [line(titles, true), ...cells.map((cell) => line(cell, false)), ''].join('\n');
}

/** Two columns without titles. */
export function facts(pairs: readonly (readonly [name: string, value: string | number])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${cellText(value)}\n`).join('');
}

function cellText(value: string | number): string {
  return printable(String(value));
}

export function timeText(timeMs: number | undefined): string {
  return timeMs === undefined ? '-' : new Date(timeMs).toISOString();
}
