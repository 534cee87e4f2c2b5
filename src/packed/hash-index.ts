/**
 * A hash index over things that are known by number, in 32-bit integers only: whoever asks walks the few candidates and compares. Grows
 * by linear hashing, one bucket every few insertions, so that no insertion ever has to move more than one bucket, however many
 * millions there are. Buckets hold the hashes: a search reads one cache line, and growing reads them one after the other.
 */
import { HashBuckets, NONE } from './hash-buckets.ts';

export { NONE } from './hash-buckets.ts';

/** Items for each bucket, at which another one is added: those whose turn it is not yet have up to twice as many. */
const LOAD = 4;
const BUCKETS_INITIAL = 16;

export class HashIndex {
  readonly #buckets = new HashBuckets();
  #size = 0;
  #bucketCount = BUCKETS_INITIAL;
  /** Largest power of two that is not above the number of buckets. */
  #round = BUCKETS_INITIAL;
  /** What a bucket held that is being divided. */
  readonly #divided: number[] = [];

  /** Items in the index. */
  get size(): number {
    return this.#size;
  }

  /** The first item that was added with this hash, or NONE; `after` gives the others. */
  first(hash: number): number {
    return this.#size === 0 ? NONE : this.#buckets.find(this.#bucketOf(hash), hash | 0, NONE);
  }

  /** The next item that was added with the hash of that one, or NONE. */
  after(item: number, hash: number): number {
    return this.#buckets.find(this.#bucketOf(hash), hash | 0, item);
  }

  /** An item is in the index at most once. */
  add(item: number, hash: number): void {
    this.#buckets.put(this.#bucketOf(hash), hash | 0, item);
    this.#size++;
    if (this.#size > LOAD * this.#bucketCount) this.#divide();
  }

  /** The item must be in the index, added with that hash. */
  remove(item: number, hash: number): void {
    if (!this.#buckets.remove(this.#bucketOf(hash), item))
      throw new Error('hash-index: an item to remove is not in its bucket');
    this.#size--;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#round - 1);
    return bucket < this.#bucketCount ? bucket : bucket & (this.#round - 1);
  }

  /** Adds one bucket and gives it its part of the one that stood for both. */
  #divide(): void {
    const from = this.#bucketCount - this.#round;
    this.#bucketCount++;
    const divided = this.#divided;
    this.#buckets.drain(from, divided);
    for (let at = 0; at < divided.length; at += 2) {
      const hash = divided[at] ?? 0;
      this.#buckets.put(this.#bucketOf(hash), hash, divided[at + 1] ?? 0);
    }
    divided.length = 0;
    if (this.#bucketCount === 2 * this.#round) this.#round = this.#bucketCount;
  }
}

/** FNV-1a over bytes, with its high bits mixed into the low ones that choose the bucket. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
  return mix(hash);
}

export function hashPair(a: number, b: number): number {
  return mix(Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b));
}

/** The finalizer of MurmurHash3. */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
