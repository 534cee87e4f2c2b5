/** What a scan is asked for, and what of it stays to be done after some rows came. */

export interface ScanOptions {
  readonly table: string;
  /** Where to begin, inclusive. Empty: at the first row, or at the last one when reversed. */
  readonly startRow?: Uint8Array;
  /** Where to end, exclusive. Empty: at the other end of the table. */
  readonly stopRow?: Uint8Array;
  /** Only these families; all when left out. */
  readonly families?: readonly string[];
  /** From higher keys to lower ones. */
  readonly reversed?: boolean;
  /** Rows in all; no limit when left out. */
  readonly limit?: number;
  /** Rows per round trip at most; the server also ends one at about 2 MiB. */
  readonly batchRows?: number;
  /** For each round trip with everything done to repair it, milliseconds; the client's operation timeout when left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** False for scans of much data that is not read again soon: leaves the server's block cache alone. */
  readonly cacheBlocks?: boolean;
}

/** Where a scan goes on: after every complete row that was returned. */
export interface ScanPosition {
  readonly row: Uint8Array;
  /** False: `row` itself was returned already. */
  readonly inclusive: boolean;
}
