/** The rows that a checkpoint waits for: at most one per key, the latest. It stays what it is until it has been written. */
import type { SnapshotRow } from './snapshot-store.ts';

/** A batch is written when it holds this many rows, or this many bytes of values were folded into it. */
const ROWS_MAX = 50_000;
const BYTES_MAX = 16 * 1_048_576;

export class SnapshotBatch {
  readonly #rows = new Map<string, SnapshotRow>();
  #bytes = 0;

  get isFull(): boolean {
    return this.#rows.size >= ROWS_MAX || this.#bytes >= BYTES_MAX;
  }

  get rows(): readonly SnapshotRow[] {
    return [...this.#rows.values()];
  }

  add(rows: readonly SnapshotRow[]): void {
    for (const row of rows) {
      this.#rows.set(row.key, row);
      this.#bytes += row.value?.length ?? 0;
    }
  }

  /** Leaves out the rows of a partition that somebody else folds from now on. */
  drop(partition: number): void {
    for (const [key, row] of this.#rows) if (row.partition === partition) this.#rows.delete(key);
  }

  clear(): void {
    this.#rows.clear();
    this.#bytes = 0;
  }
}
