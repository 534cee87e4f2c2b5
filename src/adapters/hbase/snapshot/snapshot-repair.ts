/**
 * What the compaction job does to a snapshot beyond the port: finds old tombstones, and takes rows out. Removing leaves HBase's delete
 * markers, which end with the next major compaction, so it is for rows that nobody writes any more; a row that is wrong is
 * written over with `write`.
 */
import type { Offset } from '../../../event-log/event-log.ts';
import type { SnapshotRow } from '../../../metadata/snapshot-store.ts';
import type { RowMutation } from '../client/row-mutation.ts';
import { tableUnavailable } from '../tables/table-unavailable.ts';
import {
  isTombstone,
  SNAPSHOT_FAMILY,
  SNAPSHOT_QUALIFIER,
  snapshotRowKey,
  SnapshotRowReader,
} from './snapshot-layout.ts';
import { SnapshotTable, type SnapshotTableOptions } from './snapshot-table.ts';

/** A row, in the version that one record of the log made. */
export type RowVersion = Pick<SnapshotRow, 'partition' | 'key'> & { readonly offset: Offset };

export class SnapshotRepair {
  readonly #table: SnapshotTable;

  constructor(options: SnapshotTableOptions) {
    this.#table = new SnapshotTable(options);
  }

  /**
   * Tombstones of records written before `beforeMs`, of one partition or of all, in batches; the value of each is null. Reads the whole
   * table for that. Rejects with `StoreUnavailableError`.
   */
  async *tombstones(beforeMs: number, partition?: number): AsyncGenerator<readonly SnapshotRow[]> {
    const reader = new SnapshotRowReader();
    try {
      yield* this.#table.scan((cell) => {
        const row = isTombstone(cell) ? reader.read(cell) : undefined;
        return row !== undefined && row.timestampMs < beforeMs ? row : undefined;
      }, partition);
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /**
   * Removes each row unless a later record has written it since, whatever older versions HBase still has of it included. For tombstones
   * and rows whose time is over: nobody may come any more with a record as old as they are. Durable when resolved; rejects with
   * `StoreUnavailableError`.
   */
  removeThrough(versions: readonly RowVersion[]): Promise<void> {
    return this.#remove(versions, ({ partition, key, offset }) => ({
      kind: 'delete',
      row: snapshotRowKey(partition, key),
      families: [SNAPSHOT_FAMILY],
      qualifier: SNAPSHOT_QUALIFIER,
      timestamp: BigInt(offset),
    }));
  }

  /**
   * Removes exactly these versions: what is older of a row comes to light again, if HBase still has it. For rows with an offset that
   * the log cannot have given, which would win over every true record. A row must not be written again at that offset: it would be
   * hidden until the next major compaction. Durable when resolved; rejects with `StoreUnavailableError`.
   */
  removeExactly(versions: readonly RowVersion[]): Promise<void> {
    return this.#remove(versions, ({ partition, key, offset }) => ({
      kind: 'delete-version',
      row: snapshotRowKey(partition, key),
      family: SNAPSHOT_FAMILY,
      qualifier: SNAPSHOT_QUALIFIER,
      timestamp: BigInt(offset),
    }));
  }

  async #remove(
    versions: readonly RowVersion[],
    mutationOf: (version: RowVersion) => RowMutation,
  ): Promise<void> {
    try {
      await this.#table.change(versions.map(mutationOf));
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): unknown {
    return tableUnavailable(error, 'the snapshot', this.#table.name);
  }
}
