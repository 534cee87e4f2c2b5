/**
 * One open scanner on one region: fetches batches of whole rows, and knows whether the region has more. Any failure ends it; it never
 * goes on by itself, so it cannot skip a row.
 */
import type { Halves, ScanMessage, ScanResponse, WithCells } from './messages.ts';
import type { HBaseProtocol } from './protocol.ts';
import type { RegionLocation } from './region-location.ts';
import { RowAssembly, type ScannedRows } from './row-assembly.ts';
import type { ServerConnection } from './server-connection.ts';

/** How long the server may take to close a scanner, milliseconds. Nobody waits for it: its lease ends it otherwise. */
const CLOSE_TIMEOUT_MS = 5_000;

export interface ScannerBatch {
  readonly rows: ScannedRows;
  /** Nothing more in this region: the server has closed the scanner. */
  readonly regionDone: boolean;
  /** Nothing more in any region. */
  readonly scanDone: boolean;
}

export class RegionScanner {
  readonly location: RegionLocation;
  readonly #connection: ServerConnection;
  readonly #protocol: HBaseProtocol;
  readonly #scan: ScanMessage;
  #scannerId: Halves | undefined;
  /** Fetches after the first answer: the server checks that none is lost or repeated. */
  #calls = 0;
  #done = false;
  readonly #assembly = new RowAssembly();

  constructor(
    connection: ServerConnection,
    location: RegionLocation,
    protocol: HBaseProtocol,
    scan: ScanMessage,
  ) {
    this.#connection = connection;
    this.location = location;
    this.#protocol = protocol;
    this.#scan = scan;
  }

  /** Up to `rowsMax` rows; fewer, or none, does not mean the end. `limit` is what is left of the whole scan, 0 for no limit. */
  async next(rowsMax: number, limit: number, timeoutMs: number): Promise<ScannerBatch> {
    const scannerId = this.#scannerId;
    const which =
      scannerId === undefined
        ? { region: { type: 1, value: this.location.name } as const, scan: this.#scan }
        : { scannerId, nextCallSeq: this.#calls++ };
    const request = {
      ...which,
      numberOfRows: rowsMax,
      limitOfRows: limit,
      clientHandlesPartials: true,
      clientHandlesHeartbeats: true,
    };
    const answer = await this.#connection.call(this.#protocol.scan, request, timeoutMs);
    this.#scannerId ??= answer.message.scannerId;
    return this.#batch(answer);
  }

  /** Tells the server that nobody comes back. Does not wait, and does not fail. */
  close(): void {
    if (this.#done || this.#scannerId === undefined || !this.#connection.isOpen) return;
    this.#done = true;
    const request = { scannerId: this.#scannerId, numberOfRows: 0, closeScanner: true };
    this.#connection.call(this.#protocol.scan, request, CLOSE_TIMEOUT_MS).catch(() => {});
  }

  #batch(answer: WithCells<ScanResponse>): ScannerBatch {
    const response = answer.message;
    const scanDone = isGiven(response, 'moreResults') && !response.moreResults;
    const regionDone =
      scanDone || (isGiven(response, 'moreResultsInRegion') && !response.moreResultsInRegion);
    // The server reports the end of the region only after the last part of its last row.
    const rows = this.#assembly.take(answer, regionDone);
    this.#done ||= regionDone;
    return { rows, regionDone, scanDone };
  }
}

/** An absent field reads as false, which is the opposite of what HBase means by leaving it out. */
function isGiven(response: ScanResponse, field: keyof ScanResponse): boolean {
  return Object.hasOwn(response, field);
}
