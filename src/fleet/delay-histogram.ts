/**
 * Delays in bounded memory: counts per bucket, each bucket 5 % wider than the one before, so a quantile
 * is at most 5 % too high. The worst delay is exact.
 */

const BUCKET_GROWTH = 1.05;
const SMALLEST_MS = 0.1;
/** The last bucket begins above three days; anything longer is counted there. */
const BUCKETS_MAX = 450;

export class DelayHistogram {
  readonly #counts = new Uint32Array(BUCKETS_MAX);
  #count = 0;
  #worstMs = 0;

  get count(): number {
    return this.#count;
  }

  get worstMs(): number {
    return this.#worstMs;
  }

  add(delayMs: number): void {
    const steps = Math.ceil(Math.log(Math.max(delayMs, SMALLEST_MS) / SMALLEST_MS) / Math.log(BUCKET_GROWTH));
    const bucket = Math.min(BUCKETS_MAX - 1, steps);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#worstMs = Math.max(this.#worstMs, delayMs);
  }

  /** Counts what another one has counted, too. */
  merge(other: DelayHistogram): void {
    for (const [bucket, count] of other.#counts.entries())
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#count += other.#count;
    this.#worstMs = Math.max(this.#worstMs, other.#worstMs);
  }

  /** The delay that `fraction` (0 … 1) of all delays did not exceed; 0 when there are none. */
  quantileMs(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#worstMs, SMALLEST_MS * BUCKET_GROWTH ** bucket);
    }
    return this.#worstMs;
  }
}
