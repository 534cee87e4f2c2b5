/** The rows that a checkpoint waits for: of each partition at most one per key, the latest. It stays what it is until it has been written. */
import type { SnapshotRow } from './snapshot-store.ts';

/** A batch is written when it holds this many rows, or this many bytes of values were folded into it. */
const ROWS_MAX = 50_000;
const BYTES_MAX = 16 * 1_048_576;

export class SnapshotBatch {
  /** By partition, then by key. */
  readonly #rows = new Map<number, Map<string, SnapshotRow>>();
  #bytes = 0;

  get isFull(): boolean {
    let count = 0;
    for (const { size } of this.#rows.values()) count += size;
    return count >= ROWS_MAX || this.#bytes >= BYTES_MAX;
  }

  get rows(): readonly SnapshotRow[] {
    return [...this.#rows.values()].flatMap((rows) => [...rows.values()]);
  }

  add(rows: readonly SnapshotRow[]): void {
    for (const row of rows) {
      this.#rowsOf(row.partition).set(row.key, row);
      this.#bytes += row.value?.length ?? 0;
    }
  }

  /** Leaves out the rows of a partition that somebody else folds from now on. */
  drop(partition: number): void {
    this.#rows.delete(partition);
  }

  clear(): void {
    this.#rows.clear();
    this.#bytes = 0;
  }

  #rowsOf(partition: number): Map<string, SnapshotRow> {
    let rows = this.#rows.get(partition);
    if (rows === undefined) {
      rows = new Map();
      this.#rows.set(partition, rows);
    }
    return rows;
  }
}
