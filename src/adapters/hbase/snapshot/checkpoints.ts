/** The checkpoint of one topic's snapshot: one row per partition, of which HBase keeps the highest offset. */
import type { Offset } from '../../../event-log/event-log.ts';
import type { HBaseClient } from '../client/hbase-client.ts';
import { checkpointTableName } from '../tables/snapshot-tables.ts';
import { checkpointOf, checkpointPut, checkpointRange } from './checkpoint-layout.ts';

export class Checkpoints {
  readonly table: string;
  readonly #client: HBaseClient;
  readonly #topic: string;

  constructor(client: HBaseClient, namespace: string, topic: string) {
    this.table = checkpointTableName(namespace);
    this.#client = client;
    this.#topic = topic;
  }

  /** A lower offset than the one there changes nothing. Rejects with `HBaseError`. */
  async save(offsets: readonly Offset[]): Promise<void> {
    const mutations = offsets.map((offset, partition) => checkpointPut(this.#topic, partition, offset));
    const results = await this.#client.mutate({ table: this.table, mutations, idempotent: true });
    const failure = results.find((result) => result !== undefined);
    if (failure !== undefined) throw failure;
  }

  /** undefined: none was saved. Rejects with `HBaseError`. */
  async load(): Promise<readonly Offset[] | undefined> {
    const offsets: Offset[] = [];
    for await (const rows of this.#client.scan({ table: this.table, ...checkpointRange(this.#topic) })) {
      for (const { partition, offset } of rows.map(checkpointOf)) {
        while (offsets.length < partition) offsets.push(0 as Offset);
        offsets[partition] = offset;
      }
    }
    return offsets.length === 0 ? undefined : offsets;
  }
}
