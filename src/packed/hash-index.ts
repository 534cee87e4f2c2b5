/**
 * Finds numbered things by a hash of what identifies them. Knows their numbers and hashes only, in two fields of
 * their own rows: whoever asks walks the few candidates and compares. Grows by linear hashing, one bucket per thing, so that no insertion ever has to
 * move more than one chain, however many millions there are.
 */
import { IntRows } from './int-rows.ts';

/** No (further) candidate. */
export const NONE = -1;

/** Fields that the index needs in a row of its owner. */
export const INDEX_FIELDS = 2;

const BUCKETS_INITIAL = 16;
const HEAD = 0;

export class HashIndex {
  /** First item of each bucket, plus one: 0 is an empty bucket. */
  readonly #heads = new IntRows(1);
  readonly #rows: IntRows;
  /** Field with the next item of the same bucket, plus one. */
  readonly #next: number;
  /** Field with the item's hash. */
  readonly #hash: number;
  #size = 0;
  #buckets = BUCKETS_INITIAL;
  /** Largest power of two that is not above the number of buckets. */
  #round = BUCKETS_INITIAL;

  /** The index keeps `INDEX_FIELDS` fields of `rows`, from `firstField` on. */
  constructor(rows: IntRows, firstField: number) {
    this.#rows = rows;
    this.#next = firstField;
    this.#hash = firstField + 1;
  }

  /** Items in the index. */
  get size(): number {
    return this.#size;
  }

  /** The first item that was added with this hash, or NONE; `after` gives the others. */
  first(hash: number): number {
    return this.#withHash(this.#heads.get(this.#bucketOf(hash), HEAD), hash);
  }

  /** The next candidate with the same hash, or NONE. */
  after(item: number): number {
    return this.#withHash(this.#rows.get(item, this.#next), this.#rows.get(item, this.#hash));
  }

  /** An item is in the index at most once. */
  add(item: number, hash: number): void {
    this.#rows.set(item, this.#hash, hash | 0);
    this.#link(item, this.#bucketOf(hash));
    this.#size++;
    if (this.#size > this.#buckets) this.#split();
  }

  /** The item must be in the index. */
  remove(item: number): void {
    const bucket = this.#bucketOf(this.#rows.get(item, this.#hash));
    let before = NONE;
    for (let at = this.#heads.get(bucket, HEAD) - 1; at !== item; at = this.#rows.get(at, this.#next) - 1) {
      if (at === NONE) throw new Error('hash-index: an item to remove is not in its bucket');
      before = at;
    }
    if (before === NONE) this.#heads.set(bucket, HEAD, this.#rows.get(item, this.#next));
    else this.#rows.set(before, this.#next, this.#rows.get(item, this.#next));
    this.#size--;
  }

  #withHash(link: number, hash: number): number {
    for (let at = link - 1; at !== NONE; at = this.#rows.get(at, this.#next) - 1) {
      if (this.#rows.get(at, this.#hash) === (hash | 0)) return at;
    }
    return NONE;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#round - 1);
    return bucket < this.#buckets ? bucket : bucket & (this.#round - 1);
  }

  #link(item: number, bucket: number): void {
    this.#rows.set(item, this.#next, this.#heads.get(bucket, HEAD));
    this.#heads.set(bucket, HEAD, item + 1);
  }

  /** Adds one bucket and gives it its part of the chain that stood for both. */
  #split(): void {
    const from = this.#buckets - this.#round;
    this.#buckets++;
    let link = this.#heads.get(from, HEAD);
    this.#heads.set(from, HEAD, 0);
    while (link !== 0) {
      const item = link - 1;
      link = this.#rows.get(item, this.#next);
      this.#link(item, this.#bucketOf(this.#rows.get(item, this.#hash)));
    }
    if (this.#buckets === 2 * this.#round) this.#round = this.#buckets;
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
