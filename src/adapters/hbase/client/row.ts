/** Rows as reads return them. */
import { CellCursor } from './cell-block.ts';
import { bigintOf } from './halves.ts';
import { HBaseError } from './hbase-error.ts';
import type { ResultMessage, WithCells } from './messages.ts';
import type { ScannedRows } from './row-assembly.ts';

/** The buffers share the memory of the answer they came in: copy what is kept for long. */
export interface Cell {
  readonly family: Buffer;
  readonly qualifier: Buffer;
  /** Milliseconds since 1970, or whatever the writer gave. */
  readonly timestamp: bigint;
  readonly value: Buffer;
}

export interface Row {
  readonly key: Buffer;
  /** By family, then qualifier; at least one. */
  readonly cells: readonly Cell[];
}

export function cellValue(row: Row, family: string, qualifier: string): Buffer | undefined {
  const isIt = (cell: Cell): boolean =>
    cell.qualifier.toString('latin1') === qualifier && cell.family.toString('latin1') === family;
  return row.cells.find(isIt)?.value;
}

export function rowsOf({ cells, cellsPerRow }: Pick<ScannedRows, 'cells' | 'cellsPerRow'>): Row[] {
  const cursor = new CellCursor(cells);
  return cellsPerRow.map((count) => {
    const ofRow = Array.from({ length: count }, () => nextCell(cursor));
    return { key: cursor.row, cells: ofRow };
  });
}

/** The row of a single result, whose cells are in it or behind the answer, as the server likes; undefined when it has none. */
export function rowOf({
  message: { cell, associatedCellCount },
  cells,
}: WithCells<ResultMessage>): Row | undefined {
  if (associatedCellCount > 0) return rowsOf({ cells, cellsPerRow: [associatedCellCount] })[0];
  const key = cell[0]?.row;
  if (key === undefined) return undefined;
  return {
    key,
    cells: cell.map(({ family, qualifier, timestamp, value }) => ({
      family,
      qualifier,
      timestamp: bigintOf(timestamp),
      value,
    })),
  };
}

function nextCell(cursor: CellCursor): Cell {
  if (!cursor.next()) throw new HBaseError('PROTOCOL', 'an answer has fewer cells than its results count');
  const { block } = cursor;
  return {
    family: block.subarray(cursor.familyStart, cursor.familyEnd),
    qualifier: block.subarray(cursor.familyEnd, cursor.qualifierEnd),
    timestamp: cursor.timestamp,
    value: block.subarray(cursor.valueStart, cursor.valueEnd),
  };
}
