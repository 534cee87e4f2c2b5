/**
 * A snapshot in memory that behaves as HBase does at its worst: older versions of a row are kept for ever and come to light when a
 * newer one is removed, and what was removed stays hidden.
 */
import type { RowVersion, SnapshotUpkeep } from '../../compaction-job/stores.ts';
import type { Offset } from '../../src/event-log/event-log.ts';
import type { SnapshotRow, SnapshotStore } from '../../src/metadata/snapshot-store.ts';

const BATCH_ROWS = 3;

interface Versions {
  readonly rows: Map<number, SnapshotRow>;
  /** Offsets whose version is hidden. */
  readonly removed: Set<number>;
  /** Versions up to here are hidden. */
  removedThrough: number;
}

export class VersionedSnapshot implements SnapshotStore, SnapshotUpkeep {
  readonly #versions = new Map<string, Versions>();
  #checkpoint: readonly Offset[] | undefined;

  async write(rows: readonly SnapshotRow[]): Promise<void> {
    await Promise.resolve();
    for (const row of rows) this.#of(row).rows.set(row.offset, row);
  }

  async *scan(partition?: number): AsyncIterable<readonly SnapshotRow[]> {
    const rows = this.#visible().filter(
      (row) => row.value !== null && (partition === undefined || row.partition === partition),
    );
    yield* inBatches(rows);
  }

  async *tombstones(beforeMs: number, partition: number): AsyncIterable<readonly SnapshotRow[]> {
    const rows = this.#visible().filter(
      (row) => row.value === null && row.partition === partition && row.timestampMs < beforeMs,
    );
    yield* inBatches(rows);
  }

  async removeThrough(versions: readonly RowVersion[]): Promise<void> {
    await Promise.resolve();
    for (const version of versions) {
      const of = this.#of(version);
      of.removedThrough = Math.max(of.removedThrough, version.offset);
    }
  }

  async removeExactly(versions: readonly RowVersion[]): Promise<void> {
    await Promise.resolve();
    for (const version of versions) this.#of(version).removed.add(version.offset);
  }

  async saveCheckpoint(offsets: readonly Offset[]): Promise<void> {
    await Promise.resolve();
    this.#checkpoint = offsets.map(
      (offset, partition) => Math.max(offset, this.#checkpoint?.[partition] ?? 0) as Offset,
    );
  }

  async loadCheckpoint(): Promise<readonly Offset[] | undefined> {
    await Promise.resolve();
    return this.#checkpoint;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** As if it had never been: damage. */
  lose({ partition, key }: Pick<RowVersion, 'partition' | 'key'>): void {
    this.#versions.delete(`${partition}/${key}`);
  }

  #of({ partition, key }: Pick<RowVersion, 'partition' | 'key'>): Versions {
    const name = `${partition}/${key}`;
    const versions = this.#versions.get(name) ?? { rows: new Map(), removed: new Set(), removedThrough: -1 };
    this.#versions.set(name, versions);
    return versions;
  }

  #visible(): SnapshotRow[] {
    return [...this.#versions.values()].flatMap(({ rows, removed, removedThrough }) =>
      [...rows.values()]
        .filter(({ offset }) => offset > removedThrough && !removed.has(offset))
        .sort((a, b) => b.offset - a.offset)
        .slice(0, 1),
    );
  }
}

async function* inBatches(rows: readonly SnapshotRow[]): AsyncIterable<readonly SnapshotRow[]> {
  for (let first = 0; first < rows.length; first += BATCH_ROWS) {
    yield await Promise.resolve(rows.slice(first, first + BATCH_ROWS));
  }
}
