/** The snapshot in memory: the same order of rows and checkpoint as any other, and gone with the process. */
import type { Offset } from '../../event-log/event-log.ts';
import type { SnapshotRow, SnapshotStore } from '../../metadata/snapshot-store.ts';

const SCAN_BATCH_ROWS = 1_000;

export class MemorySnapshotStore implements SnapshotStore {
  /** Removed rows stay as tombstones, so that an older row cannot bring them back. */
  readonly #rows = new Map<string, SnapshotRow>();
  #checkpoint: readonly Offset[] | undefined;

  write(rows: readonly SnapshotRow[]): Promise<void> {
    for (const row of rows) {
      const present = this.#rows.get(row.key);
      if (present === undefined || present.offset <= row.offset) this.#rows.set(row.key, row);
    }
    return Promise.resolve();
  }

  async *scan(
    partition?: number,
    removedFrom: readonly Offset[] = [],
  ): AsyncIterable<readonly SnapshotRow[]> {
    let batch: SnapshotRow[] = [];
    for (const row of [...this.#rows.values()]) {
      if (partition !== undefined && row.partition !== partition) continue;
      if (row.value === null && row.offset < (removedFrom[row.partition] ?? Infinity)) continue;
      batch.push(row);
      if (batch.length === SCAN_BATCH_ROWS) {
        yield await Promise.resolve(batch);
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  saveCheckpoint(offsets: readonly Offset[]): Promise<void> {
    const before = this.#checkpoint;
    this.#checkpoint = offsets.map((offset, partition) => {
      return Math.max(offset, before?.[partition] ?? 0) as Offset;
    });
    return Promise.resolve();
  }

  loadCheckpoint(): Promise<readonly Offset[] | undefined> {
    return Promise.resolve(this.#checkpoint);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
