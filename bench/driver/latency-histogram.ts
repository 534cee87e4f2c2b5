/**
 * Latencies in log-linear buckets, as HdrHistogram keeps them: 64 equal buckets per power of two, so a percentile is off
 * by at most 1.6 %, recording costs no allocation, and the counts of several processes simply add up.
 */

const SUB_BUCKET_BITS = 6;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
/** Largest latency told apart, in microseconds: 2^31, a little under 36 minutes. */
const VALUE_MAX_US = 2 ** 31 - 1;
const BUCKETS = (31 - SUB_BUCKET_BITS + 1) * SUB_BUCKETS;

export class LatencyHistogram {
  readonly #counts: Float64Array;
  #total = 0;

  constructor(counts: Float64Array = new Float64Array(BUCKETS)) {
    this.#counts = counts;
    for (const count of counts) this.#total += count;
  }

  /** Counts per bucket: what is sent to another process, and what the constructor takes. */
  get counts(): Float64Array {
    return this.#counts;
  }

  get total(): number {
    return this.#total;
  }

  recordMs(latencyMs: number): void {
    const us = Math.min(VALUE_MAX_US, Math.max(0, Math.round(latencyMs * 1000)));
    const bucket = bucketOf(us);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  add(other: LatencyHistogram): void {
    other.#counts.forEach((count, bucket) => {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    });
    this.#total += other.#total;
  }

  /** The latency in milliseconds that `percent` (0 to 100) of the recorded ones do not exceed; NaN when none were recorded. */
  percentileMs(percent: number): number {
    if (this.#total === 0) return Number.NaN;
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return upperBoundUs(bucket) / 1000;
    }
    return VALUE_MAX_US / 1000;
  }
}

/** Values below 64 have a bucket each; above, the six bits after the leading one choose among 64 buckets of their octave. */
function bucketOf(us: number): number {
  if (us < SUB_BUCKETS) return us;
  const octave = 31 - Math.clz32(us) - SUB_BUCKET_BITS;
  return ((octave + 1) << SUB_BUCKET_BITS) + ((us >>> octave) - SUB_BUCKETS);
}

function upperBoundUs(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const octave = (bucket >>> SUB_BUCKET_BITS) - 1;
  const position = bucket & (SUB_BUCKETS - 1);
  return (SUB_BUCKETS + position + 1) * 2 ** octave - 1;
}
