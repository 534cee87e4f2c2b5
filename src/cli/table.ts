/** Aligned columns for people; `--json` is for programs. */

export interface Column<Row> {
  readonly title: string;
  /** Numbers are aligned to the right. */
  readonly value: (row: Row) => string | number;
}

const GAP = '  ';

export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const widths = columns.map(({ title }, at) =>
    cells.reduce((width, cell) => Math.max(width, printable(cell[at] ?? '').length), title.length),
  );
  const line = (values: readonly (string | number)[], titles: boolean): string =>
    values
      .map((value, at) => {
        const width = widths[at] ?? 0;
        const toTheRight = typeof (titles ? cells[0]?.[at] : value) === 'number';
        return toTheRight ? printable(value).padStart(width) : printable(value).padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  return [line(titles, true), ...cells.map((cell) => line(cell, false)), ''].join('\n');
}

/** Two columns without titles. */
export function facts(pairs: readonly (readonly [name: string, value: string | number])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${printable(value)}\n`).join('');
}

/** Clients choose their identifiers and topics: control characters would reach the terminal as commands. */
export function printable(value: string | number): string {
  return String(value).replace(/[\p{Cc}\p{Cf}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

export function timeText(timeMs: number | undefined): string {
  return timeMs === undefined ? '-' : new Date(timeMs).toISOString();
}
