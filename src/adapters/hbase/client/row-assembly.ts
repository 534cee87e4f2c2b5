/**
 * Puts rows together from a scanner's answers: results are rows, except that a row larger than an answer comes in several parts. Holds
 * the parts of one row at most.
 */
import { CellCursor } from './cell-block.ts';
import { HBaseError } from './hbase-error.ts';
import type { ScanResponse, WithCells } from './messages.ts';

/** Whole rows, in order. */
export interface ScannedRows {
  readonly cells: Buffer;
  /** One number per row. */
  readonly cellsPerRow: readonly number[];
  /** undefined: there are no rows. */
  readonly lastKey: Buffer | undefined;
}

/** Where a row lies in the bytes, and where its key does. */
interface RowPlace {
  readonly start: number;
  readonly keyStart: number;
  readonly keyEnd: number;
}

const NOTHING = Buffer.alloc(0);

export class RowAssembly {
  /** Cells of a row of which more may come. */
  #waiting = NOTHING;
  #waitingCells = 0;

  /** `isLast`: no answer follows, so what waits is whole. Throws `PROTOCOL`. */
  take({ message, cells }: WithCells<ScanResponse>, isLast: boolean): ScannedRows {
    if (message.results.length > 0)
      throw new HBaseError(
        'PROTOCOL',
        'the server sends cells inside messages, though it was asked for blocks',
      );
    const resumes = this.#waitingCells > 0;
    const bytes = resumes ? Buffer.concat([this.#waiting, cells]) : cells;
    const counts = resumes ? [this.#waitingCells, ...message.cellsPerResult] : message.cellsPerResult;
    const partial = resumes ? [true, ...message.partialFlagPerResult] : message.partialFlagPerResult;
    const keyOf = (place: RowPlace | undefined): Buffer | undefined =>
      place && bytes.subarray(place.keyStart, place.keyEnd);
    const cursor = new CellCursor(bytes);
    const cellsPerRow: number[] = [];
    let isOpen = false;
    let last: RowPlace | undefined;
    let lastButOne: RowPlace | undefined;
    for (const [index, count] of counts.entries()) {
      if (count === 0) continue;
      const start = cursor.valueEnd;
      advance(cursor, 1);
      if (isOpen && keyOf(last)?.equals(cursor.row) === true) {
        cellsPerRow.push((cellsPerRow.pop() ?? 0) + count);
      } else {
        cellsPerRow.push(count);
        lastButOne = last;
        last = { start, keyStart: cursor.rowStart, keyEnd: cursor.rowEnd };
      }
      isOpen = partial[index] ?? false;
      advance(cursor, count - 1);
    }
    if (cursor.next()) throw new HBaseError('PROTOCOL', 'an answer has more cells than its results count');
    if (!isOpen || isLast || last === undefined) {
      this.#waiting = NOTHING;
      this.#waitingCells = 0;
      return { cells: bytes, cellsPerRow, lastKey: keyOf(last) };
    }
    // A copy: what is returned need not live for as long as what waits.
    this.#waiting = Buffer.from(bytes.subarray(last.start));
    this.#waitingCells = cellsPerRow.pop() ?? 0;
    return { cells: bytes.subarray(0, last.start), cellsPerRow, lastKey: keyOf(lastButOne) };
  }
}

function advance(cursor: CellCursor, cells: number): void {
  for (let left = cells; left > 0; left--) {
    if (!cursor.next()) throw new HBaseError('PROTOCOL', 'an answer has fewer cells than its results count');
  }
}
