/** What a queue would be without the endpoint: rows put and deleted one by one, and a scan from the queue's first row. */
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import type { RowMutation } from '../../src/adapters/hbase/client/row-mutation.ts';
import { benchMessage } from './load/bench-message.ts';

const FAMILY = 'm';
const QUALIFIER = Buffer.from('v');
const QUEUE = Buffer.from('deleted_default_\u0001');
const ROWS_PER_CALL = 500;

export class DeletedRows {
  readonly #client: HBaseClient;
  readonly #table: string;

  constructor(client: HBaseClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /** Puts `passed` rows and deletes them; afterwards `pending` more are there. */
  async pass(passed: number, pending: number): Promise<void> {
    for (let first = 1; first <= passed + pending; first += ROWS_PER_CALL) {
      const rows = Array.from({ length: Math.min(ROWS_PER_CALL, passed + pending + 1 - first) }, (_, index) =>
        rowAt(first + index),
      );
      const put = rows.map((row) => ({
        kind: 'put' as const,
        row,
        cells: [{ family: FAMILY, qualifier: QUALIFIER, value: benchMessage(0).message.payload }],
      }));
      await this.#mutate(put);
      const gone = rows.slice(0, Math.max(0, passed + 1 - first));
      const remove = gone.map((row) => ({ kind: 'delete' as const, row, families: [FAMILY] }));
      if (remove.length > 0) await this.#mutate(remove);
    }
  }

  async #mutate(mutations: readonly RowMutation[]): Promise<void> {
    const results = await this.#client.mutate({ table: this.#table, mutations, idempotent: true });
    const failure = results.find((result) => result !== undefined);
    if (failure !== undefined) throw failure;
  }

  async readHead(messages: number): Promise<void> {
    let found = 0;
    for await (const rows of this.#client.scan({ table: this.#table, startRow: rowAt(0), limit: messages }))
      found += rows.length;
    if (found !== messages) throw new Error(`${found} rows of the plain queue were read, not ${messages}`);
  }
}

function rowAt(position: number): Buffer {
  const row = Buffer.alloc(QUEUE.length + 8);
  QUEUE.copy(row);
  row.writeBigUInt64BE(BigInt(position), QUEUE.length);
  return row;
}
