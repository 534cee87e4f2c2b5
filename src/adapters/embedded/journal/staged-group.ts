/**
 * What one write and one sync will make durable together: stretches of blocks, and the promise that everybody
 * who appended to the group waits for.
 */
import type { RecordPosition } from './journal-position.ts';
import type { Segment } from './segment.ts';

/** Bytes `from` to `to` of `block`, which belong at `position` of the segment's file. */
interface Stretch {
  readonly segment: Segment;
  readonly position: number;
  readonly block: Buffer;
  readonly from: number;
  to: number;
}

/** One `write` call: stretches that follow one another in a file. */
export interface GroupWrite {
  readonly segment: Segment;
  readonly position: number;
  readonly chunks: Buffer[];
}

export class StagedGroup {
  readonly promise: Promise<void>;
  bytes = 0;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly #stretches: Stretch[] = [];

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Not everybody who appends waits; those who do are told through their own await.
    this.promise.catch(() => undefined);
  }

  add(segment: Segment, position: number, block: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    const last = this.#stretches.at(-1);
    if (last?.block === block && last.to === from) last.to = to;
    else this.#stretches.push({ segment, position, block, from, to });
  }

  /** One per segment the group reaches into, in order. */
  writes(): GroupWrite[] {
    const writes: GroupWrite[] = [];
    for (const { segment, position, block, from, to } of this.#stretches) {
      const chunk = block.subarray(from, to);
      const last = writes.at(-1);
      if (last?.segment === segment) last.chunks.push(chunk);
      else writes.push({ segment, position, chunks: [chunk] });
    }
    return writes;
  }

  /** Where the first record behind this group begins. */
  end(): RecordPosition | undefined {
    const last = this.#stretches.at(-1);
    return last && { segment: last.segment.number, offset: last.position + last.to - last.from };
  }

  resolve(): void {
    this.#resolve();
  }

  reject(error: Error): void {
    this.#reject(error);
  }
}
