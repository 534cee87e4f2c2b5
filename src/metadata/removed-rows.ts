/**
 * Keys that a snapshot has removed by records behind its checkpoint. Rows are written before their checkpoint, so whoever starts from an
 * older one reads the records before the removal once more; without their row they would be folded as if nothing had been there,
 * and a late record that counted for nobody would count. State that was removed has no offset of its own to tell: this has.
 */
import type { LogEntry, Offset } from '../event-log/event-log.ts';
import type { SnapshotRow } from './snapshot-store.ts';

export class RemovedRows {
  readonly #offsets = new Map<string, Offset>();

  /** Keeps the removed rows of a scan in mind; returns the others. */
  sift(rows: readonly SnapshotRow[]): readonly SnapshotRow[] {
    return rows.filter(({ key, value, offset }) => {
      if (value === null) this.#offsets.set(key, offset);
      return value !== null;
    });
  }

  /** Of records read again, those that are news: behind the removal of their key, if it has one. */
  news(entries: readonly LogEntry[]): readonly LogEntry[] {
    if (this.#offsets.size === 0) return entries;
    return entries.filter(({ key, offset }) => offset > (this.#offsets.get(key) ?? -1));
  }

  /** The log has been read further than the snapshot was when it was scanned. */
  clear(): void {
    this.#offsets.clear();
  }
}
