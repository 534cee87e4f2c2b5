/**
 * Buckets of a hash index, known by number: hashes and the items that were put under them. A bucket is a cache line of 32-bit integers; one
 * that is full goes on in another, from a pool of its own.
 */
import { Numbering } from './numbering.ts';

/** No item. */
export const NONE = -1;

// Bucket:  hashes | items | how many they are | where it goes on, plus one: 0 nowhere
// Every bucket that goes on elsewhere is full, and what it goes on in is not empty.
const SLOTS = 7;
const ITEMS = SLOTS;
const COUNT = 2 * SLOTS;
const REST = COUNT + 1;
const FIELDS = REST + 1;

/** 32 KiB in a piece: an index with little in it is small. */
const PIECE_BITS = 9;
const PIECE_BUCKETS = 1 << PIECE_BITS;
const PIECE_MASK = PIECE_BUCKETS - 1;

class Lines {
  readonly #pieces: Int32Array[] = [];

  /** The integers in which a bucket is, at `startOf`. */
  pieceOf(bucket: number): Int32Array {
    return this.#pieces[bucket >>> PIECE_BITS] ?? this.#grow(bucket >>> PIECE_BITS);
  }

  #grow(last: number): Int32Array {
    let piece = new Int32Array(PIECE_BUCKETS * FIELDS);
    while (this.#pieces.length < last) {
      this.#pieces.push(piece);
      piece = new Int32Array(PIECE_BUCKETS * FIELDS);
    }
    this.#pieces.push(piece);
    return piece;
  }
}

function startOf(bucket: number): number {
  return (bucket & PIECE_MASK) * FIELDS;
}

export class HashBuckets {
  readonly #first = new Lines();
  readonly #rests = new Lines();
  readonly #restNumbers = new Numbering();

  /** The first item under that hash behind the item `behind`, NONE: of all; or NONE. */
  find(bucket: number, hash: number, behind: number): number {
    let isBehind = behind === NONE;
    let piece = this.#first.pieceOf(bucket);
    let start = startOf(bucket);
    for (;;) {
      const end = start + (piece[start + COUNT] ?? 0);
      for (let slot = start; slot < end; slot++) {
        if (piece[slot] !== hash) continue;
        const item = piece[slot + ITEMS] ?? NONE;
        if (isBehind) return item;
        isBehind = item === behind;
      }
      const rest = piece[start + REST] ?? 0;
      if (rest === 0) return NONE;
      piece = this.#rests.pieceOf(rest - 1);
      start = startOf(rest - 1);
    }
  }

  put(bucket: number, hash: number, item: number): void {
    let piece = this.#first.pieceOf(bucket);
    let start = startOf(bucket);
    for (;;) {
      const count = piece[start + COUNT] ?? 0;
      if (count < SLOTS) {
        piece[start + count] = hash;
        piece[start + ITEMS + count] = item;
        piece[start + COUNT] = count + 1;
        return;
      }
      const known = piece[start + REST] ?? 0;
      const rest = known === 0 ? this.#restNumbers.take() + 1 : known;
      piece[start + REST] = rest;
      piece = this.#rests.pieceOf(rest - 1);
      start = startOf(rest - 1);
    }
  }

  /** Takes an item out of the bucket; false when it is not in it. */
  remove(bucket: number, item: number): boolean {
    let before: Place | undefined;
    let found: Place | undefined;
    let place: Place = { piece: this.#first.pieceOf(bucket), start: startOf(bucket) };
    for (;;) {
      found ??= slotOf(place, item);
      const rest = place.piece[place.start + REST] ?? 0;
      if (rest === 0) break;
      before = place;
      place = { piece: this.#rests.pieceOf(rest - 1), start: startOf(rest - 1) };
    }
    if (found === undefined) return false;
    // The last one of all takes its place.
    const { piece, start } = place;
    const last = (piece[start + COUNT] ?? 0) - 1;
    found.piece[found.start] = piece[start + last] ?? 0;
    found.piece[found.start + ITEMS] = piece[start + ITEMS + last] ?? 0;
    piece[start + COUNT] = last;
    if (last === 0 && before !== undefined) this.#endAt(before);
    return true;
  }

  /** Empties the bucket: appends the hash and the item of everything in it to `taken`. */
  drain(bucket: number, taken: number[]): void {
    let piece = this.#first.pieceOf(bucket);
    let start = startOf(bucket);
    for (;;) {
      const end = start + (piece[start + COUNT] ?? 0);
      for (let slot = start; slot < end; slot++) taken.push(piece[slot] ?? 0, piece[slot + ITEMS] ?? 0);
      piece[start + COUNT] = 0;
      const rest = piece[start + REST] ?? 0;
      if (rest === 0) return;
      piece[start + REST] = 0;
      this.#restNumbers.giveBack(rest - 1);
      piece = this.#rests.pieceOf(rest - 1);
      start = startOf(rest - 1);
    }
  }

  /** What the bucket there went on in is empty. */
  #endAt({ piece, start }: Place): void {
    this.#restNumbers.giveBack((piece[start + REST] ?? 0) - 1);
    piece[start + REST] = 0;
  }
}

/** Of a bucket, or of one of its slots. */
interface Place {
  readonly piece: Int32Array;
  readonly start: number;
}

function slotOf({ piece, start }: Place, item: number): Place | undefined {
  const end = start + (piece[start + COUNT] ?? 0);
  for (let slot = start; slot < end; slot++) if (piece[slot + ITEMS] === item) return { piece, start: slot };
  return undefined;
}
