/**
 * Calls of the queue endpoint, to the region that holds a row. Everything here may be repeated: appends by their
 * producers' sequences, the rest because doing it twice is doing it once.
 */
import type { HBaseClient } from '../client/hbase-client.ts';
import type { RegionLocation } from '../client/region-location.ts';
import { QUEUE_SERVICE, type QueueCall } from './queue-protocol.ts';

/** The first region has no first row; any of its rows will do. */
const FIRST_ROW = Buffer.from([0]);

export class QueueEndpoint {
  readonly table: string;
  readonly #client: HBaseClient;
  readonly #timeoutMs: number | undefined;

  /** `timeoutMs`: how long a call goes on trying; undefined: as long as the client's calls do. */
  constructor(client: HBaseClient, table: string, timeoutMs?: number) {
    this.table = table;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** In the region that holds `row`. Rejects with `HBaseError`. */
  async call<Request, Answer>(
    { method, encode, decode }: QueueCall<Request, Answer>,
    row: Buffer,
    request: Request,
  ): Promise<Answer> {
    return decode(await this.callEncoded(method, row, encode(request)));
  }

  callEncoded(method: string, row: Buffer, request: Buffer): Promise<Buffer> {
    return this.#client.exec({
      table: this.table,
      row: row.length === 0 ? FIRST_ROW : row,
      service: QUEUE_SERVICE,
      method,
      request,
      idempotent: true,
      timeoutMs: this.#timeoutMs,
    });
  }

  locate(row: Buffer): Promise<RegionLocation> {
    return this.#client.locate(this.table, row.length === 0 ? FIRST_ROW : row, {
      timeoutMs: this.#timeoutMs,
    });
  }

  regions(): AsyncGenerator<RegionLocation> {
    return this.#client.regions(this.table);
  }
}
