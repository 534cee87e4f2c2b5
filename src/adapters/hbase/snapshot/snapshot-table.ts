/**
 * One topic's rows in HBase: puts in bounded batches, and scans of partitions cell by cell. What a tombstone is to a reader is up to the
 * callers: here it is a row like any other.
 */
import type { HBaseClient } from '../client/hbase-client.ts';
import { CellCursor } from '../client/cell-block.ts';
import { mutationBytes, type RowMutation } from '../client/row-mutation.ts';
import { snapshotTableName, type SnapshotTopic } from '../tables/snapshot-tables.ts';
import { partitionEnd, partitionStart, SNAPSHOT_FAMILY } from './snapshot-layout.ts';
import { sideBySide } from './side-by-side.ts';

/** Of one batch of changes; the next one goes out when it is done. */
const BATCH_ROWS_MAX = 10_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Rows of one round trip; the server ends it at about 2 MiB too. */
const SCAN_ROWS_MAX = 10_000;
/** Partitions scanned at a time: while the cells of one are read, the servers look for those of the others. */
const SCANS_AT_ONCE = 4;

export interface SnapshotTableOptions {
  /** Stays open when the store is closed. */
  readonly client: HBaseClient;
  readonly namespace: string;
  readonly topic: SnapshotTopic;
  readonly partitionCount: number;
}

export class SnapshotTable {
  readonly name: string;
  readonly #client: HBaseClient;
  readonly #partitionCount: number;

  constructor({ client, namespace, topic, partitionCount }: SnapshotTableOptions) {
    this.name = snapshotTableName(namespace, topic);
    this.#client = client;
    this.#partitionCount = partitionCount;
  }

  /** Throws a `RangeError` for a partition that no scan of the whole table would find. */
  assertPartition(partition: number): void {
    if (partition >= 0 && partition < this.#partitionCount) return;
    throw new RangeError(
      `table ${this.name} has partitions 0 to ${this.#partitionCount - 1}, not ${partition}`,
    );
  }

  /** Durable when resolved. Rejects with `HBaseError`; some of it may be done then, and all of it may be repeated. */
  async change(mutations: Iterable<RowMutation>): Promise<void> {
    for (const batch of batches(mutations)) {
      const results = await this.#client.mutate({ table: this.name, mutations: batch, idempotent: true });
      const failure = results.find((result) => result !== undefined);
      if (failure !== undefined) throw failure;
    }
  }

  /**
   * What `take` makes of each cell of one partition, or of all; undefined leaves a cell out. In batches of at least one, partition by
   * partition in the order of the keys, several partitions beside each other. Rejects with `HBaseError`, or what `take` throws.
   */
  scan<T>(take: (cell: CellCursor) => T | undefined, partition?: number): AsyncGenerator<T[]> {
    if (partition !== undefined) return this.#scanPartition(take, partition);
    const scans = Array.from(
      { length: this.#partitionCount },
      (_, each) => () => this.#scanPartition(take, each),
    );
    return sideBySide(scans, SCANS_AT_ONCE);
  }

  async *#scanPartition<T>(
    take: (cell: CellCursor) => T | undefined,
    partition: number,
  ): AsyncGenerator<T[]> {
    const scan = this.#client.scanCells({
      table: this.name,
      startRow: partitionStart(partition),
      stopRow: partitionEnd(partition),
      families: [SNAPSHOT_FAMILY],
      batchRows: SCAN_ROWS_MAX,
      // Read once by a broker that starts: what the cache holds is worth more.
      cacheBlocks: false,
    });
    for await (const { cells } of scan) {
      const taken: T[] = [];
      for (const cell = new CellCursor(cells); cell.next();) {
        const row = take(cell);
        if (row !== undefined) taken.push(row);
      }
      if (taken.length > 0) yield taken;
    }
  }
}

function* batches(mutations: Iterable<RowMutation>): Generator<readonly RowMutation[]> {
  let batch: RowMutation[] = [];
  let bytes = 0;
  for (const mutation of mutations) {
    const size = mutationBytes(mutation);
    if (batch.length > 0 && (batch.length >= BATCH_ROWS_MAX || bytes + size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(mutation);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
