/** A share that changes when a test says so. */
import type { Offset } from '../../src/event-log/event-log.ts';
import type { PartitionShare } from '../../src/metadata/partition-share.ts';

export class ManualShare implements PartitionShare {
  /** Every checkpoint that was noted. */
  readonly noted: Record<number, Offset>[] = [];
  #partitions: readonly number[] | undefined;
  #listener: ((partitions: readonly number[]) => void) | undefined;

  constructor(partitions?: readonly number[]) {
    this.#partitions = partitions;
  }

  watch(listener: (partitions: readonly number[]) => void): () => void {
    this.#listener = listener;
    if (this.#partitions !== undefined) listener(this.#partitions);
    return () => {
      this.#listener = undefined;
    };
  }

  noteCheckpoint(offsets: ReadonlyMap<number, Offset>): void {
    this.noted.push(Object.fromEntries(offsets));
  }

  assign(partitions: readonly number[]): void {
    this.#partitions = partitions;
    this.#listener?.(partitions);
  }
}
