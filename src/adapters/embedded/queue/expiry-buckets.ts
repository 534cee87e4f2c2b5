/**
 * Which queues have messages that expire soon, and about where in them: a sweep looks there and nowhere else.
 *
 * A bucket covers a stretch of time that is wider the further off it lies, so that a queue takes few buckets
 * whether its messages live for seconds or for months. Positions in a bucket are a range; a sweep checks each.
 */
import type { QueueIndex } from './queue-index.ts';

/** Buckets a time to live is divided into. */
const BUCKETS_PER_LIFETIME = 32;
const BUCKET_S_MIN = 8;
/** More than 2^32 seconds in buckets of BUCKET_S_MIN. */
const BUCKETS_PER_WIDTH = 2 ** 30;

interface PositionRange {
  from: number;
  through: number;
}

interface Bucket {
  readonly startS: number;
  readonly queues: Map<QueueIndex, PositionRange>;
}

export class ExpiryBuckets {
  readonly #buckets = new Map<number, Bucket>();
  #latestKey = -1;
  #latest: Bucket | undefined;

  /** Bookkeeping of one message; `nowS` only decides how wide its bucket is. */
  add(queue: QueueIndex, seq: number, expiresAtS: number, nowS: number): void {
    const bucket = this.#bucketOf(expiresAtS, Math.max(0, expiresAtS - nowS));
    const range = bucket.queues.get(queue);
    if (range === undefined) bucket.queues.set(queue, { from: seq, through: seq });
    else if (seq > range.through) range.through = seq;
    else if (seq < range.from) range.from = seq;
  }

  /**
   * Expired positions, queue by queue, `positionsMax` looked at in all. What was handed over is the caller's to
   * remove; buckets that have passed are forgotten.
   */
  *due(nowS: number, positionsMax: number): Generator<{ queue: QueueIndex; seqs: number[] }> {
    let budget = positionsMax;
    for (const [key, bucket] of this.#buckets) {
      if (bucket.startS > nowS) continue;
      for (const [queue, range] of bucket.queues) {
        if (budget <= 0) return;
        const { seqs, looked, pending } = expiredIn(queue, range, nowS, budget);
        budget -= looked;
        if (!pending) bucket.queues.delete(queue);
        if (seqs.length > 0) yield { queue, seqs };
      }
      if (bucket.queues.size === 0) this.#delete(key);
    }
  }

  /** The queue was dropped. Costs a look at every bucket, of which there are few. */
  forget(queue: QueueIndex): void {
    for (const [key, bucket] of this.#buckets) {
      if (bucket.queues.delete(queue) && bucket.queues.size === 0) this.#delete(key);
    }
  }

  #delete(key: number): void {
    this.#buckets.delete(key);
    this.#latestKey = -1;
  }

  #bucketOf(expiresAtS: number, lifetimeS: number): Bucket {
    const exponent = Math.max(0, 32 - Math.clz32(lifetimeS / BUCKETS_PER_LIFETIME / BUCKET_S_MIN));
    const widthS = BUCKET_S_MIN * 2 ** exponent;
    const index = Math.floor(expiresAtS / widthS);
    const key = exponent * BUCKETS_PER_WIDTH + index;
    if (key === this.#latestKey && this.#latest !== undefined) return this.#latest;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { startS: index * widthS, queues: new Map() };
      this.#buckets.set(key, bucket);
    }
    this.#latestKey = key;
    this.#latest = bucket;
    return bucket;
  }
}

/** `pending`: something in the range has not expired yet, or was not looked at. Narrows the range to that. */
function expiredIn(
  queue: QueueIndex,
  range: PositionRange,
  nowS: number,
  budget: number,
): { seqs: number[]; looked: number; pending: boolean } {
  const seqs: number[] = [];
  const through = Math.min(range.through, queue.next - 1);
  let firstLeft: number | undefined;
  let looked = 0;
  let seq = Math.max(range.from, queue.head);
  for (; seq <= through && looked < budget; seq++, looked++) {
    if (!queue.isPresent(seq)) continue;
    const expiresAtS = queue.expiresAtSOf(seq);
    if (expiresAtS === 0) continue;
    if (expiresAtS <= nowS) seqs.push(seq);
    else firstLeft ??= seq;
  }
  range.from = firstLeft ?? seq;
  return { seqs, looked: looked + 1, pending: firstLeft !== undefined || seq <= through };
}
