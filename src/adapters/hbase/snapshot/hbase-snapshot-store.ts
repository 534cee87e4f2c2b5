/**
 * The snapshot port over HBase: a cell's timestamp is the log's offset and a removed key is a cell too, so that of two writers the one
 * with the later record wins, whichever comes last and whatever HBase has compacted in between. Any number of stores may write one
 * snapshot.
 */
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { Offset } from '../../../event-log/event-log.ts';
import type { SnapshotRow, SnapshotStore } from '../../../metadata/snapshot-store.ts';
import type { CellCursor } from '../client/cell-block.ts';
import type { Put } from '../client/row-mutation.ts';
import { tableUnavailable } from '../tables/table-unavailable.ts';
import { Checkpoints } from './checkpoints.ts';
import { isTombstone, snapshotCell, snapshotRowKey, SnapshotRowReader } from './snapshot-layout.ts';
import { SnapshotTable, type SnapshotTableOptions } from './snapshot-table.ts';

/** Does not call HBase. The tables are made by `spoke storage apply`. */
export function openHBaseSnapshotStore(options: SnapshotTableOptions): Promise<SnapshotStore> {
  return Promise.resolve(new HBaseSnapshotStore(options));
}

class HBaseSnapshotStore implements SnapshotStore {
  readonly #table: SnapshotTable;
  readonly #checkpoints: Checkpoints;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: SnapshotTableOptions) {
    this.#table = new SnapshotTable(options);
    this.#checkpoints = new Checkpoints(options.client, options.namespace, options.topic);
  }

  write(rows: readonly SnapshotRow[]): Promise<void> {
    return this.#run(this.#table.name, async () => {
      for (const { partition } of rows) this.#table.assertPartition(partition);
      await this.#table.change(puts(rows));
    });
  }

  async *scan(
    partition?: number,
    removedFrom: readonly Offset[] = [],
  ): AsyncGenerator<readonly SnapshotRow[]> {
    const reader = new SnapshotRowReader();
    const take = (cell: CellCursor): SnapshotRow | undefined => {
      if (!isTombstone(cell)) return reader.read(cell);
      if (removedFrom.length === 0) return undefined;
      const removed = reader.read(cell);
      return removed.offset < (removedFrom[removed.partition] ?? Infinity) ? undefined : removed;
    };
    const batches = this.#table.scan(take, partition);
    try {
      for (;;) {
        const batch = await this.#run(this.#table.name, () => batches.next());
        if (batch.done === true) return;
        yield batch.value;
      }
    } finally {
      await batches.return(undefined);
    }
  }

  saveCheckpoint(offsets: readonly Offset[]): Promise<void> {
    return this.#run(this.#checkpoints.table, () => this.#checkpoints.save(offsets));
  }

  loadCheckpoint(): Promise<readonly Offset[] | undefined> {
    return this.#run(this.#checkpoints.table, () => this.#checkpoints.load());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
  }

  /** What HBase rejects with becomes `StoreUnavailableError`. */
  async #run<T>(table: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed)
      throw new StoreUnavailableError(`the snapshot in HBase table ${table}`, 'it was closed; open it again');
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } catch (error) {
      throw tableUnavailable(error, 'the snapshot', table);
    } finally {
      this.#underWay.delete(working);
    }
  }
}

/** One at a time, as they are sent: a batch of the metadata service is not doubled in memory. */
function* puts(rows: readonly SnapshotRow[]): Generator<Put> {
  for (const row of rows)
    yield { kind: 'put', row: snapshotRowKey(row.partition, row.key), cells: [snapshotCell(row)] };
}
