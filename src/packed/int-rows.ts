/**
 * Rows of 32-bit integers, one for each of very many things that are known by number: what would be a million
 * objects is out of the garbage collector's way, and the fields of one thing lie side by side. Grows in small pieces
 * and never moves what it holds.
 */

const PIECE_BITS = 12;
const PIECE_ROWS = 1 << PIECE_BITS;
const PIECE_MASK = PIECE_ROWS - 1;

export class IntRows {
  readonly #width: number;
  readonly #pieces: Int32Array[] = [];

  /** `width`: fields of a row. */
  constructor(width: number) {
    this.#width = width;
  }

  /** 0 until set. */
  get(row: number, field: number): number {
    return this.#pieces[row >>> PIECE_BITS]?.[(row & PIECE_MASK) * this.#width + field] ?? 0;
  }

  set(row: number, field: number, value: number): void {
    const piece = this.#pieces[row >>> PIECE_BITS] ?? this.#grow(row >>> PIECE_BITS);
    piece[(row & PIECE_MASK) * this.#width + field] = value;
  }

  #grow(last: number): Int32Array {
    let piece = new Int32Array(PIECE_ROWS * this.#width);
    while (this.#pieces.length < last) {
      this.#pieces.push(piece);
      piece = new Int32Array(PIECE_ROWS * this.#width);
    }
    this.#pieces.push(piece);
    return piece;
  }
}
