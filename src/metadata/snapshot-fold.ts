/**
 * The fold of one topic as far as its snapshot needs it: which records become rows, and which do not count. Pure and synchronous.
 * It must be handed every record of a partition in order, from the seeded state on.
 */
import type { LogEntry } from '../event-log/event-log.ts';
import type { SnapshotRow } from './snapshot-store.ts';

export interface SnapshotFold {
  /** Whether it has to be seeded at all. */
  readonly needsSeed: boolean;

  /** What the snapshot holds of a partition before the first record of it is folded. A row may be ahead of the records. */
  seed(rows: readonly SnapshotRow[]): void;

  /** The rows that the snapshot must get because of these records, in their order. */
  fold(entries: readonly LogEntry[]): readonly SnapshotRow[];

  /** Forgets a partition that somebody else folds from now on. */
  release(partition: number): void;
}

/** Retained messages: the latest record of a key is its state, whatever was there before. */
export function latestPerKey(): SnapshotFold {
  return {
    needsSeed: false,
    seed: () => undefined,
    fold: (entries) => entries,
    release: () => undefined,
  };
}
