/**
 * Merges sorted runs: every key once, in order, with its newest row. Holds one block per run.
 */
import { RunCursor } from './sorted-run.ts';
import type { SortedRun } from './sorted-run.ts';

export class RunMerge {
  /** A binary heap: the cursor with the smallest key, and among equals the newest row, is at the top. */
  readonly #heap: RunCursor[] = [];
  #lastKey: string | undefined;

  private constructor() {
    // See `start`.
  }

  /** The caller keeps the runs open until it is done. */
  static async start(runs: readonly SortedRun[]): Promise<RunMerge> {
    const merge = new RunMerge();
    for (const run of runs) {
      const cursor = new RunCursor(run);
      if (await cursor.load()) merge.#heap.push(cursor);
    }
    for (let parent = merge.#heap.length >> 1; parent >= 0; parent--) merge.#sink(parent);
    return merge;
  }

  /**
   * Visits some rows, a few hundred per run at most; false when none are left. The visitor may use the
   * cursor's row during the call only.
   */
  async step(visit: (row: RunCursor) => void): Promise<boolean> {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return false;
      if (top.key !== this.#lastKey) {
        this.#lastKey = top.key;
        visit(top);
      }
      if (top.advance()) {
        this.#sink(0);
        continue;
      }
      if (!(await top.load())) this.#removeTop();
      this.#sink(0);
      return this.#heap.length > 0;
    }
  }

  #removeTop(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#heap[0] = last;
  }

  #sink(index: number): void {
    const heap = this.#heap;
    const sinking = heap[index];
    if (sinking === undefined) return;
    let parent = index;
    for (;;) {
      let child = 2 * parent + 1;
      let smallest = heap[child];
      const right = heap[child + 1];
      if (smallest === undefined) break;
      if (right !== undefined && comesBefore(right, smallest)) {
        child++;
        smallest = right;
      }
      if (!comesBefore(smallest, sinking)) break;
      heap[parent] = smallest;
      parent = child;
    }
    heap[parent] = sinking;
  }
}

function comesBefore(left: RunCursor, right: RunCursor): boolean {
  if (left.key === right.key) return left.offset > right.offset;
  return left.key < right.key;
}
