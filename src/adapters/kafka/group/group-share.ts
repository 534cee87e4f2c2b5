/** What one member of a group has of one topic. */
import type { Offset } from '../../../event-log/event-log.ts';
import type { PartitionShare } from '../../../metadata/partition-share.ts';

type Listener = (partitions: readonly number[]) => void;

export class GroupShare implements PartitionShare {
  readonly #onCheckpoint: (offsets: ReadonlyMap<number, Offset>) => void;
  readonly #listeners = new Set<Listener>();
  #partitions: readonly number[] | undefined;

  constructor(onCheckpoint: (offsets: ReadonlyMap<number, Offset>) => void) {
    this.#onCheckpoint = onCheckpoint;
  }

  /** Empty until the group has said something. */
  get partitions(): readonly number[] {
    return this.#partitions ?? [];
  }

  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#partitions !== undefined) listener(this.#partitions);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  noteCheckpoint(offsets: ReadonlyMap<number, Offset>): void {
    this.#onCheckpoint(offsets);
  }

  assign(partitions: readonly number[]): void {
    this.#partitions = partitions.toSorted((a, b) => a - b);
    for (const listener of this.#listeners) listener(this.#partitions);
  }
}
