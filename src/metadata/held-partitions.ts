/** The partitions that an instance of the metadata service folds now, and how far it is with each. Plain state: decides nothing. */
import type { Offset } from '../event-log/event-log.ts';
import { RemovedRows } from './removed-rows.ts';

const START = 0 as Offset;

/** Another object each time the partition is taken on, so that a step can tell that it was let go meanwhile. */
export class HeldPartition {
  readonly partition: number;
  /** Next offset that is not in the checkpoint; undefined: the checkpoint is still to be loaded. */
  folded: Offset | undefined;
  /** Behind the last record in the batch. */
  read = START;
  /** Behind the last record known. */
  end = START;
  /** Whether the fold knows what the snapshot holds. */
  seeded = false;
  /** What the snapshot had removed then, behind `folded`. */
  readonly removed = new RemovedRows();
  /** When the first record that is not in the checkpoint was written or, before it is read, noticed; undefined: there is none. */
  behindSinceMs: number | undefined;

  constructor(partition: number) {
    this.partition = partition;
  }

  /** Records that are not in the checkpoint; more than there are where compaction has left gaps. */
  get lagRecords(): number {
    return this.folded === undefined ? 0 : Math.max(0, this.end - this.folded);
  }

  lagMs(nowMs: number): number {
    return this.behindSinceMs === undefined ? 0 : Math.max(0, nowMs - this.behindSinceMs);
  }
}

export class HeldPartitions {
  readonly #held = new Map<number, HeldPartition>();

  /** In the order in which they want to be read. */
  get all(): readonly HeldPartition[] {
    return [...this.#held.values()];
  }

  get lagRecords(): number {
    let lag = 0;
    for (const held of this.#held.values()) lag += held.lagRecords;
    return lag;
  }

  /** Whether the checkpoint of one is still to be loaded. */
  get hasUnloaded(): boolean {
    for (const { folded } of this.#held.values()) if (folded === undefined) return true;
    return false;
  }

  get(partition: number): HeldPartition | undefined {
    return this.#held.get(partition);
  }

  /** Whether it is still held, and was not let go and taken on again. */
  has(held: HeldPartition): boolean {
    return this.#held.get(held.partition) === held;
  }

  take(partition: number): void {
    this.#held.set(partition, new HeldPartition(partition));
  }

  release(partition: number): void {
    this.#held.delete(partition);
  }

  /** Has its turn after the others, so that a partition that fills every batch keeps no other one waiting. */
  moveBack(held: HeldPartition): void {
    if (!this.has(held)) return;
    this.#held.delete(held.partition);
    this.#held.set(held.partition, held);
  }

  /** Only of those whose checkpoint is loaded. */
  noteEnds(ends: Iterable<readonly [partition: number, end: Offset]>, nowMs: number): void {
    for (const [partition, end] of ends) {
      const held = this.#held.get(partition);
      if (held?.folded === undefined || end <= held.end) continue;
      held.end = end;
      held.behindSinceMs ??= nowMs;
    }
  }
}
