/**
 * Which partitions of one topic this instance of the metadata service folds: all of them, or its share when several instances
 * divide them up. No promise depends on it: two instances that fold one partition write the same rows.
 */
import type { Offset } from '../event-log/event-log.ts';

export interface PartitionShare {
  /**
   * Hands over the partitions that are ours: at the call if they are known by then, and again whenever they change. Returns how to
   * hear no more of it.
   */
  watch(listener: (partitions: readonly number[]) => void): () => void;

  /** Tells whoever watches from outside how far partitions are folded. It decides nothing, so it never fails. */
  noteCheckpoint(offsets: ReadonlyMap<number, Offset>): void;
}

/** For a process that is alone with its log. */
export function allPartitions(partitionCount: number): PartitionShare {
  return {
    watch: (listener) => {
      listener(Array.from({ length: partitionCount }, (_, partition) => partition));
      return () => undefined;
    },
    noteCheckpoint: () => undefined,
  };
}
