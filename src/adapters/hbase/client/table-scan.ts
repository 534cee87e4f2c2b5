/**
 * A scan over all regions of a range: every row once, in order, whatever happens to regions and servers meanwhile. When a scanner
 * fails, the scan is opened again behind the last whole row that was returned.
 */
import type { Deadline } from './deadline.ts';
import { HBaseError } from './hbase-error.ts';
import type { ScanMessage } from './messages.ts';
import type { HBaseProtocol } from './protocol.ts';
import type { RegionCaller } from './region-caller.ts';
import type { RegionLocation } from './region-location.ts';
import { RegionScanner, type ScannerBatch } from './region-scanner.ts';
import type { ScannedRows } from './row-assembly.ts';
import { type Row, rowsOf } from './row.ts';
import type { ScanOptions, ScanPosition } from './scan-options.ts';

const BATCH_ROWS_DEFAULT = 1_000;
/** Of one answer, after which the server ends it: even within a row, which then comes in parts. */
const ANSWER_BYTES = 2 * 1024 * 1024;
const NO_ROW = Buffer.alloc(0);

export class TableScan {
  readonly #options: ScanOptions;
  readonly #caller: RegionCaller;
  readonly #protocol: HBaseProtocol;
  readonly #stopRow: Uint8Array;
  readonly #reversed: boolean;
  #position: ScanPosition;
  #left: number;
  #scanner: RegionScanner | undefined;

  constructor(options: ScanOptions, caller: RegionCaller, protocol: HBaseProtocol) {
    this.#options = options;
    this.#caller = caller;
    this.#protocol = protocol;
    this.#stopRow = options.stopRow ?? NO_ROW;
    this.#reversed = options.reversed ?? false;
    this.#position = { row: options.startRow ?? NO_ROW, inclusive: true };
    this.#left = options.limit ?? Infinity;
  }

  /** Batches of at least one row. Stopping early closes the server's scanner. */
  async *batches(): AsyncGenerator<Row[]> {
    let left = this.#left;
    for await (const cells of this.cells()) {
      const rows = rowsOf(cells);
      yield rows.length > left ? rows.slice(0, left) : rows;
      left -= rows.length;
    }
  }

  /** As `batches`, cells as they came; in the last batch there may be more rows than the limit. */
  async *cells(): AsyncGenerator<ScannedRows> {
    try {
      for (let done = this.#left <= 0; !done;) {
        const { rows, scanDone, regionDone } = await this.#next();
        this.#left -= rows.cellsPerRow.length;
        // Its own memory, not the answer's.
        if (rows.lastKey !== undefined) this.#position = { row: Buffer.from(rows.lastKey), inclusive: false };
        done = scanDone || this.#left <= 0 || (regionDone && !this.#leaveRegion());
        if (rows.lastKey !== undefined) yield rows;
      }
    } finally {
      this.#scanner?.close();
    }
  }

  /** One round trip, repaired until it succeeds. */
  #next(): Promise<ScannerBatch> {
    const deadline = this.#caller.deadline(this.#options);
    const { table } = this.#options;
    return this.#caller.repeat(deadline, { idempotent: true }, { table }, async () => {
      const scanner = this.#scanner;
      const location = scanner?.location ?? (await this.#locate(deadline));
      try {
        return await this.#caller.onRegion(
          location,
          'ClientService',
          deadline,
          (connection, _, timeoutMs) => {
            this.#scanner =
              scanner ?? new RegionScanner(connection, location, this.#protocol, this.#message());
            const limit = Number.isFinite(this.#left) ? this.#left : 0;
            return this.#scanner.next(this.#options.batchRows ?? BATCH_ROWS_DEFAULT, limit, timeoutMs);
          },
        );
      } catch (error) {
        this.#scanner?.close();
        this.#scanner = undefined;
        throw error;
      }
    });
  }

  #locate(deadline: Deadline): Promise<RegionLocation> {
    const { table } = this.#options;
    const { row, inclusive } = this.#position;
    const startsBefore = this.#reversed && (row.length === 0 || !inclusive);
    return startsBefore
      ? this.#caller.locateBefore(table, row, deadline)
      : this.#caller.locate(table, row, deadline);
  }

  /** Moves to the edge of the next region; false when the range ends here. */
  #leaveRegion(): boolean {
    const location = this.#scanner?.location;
    this.#scanner = undefined;
    if (location === undefined) throw new HBaseError('PROTOCOL', 'a region ended that was not being scanned');
    const edge = this.#reversed ? location.startKey : location.endKey;
    if (edge.length === 0) return false;
    if (this.#stopRow.length > 0) {
      const order = Buffer.compare(edge, this.#stopRow);
      if (this.#reversed ? order <= 0 : order >= 0) return false;
    }
    this.#position = { row: edge, inclusive: !this.#reversed };
    return true;
  }

  #message(): ScanMessage {
    const { families = [], cacheBlocks = true } = this.#options;
    return {
      column: families.map((family) => ({ family: Buffer.from(family), qualifier: [] })),
      startRow: this.#position.row,
      stopRow: this.#stopRow,
      includeStartRow: this.#position.inclusive,
      reversed: this.#reversed,
      cacheBlocks,
      maxResultSize: ANSWER_BYTES,
    };
  }
}
