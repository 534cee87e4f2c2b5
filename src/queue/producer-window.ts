/**
 * What a queue remembers of its producers, so that an append repeated after a time-out or a crash changes
 * nothing: the highest sequence of each of the `PRODUCERS_REMEMBERED` most recent ones.
 */
import { PRODUCERS_REMEMBERED } from './durable-queue.ts';
import type { Seq } from './durable-queue.ts';

export class ProducerWindow {
  // Most recent last. Three arrays instead of one of objects: there is a window per queue, a million of them.
  readonly #producers: string[] = [];
  readonly #sequences: number[] = [];
  readonly #seqs: Seq[] = [];

  get size(): number {
    return this.#producers.length;
  }

  /** Position of the producer's latest append if `sequence` was appended before, else undefined. */
  repeatOf(producer: string, sequence: number): Seq | undefined {
    const index = this.#producers.lastIndexOf(producer);
    if (index < 0 || sequence > (this.#sequences[index] ?? 0)) return undefined;
    return this.#seqs[index];
  }

  /** The producer appended `sequence` at `seq` and is now the most recent one. */
  remember(producer: string, sequence: number, seq: Seq): void {
    const last = this.#producers.length - 1;
    const index = this.#producers.lastIndexOf(producer);
    if (index === last && index >= 0) {
      this.#sequences[index] = sequence;
      this.#seqs[index] = seq;
      return;
    }
    if (index >= 0) this.#forget(index);
    else if (this.#producers.length === PRODUCERS_REMEMBERED) this.#forget(0);
    this.#producers.push(producer);
    this.#sequences.push(sequence);
    this.#seqs.push(seq);
  }

  /** Least recent first, so that remembering them in this order gives the same window. */
  forEach(visit: (producer: string, sequence: number, seq: Seq) => void): void {
    for (const [index, producer] of this.#producers.entries()) {
      const sequence = this.#sequences[index];
      const seq = this.#seqs[index];
      if (sequence !== undefined && seq !== undefined) visit(producer, sequence, seq);
    }
  }

  #forget(index: number): void {
    this.#producers.splice(index, 1);
    this.#sequences.splice(index, 1);
    this.#seqs.splice(index, 1);
  }
}
