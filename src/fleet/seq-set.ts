/**
 * A set of sequence numbers kept as ranges: a million consecutive numbers cost as much as one.
 * Numbers are added, never removed.
 */

interface Range {
  first: number;
  last: number;
}

export class SeqSet {
  /** Ascending, disjoint, never adjacent. */
  readonly #ranges: Range[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many separate runs of numbers there are: what the set costs in memory. */
  get ranges(): number {
    return this.#ranges.length;
  }

  has(seq: number): boolean {
    const range = this.#ranges[this.#firstReaching(seq)];
    return range !== undefined && range.first <= seq;
  }

  /** false: it was there already. */
  add(seq: number): boolean {
    const index = this.#firstReaching(seq);
    const next = this.#ranges[index];
    if (next !== undefined && next.first <= seq) return false;
    this.#size++;
    const previous = this.#ranges[index - 1];
    const below = previous?.last === seq - 1 ? previous : undefined;
    const above = next?.first === seq + 1 ? next : undefined;
    if (below !== undefined && above !== undefined) {
      below.last = above.last;
      this.#ranges.splice(index, 1);
    } else if (below !== undefined) below.last = seq;
    else if (above !== undefined) above.first = seq;
    else this.#ranges.splice(index, 0, { first: seq, last: seq });
    return true;
  }

  /** In ascending order, those of this set that `other` does not have. */
  *without(other: SeqSet): Generator<number, void, void> {
    for (const range of this.#ranges) {
      for (let seq = range.first; seq <= range.last; seq++) {
        if (!other.has(seq)) yield seq;
      }
    }
  }

  /** Index of the first range whose last number is at least `seq`; the number of ranges when there is none. */
  #firstReaching(seq: number): number {
    const newest = this.#ranges.at(-1);
    if (newest === undefined || newest.last < seq) return this.#ranges.length;
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.last < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
