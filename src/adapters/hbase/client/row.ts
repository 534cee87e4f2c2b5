/** Rows as reads return them. */
import { bigintOf } from './halves.ts';
import type { CellMessage } from './messages.ts';

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

/** A row from its cells; undefined when there are none. */
export function rowOf(cells: readonly CellMessage[]): Row | undefined {
  const key = cells[0]?.row;
  if (key === undefined) return undefined;
  return {
    key,
    cells: cells.map(({ family, qualifier, timestamp, value }) => ({
      family,
      qualifier,
      timestamp: bigintOf(timestamp),
      value,
    })),
  };
}
